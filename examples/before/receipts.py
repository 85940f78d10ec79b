# @generated(model="vendor-large-2", timestamp="2025-11-03T14:20:00", task_id="ORD-311")
"""Numbers of receipts."""


def number(year: int, sequence: int) -> str:
    return f"{year}-{sequence:06d}"
