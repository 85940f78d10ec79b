# --- for-over-comprehension
def send_reminders(members, today, mailer):
    """Remind the members whose fee is due."""
    count = 0
    for address in [member.address.lower() for member in members if member.due < today]:  # planted
        mailer.send(address, "Your fee is due")
        count += 1
    if count:
        mailer.flush()
    print(f"{count} reminders sent")
    return count


# --- sum-of-comprehension
class Cart:
    """What a customer is going to buy."""

    def __init__(self, lines):
        self.lines = lines

    def total(self, voucher=None):
        value = sum([line.price * line.count for line in self.lines])  # planted
        if voucher is not None and voucher.minimum <= value:
            value -= voucher.value
        return max(value, 0)


# --- any-of-comprehension
import re

SECRET = re.compile(r"(password|token|secret)\s*=", re.IGNORECASE)


def leaks_secret(lines):
    """Tell whether a configuration shows a secret."""
    found = any([SECRET.search(line) for line in lines])  # planted
    if found:
        print("there is a secret in the configuration")
    return found


# --- all-of-comprehension-async
import httpx


async def is_healthy(client: httpx.AsyncClient, services):
    """Tell whether all services that we need are up."""
    answer = await client.get("/status")
    answer.raise_for_status()
    states = answer.json()["services"]
    healthy = all([states[service] == "up" for service in services])  # planted
    if not healthy:
        print(f"not all of {len(services)} services are up")
    return healthy


# --- list-map-iterated
from pathlib import Path


def show_sizes(directory):
    """Print the size of each file in kilobytes."""
    paths = sorted(Path(directory).iterdir())
    total = 0
    for stat in list(map(Path.stat, paths)):  # planted
        kilobytes = stat.st_size / 1024
        total += kilobytes
        print(f"{kilobytes:10.1f}")
    print(f"{total:10.1f}")


# --- readlines-loop
def parse_hosts(path):
    """Return the addresses of a hosts file by name."""
    addresses = {}
    with open(path, encoding="ascii") as file:
        for line in file.readlines():  # planted
            line = line.partition("#")[0].strip()
            if not line:
                continue
            address, *names = line.split()
            for name in names:
                addresses[name] = address
    return addresses


# --- variable-then-sum
def occupied_hours(bookings, room):
    """Return how long a room is in use."""
    if not bookings:
        return 0.0
    if room.closed:
        return 24.0
    booked = (booking for booking in bookings if booking.room == room)
    durations = [(booking.end - booking.start).total_seconds() for booking in booked]  # planted
    seconds = sum(durations)
    return seconds / 3600


# --- variable-then-loop
def index_words(documents):
    """Return the numbers of the documents in which each word occurs."""
    index = {}
    if not documents:
        return index
    cleaned = [(document.number, document.text.lower()) for document in documents]  # planted
    for number, text in cleaned:
        for word in text.split():
            index.setdefault(word.strip(".,;"), set()).add(number)
    return index


# --- filter-then-group
from collections import defaultdict


class Report:
    """Turnover of a shop by country."""

    def __init__(self, orders):
        self.orders = orders

    def by_country(self, year):
        paid = [order for order in self.orders if order.paid and order.placed.year == year]  # planted
        totals = defaultdict(int)
        for order in paid:
            totals[order.country] += order.total
        return dict(totals)


# --- max-of-comprehension
def column_widths(rows):
    """Return how wide each column of a table must be."""
    widths = []
    if not rows:
        return widths
    for column in range(len(rows[0])):
        widest = max([len(str(row[column])) for row in rows])  # planted
        if widest == 0:
            continue
        widths.append(min(widest, 40))
    return widths


# --- min-with-key
def nearest(stations, lat, lon):
    """Return the name of the station next to a point, and its distance."""

    def second(pair):
        return pair[1]

    name, away = min([(s.name, abs(s.lat - lat) + abs(s.lon - lon)) for s in stations], key=second)  # planted
    if away > 5:
        raise LookupError("no station near this point")
    return name, away


# --- set-of-comprehension
from email.utils import parseaddr


def sender_domains(messages):
    """Return the domains from which messages came."""
    domains = set([parseaddr(message["From"])[1].rpartition("@")[2].lower() for message in messages])  # planted
    domains.discard("")
    if "example.com" in domains:
        domains.discard("mail.example.com")
    return domains


# --- tuple-targets-zip
def compare(old, new, report):
    """Report which prices have changed."""
    changed = 0
    for name, before, after in [(o.name, o.price, n.price) for o, n in zip(old, new)]:  # planted
        if before == after:
            continue
        changed += 1
        report.write(f"{name}: {before} -> {after}\n")
    report.write(f"{changed} prices changed\n")
    return changed


# --- list-filter-iterated
import os


def remove_temporary_files(directory):
    """Delete the files that a crashed run has left."""
    freed = 0
    names = os.listdir(directory)
    for name in list(filter(lambda one: one.endswith(".tmp"), names)):  # planted
        path = os.path.join(directory, name)
        freed += os.path.getsize(path)
        os.unlink(path)
    return freed


# --- module-level
import os

PREFIX = "APP_"
settings = {}

for key, value in [(k[len(PREFIX):].lower(), v) for k, v in os.environ.items() if k.startswith(PREFIX)]:  # planted
    if value in ("yes", "no"):
        value = value == "yes"
    settings[key] = value


def setting(name, default=None):
    """Return a setting from the environment."""
    return settings.get(name, default)


# --- variable-list-map-any
def has_duplicate_owner(cars, registry):
    """Tell whether one of the cars has more than one owner."""
    if registry.closed:
        raise RuntimeError("the registry is closed")
    numbers = (car.plate for car in cars)
    owners = list(map(registry.owners, numbers))  # planted
    suspicious = any(len(names) > 1 for names in owners)
    if suspicious:
        registry.mark_for_review()
    return suspicious


# --- readlines-path-open
from pathlib import Path


class LogReader:
    """Counts what happened, from a web server's log."""

    def __init__(self, path):
        self.path = Path(path)

    def errors(self):
        count = 0
        with self.path.open(encoding="utf-8") as log:
            lines = log.readlines()  # planted
            for line in lines:
                if " 500 " in line:
                    count += 1
        return count


# --- nested-function-sum
def make_scorer(weights):
    """Return a function that rates an answer."""
    scale = 100 / (len(weights) or 1)

    def score(answer):
        points = [weight * answer.get(question, 0) for question, weight in weights.items()]  # planted
        result = scale * sum(points)
        return round(result)

    return score


# --- variable-then-sum-and-average
def average_wait(patients):
    """Return how many minutes patients wait on average."""
    called = [patient for patient in patients if patient.called_at is not None]
    if not called:
        return 0
    minutes = [(patient.called_at - patient.arrived_at).seconds / 60 for patient in called]  # planted
    total = sum(minutes)
    average = total / len(called)
    if average < 1:
        return 1
    return round(average, 1)


# --- variable-then-max
class Thermostat:
    """Watches the rooms of a house."""

    def __init__(self, sensors):
        self.sensors = sensors

    def hottest(self):
        if not self.sensors:
            raise LookupError("there are no sensors")
        readings = [sensor.celsius + sensor.offset for sensor in self.sensors]  # planted
        highest = max(readings)
        return f"{highest:.1f} °C"


# --- async-function-loop
async def announcement(store, text):
    """Return an announcement, with the readers that it will reach."""
    rooms = await store.rooms()
    reach = {}
    for name, members in [(room.name, room.members) for room in rooms if not room.muted]:  # planted
        if members:
            reach[name] = len(members)
    await store.remember(text, reach)
    lines = text.splitlines() or [""]
    return {"lines": lines, "reach": reach}


# --- variable-then-set
import ast


def imported_modules(source):
    """Return the modules that a piece of source imports."""
    tree = ast.parse(source)
    imports = (node for node in ast.walk(tree) if isinstance(node, ast.Import))
    names = [alias.name.split(".")[0] for node in imports for alias in node.names]  # planted
    modules = set(names)
    modules.discard("__future__")
    return modules


# --- group-in-two-passes-dict
import csv


def votes_by_district(path, party):
    """Return a party's votes in each district."""
    result = {}
    with open(path, newline="", encoding="utf-8") as file:
        matching = [row for row in csv.DictReader(file) if row["party"] == party]  # planted
        for row in matching:
            district = row["district"]
            result[district] = result.get(district, 0) + int(row["votes"])
    return result


# --- all-with-variable
def is_complete(form, required):
    """Tell whether a form has been filled in."""
    filled = [bool(form.get(name, "").strip()) for name in required]  # planted
    if all(filled):
        form["state"] = "complete"
        form["open"] = False
        return True
    form["state"] = "open"
    form["open"] = True
    return False
