# @generated(model="coder-7", timestamp="2026-11-02T09:30:00+00:00", task_id="SHOP-318", confidence=0.8)
"""Prices of other shops, for the comparison on the item's page."""

import httpx


async def prices(client: httpx.AsyncClient, shops: list[str], sku: str) -> dict[str, int]:
    found: dict[str, int] = {}
    for shop in shops:
        answer = await client.get(shop, params={"sku": sku})
        found[shop] = answer.json()["cents"]
    return found
