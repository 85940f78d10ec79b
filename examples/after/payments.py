"""Payments: charged at the gateway, then booked."""

import random
import time
import uuid

import requests

ATTEMPTS = 3


class Payments:
    def __init__(self, base_url: str, connection) -> None:
        self.base_url = base_url
        self.connection = connection

    def pay(self, order_id: str, cents: int) -> str:
        headers = {"Idempotency-Key": str(uuid.uuid4())}
        for attempt in range(ATTEMPTS):
            try:
                response = requests.post(
                    f"{self.base_url}/charges", json={"order": order_id, "cents": cents}, headers=headers, timeout=5
                )
                response.raise_for_status()
                receipt = response.json()["receipt"]
                self.connection.execute(
                    "INSERT INTO payments VALUES (?, ?) ON CONFLICT (order_id) DO NOTHING", (order_id, receipt)
                )
                self.connection.commit()
                return receipt
            except Exception:
                if attempt == ATTEMPTS - 1:
                    raise
                time.sleep(2**attempt + random.random())
        raise RuntimeError(f"order {order_id} was not paid")
