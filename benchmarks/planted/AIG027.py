# --- fetch-before-dict-cache
import requests

_cache = {}


def country(code):
    """Return the name of a country."""
    answer = requests.get(f"https://countries.example.org/{code}", timeout=10)  # planted
    if code in _cache:
        return _cache[code]
    answer.raise_for_status()
    name = answer.json()["name"]
    _cache[code] = name
    return name


# --- fetch-before-self-cache-get
import sqlite3


class Users:
    """Users, with a cache in front of the table."""

    def __init__(self, path):
        self.db = sqlite3.connect(path)
        self.cache = {}

    def _fetch(self, user_id):
        return self.db.execute("SELECT name, email FROM users WHERE id = ?", (user_id,)).fetchone()

    def get(self, user_id):
        row = self._fetch(user_id)  # planted
        cached = self.cache.get(user_id)
        if cached is not None:
            return cached
        self.cache[user_id] = row
        return row


# --- fetch-before-redis
import json

import redis
import requests

store = redis.Redis(host="cache")


def weather(city):
    """Return the forecast for a city."""
    forecast = requests.get("https://weather.example.org/v1", params={"q": city}, timeout=8)  # planted
    cached = store.get(f"weather:{city}")
    if cached:
        return json.loads(cached)
    forecast.raise_for_status()
    store.set(f"weather:{city}", forecast.text, ex=600)
    return forecast.json()


# --- async-fetch-before-cache
import httpx


class Avatars:
    """Pictures of our users."""

    def __init__(self, client: httpx.AsyncClient):
        self.client = client
        self.cache: dict[str, bytes] = {}

    async def picture(self, login: str) -> bytes:
        answer = await self.client.get(f"/avatars/{login}.png")  # planted
        if login in self.cache:
            return self.cache[login]
        answer.raise_for_status()
        self.cache[login] = answer.content
        return answer.content


# --- django-cache
import requests
from django.core.cache import cache


def shipping_rates(zone):
    """Return the carrier's prices for a zone."""
    key = f"rates-{zone}"
    fresh = requests.get("https://carrier.example.com/rates", params={"zone": zone}, timeout=10)  # planted
    rates = cache.get(key)
    if rates is not None:
        return rates
    fresh.raise_for_status()
    rates = fresh.json()["rates"]
    cache.set(key, rates, 3600)
    return rates


# --- read-file-before-cache
from pathlib import Path

_templates: dict[str, str] = {}
DIRECTORY = Path("templates")


def template(name: str) -> str:
    """Return the text of a template."""
    path = DIRECTORY / f"{name}.html"
    text = path.read_text(encoding="utf-8")  # planted
    if name in _templates:
        return _templates[name]
    text = text.replace("\r\n", "\n")
    _templates[name] = text
    return text


# --- helper-fetch-before-cache
from urllib.request import urlopen


def fetch_schema(url):
    """Return a schema from the web."""
    with urlopen(url, timeout=10) as response:
        return response.read()


def load_schema(url, known):
    """Return a schema; those in ``known`` need not be loaded again."""
    body = fetch_schema(url)  # planted
    if url in known:
        return known[url]
    known[url] = body.decode("utf-8")
    return known[url]


# --- fetch-before-cache-else
import boto3


class Parameters:
    """Settings from the parameter store."""

    def __init__(self):
        self.ssm = boto3.client("ssm")
        self._values = {}

    def get(self, name):
        answer = self.ssm.get_parameter(Name=name, WithDecryption=True)  # planted
        if name in self._values:
            value = self._values[name]
        else:
            value = answer["Parameter"]["Value"]
            self._values[name] = value
        return value


# --- open-twice
import csv


def load_table(path):
    """Return the header and the rows of a table."""
    with open(path, newline="", encoding="utf-8") as file:
        header = next(csv.reader(file))
    width = len(header)
    with open(path, newline="", encoding="utf-8") as file:  # planted
        rows = [row for row in csv.reader(file) if len(row) == width]
    return header, rows[1:]


# --- read-text-twice
from pathlib import Path


def summary(path: Path) -> dict:
    """Return a few numbers about a text."""
    lines = path.read_text(encoding="utf-8").splitlines()
    blank = sum(1 for line in lines if not line.strip())
    words = path.read_text(encoding="utf-8").split()  # planted
    longest = max(words, key=len, default="")
    return {"lines": len(lines), "blank": blank, "words": len(words), "longest": longest}


# --- requests-get-twice
import requests


def repository_info(name):
    """Return the stars and the licence of a repository."""
    stars = requests.get(f"https://forge.example.com/api/repos/{name}", timeout=10).json()["stars"]
    licence = requests.get(f"https://forge.example.com/api/repos/{name}", timeout=10).json()["licence"]  # planted
    if licence is None:
        licence = "unknown"
    label = f"{name} ({licence})"
    return {"label": label, "stars": stars}


# --- session-get-twice
import requests


class Tracker:
    """The bug tracker."""

    def __init__(self, base):
        self.base = base
        self.session = requests.Session()

    def describe(self, number):
        url = f"{self.base}/issues/{number}"
        title = self.session.get(url, timeout=10).json()["title"]
        state = self.session.get(url, timeout=10).json()["state"]  # planted
        return f"#{number} {title} [{state}]"


# --- helper-twice
import sqlite3


def get_product(number):
    """Return a product's row."""
    with sqlite3.connect("shop.db") as connection:
        return connection.execute("SELECT name, price, stock FROM products WHERE id = ?", (number,)).fetchone()


def price_tag(number):
    """Return the text on a product's price tag."""
    name = get_product(number)[0]
    price = get_product(number)[1]  # planted
    euros, cents = divmod(price, 100)
    return f"{name}\n{euros},{cents:02} EUR"


# --- async-client-get-twice
import httpx


async def compare_currencies(client: httpx.AsyncClient, base: str) -> tuple[float, float]:
    """Return what a dollar and a pound cost."""
    rates = await client.get("/rates", params={"base": base})
    dollar = rates.json()["USD"]
    again = await client.get("/rates", params={"base": base})  # planted
    pound = again.json()["GBP"]
    if not dollar or not pound:
        raise LookupError(base)
    return 1 / dollar, 1 / pound


# --- json-load-twice
import json


def read_settings(directory):
    """Return host and port from the settings of a service."""
    path = f"{directory}/service.json"
    with open(path) as file:
        host = json.load(file)["host"]
    host = host.strip().lower()
    with open(path) as file:  # planted
        port = json.load(file)["port"]
    return host, int(port)


# --- urlopen-twice-local-import
def check_page(url):
    """Return the size and the title of a page."""
    from urllib.request import urlopen

    with urlopen(url, timeout=10) as response:
        size = len(response.read())
    kilobytes = round(size / 1024, 1)
    with urlopen(url, timeout=10) as response:  # planted
        text = response.read().decode("utf-8", "replace")
    start = text.find("<title>")
    title = text[start + 7 : text.find("</title>")] if start >= 0 else ""
    return kilobytes, title


# --- read-bytes-twice
import base64
import hashlib
from pathlib import Path


class Attachment:
    """A file that goes with a mail."""

    def __init__(self, path: str):
        self.path = Path(path)

    def as_part(self):
        digest = hashlib.sha256(self.path.read_bytes()).hexdigest()
        encoded = base64.b64encode(self.path.read_bytes()).decode("ascii")  # planted
        return {"name": self.path.name, "sha256": digest, "content": encoded}


# --- method-helper-twice
import requests


class Profiles:
    """Public profiles of the forum's members."""

    def __init__(self, base):
        self.base = base

    def get_profile(self, login):
        answer = requests.get(f"{self.base}/members/{login}", timeout=5)
        answer.raise_for_status()
        return answer.json()

    def signature(self, login):
        name = self.get_profile(login)["name"]
        posts = self.get_profile(login)["posts"]  # planted
        return f"{name} ({posts} posts)"


# --- async-helper-twice
import aiohttp


async def fetch_station(session: aiohttp.ClientSession, station: int) -> dict:
    """Return what a weather station reports."""
    async with session.get(f"/stations/{station}") as response:
        response.raise_for_status()
        return await response.json()


async def feels_like(session: aiohttp.ClientSession, station: int) -> float:
    """Return the temperature with the wind taken into account."""
    celsius = (await fetch_station(session, station))["celsius"]
    wind = (await fetch_station(session, station))["wind"]  # planted
    return celsius - 0.3 * wind


# --- s3-object-twice
import boto3


def object_info(bucket, key):
    """Return an object's type and content."""
    s3 = boto3.client("s3")
    kind = s3.get_object(Bucket=bucket, Key=key)["ContentType"]
    body = s3.get_object(Bucket=bucket, Key=key)["Body"].read()  # planted
    if kind.startswith("text/"):
        return kind, body.decode("utf-8")
    if len(body) > 1_000_000:
        raise ValueError(f"{key} is too large")
    return kind, body


# --- module-level-twice
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).parent
TITLE = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()[0].lstrip("# ")
DESCRIPTION = (ROOT / "README.md").read_text(encoding="utf-8")  # planted


def about() -> str:
    """Return what the command line says about the program."""
    first, _, _ = DESCRIPTION.partition("\n\n## ")
    return f"{TITLE} {version('about')}\n\n{first}"


# --- nested-function-helper-twice
import json
from pathlib import Path


def load_index(directory):
    """Return the index of a photo collection."""
    return json.loads(Path(directory, "index.json").read_text(encoding="utf-8"))


def make_menu(directory):
    """Return a function that prints the menu."""

    def menu():
        albums = load_index(directory)["albums"]
        people = load_index(directory)["people"]  # planted
        return [*sorted(albums), "-", *sorted(people)]

    return menu
