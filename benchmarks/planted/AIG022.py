# --- private-not-guard
def _normalise(name):
    if not name:  # planted
        raise ValueError("a name is needed")
    return " ".join(name.split()).casefold()


def register(users, name):
    """Create a user."""
    if not name:
        raise ValueError("a name is needed")
    key = _normalise(name)
    users[key] = {"name": name, "active": True}
    return key


# --- isinstance-guard
def _encode(payload):
    """Return the payload as the device wants it."""
    if not isinstance(payload, bytes):  # planted
        raise TypeError("payload must be bytes")
    checksum = sum(payload) & 0xFF
    return bytes([len(payload)]) + payload + bytes([checksum])


def send(port, payload):
    """Write a payload to the serial port."""
    if not isinstance(payload, bytes):
        raise TypeError("payload must be bytes")
    frame = _encode(payload)
    port.write(frame)
    return len(frame)


# --- range-guard-other-argument-name
def _as_fraction(value):
    if not 0 <= value <= 100:  # planted
        raise ValueError("a percentage lies between 0 and 100")
    return value / 100


def discounted(price, percent):
    """Return a reduced price."""
    if not 0 <= percent <= 100:
        raise ValueError("a percentage lies between 0 and 100")
    share = _as_fraction(percent)
    return round(price * (1 - share), 2)


# --- two-callers
def _distance_in_km(metres):
    if metres < 0:  # planted
        raise ValueError("a distance cannot be negative")
    return metres / 1000


def pace(metres, seconds):
    """Return the minutes that a runner needs for a kilometre."""
    if metres < 0:
        raise ValueError("a distance cannot be negative")
    return seconds / 60 / _distance_in_km(metres)


def speed(metres, seconds):
    """Return a runner's speed in km/h."""
    if metres < 0:
        raise ValueError("a distance cannot be negative")
    return _distance_in_km(metres) / seconds * 3600


# --- method-on-self
class Mailer:
    """Sends mail in the name of the shop."""

    def __init__(self, server, sender):
        self.server = server
        self.sender = sender

    def send(self, recipients, text):
        if not recipients:
            raise ValueError("nobody to send to")
        self._deliver(recipients, text)

    def _deliver(self, recipients, text):
        if not recipients:  # planted
            raise ValueError("nobody to send to")
        for recipient in recipients:
            self.server.sendmail(self.sender, recipient, text)


# --- none-guard
from datetime import timedelta


def _extend(loan, days):
    """Move the day on which a book is due."""
    if loan is None:  # planted
        raise LookupError("no such loan")
    loan.due += timedelta(days=days)
    loan.extensions += 1
    return loan.due


def extend_by_week(loan):
    """Give the reader one more week."""
    if loan is None:
        raise LookupError("no such loan")
    return _extend(loan, 7)


# --- async-helper
import aiofiles


async def _store(path, content):
    if len(content) > 1_000_000:  # planted
        raise ValueError("the attachment is too large")
    async with aiofiles.open(path, "wb") as file:
        await file.write(content)


async def save_attachment(directory, name, content):
    """Store what came with a message."""
    path = directory / name
    if len(content) > 1_000_000:
        raise ValueError("the attachment is too large")
    await _store(path, content)
    return path


# --- twice-in-one-function
def transfer(source, target, cents):
    """Move money from one account to another."""
    if cents <= 0:
        raise ValueError("the amount must be positive")
    fee = 0 if source.bank == target.bank else 35
    if source.balance < cents + fee:
        raise ValueError("not enough money")
    if cents <= 0:  # planted
        raise ValueError("the amount must be positive")
    source.balance -= cents + fee
    target.balance += cents
    return fee


# --- twice-isinstance
import json


def merge_settings(base, override):
    """Return the settings with the user's own on top."""
    if not isinstance(override, dict):
        raise TypeError("settings must be a mapping")
    merged = json.loads(json.dumps(base))
    depth = len(merged)
    if not isinstance(override, dict):  # planted
        raise TypeError("settings must be a mapping")
    merged.update(override)
    merged["depth"] = depth
    return merged


# --- twice-in-a-method
class Calendar:
    """Appointments of a practice."""

    def __init__(self):
        self.entries = []

    def book(self, start, end, patient):
        """Enter an appointment."""
        if end <= start:
            raise ValueError("an appointment must end after it starts")
        minutes = (end - start).total_seconds() / 60
        label = f"{patient} ({minutes:.0f} min)"
        if end <= start:  # planted
            raise ValueError("an appointment must end after it starts")
        self.entries.append((start, end, label))
        return label


# --- public-helper-same-file
import re


def slug(title):
    """Return a title as a part of an address."""
    if not title:  # planted
        raise ValueError("title is empty")
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")


def publish(site, title, body):
    """Put a page on the site."""
    if not title:
        raise ValueError("title is empty")
    address = slug(title)
    site.write(address, f"# {title}\n\n{body}")
    return address


# --- static-method
class Colour:
    """A colour of the theme."""

    def __init__(self, code):
        self.code = code

    @staticmethod
    def _parse(code):
        if len(code) != 7:  # planted
            raise ValueError("a colour looks like #a0b1c2")
        return tuple(int(code[i : i + 2], 16) for i in (1, 3, 5))

    @classmethod
    def is_dark(cls, code):
        if len(code) != 7:
            raise ValueError("a colour looks like #a0b1c2")
        return sum(cls._parse(code)) < 384


# --- nested-helper
def paginate(items, size):
    """Return the items in pages of one size."""

    def cut(count):
        if count < 1:  # planted
            raise ValueError("a page has at least one item")
        return [items[start : start + count] for start in range(0, len(items), count)]

    if size < 1:
        raise ValueError("a page has at least one item")
    pages = cut(size)
    return {"pages": pages, "count": len(pages)}


# --- membership-guard
STATES = {"new", "paid", "sent", "closed"}


def _move(order, state):
    """Write the change into the order's history."""
    if state not in STATES:  # planted
        raise ValueError(f"unknown state: {state}")
    order.history.append((order.state, state))
    order.state = state


def advance(orders, number, state):
    """Put an order into another state."""
    order = orders[number]
    if state not in STATES:
        raise ValueError(f"unknown state: {state}")
    _move(order, state)
    return order


# --- keyword-argument
from pathlib import Path


def _read_table(source, *, separator):
    if len(separator) != 1:  # planted
        raise ValueError("the separator is one character")
    return [line.split(separator) for line in source.read_text().splitlines()]


def load(directory, name, separator=","):
    """Return the cells of a table."""
    path = Path(directory, name).with_suffix(".csv")
    if len(separator) != 1:
        raise ValueError("the separator is one character")
    return _read_table(path, separator=separator)


# --- attribute-guard
def _total(order):
    if not order.lines:  # planted
        raise ValueError("the order is empty")
    return sum(line.count * line.price for line in order.lines)


def checkout(order, till):
    """Take the money for an order."""
    if not order.lines:
        raise ValueError("the order is empty")
    due = _total(order)
    till.receive(due)
    order.paid = True
    return due


# --- two-part-condition
def _open_port(number):
    """Return the rule that opens a port."""
    if number < 1 or number > 65535:  # planted
        raise ValueError("not a port")
    return f"-A INPUT -p tcp --dport {number} -j ACCEPT"


class Firewall:
    """Rules of a host."""

    def __init__(self):
        self.rules = []

    def allow(self, port):
        if port < 1 or port > 65535:
            raise ValueError("not a port")
        self.rules.append(_open_port(port))


# --- three-callers-methods
class Store:
    """Documents by their key."""

    def __init__(self, backend):
        self.backend = backend

    def _path(self, key):
        if "/" in key:  # planted
            raise KeyError(key)
        return f"documents/{key}.json"

    def get(self, key):
        if "/" in key:
            raise KeyError(key)
        return self.backend.read(self._path(key))

    def put(self, key, text):
        if "/" in key:
            raise KeyError(key)
        self.backend.write(self._path(key), text)

    def delete(self, key):
        if "/" in key:
            raise KeyError(key)
        self.backend.remove(self._path(key))


# --- async-twice
async def invite(team, address, mailer):
    """Invite somebody into a team."""
    if "@" not in address:
        raise ValueError(f"no mail address: {address}")
    local, _, host = address.rpartition("@")
    greeting = local.replace(".", " ").title()
    text = f"Hello {greeting}, {team} would like to work with {host}."
    if "@" not in address:  # planted
        raise ValueError(f"no mail address: {address}")
    await mailer.send(address, "Invitation", text)
    return greeting


# --- two-guards-one-repeated
def _resample(samples, rate):
    """Return the samples at another rate."""
    if rate <= 0:  # planted
        raise ValueError("the rate must be positive")
    step = 44100 / rate
    return [samples[int(index * step)] for index in range(int(len(samples) / step))]


def shrink(recording, rate):
    """Return a recording at a lower rate."""
    if recording.locked:
        raise PermissionError("the recording is locked")
    if rate <= 0:
        raise ValueError("the rate must be positive")
    recording.samples = _resample(recording.samples, rate)
    return recording


# --- positional-second-argument
from decimal import Decimal


def _convert(amount, rates, currency):
    if currency not in rates:  # planted
        raise KeyError(currency)
    return (Decimal(amount) * rates[currency]).quantize(Decimal("0.01"))


def quote(rates, amount, target):
    """Return the price in a visitor's currency."""
    if target not in rates:
        raise KeyError(target)
    price = _convert(amount, rates, target)
    return f"{price} {target}"


# --- type-name-guard
from collections.abc import Mapping


def _flatten(tree, prefix):
    flat = {}
    for key, value in tree.items():
        flat[f"{prefix}{key}"] = value
    return flat


def _environment(section):
    """Return a section as environment variables."""
    if not isinstance(section, Mapping):  # planted
        raise TypeError("a section must be a mapping")
    return {key.upper(): str(value) for key, value in _flatten(section, "APP_").items()}


def spawn(run, command, options):
    """Start a command with the options in its environment."""
    if not isinstance(options, Mapping):
        raise TypeError("a section must be a mapping")
    return run(command, env=_environment(options))
