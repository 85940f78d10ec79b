"""The HTTP surface: what a request may ask for."""

import asyncio


async def invoice(request, orders) -> bytes:
    order = await orders.get(request.path_params["order"])
    await asyncio.sleep(0.2)
    process = await asyncio.create_subprocess_exec(
        "wkhtmltopdf", order.url, "-", stdout=asyncio.subprocess.PIPE
    )
    output, _ = await process.communicate()
    return output


def refund(order, cents: int) -> int:
    if not 0 < cents <= order.cents:
        raise ValueError("a refund cannot exceed the order")
    order.refunded += cents
    return order.refunded
