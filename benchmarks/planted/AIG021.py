# --- allow-deque
import time
from collections import deque


class RateLimiter:
    """Sliding window over the last minute."""

    def __init__(self, limit):
        self.limit = limit
        self.hits = deque()

    def allow(self):
        now = time.monotonic()
        while self.hits and now - self.hits[0] > 60:
            self.hits.popleft()
        if len(self.hits) > self.limit:  # planted
            return False
        self.hits.append(now)
        return True


# --- check-quota-raises
class QuotaExceeded(Exception):
    """A tenant has used up what it paid for."""


class Quotas:
    def __init__(self, quota):
        self.quota = quota
        self.used = {}

    def check_quota(self, tenant):
        used = self.used.get(tenant, 0)
        if used > self.quota:  # planted
            raise QuotaExceeded(tenant)
        self.used[tenant] = used + 1


# --- return-less-equal
class Guard:
    """Counts the calls of each API key."""

    def __init__(self, max_calls):
        self.max_calls = max_calls
        self.calls = {}

    def is_allowed(self, key):
        """Tell whether the key may make another call."""
        made = self.calls.get(key, 0)
        return made <= self.max_calls  # planted

    def record(self, key):
        self.calls[key] = self.calls.get(key, 0) + 1


# --- acquire-slot-async
import asyncio


class Slots:
    """Slots for uploads that run at the same time."""

    def __init__(self, max_active):
        self.max_active = max_active
        self.active = 0
        self.lock = asyncio.Lock()

    async def acquire(self):
        async with self.lock:
            if self.active > self.max_active:  # planted
                raise RuntimeError("all slots are taken")
            self.active += 1

    async def release(self):
        async with self.lock:
            self.active -= 1


# --- redis-rate-limit
import redis

REQUESTS_PER_HOUR = 1000
counters = redis.Redis(host="counters")


def apply_rate_limit(client, hour):
    """Refuse clients that ask too often."""
    key = f"rate:{client}:{hour}"
    count = int(counters.get(key) or 0)
    if count > REQUESTS_PER_HOUR:  # planted
        return False
    counters.incr(key)
    counters.expire(key, 3600)
    return True


# --- coupon-uses
def apply_coupon(coupon, order):
    """Take a coupon for an order."""
    if coupon.expires < order.placed:
        raise ValueError("the coupon has expired")
    if coupon.times_used > coupon.max_uses:  # planted
        raise ValueError("the coupon is used up")
    coupon.times_used += 1
    order.discount = coupon.percent
    order.total = order.total * (100 - coupon.percent) // 100
    return order


# --- swapped-operands
import time


class Throttle:
    """Lets some calls a second through."""

    def __init__(self, max_calls):
        self.max_calls = max_calls
        self.calls = []

    def permit(self):
        now = time.time()
        self.calls = [call for call in self.calls if now - call < 1]
        if self.max_calls < len(self.calls):  # planted
            return False
        self.calls.append(now)
        return True


# --- decorator-closure
import functools
from collections import Counter

from flask import request

MAX_LOGINS = 5
failures = Counter()


def limit_logins(view):
    """Refuse hosts with too many failed logins."""

    @functools.wraps(view)
    def check_limit(*args, **kwargs):
        attempts = failures[request.remote_addr]
        if attempts > MAX_LOGINS:  # planted
            return "too many failed logins", 429
        failures[request.remote_addr] += 1
        return view(*args, **kwargs)

    return check_limit


# --- raise-then-append
class Playlist:
    """Songs in the order in which they are played."""

    MAX_SONGS = 200

    def __init__(self, name):
        self.name = name
        self.songs = []

    def add(self, song):
        if song in self.songs:
            return
        if len(self.songs) > self.MAX_SONGS:  # planted
            raise OverflowError(f"{self.name} is full")
        self.songs.append(song)


# --- return-then-set-add
MAX_WATCHERS = 50
_watchers = set()


def watch(connection):
    """Add a connection to those that see all events."""
    if connection.closed:
        return False
    if len(_watchers) > MAX_WATCHERS:  # planted
        connection.send("too many watchers")
        return False
    _watchers.add(connection)
    connection.send("welcome")
    return True


# --- continue-then-append
def pick_samples(records, per_class):
    """Return some records of each class."""
    picked = {}
    for record in records:
        group = picked.setdefault(record.label, [])
        if len(group) > per_class:  # planted
            continue
        group.append(record)
    print(f"{len(picked)} classes")
    return [record for group in picked.values() for record in group]


# --- break-then-append
import csv


def preview(path, max_rows=20):
    """Return the first rows of a table."""
    rows = []
    with open(path, newline="", encoding="utf-8") as file:
        for row in csv.reader(file):
            if len(rows) > max_rows:  # planted
                break
            rows.append([cell.strip() for cell in row])
    return rows


# --- return-then-dict-item
class Sessions:
    """The sessions that are open now."""

    def __init__(self, max_sessions: int):
        self.max_sessions = max_sessions
        self.sessions: dict[str, object] = {}

    def open(self, key, user):
        if key in self.sessions:
            return self.sessions[key]
        if len(self.sessions) > self.max_sessions:  # planted
            return None
        self.sessions[key] = user
        return user


# --- queue-appendleft
from collections import deque


class UndoStack:
    """The steps that can be undone."""

    def __init__(self, depth):
        self.depth = depth
        self.steps = deque()

    def push(self, step):
        if step.trivial:
            return
        if len(self.steps) > self.depth:  # planted
            raise IndexError("too many steps")
        self.steps.appendleft(step)


# --- inconsistent-methods
class Room:
    """A chat room with a limited number of members."""

    def __init__(self, capacity):
        self.capacity = capacity
        self.members = []

    def join(self, user):
        if len(self.members) >= self.capacity:
            raise PermissionError("the room is full")
        self.members.append(user)

    def invite(self, user, mailer):
        if len(self.members) > self.capacity:  # planted
            raise PermissionError("the room is full")
        mailer.send(user.address, "You are invited")


# --- inconsistent-functions
MAX_NAME = 64


def rename(user, name):
    """Give a user another name."""
    if len(name) >= MAX_NAME:
        raise ValueError("this name is too long")
    user.name = name
    user.save()


def register(name, users):
    """Create a user."""
    if len(name) > MAX_NAME:  # planted
        raise ValueError("this name is too long")
    return users.create(name=name)


# --- inconsistent-same-class
class Uploads:
    """Takes files, up to a size."""

    def __init__(self, storage, max_bytes):
        self.storage = storage
        self.max_bytes = max_bytes

    def announce(self, size):
        if size >= self.max_bytes:
            return {"status": 413}
        return {"status": 200, "url": self.storage.reserve(size)}

    def finish(self, name, size):
        if size > self.max_bytes:  # planted
            return {"status": 413}
        self.storage.move(name)
        return {"status": 201}


# --- docstring-at-most
def split_address(lines, max_lines):
    """Return the lines of an address label; there may be at most ``max_lines`` lines."""
    cleaned = [line.strip() for line in lines]
    cleaned = [line for line in cleaned if line]
    if len(cleaned) >= max_lines:  # planted
        raise ValueError("the address does not fit on the label")
    width = max(map(len, cleaned), default=0)
    label = [line.ljust(width) for line in cleaned]
    label.append("-" * width)
    return label


# --- message-must-be-less-than
def set_discount(product, percent):
    """Reduce a product's price."""
    if percent < 0:
        raise ValueError("a discount cannot be negative")
    if percent > 90:  # planted
        raise ValueError("the discount must be less than 90")
    product.price = product.price * (100 - percent) / 100
    product.reduced = percent != 0
    product.save()
    return product


# --- message-at-most
MAX_TAGS = 10


class Article:
    """An article of the knowledge base."""

    def __init__(self, title):
        self.title = title
        self.tags = ()

    def set_tags(self, tags):
        unique = sorted(set(tags))
        if len(unique) >= MAX_TAGS:  # planted
            raise ValueError(f"an article has at most {MAX_TAGS} tags")
        self.tags = tuple(unique)


# --- docstring-must-be-less-than
import struct


def encode_frame(channel: int, payload: bytes) -> bytes:
    """Return a frame for the serial line.

    The length of the payload must be less than 256.
    """
    if channel not in range(8):
        raise ValueError("there are eight channels")
    if len(payload) > 256:  # planted
        raise ValueError("the payload is too long")
    return struct.pack("!BH", channel, len(payload)) + payload


# --- message-at-most-async
from fastapi import HTTPException, UploadFile

MAX_BYTES = 5 * 1024 * 1024


async def store_avatar(user, file: UploadFile, storage):
    """Store the picture that a user has sent."""
    content = await file.read()
    if len(content) >= MAX_BYTES:  # planted
        raise HTTPException(413, "a picture may have at most 5 MiB")
    name = f"avatars/{user.id}"
    await storage.put(name, content, content_type=file.content_type)
    return {"name": name}


# --- concurrency-docstring-admission
class Pool:
    """Hands out connections."""

    def __init__(self, factory, size):
        self.factory = factory
        self.size = size
        self.in_use = 0

    def try_take(self):
        """Return a connection if the limit permits one more, else None."""
        if self.in_use > self.size:  # planted
            return None
        self.in_use += 1
        return self.factory()
