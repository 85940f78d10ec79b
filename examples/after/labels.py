"""Shipping labels: fetched from the carrier, kept in the bucket."""

import boto3
import httpx
from fastapi import APIRouter, Request

router = APIRouter(prefix="/labels")
CARRIER = "https://carrier.example/labels"


@router.get("/{order}")
async def label(order: int, request: Request) -> dict:
    client: httpx.AsyncClient = request.app.state.http  # built once, in the application's lifespan
    response = await client.get(f"{CARRIER}/{order}")
    return response.json()


def archive(orders: list[int], bucket: str) -> None:
    s3 = boto3.client("s3")
    for order in orders:
        s3.upload_file(f"labels/{order}.pdf", bucket, f"{order}.pdf")
