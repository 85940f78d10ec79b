# --- lockset-reset
import threading


class HitCounter:
    """Counts the requests of all worker threads."""

    def __init__(self):
        self._lock = threading.Lock()
        self._hits = 0

    def hit(self):
        with self._lock:
            self._hits += 1

    def take(self):
        with self._lock:
            hits, self._hits = self._hits, 0
        return hits

    def reset(self):
        self._hits = 0  # planted


# --- lockset-dict-item
from threading import RLock as Guard


class SessionTable:
    """Sessions by token, shared by the server's threads."""

    def __init__(self):
        self._guard = Guard()
        self._sessions = {}

    def open(self, token, user):
        with self._guard:
            self._sessions[token] = user

    def close(self, token):
        with self._guard:
            self._sessions.pop(token, None)

    def rename(self, token, user):
        self._sessions[token] = user  # planted


# --- lockset-async-lock
import asyncio


class Quota:
    """How many calls a tenant may still make."""

    def __init__(self, limit):
        self.lock = asyncio.Lock()
        self.left = limit

    async def take(self, ledger, calls):
        async with self.lock:
            await ledger.book(calls)
            self.left -= calls

    async def refill(self, ledger):
        async with self.lock:
            self.left = await ledger.limit()

    async def give_back(self, calls):
        self.left += calls  # planted


# --- lockset-augmented
import threading


class TransferStats:
    def __init__(self):
        self._mutex = threading.Lock()
        self.bytes_sent = 0
        self.errors = 0

    def sent(self, size):
        with self._mutex:
            self.bytes_sent += size

    def failed(self):
        with self._mutex:
            self.errors += 1

    def merge(self, other):
        with self._mutex:
            self.bytes_sent += other.bytes_sent
        self.errors += other.errors  # planted


# --- lockset-condition
import threading


class Gate:
    """Lets at most `width` threads pass at a time."""

    def __init__(self, width):
        self._changed = threading.Condition()
        self._free = width

    def enter(self):
        with self._changed:
            while self._free == 0:
                self._changed.wait()
            self._free -= 1

    def leave(self):
        with self._changed:
            self._free += 1
            self._changed.notify()

    def widen(self, by):
        self._free += by  # planted


# --- lockset-dataclass-field
from dataclasses import dataclass, field
from threading import Lock


@dataclass
class Progress:
    """Progress of an import that several threads carry out."""

    total: int
    done: int = 0
    lock: Lock = field(default_factory=Lock)

    def advance(self, rows):
        with self.lock:
            self.done += rows

    def skip(self, rows):
        with self.lock:
            self.done += rows
            self.total -= rows

    def restart(self):
        self.done = 0  # planted


# --- lockset-append
import threading


class AuditLog:
    """Keeps audit records until the writer thread takes them."""

    def __init__(self):
        self._records = []
        self._records_lock = threading.Lock()

    def add(self, record):
        with self._records_lock:
            self._records.append(record)

    def take(self):
        with self._records_lock:
            taken = list(self._records)
            self._records.clear()
        return taken

    def add_system(self, text):
        self._records.append({"kind": "system", "text": text})  # planted


# --- lockset-lock-parameter
import threading


class Balance:
    """An account's balance, guarded by the bank's lock."""

    def __init__(self, lock: threading.Lock, amount=0):
        self._lock = lock
        self._amount = amount

    def deposit(self, amount):
        with self._lock:
            self._amount += amount

    def withdraw(self, amount):
        with self._lock:
            if amount > self._amount:
                raise ValueError("not enough money")
            self._amount -= amount

    def correct(self, amount):
        self._amount = amount  # planted


# --- stale-read-written-back
class Sequence:
    """Numbers for invoices."""

    def __init__(self, store):
        self.store = store
        self.number = 0

    async def next_number(self):
        current = self.number
        await self.store.save("invoice", current + 1)
        self.number = current + 1  # planted
        return self.number


# --- augmented-by-await
class Cart:
    """The articles of a customer with their sum."""

    def __init__(self, prices):
        self.prices = prices
        self.items = []
        self.total = 0

    async def add(self, sku, count):
        self.items.append((sku, count))
        self.total += count * await self.prices.get(sku)  # planted


# --- sum-with-await
class Meter:
    def __init__(self, device):
        self.device = device
        self.energy = 0.0

    async def sample(self, seconds):
        """Add what was used since the last sample."""
        self.energy = self.energy + await self.device.read_power() * seconds  # planted
        return self.energy


# --- cache-check-then-await
class Users:
    """Users by id, loaded once."""

    def __init__(self, api):
        self.api = api
        self.cache = {}

    async def get(self, user_id):
        if user_id not in self.cache:  # planted
            self.cache[user_id] = await self.api.load_user(user_id)  # planted
        return self.cache[user_id]


# --- cache-get-none-then-await
class Tokens:
    """Access tokens by scope."""

    def __init__(self, issuer):
        self._issuer = issuer
        self._tokens: dict[str, str] = {}

    async def token(self, scope: str) -> str:
        token = self._tokens.get(scope)  # planted
        if token is None:
            token = await self._issuer.issue(scope)
            self._tokens[scope] = token  # planted
        return token


# --- rate-bucket
import asyncio
import time


class Bucket:
    """A token bucket for calls to the model's interface."""

    def __init__(self, rate):
        self.rate = rate
        self.tokens = rate
        self.filled = time.monotonic()

    async def take(self):
        now = time.monotonic()
        tokens = min(self.rate, self.tokens + (now - self.filled) * self.rate)
        if tokens < 1:
            await asyncio.sleep((1 - tokens) / self.rate)
            tokens = 1
        self.tokens = tokens - 1  # planted
        self.filled = now  # planted


# --- stale-list-rebound
class Roster:
    """Who is on duty."""

    def __init__(self, directory):
        self.directory = directory
        self.members = []

    async def join(self, login):
        members = self.members
        person = await self.directory.find(login)
        self.members = [*members, person]  # planted
        return person


# --- lazy-connection
class Broker:
    """One connection to the message broker for all publishers."""

    def __init__(self, connect, url):
        self._connect = connect
        self._url = url
        self._connection = None

    async def connection(self):
        if self._connection is None:  # planted
            self._connection = await self._connect(self._url)  # planted
        return self._connection

    async def publish(self, topic, body):
        connection = await self.connection()
        await connection.send(topic, body)


# --- torn-reload-clear-update
import json


class FeatureFlags:
    """Switches that are read on every request."""

    def __init__(self, path):
        self.path = path
        self.flags = {}
        self.owners = {}

    def enabled(self, name):
        return self.flags.get(name, False)

    def reload(self):
        """Read the file again."""
        data = json.loads(self.path.read_text())
        self.flags.clear()  # planted
        self.flags.update(data["flags"])  # planted
        self.owners.clear()  # planted
        self.owners.update(data["owners"])  # planted


# --- torn-rotate-keys
class KeyRing:
    """Signing keys; the newest signs, the older ones verify."""

    def __init__(self, vault):
        self.vault = vault
        self.by_id = {}
        self.order = []

    def verify(self, key_id, message, signature):
        return self.by_id[key_id].verify(message, signature)

    def rotate_keys(self):
        key = self.vault.create()
        self.by_id[key.id] = key  # planted
        self.order.append(key.id)  # planted
        while len(self.order) > 3:
            del self.by_id[self.order.pop(0)]  # planted


# --- torn-update-config
class Router:
    """Chooses the upstream server of a request."""

    def __init__(self):
        self.routes = {}
        self.weights = {}

    def choose(self, path):
        upstream = self.routes[path]
        return upstream, self.weights[upstream]

    def update_config(self, config):
        for route in config["routes"]:
            self.routes[route["path"]] = route["upstream"]  # planted
            self.weights[route["upstream"]] = route.get("weight", 1)  # planted


# --- torn-docstring-says-refresh
class RateTable:
    """Exchange rates of the bank."""

    def __init__(self, feed):
        self.feed = feed
        self.rates = {}
        self.names = {}

    def convert(self, amount, source, target):
        return amount / self.rates[source] * self.rates[target]

    def pull(self):
        """Refresh the rates from the bank's feed."""
        entries = self.feed.read()
        self.rates.update({entry.code: entry.rate for entry in entries})  # planted
        self.names.update({entry.code: entry.name for entry in entries})  # planted


# --- torn-resync-only-method
class Mirror:
    """A copy of the directory's groups."""

    members: dict
    parents: dict

    def resync(self, directory):
        self.members.clear()  # planted
        self.parents.clear()  # planted
        for group in directory.groups():
            self.members[group.name] = set(group.members)  # planted
            self.parents[group.name] = group.parent  # planted


# --- torn-async-refresh
class Blocklist:
    """Addresses and domains that may not send."""

    def __init__(self, client):
        self.client = client
        self.addresses = set()
        self.domains = set()

    def blocked(self, sender):
        return sender in self.addresses or sender.rpartition("@")[2] in self.domains

    async def refresh(self):
        entries = await self.client.get("/blocklist")
        self.addresses.clear()  # planted
        self.domains.clear()  # planted
        self.addresses.update(entries["addresses"])  # planted
        self.domains.update(entries["domains"])  # planted


# --- torn-swap
class ModelSlots:
    """The models that answer requests, by task."""

    def __init__(self, loader):
        self.loader = loader
        self.models = {}
        self.vocabularies = {}

    def predict(self, task, text):
        return self.models[task].predict(self.vocabularies[task].encode(text))

    def swap(self, task, version):
        self.models[task] = self.loader.model(task, version)  # planted
        self.vocabularies[task] = self.loader.vocabulary(task, version)  # planted


# --- batcher-thread
import threading
import time


class MetricBatcher:
    """Sends metrics every few seconds from a thread."""

    def __init__(self, send, period=5):
        self.send = send
        self.period = period
        self.pending = []
        threading.Thread(target=self._run, daemon=True).start()

    def record(self, name, value):
        self.pending.append((name, value))  # planted

    def _run(self):
        while True:
            time.sleep(self.period)
            batch = self.pending
            self.pending = []  # planted
            self.send(batch)


# --- batcher-executor-tuple-swap
from concurrent.futures import ThreadPoolExecutor


class WriteBehind:
    """Collects rows and writes them in a pool."""

    def __init__(self, table, size=100):
        self.table = table
        self.size = size
        self.pool = ThreadPoolExecutor(2)
        self.rows = []

    def write(self, row):
        self.rows.append(row)  # planted
        if len(self.rows) >= self.size:
            self.flush()

    def flush(self):
        rows, self.rows = self.rows, []  # planted
        self.pool.submit(self.table.insert_many, rows)


# --- proxy-dict-swap
from threading import Timer


class CoalescingProxy:
    """Merges writes to the same key before they reach the store."""

    def __init__(self, store, delay=0.5):
        self._store = store
        self._delay = delay
        self._dirty = {}
        self._timer = None

    def set(self, key, value):
        self._dirty[key] = value  # planted
        if self._timer is None:
            self._timer = Timer(self._delay, self._flush)
            self._timer.start()

    def _flush(self):
        dirty, self._dirty = self._dirty, {}  # planted
        self._timer = None
        self._store.write_many(dirty)
