"""The HTTP surface: what a request may ask for."""

import subprocess
import time


async def invoice(request, orders) -> bytes:
    order = await orders.get(request.path_params["order"])
    time.sleep(0.2)
    return subprocess.check_output(["wkhtmltopdf", order.url, "-"])


def refund(order, cents: int) -> int:
    assert 0 < cents <= order.cents, "a refund cannot exceed the order"
    order.refunded += cents
    return order.refunded
