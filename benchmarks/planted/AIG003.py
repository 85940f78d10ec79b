# --- straight-line-in-a-method
import threading


class Counter:
    """Counts events of several threads."""

    def __init__(self):
        self._lock = threading.Lock()
        self._counts = {}

    def add(self, name, amount=1):
        self._lock.acquire()  # planted
        self._counts[name] = self._counts.get(name, 0) + int(amount)
        self._lock.release()

    def snapshot(self):
        with self._lock:
            return dict(self._counts)


# --- global-lock-early-return
import json
import threading

_registry_lock = threading.Lock()
_registry = {}


def register_device(serial, payload):
    """Remember a device the first time that it reports."""
    _registry_lock.acquire()  # planted
    if serial in _registry:
        return False
    _registry[serial] = json.loads(payload)
    _registry_lock.release()
    return True


# --- asyncio-lock-awaited
import asyncio


class TokenStore:
    """Hands out an access token, and fetches a new one when it has run out."""

    def __init__(self, fetch):
        self._fetch = fetch
        self._refreshing = asyncio.Lock()
        self._token = None

    async def token(self):
        await self._refreshing.acquire()  # planted
        if self._token is None or self._token.expired:
            self._token = await self._fetch()
        self._refreshing.release()
        return self._token.value


# --- from-import-alias
from threading import RLock as ReentrantLock


class Ledger:
    """Accounts that may be changed by several threads."""

    def __init__(self, accounts):
        self.accounts = accounts
        self.guard = ReentrantLock()

    def transfer(self, source, target, amount):
        self.guard.acquire()  # planted
        if self.accounts[source] < amount:
            self.guard.release()
            raise ValueError("insufficient funds")
        self.accounts[source] -= amount
        self.accounts[target] += amount
        self.guard.release()


# --- multiprocessing-local
import multiprocessing


def print_in_turn(chunks, render):
    """Render chunks in processes of their own, one line at a time."""
    lock = multiprocessing.Lock()

    def emit(chunk):
        lines = render(chunk)
        lock.acquire()  # planted
        for line in lines:
            print(line, flush=True)
        lock.release()

    workers = [multiprocessing.Process(target=emit, args=(chunk,)) for chunk in chunks]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()


# --- never-released
from threading import Lock


class SequenceGenerator:
    """Numbers for invoices without gaps."""

    def __init__(self, start: int = 1) -> None:
        self._lock = Lock()
        self._next = start

    def next_number(self) -> int:
        self._lock.acquire()  # planted
        number = self._next
        self._next += 1
        return number

    def reset(self, start: int) -> None:
        self._next = start


# --- semaphore-in-a-nested-coroutine
import asyncio


async def fetch_all(client, urls, limit=10):
    """Fetch pages, at most a few at a time."""
    semaphore = asyncio.Semaphore(limit)

    async def fetch(url):
        await semaphore.acquire()  # planted
        response = await client.get(url)
        response.raise_for_status()
        semaphore.release()
        return response.text

    return await asyncio.gather(*(fetch(url) for url in urls))


# --- dataclass-field
import threading
from dataclasses import dataclass, field


@dataclass
class JobBoard:
    """Jobs that wait for a worker."""

    jobs: list[dict] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, skill: str) -> dict | None:
        self.lock.acquire()  # planted
        for index, job in enumerate(self.jobs):
            if job["skill"] == skill:
                taken = self.jobs.pop(index)
                self.lock.release()
                return taken
        self.lock.release()
        return None


# --- filelock-imported-in-the-function
import json


def bump_build_number(path):
    """Raise the build number in a file that several runners share."""
    from filelock import FileLock

    lock = FileLock(f"{path}.lock", timeout=30)
    lock.acquire()  # planted
    with open(path, encoding="utf-8") as file:
        state = json.load(file)
    state["build"] += 1
    with open(path, "w", encoding="utf-8") as file:
        json.dump(state, file)
    lock.release()
    return state["build"]


# --- redis-client-lock
import redis


class NightlyBilling:
    """Bills all tenants once, whichever node starts first."""

    def __init__(self, host):
        self.redis = redis.Redis(host=host)

    def run(self, tenants, bill):
        lock = self.redis.lock("nightly-billing", timeout=3600)
        lock.acquire()  # planted
        billed = 0
        for tenant in tenants:
            if tenant.active:
                bill(tenant)
                billed += 1
        lock.release()
        return billed


# --- redis-lock-class
from redis.lock import Lock


def rebuild_sitemap(client, storage, pages):
    """Write the sitemap anew; only one node may do so."""
    lock = Lock(client, "sitemap", timeout=120)
    lock.acquire(blocking=True)  # planted
    entries = []
    for page in pages:
        entries.append(f"<url><loc>{page.url}</loc><lastmod>{page.changed:%Y-%m-%d}</lastmod></url>")
    storage.put("sitemap.xml", "\n".join(entries))
    lock.release()
    return len(entries)


# --- trio-lock
import trio


class SerialPort:
    """A line that takes one command at a time."""

    def __init__(self, stream):
        self.stream = stream
        self.busy = trio.Lock()

    async def command(self, text):
        await self.busy.acquire()  # planted
        await self.stream.send_all(text.encode() + b"\r\n")
        reply = await self.stream.receive_some(256)
        self.busy.release()
        return reply.decode().strip()


# --- anyio-semaphore
from anyio import Semaphore, run_process

_converters = Semaphore(4)


async def convert(source, target):
    """Convert a video; no more than four at once on a machine."""
    await _converters.acquire()  # planted
    result = await run_process(["ffmpeg", "-i", source, "-c:v", "libx264", target], check=False)
    if result.returncode != 0:
        raise RuntimeError(result.stderr.decode(errors="replace"))
    _converters.release()
    return target


# --- fasteners-interprocess
import fasteners


def append_metrics(path, rows):
    """Append rows to a file that several processes write."""
    guard = fasteners.InterProcessLock(path + ".lck")
    guard.acquire()  # planted
    with open(path, "a", encoding="utf-8") as out:
        for row in rows:
            out.write(",".join(str(row[name]) for name in ("time", "host", "value")))
            out.write("\n")
    guard.release()


# --- condition-notify
import threading
from collections import deque


class Mailbox:
    """Messages between a reader and a writer thread."""

    def __init__(self):
        self._ready = threading.Condition()
        self._messages = deque()

    def deliver(self, message):
        self._ready.acquire()  # planted
        self._messages.append(message.encode("utf-8"))
        self._ready.notify()
        self._ready.release()

    def receive(self):
        with self._ready:
            self._ready.wait_for(lambda: self._messages)
            return self._messages.popleft()


# --- bounded-semaphore-in-a-loop
import threading

import requests

slots = threading.BoundedSemaphore(value=8)


def push_all(endpoint, documents):
    """Send documents to the search index."""
    accepted = 0
    for document in documents:
        slots.acquire()  # planted
        response = requests.post(endpoint, json=document, timeout=10)
        response.raise_for_status()
        accepted += 1
        slots.release()
    return accepted


# --- work-before-the-try
import threading


class PriceCache:
    """Prices that are read from a slow source."""

    def __init__(self, source):
        self.source = source
        self.prices = {}
        self.lock = threading.Lock()

    def refresh(self, currency):
        self.lock.acquire()  # planted
        fresh = self.source.load(currency)
        try:
            self.prices.clear()
            self.prices.update(fresh)
        finally:
            self.lock.release()


# --- released-in-one-handler
import threading

_settings_lock = threading.RLock()
_settings: dict[str, int] = {}


def update_setting(name: str, raw: str) -> int:
    """Set a number, or keep the old one when the text is none."""
    _settings_lock.acquire()  # planted
    try:
        _settings[name] = int(raw)
    except ValueError:
        _settings_lock.release()
        return _settings[name]
    value = _settings[name]
    _settings_lock.release()
    return value


# --- annotated-parameter
import asyncio


async def write_frames(writer: asyncio.StreamWriter, lock: asyncio.Lock, frames: list[bytes]) -> int:
    """Write frames that must not mix with those of other tasks."""
    await lock.acquire()  # planted
    sent = 0
    for frame in frames:
        writer.write(len(frame).to_bytes(4, "big") + frame)
        await writer.drain()
        sent += len(frame)
    lock.release()
    return sent


# --- class-attribute
import threading


class ConnectionRegistry:
    """The connections of this process, by name."""

    _lock = threading.Lock()
    _open: dict[str, object] = {}

    @classmethod
    def get(cls, name, factory):
        cls._lock.acquire()  # planted
        if name not in cls._open:
            cls._open[name] = factory(name)
        connection = cls._open[name]
        cls._lock.release()
        return connection


# --- released-in-a-branch-only
import threading


class Throttle:
    """Lets a few uploads through at a time."""

    def __init__(self, width):
        self._slots = threading.Semaphore(width)

    def upload(self, bucket, name, data):
        self._slots.acquire()  # planted
        done = bucket.put(name, data)
        if done:
            self._slots.release()
            return True
        return False


# --- released-in-else
from multiprocessing import RLock

shared_state = RLock()


def checkpoint(model, folder, step):
    """Write a checkpoint while no other worker does."""
    target = f"{folder}/step-{step:06d}.bin"
    shared_state.acquire()  # planted
    try:
        blob = model.dump()
    except MemoryError:
        return None
    else:
        with open(target, "wb") as out:
            out.write(blob)
        shared_state.release()
    return target


# --- two-locks-one-finally
import threading


class Inventory:
    """Pieces on two shelves."""

    def __init__(self):
        self.front = {}
        self.back = {}
        self.front_lock = threading.Lock()
        self.back_lock = threading.Lock()

    def restock(self, article, count):
        self.back_lock.acquire()  # planted
        self.back[article] -= count
        self.front_lock.acquire()
        try:
            self.front[article] = self.front.get(article, 0) + count
        finally:
            self.front_lock.release()
        self.back_lock.release()


# --- lock-of-a-closure
from threading import Lock, Thread


def tail_files(paths, handle):
    """Follow files in threads and pass each line on, one at a time."""
    output = Lock()

    def follow(path):
        with open(path, encoding="utf-8") as source:
            for line in source:
                output.acquire()  # planted
                handle(path, line.rstrip())
                output.release()

    threads = [Thread(target=follow, args=(path,), daemon=True) for path in paths]
    for thread in threads:
        thread.start()
    return threads


# --- capacity-limiter
import anyio


class ThumbnailService:
    """Makes thumbnails, a few at a time."""

    def __init__(self, renderer, workers=3):
        self.renderer = renderer
        self.limiter = anyio.CapacityLimiter(workers)

    async def thumbnail(self, image_id):
        await self.limiter.acquire()  # planted
        image = await self.renderer.load(image_id)
        small = await self.renderer.scale(image, width=240)
        self.limiter.release()
        return small
