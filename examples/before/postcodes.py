# @generated(model="coder-7", timestamp="2026-11-09T08:15:00+00:00", task_id="SHOP-341", confidence=0.9)
"""Towns by postcode."""

import requests


class Postcodes:
    def __init__(self, base_url: str) -> None:
        self._base_url = base_url
        self._session = requests.Session()

    def town(self, country: str, postcode: str) -> str:
        answer = self._session.get(f"{self._base_url}/{country}/{postcode}", timeout=30)
        answer.raise_for_status()
        return str(answer.json()["town"])
