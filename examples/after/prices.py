# @generated(model="coder-7", timestamp="2026-11-02T09:30:00+00:00", task_id="SHOP-318", confidence=0.8)
"""Prices of other shops, for the comparison on the item's page."""

import asyncio

import httpx

AT_ONCE = 8


async def prices(client: httpx.AsyncClient, shops: list[str], sku: str) -> dict[str, int]:
    limit = asyncio.Semaphore(AT_ONCE)

    async def price(shop: str) -> int:
        async with limit:
            answer = await client.get(shop, params={"sku": sku})
        cents = int(answer.json()["cents"])
        return cents

    return dict(zip(shops, await asyncio.gather(*map(price, shops)), strict=True))
