"""The stock: what is left, and who waits for more."""

import threading
import time


class Stock:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._left: dict[str, int] = {}
        self._restocked = False

    def take(self, item: str, count: int) -> int:
        self._lock.acquire()
        self._left[item] -= count
        left = self._left[item]
        self._lock.release()
        return left

    def restock(self, item: str, count: int) -> None:
        with self._lock:
            self._left[item] = self._left.get(item, 0) + count
        self._restocked = True

    def wait_for_more(self) -> None:
        while not self._restocked:
            time.sleep(0.5)
