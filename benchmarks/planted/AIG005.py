# --- lru-cache-none
from functools import lru_cache


@lru_cache(maxsize=None)  # planted
def parse_user_agent(header: str) -> tuple[str, str]:
    """Split a browser's name and version off the header that it sends."""
    for part in header.split():
        name, slash, version = part.partition("/")
        if slash and name not in ("Mozilla", "AppleWebKit", "Gecko"):
            return name.lower(), version
    return "unknown", ""


# --- functools-cache
import functools
import re


@functools.cache  # planted
def slugify(title):
    """Turn a title into the part of an address."""
    slug = title.strip().lower()
    slug = re.sub(r"[^a-z0-9]+", "-", slug)
    slug = slug.strip("-")
    if not slug:
        raise ValueError(f"no letters in {title!r}")
    return slug[:80]


# --- cache-from-import-alias
from functools import cache as memoize

import requests


@memoize  # planted
def exchange_rate(base: str, target: str, day: str) -> float:
    """Return the rate of a day, which never changes afterwards."""
    if base == target:
        return 1.0
    response = requests.get(
        f"https://rates.example.com/{day}", params={"base": base, "symbols": target}, timeout=10
    )
    response.raise_for_status()
    return float(response.json()["rates"][target])


# --- maxsize-by-position
import ipaddress
from functools import lru_cache

INTERNAL = [ipaddress.ip_network(net) for net in ("10.0.0.0/8", "192.168.0.0/16")]


@lru_cache(None)  # planted
def is_internal(address: str) -> bool:
    """Tell whether an address belongs to our own networks."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    return any(parsed in network for network in INTERNAL)


# --- maxsize-in-a-literal-dict
import functools as ft


@ft.lru_cache(**{"maxsize": None, "typed": True})  # planted
def normalise_phone(number, country_code="+49"):
    """Write a telephone number in the international form."""
    digits = "".join(character for character in number if character.isdigit() or character == "+")
    if digits.startswith("00"):
        return "+" + digits[2:]
    if digits.startswith("0"):
        return country_code + digits[1:]
    return digits


# --- cached-method
from functools import lru_cache


class PermissionService:
    """Decides who may do what."""

    def __init__(self, roles):
        self.roles = roles

    @lru_cache(maxsize=None)  # planted
    def allowed(self, user_id: int, action: str) -> bool:
        granted = set()
        for role in self.roles.of_user(user_id):
            granted.update(role.actions)
            if role.is_admin:
                return True
        return action in granted


# --- mixed-finite-and-infinite-parameters
import functools
from typing import Literal


@functools.lru_cache(maxsize=None, typed=False)  # planted
def format_price(amount_cents: int, currency: Literal["EUR", "USD"], short: bool = False) -> str:
    """Write an amount for people."""
    sign = {"EUR": "€", "USD": "$"}[currency]
    whole, cents = divmod(amount_cents, 100)
    if short and not cents:
        return f"{whole:,} {sign}"
    return f"{whole:,}.{cents:02d} {sign}"


# --- wrapped-by-a-call
import hashlib
from functools import lru_cache


def _fingerprint(text):
    digest = hashlib.sha256()
    for line in text.splitlines():
        stripped = line.strip()
        if stripped and not stripped.startswith("#"):
            digest.update(stripped.encode("utf-8"))
    return digest.hexdigest()


fingerprint = lru_cache(maxsize=None)(_fingerprint)  # planted


# --- queue-attribute-fed-by-another-method
import queue
import threading


class MetricsSender:
    """Sends metrics in the background."""

    def __init__(self, transport):
        self.transport = transport
        self.pending = queue.Queue()  # planted
        threading.Thread(target=self._run, daemon=True).start()

    def record(self, name, value):
        self.pending.put((name, value))

    def _run(self):
        while True:
            name, value = self.pending.get()
            self.transport.send(f"{name}:{value}|g")


# --- asyncio-queue-attribute
import asyncio


class ChatRoom:
    """Passes messages of a room on to its members."""

    def __init__(self, members):
        self._members = members
        self._inbox: asyncio.Queue[str] = asyncio.Queue()  # planted

    async def on_message(self, sender, text):
        if text.strip():
            await self._inbox.put(f"{sender}: {text}")

    async def run(self):
        while True:
            message = await self._inbox.get()
            for member in list(self._members):
                await member.send(message)


# --- global-queue
from queue import Queue

audit_events = Queue()  # planted


def audit(actor, action, **details):
    """Note what somebody did; a thread writes it to the database."""
    audit_events.put({"actor": actor, "action": action, "details": details})


def write_audit_events(connection):
    """Write events for ever."""
    while True:
        event = audit_events.get()
        connection.execute("INSERT INTO audit (actor, action) VALUES (?, ?)", (event["actor"], event["action"]))
        connection.commit()


# --- queue-fed-in-a-loop
from asyncio import Queue as AsyncQueue


class Crawler:
    """Follows links from page to page."""

    def __init__(self, client, parse):
        self.client = client
        self.parse = parse
        self.frontier = AsyncQueue()  # planted
        self.visited = set()

    async def visit(self):
        while True:
            url = await self.frontier.get()
            response = await self.client.get(url)
            for link in self.parse(response.text):
                if link not in self.visited:
                    self.visited.add(link)
                    self.frontier.put_nowait(link)


# --- priority-queue
import queue
import time


class Scheduler:
    """Runs callables at a time."""

    def __init__(self):
        self.tasks = queue.PriorityQueue()  # planted
        self.stopped = False

    def schedule(self, delay, order, function):
        self.tasks.put((time.monotonic() + delay, order, function))

    def run(self):
        while not self.stopped:
            due, _, function = self.tasks.get()
            time.sleep(max(0.0, due - time.monotonic()))
            function()


# --- dataclass-field-queue
import queue
from dataclasses import dataclass, field


@dataclass
class CameraPipeline:
    """Takes frames from a camera and hands them to a detector."""

    camera: object
    detect: object
    frames: queue.Queue = field(default_factory=queue.Queue)  # planted

    def capture(self) -> None:
        while self.camera.is_open():
            frame = self.camera.read()
            self.frames.put(frame)

    def process(self) -> None:
        while (frame := self.frames.get()) is not None:
            self.detect(frame)


# --- trio-channel
import math

import trio


class EventBus:
    """Events of the application in the order in which they happen."""

    def __init__(self):
        self.send_channel, self.receive_channel = trio.open_memory_channel(math.inf)  # planted

    async def emit(self, name, payload):
        await self.send_channel.send((name, payload))

    async def dispatch(self, handlers):
        async for name, payload in self.receive_channel:
            for handler in handlers.get(name, ()):
                await handler(payload)


# --- anyio-stream
from math import inf

import anyio


class LogShipper:
    """Ships log lines to a collector."""

    def __init__(self, collector):
        self.collector = collector
        self._send, self._receive = anyio.create_memory_object_stream[str](max_buffer_size=inf)  # planted

    def log(self, line: str) -> None:
        self._send.send_nowait(line)

    async def ship(self) -> None:
        async with self._receive:
            async for line in self._receive:
                await self.collector.post(line)


# --- cachetools-infinite
import cachetools

_profiles = cachetools.LRUCache(maxsize=float("inf"))  # planted


@cachetools.cached(_profiles)
def load_profile(user_id):
    """Read a user's profile from the directory service."""
    from ldap3 import Connection, Server

    with Connection(Server("ldap.example.com"), auto_bind=True) as connection:
        connection.search("ou=people,dc=example,dc=com", f"(uid={user_id})", attributes=["cn", "mail"])
        entry = connection.entries[0]
    return {"name": str(entry.cn), "mail": str(entry.mail)}


# --- ttl-cache-infinite
import math

from cachetools import TTLCache


class RateLimiter:
    """Counts the requests of each address within a minute."""

    def __init__(self, limit):
        self.limit = limit
        self.hits = TTLCache(maxsize=math.inf, ttl=60)  # planted

    def allow(self, address):
        count = self.hits.get(address, 0) + 1
        self.hits[address] = count
        return count <= self.limit


# --- instance-dict-in-test
import requests


class GeoCoder:
    """Finds the place of an address."""

    def __init__(self, key):
        self.key = key
        self._cache = {}  # planted

    def locate(self, address):
        if address in self._cache:
            return self._cache[address]
        response = requests.get(
            "https://geo.example.com/search", params={"q": address, "key": self.key}, timeout=5
        )
        response.raise_for_status()
        place = response.json()["results"][0]
        self._cache[address] = place["lat"], place["lon"]  # planted
        return self._cache[address]


# --- instance-dict-get-then-none
class TranslationClient:
    """Translates texts with a service that charges by the letter."""

    def __init__(self, service):
        self.service = service
        self.known: dict[tuple[str, str], str] = {}  # planted

    def translate(self, text: str, language: str) -> str:
        key = (text, language)
        cached = self.known.get(key)
        if cached is not None:
            return cached
        translated = self.service.translate(text, target=language)
        self.known[key] = translated  # planted
        return translated


# --- module-dict
import hashlib

from sentence_transformers import SentenceTransformer

_model = SentenceTransformer("all-MiniLM-L6-v2")
_embeddings = {}  # planted


def embed(text):
    """Return the vector of a text, computed once."""
    key = hashlib.sha256(text.encode("utf-8")).hexdigest()
    if key not in _embeddings:
        _embeddings[key] = _model.encode(text, normalize_embeddings=True)  # planted
    return _embeddings[key]


# --- try-except-key-error
import json
import urllib.request


class SchemaResolver:
    """Loads the schemas that documents refer to."""

    def __init__(self):
        self._schemas = dict()  # planted

    def resolve(self, uri):
        try:
            return self._schemas[uri]
        except KeyError:
            with urllib.request.urlopen(uri, timeout=10) as response:
                schema = json.load(response)
            self._schemas[uri] = schema  # planted
            return schema


# --- async-dict-cache
from httpx import AsyncClient


class ProductCatalog:
    """Reads products from the shop's service."""

    def __init__(self, client: AsyncClient):
        self._client = client
        self._products = {}  # planted

    async def product(self, sku: str) -> dict:
        if (product := self._products.get(sku)) is None:
            response = await self._client.get(f"/products/{sku}")
            response.raise_for_status()
            product = response.json()
            self._products[sku] = product  # planted
        return product


# --- class-attribute-dict
class TemplateRenderer:
    """Renders mails; a compiled template serves all instances."""

    _compiled = {}  # planted

    def __init__(self, environment):
        self.environment = environment

    def render(self, source, **values):
        template = self._compiled.get(source)
        if template is None:
            template = self.environment.from_string(source)
            self._compiled[source] = template  # planted
        return template.render(**values)


# --- cache-on-a-helper-below-its-user
from functools import cache


class SearchIndex:
    """Looks words up in the index of a shop."""

    def __init__(self, postings):
        self.postings = postings

    @staticmethod
    def tokens(query):
        return _tokens(query)

    def find(self, query):
        found = [self.postings.get(token, set()) for token in _tokens(query)]
        return set.intersection(*found) if found else set()


@cache  # planted
def _tokens(query):
    return tuple(sorted({word.strip(".,;:!?").casefold() for word in query.split() if len(word) > 2}))
