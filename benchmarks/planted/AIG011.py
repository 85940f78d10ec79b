# --- frozen-dataclass-setattr
from dataclasses import dataclass


@dataclass(frozen=True)
class Invoice:
    number: int
    amount: int
    status: str = "open"

    def pay(self):
        """Mark the invoice as paid."""
        object.__setattr__(self, "status", "paid")  # planted
        return self


# --- frozen-dataclass-from-outside
import dataclasses as dc


@dc.dataclass(frozen=True, slots=True)
class Job:
    name: str
    priority: int = 0


def promote(job: Job, by: int = 1) -> Job:
    """Let a job overtake others."""
    if job.priority + by > 10:
        raise ValueError(f"{job.name} cannot be promoted any further")
    object.__setattr__(job, "priority", job.priority + by)  # planted
    return job


# --- frozen-dataclass-dict-item
from dataclasses import dataclass as record


@record(frozen=True)
class Reading:
    sensor: str
    value: float
    unit: str

    def to_celsius(self):
        if self.unit == "F":
            self.__dict__["value"] = (self.value - 32) / 1.8  # planted
            self.__dict__["unit"] = "C"  # planted
        return self


# --- frozen-dataclass-dict-update
from dataclasses import dataclass


@dataclass(frozen=True)
class Settings:
    host: str
    port: int = 443
    debug: bool = False

    def merge(self, overrides: dict) -> "Settings":
        """Apply the overrides of the environment."""
        known = {key: value for key, value in overrides.items() if hasattr(self, key)}
        self.__dict__.update(known)  # planted
        return self


# --- attrs-frozen
import attrs


@attrs.frozen
class Shipment:
    tracking: str
    weight: float
    delivered: bool = False

    def deliver(self, clock):
        """Note the delivery."""
        if clock.now() is None:
            raise RuntimeError("no clock")
        object.__setattr__(self, "delivered", True)  # planted


# --- attrs-define-frozen
from attrs import define, field


@define(frozen=True, slots=False)
class Recipe:
    name: str
    portions: int = 4
    amounts: dict = field(factory=dict)

    def scale(self, portions):
        factor = portions / self.portions
        scaled = {name: amount * factor for name, amount in self.amounts.items()}
        self.__dict__["amounts"] = scaled  # planted
        return self


# --- pydantic-config-dict
from pydantic import BaseModel, ConfigDict


class Order(BaseModel):
    """An order as it came in."""

    model_config = ConfigDict(frozen=True)

    id: int
    positions: list[str]
    note: str = ""

    def annotate(self, text: str) -> None:
        object.__setattr__(self, "note", f"{self.note}\n{text}".strip())  # planted


# --- pydantic-class-config
import pydantic


class Credentials(pydantic.BaseModel):
    user: str
    token: str

    class Config:
        frozen = True


def renew(credentials: Credentials, issuer) -> Credentials:
    """Replace the token by a fresh one."""
    token = issuer.issue(credentials.user)
    object.__setattr__(credentials, "token", token)  # planted
    return credentials


# --- final-module-rebound
from typing import Final

page_size: Final = 50


def configure(options):
    """Take over the command line's options."""
    global page_size
    if options.page_size:
        page_size = options.page_size  # planted
    return options


# --- final-module-mutated
import typing as t

supported_formats: t.Final[list[str]] = ["csv", "json"]


def load_plugin(plugin):
    """Register the formats of a plugin."""
    for name in plugin.formats:
        if name not in supported_formats:
            supported_formats.append(name)  # planted
    return plugin


# --- final-attribute-outside-init
from typing_extensions import Final


class Connection:
    """A connection to one server."""

    def __init__(self, address: str) -> None:
        self.address: Final = address
        self.attempts = 0

    def fail_over(self, address: str) -> None:
        self.attempts += 1
        self.address = address  # planted


# --- final-local-augmented
from typing import Final


def backoff_plan(tries: int) -> list[float]:
    """Return the pauses between the tries."""
    base: Final = 0.5
    pauses = []
    for number in range(tries):
        pauses.append(base * 2**number)
        if number > 4:
            base += 1  # planted
    return pauses


# --- constant-append
ALLOWED_ORIGINS = ["https://app.example", "https://admin.example"]


def allow(request, origin):
    """Accept a further origin for this request."""
    if not origin.startswith("https://"):
        raise ValueError(origin)
    ALLOWED_ORIGINS.append(origin)  # planted
    request.headers["Access-Control-Allow-Origin"] = origin
    return request


# --- constant-item
DEFAULT_OPTIONS = {"timeout": 10, "retries": 3, "verify": True}


def build_client(factory, **overrides):
    """Return a client with our defaults and the caller's changes."""
    options = DEFAULT_OPTIONS
    for name in ("timeout", "retries"):
        if name in overrides:
            DEFAULT_OPTIONS[name] = overrides.pop(name)  # planted
    return factory(**options)


# --- constant-update-in-method
BASE_HEADERS = {"Accept": "application/json"}


class ApiClient:
    def __init__(self, transport):
        self.transport = transport

    def login(self, user, password):
        """Log in; later requests carry the token."""
        token = self.transport.post("/login", {"user": user, "password": password})
        BASE_HEADERS.update({"Authorization": f"Bearer {token}"})  # planted

    def get(self, path):
        return self.transport.get(path, headers=BASE_HEADERS)


# --- constant-global-rebound
MAX_RETRIES = 3


def with_retries(call, *, patient=False):
    """Run a call, several times if need be."""
    global MAX_RETRIES
    if patient:
        MAX_RETRIES = 10  # planted
    for number in range(MAX_RETRIES):
        try:
            return call()
        except OSError:
            if number == MAX_RETRIES - 1:
                raise


# --- constant-del-item
ROLE_RIGHTS = {"admin": {"read", "write"}, "guest": {"read"}, "robot": {"read"}}


def drop_role(name):
    """Remove a role while the program runs."""
    if name == "admin":
        raise PermissionError("the administrator stays")
    del ROLE_RIGHTS[name]  # planted
    return sorted(ROLE_RIGHTS)


# --- constant-set-discard-async
STOP_WORDS = {"the", "a", "an", "and", "or"}


async def index_title(search, book):
    """Index the words of a title."""
    words = set(book.title.lower().split())
    if len(words) < 3:
        STOP_WORDS.discard("the")  # planted
    await search.put(book.id, words - STOP_WORDS)


# --- mapping-proxy-source
from types import MappingProxyType

_limits = {"free": 100, "team": 1000}
LIMITS = MappingProxyType(_limits)


def raise_limit(plan, limit):
    """Give a plan more calls per day."""
    if limit <= LIMITS.get(plan, 0):
        return
    _limits[plan] = limit  # planted


# --- mapping-proxy-source-in-class
import types


class Registry:
    """The converters, read-only for those who use them."""

    def __init__(self, converters):
        self._converters = dict(converters)
        self.converters = types.MappingProxyType(self._converters)

    def convert(self, kind, value):
        return self.converters[kind](value)

    def patch(self, kind, converter):
        self._converters.update({kind: converter})  # planted


# --- write-once-rebound
class Tenant:
    """A customer's space."""

    def __init__(self, tenant_id, region):
        self.tenant_id = tenant_id
        self._region = region  # aiguard: write-once
        self.moved = False

    def move(self, region):
        """Move the space to another region."""
        if region == self._region:
            return
        self._region = region  # planted
        self.moved = True


# --- write-once-container
import json


class Schema:
    """Columns of a table, read once at the start."""

    def __init__(self, path):
        self.path = path
        self._columns = json.loads(path.read_text())  # aiguard: write-once

    def names(self):
        return [column["name"] for column in self._columns]

    def reload(self):
        self._columns.clear()  # planted
        self._columns.extend(json.loads(self.path.read_text()))  # planted


# --- write-once-from-other-function
class Snapshot:
    """What the solver sees of the world."""

    def __init__(self, prices):
        self.prices = prices  # aiguard: write-once
        self.created = None


def correct(snapshot: Snapshot, corrections: dict) -> Snapshot:
    """Apply the corrections of the day."""
    for sku, price in corrections.items():
        snapshot.prices[sku] = price  # planted
    return snapshot
