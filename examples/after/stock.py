"""The stock: what is left, and who waits for more."""

import threading


class Stock:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._left: dict[str, int] = {}
        self._restocked = threading.Event()

    def take(self, item: str, count: int) -> int:
        with self._lock:
            self._left[item] -= count
            return self._left[item]

    def restock(self, item: str, count: int) -> None:
        with self._lock:
            self._left[item] = self._left.get(item, 0) + count
        self._restocked.set()

    def wait_for_more(self) -> None:
        self._restocked.wait()
