# --- nested-loop-join
def attach_addresses(customers: list, addresses: list) -> list:
    """Return each customer with the address that belongs to him."""
    result = []
    for customer in customers:
        for address in addresses:  # planted
            if customer.id == address.customer_id:
                result.append((customer.name, address.street, address.city))
    result.sort()
    print(f"{len(result)} addresses")
    return result


# --- nested-loop-dict-rows
import csv


def read_rows(path):
    """Return the rows of a table."""
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def merge_prices(articles_path, prices_path):
    """Write the prices into the articles."""
    articles = read_rows(articles_path)
    prices = read_rows(prices_path)
    for article in articles:
        for price in prices:  # planted
            if price["sku"] == article["sku"]:
                article["price"] = price["amount"]
                break
    return articles


# --- comprehension-join
def enrolments(students: list, courses: list) -> list[tuple[str, str]]:
    """Return who takes part in which course."""
    active = [course for course in courses if not course.cancelled]
    pairs = [(s.name, c.title) for s in students for c in active if c.code == s.course]  # planted
    pairs.sort()
    if not pairs:
        raise LookupError("nobody takes part in anything")
    for name, title in pairs:
        print(f"{name:30} {title}")
    return pairs


# --- membership-annotated-parameter
def remove_blocked(messages, blocked: list[str]):
    """Return the messages of those who are not blocked."""
    kept = []
    for message in messages:
        sender = message.sender.lower()
        if sender in blocked:  # planted
            continue
        message.text = message.text.strip()
        kept.append(message)
    return kept


# --- membership-in-comprehension
from pathlib import Path


def missing_files(expected, directory):
    """Return the names of the files that should be in a directory, and are not."""
    present = sorted(path.name for path in Path(directory).iterdir())
    wanted = [name.strip() for name in expected]
    missing = [name for name in wanted if name not in present]  # planted
    if missing:
        print(f"{len(missing)} of {len(present) + len(missing)} files are missing")
    return missing


# --- membership-list-call
def new_subscribers(database, uploaded):
    """Return the uploaded addresses that we do not know yet."""
    known = list(database.addresses())
    added = []
    for line in uploaded:
        address = line.strip().lower()
        if "@" not in address:
            continue
        if address not in known:  # planted
            added.append(address)
    return added


# --- membership-split
class SpellChecker:
    """Finds words that are not in the dictionary."""

    def __init__(self, path):
        self.path = path

    def unknown(self, words):
        with open(self.path, encoding="utf-8") as file:
            dictionary = file.read().split()
        count = 0
        for word in words:
            if word.casefold() not in dictionary:  # planted
                print(word)
                count += 1
        return count


# --- membership-comprehension-list
def overdue_loans(loans, members):
    """Return the loans of those whose membership has ended."""
    ended = [member.number for member in members if member.left is not None]
    overdue = []
    total = 0
    for loan in loans:
        if loan.member in ended:  # planted
            overdue.append(loan)
            total += loan.value
    print(f"{len(overdue)} loans, worth {total}")
    return overdue


# --- dedupe-idiom
def unique_tags(articles):
    """Return all tags, in the order in which they first occur."""
    tags = []
    for article in articles:
        if article.draft:
            continue
        tag = article.main_tag.lower()
        if tag not in tags:  # planted
            tags.append(tag)
    return tags


# --- list-index
def rank_players(players: list[str], scores):
    """Return the place of each player who has a score."""
    by_score = sorted(scores, key=scores.get, reverse=True)
    table = {}
    for player in players:
        if player not in scores:
            table[player] = None
            continue
        table[player] = by_score.index(player) + 1  # planted
    return table


# --- list-count
def word_frequencies(text):
    """Return how often each word occurs."""
    words = text.lower().split()
    frequencies = {}
    for word in words:
        if len(word) < 3:
            continue
        frequencies[word] = words.count(word)  # planted
    ordered = sorted(frequencies.items(), key=lambda pair: -pair[1])
    return dict(ordered[:50])


# --- list-remove
def match_payments(payments, open_numbers: list[int]) -> list[int]:
    """Return the numbers of the invoices that nobody has paid."""
    for payment in payments:
        if payment.cancelled or payment.number is None:
            continue
        try:
            open_numbers.remove(payment.number)  # planted
        except ValueError:
            print(f"no open invoice {payment.number}")
    open_numbers.sort()
    return open_numbers


# --- next-generator
def label_measurements(measurements, sensors: list):
    """Write the sensors' names next to what they measured."""
    lines = []
    for measurement in measurements:
        sensor = next((one for one in sensors if one.id == measurement.sensor_id), None)  # planted
        if sensor is None:
            lines.append("?")
            continue
        lines.append(f"{sensor.name}: {measurement.value} {sensor.unit}")
    return "\n".join(lines)


# --- self-attribute-list
class Blocklist:
    """Hosts that we do not talk to."""

    def __init__(self):
        self.hosts: list[str] = []

    def load(self, path):
        with open(path, encoding="ascii") as file:
            self.hosts = [line.strip() for line in file]

    def filter(self, requests):
        passed = []
        for request in requests:
            if request.host not in self.hosts:  # planted
                passed.append(request)
        return passed


# --- dataclass-list-field
from dataclasses import dataclass, field


@dataclass
class Election:
    """Votes of those who may vote."""

    voters: list[int] = field(default_factory=list)
    invalid: int = 0

    def count(self, ballots):
        votes = {}
        for ballot in ballots:
            if ballot.voter not in self.voters:  # planted
                self.invalid += 1
                continue
            votes[ballot.choice] = votes.get(ballot.choice, 0) + 1
        return votes


# --- while-visited-list
def reachable(graph, start):
    """Return the nodes that can be reached from a node."""
    visited = []
    waiting = [start]
    while waiting:
        node = waiting.pop()
        if node in visited:  # planted
            continue
        visited.append(node)
        waiting.extend(graph.get(node, ()))
    return visited


# --- inner-comprehension
from typing import List


def with_comments(posts: List, comments: List):
    """Return the posts as the template wants them."""
    context = []
    for post in posts:
        replies = [comment.text for comment in comments if comment.post_id == post.id]  # planted
        context.append({"title": post.title, "body": post.body, "comments": replies})
    context.reverse()
    return context


# --- async-membership
import httpx


async def archive_repositories(client: httpx.AsyncClient, names: list[str]) -> int:
    """Archive the repositories that nobody uses any more."""
    answer = await client.get("/repositories", params={"unused": "true"})
    answer.raise_for_status()
    count = 0
    for repository in answer.json():
        if repository["name"] in names:  # planted
            changed = await client.patch(f"/repositories/{repository['id']}", json={"archived": True})
            changed.raise_for_status()
            count += 1
    return count


# --- nested-loop-reversed-comparison
class Timetable:
    """Lessons and the rooms in which they take place."""

    def __init__(self, lessons, rooms):
        self.lessons = list(lessons)
        self.rooms = list(rooms)

    def seats(self):
        seats = {}
        for lesson in self.lessons:
            for room in self.rooms:  # planted
                if room.number == lesson.room:
                    seats[lesson.title] = room.seats - lesson.pupils
        return seats


# --- nested-function-membership
def make_validator(codes):
    """Return a function that checks the lines of an order."""

    def validate(lines):
        allowed = sorted(codes)
        wrong = []
        for number, line in enumerate(lines, 1):
            if line.code not in allowed:  # planted
                wrong.append(f"line {number}: unknown code {line.code}")
        return wrong

    return validate


# --- module-level-readlines
import sys

with open("stopwords.txt", encoding="utf-8") as file:
    STOPWORDS = [line.strip() for line in file]

counts = {}
for raw in sys.stdin:
    word = raw.strip().lower()
    if word in STOPWORDS:  # planted
        continue
    counts[word] = counts.get(word, 0) + 1

for word in sorted(counts, key=counts.get):
    print(counts[word], word)


# --- index-of-mapped-list
def to_edges(vertices, links):
    """Return the links as pairs of numbers, for the layout program."""
    names = list(map(str.strip, vertices))
    edges = []
    for link in links:
        target = link.target.strip()
        if not target:
            continue
        edges.append((link.weight, names.index(target)))  # planted
    edges.sort(reverse=True)
    return edges


# --- three-part-join-condition
def reconcile(statement: list, bookings: list):
    """Return the lines of a bank statement for which there is a booking."""
    found = []
    for line in statement:
        if line.amount == 0:
            continue
        for booking in bookings:  # planted
            if booking.reference == line.reference and booking.amount == line.amount:
                found.append((line, booking))
                break
    return found


# --- next-generator-dict-rows
import requests


def teams_of(users, base):
    """Return the name of each user's team."""
    answer = requests.get(f"{base}/teams", timeout=10)
    answer.raise_for_status()
    teams: list[dict] = answer.json()
    names = {}
    for user in users:
        team = next((team for team in teams if team["id"] == user.team_id), None)  # planted
        names[user.login] = team["name"] if team else "-"
    return names
