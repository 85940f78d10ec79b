# --- sqlite-connection-in-a-for
import sqlite3


def names_of(path, user_ids):
    """Return the names of some users, in the order of their ids."""
    db = sqlite3.connect(path)
    names = []
    for user_id in user_ids:
        row = db.execute("SELECT name FROM users WHERE id = ?", (user_id,)).fetchone()  # planted
        if row is not None:
            names.append(row[0])
    db.close()
    return names


# --- psycopg2-cursor
import psycopg2


def stock_of(dsn, articles):
    """Return how many pieces of each article lie in the warehouse."""
    amounts = {}
    connection = psycopg2.connect(dsn, connect_timeout=5)
    with connection, connection.cursor() as cur:
        for article in articles:
            cur.execute("SELECT amount FROM stock WHERE sku = %s", (article.sku,))  # planted
            row = cur.fetchone()
            amounts[article.sku] = row[0] if row else 0
    connection.close()
    return amounts


# --- django-get-in-a-for
from shop.models import Customer


def attach_customers(orders):
    """Give each order the customer that it belongs to."""
    attached = []
    for order in orders:
        if order.customer_id is None:
            continue
        order.buyer = Customer.objects.get(pk=order.customer_id)  # planted
        attached.append(order)
    return attached


# --- django-count-in-a-comprehension
from blog.models import Comment


class PostSerializer:
    """What the overview shows of posts."""

    def __init__(self, posts):
        self.posts = posts

    def comment_counts(self):
        return {
            post.slug: Comment.objects.filter(post_id=post.pk, approved=True).count()  # planted
            for post in self.posts
        }


# --- flask-sqlalchemy-query-get
from app.models import Track


def playlist_length(playlist):
    """Return the seconds that a playlist takes, and the tracks that are gone."""
    seconds, missing = 0, []
    for entry in playlist.entries:
        track = Track.query.get(entry.track_id)  # planted
        if track is None:
            missing.append(entry.track_id)
        else:
            seconds += track.seconds
    return seconds, missing


# --- sqlalchemy-session-get
from sqlalchemy.orm import Session

from app.models import Employee


def notify_managers(session: Session, requests, send):
    """Tell the manager of each person who asked for leave."""
    for leave in requests:
        manager = session.get(Employee, leave.manager_id)  # planted
        if manager is None or manager.away:
            continue
        send(manager.mail, f"{leave.person} asks for {leave.days} days off")


# --- select-in-execute
from sqlalchemy import create_engine, select
from sqlalchemy.orm import Session

from app.models import Price


def current_prices(url, skus):
    """Return the newest price of each article."""
    engine = create_engine(url)
    prices = {}
    with Session(engine) as session:
        for sku in skus:
            newest = select(Price.amount).where(Price.sku == sku).order_by(Price.since.desc())
            prices[sku] = session.execute(newest.limit(1)).scalar_one_or_none()  # planted
    return prices


# --- query-filter-first
from app.models import Tag


class TagImporter:
    """Turns the words of an import into tags."""

    def __init__(self, session):
        self.session = session

    def tags(self, words):
        tags = []
        for word in sorted(set(words)):
            tag = self.session.query(Tag).filter(Tag.name == word.lower()).first()  # planted
            if tag is None:
                tag = Tag(name=word.lower())
                self.session.add(tag)
            tags.append(tag)
        return tags


# --- requests-per-item
import requests

API = "https://hr.example.org/api/v1"


def departments(people):
    """Return the department of each person."""
    found = {}
    for person in people:
        response = requests.get(f"{API}/people/{person.id}", timeout=5)  # planted
        response.raise_for_status()
        found[person.id] = response.json()["department"]
    return found


# --- http-session-in-a-comprehension
from requests import Session as HttpSession


def build_states(build_numbers, token):
    """Return the state of each build, by its number."""
    with HttpSession() as http:
        http.headers["Authorization"] = f"Bearer {token}"
        answers = [
            http.get(f"https://ci.example.org/builds/{number}", timeout=5)  # planted
            for number in build_numbers
        ]
    return {number: answer.json()["state"] for number, answer in zip(build_numbers, answers)}


# --- httpx-client-on-self
import httpx


class Catalogue:
    """Articles as the catalogue service knows them."""

    def __init__(self, base_url):
        self.client = httpx.Client(base_url=base_url)

    def close(self):
        self.client.close()

    def titles(self, basket):
        titles = []
        for position, item in enumerate(basket, 1):
            answer = self.client.get("/articles", params={"sku": item.sku})  # planted
            titles.append(f"{position}. {answer.json()['title']}")
        return titles


# --- dynamodb-table
import boto3


def load_profiles(user_ids):
    """Return the profiles of the users that have one."""
    table = boto3.resource("dynamodb").Table("profiles")
    profiles = {}
    for user_id in user_ids:
        found = table.get_item(Key={"user_id": user_id})  # planted
        if "Item" in found:
            profiles[user_id] = found["Item"]
    return profiles


# --- mongo-collection-parameter
from pymongo.collection import Collection


def enrich(events: list[dict], devices: Collection) -> list[dict]:
    """Add to each event where its device stands."""
    enriched = []
    for event in events:
        device = devices.find_one({"_id": event["device_id"]})  # planted
        location = device["location"] if device else "unknown"
        enriched.append({**event, "location": location})
    return enriched


# --- redis-on-self
import redis


class Presence:
    """Who is online, as the gateways wrote it."""

    def __init__(self, host):
        self.cache = redis.Redis(host=host, socket_timeout=2)

    def online(self, members):
        present = []
        for member in members:
            if self.cache.get(f"presence:{member.id}"):  # planted
                present.append(member.name)
        return present


# --- s3-head-object
import boto3


def archive_size(bucket, keys):
    """Return the bytes that some objects take together."""
    s3 = boto3.client("s3")
    total = 0
    for key in keys:
        head = s3.head_object(Bucket=bucket, Key=key)  # planted
        total += head["ContentLength"]
        if head.get("StorageClass") == "GLACIER":
            print(f"{key} is archived")
    return total


# --- helper-function
import sqlite3


def find_author(db: sqlite3.Connection, author_id):
    """Return the name of an author."""
    row = db.execute("SELECT name FROM authors WHERE id = ?", (author_id,)).fetchone()  # planted
    return row[0] if row else "unknown"


def bibliography(db: sqlite3.Connection, books):
    """Return a line for each book."""
    lines = []
    for book in books:
        author = find_author(db, book.author_id)  # planted
        lines.append(f"{author}: {book.title} ({book.year})")
    return sorted(lines)


# --- helper-method
import requests


class IssueReport:
    """A table of issues with those who work on them."""

    def __init__(self, base):
        self.base = base
        self.http = requests.Session()

    def _assignee(self, login):
        answer = self.http.get(f"{self.base}/users/{login}", timeout=5)  # planted
        return answer.json()["name"]

    def rows(self, issues):
        rows = []
        for issue in issues:
            rows.append((issue.number, self._assignee(issue.assignee)))  # planted
        return rows


# --- derived-key-in-a-nested-loop
import sqlite3


class Importer:
    """Reads sheets of measurements."""

    def __init__(self, path):
        self.connection = sqlite3.connect(path)

    def unknown_sensors(self, sheets):
        unknown = set()
        cursor = self.connection.cursor()
        for sheet in sheets:
            for row in sheet:
                serial = row["sensor"].strip().upper()
                cursor.execute("SELECT 1 FROM sensors WHERE serial = ?", [serial])  # planted
                if cursor.fetchone() is None:
                    unknown.add(serial)
        return unknown


# --- asyncpg-fetchrow
import asyncpg


async def last_logins(pool_url: str, logins: list[str]) -> dict:
    """Return when each user logged in last."""
    connection: asyncpg.Connection = await asyncpg.connect(pool_url)
    seen = {}
    try:
        for login in logins:
            row = await connection.fetchrow("SELECT max(at) FROM logins WHERE login = $1", login)  # planted
            seen[login] = row[0]
    finally:
        await connection.close()
    return seen


# --- async-sqlalchemy-scalar
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.models import Vote


async def tally(session: AsyncSession, candidates):
    """Return the votes for each candidate, the winner first."""
    votes = []
    for candidate in candidates:
        query = select(func.count()).where(Vote.candidate_id == candidate.id)
        count = await session.scalar(query)  # planted
        votes.append((count, candidate.name))
    return sorted(votes, reverse=True)


# --- django-exists-in-a-generator
def new_subscribers(rows, newsletter):
    """Yield the addresses of an upload that have not subscribed yet."""
    from newsletters.models import Subscription

    for number, row in enumerate(rows):
        address = row["email"].lower()
        if "@" not in address:
            print(f"row {number}: no address")
            continue
        if not Subscription.objects.filter(newsletter=newsletter, email=address).exists():  # planted
            yield address


# --- items-of-a-dictionary
from inventory.models import Warehouse


def transfer_plan(demand):
    """Return from where each shop is supplied, and with how much."""
    plan = []
    for shop, amount in demand.items():
        nearest = Warehouse.objects.filter(region=shop.region).order_by("distance").first()  # planted
        if nearest is None:
            raise LookupError(f"no warehouse for {shop.name}")
        plan.append((shop.name, nearest.name, min(amount, nearest.stock)))
    return plan


# --- urlopen-per-package
import json
from urllib.request import urlopen


def outdated(installed):
    """Return the packages of which a newer version exists."""
    found = []
    for name, version in sorted(installed.items()):
        with urlopen(f"https://index.example.org/pypi/{name}/json", timeout=10) as answer:  # planted
            newest = json.load(answer)["info"]["version"]
        if newest != version:
            found.append((name, version, newest))
    return found


# --- async-httpx-client
import httpx


async def translations(base: str, keys: list[str], language: str) -> dict[str, str]:
    """Return the texts of some keys in one language."""
    texts: dict[str, str] = {}
    async with httpx.AsyncClient(base_url=base) as client:
        for key in keys:
            answer = await client.get(f"/texts/{language}/{key}")  # planted
            answer.raise_for_status()
            texts[key] = answer.json()["text"]
    return texts
