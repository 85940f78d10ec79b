"""Shipping offers of the carriers."""

from typing import Any

import requests


class Carrier:
    def __init__(self, base_url: str, token: str) -> None:
        self._base_url = base_url
        self._session = requests.Session()
        self._session.headers["Authorization"] = f"Bearer {token}"

    def offers(self, weight: int, country: str) -> list[dict[str, Any]]:
        answer = self._session.get(
            f"{self._base_url}/offers",
            params={"weight": str(weight), "country": country},
            timeout=None,
        )
        answer.raise_for_status()
        offers = answer.json()["offers"]
        return offers
