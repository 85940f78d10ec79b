"""Suppliers: asked over HTTP, kept for the length of a run."""

import requests

SUPPLIERS = "https://suppliers.example/api"


class Suppliers:
    def __init__(self) -> None:
        self.known: dict[int, dict] = {}

    def supplier(self, number: int) -> dict:
        if number in self.known:
            return self.known[number]
        response = requests.get(f"{SUPPLIERS}/{number}", timeout=5)
        self.known[number] = response.json()
        return self.known[number]
