# --- query-all-comprehension
def active_users(session, User):
    """Return the users that may log in."""
    users = [user for user in session.query(User).all() if user.active == True]  # planted
    users.sort(key=lambda user: user.name)
    names = []
    for user in users:
        names.append(f"{user.name} <{user.email}>")
    return names


# --- fetchall-loop-if
import sqlite3


def open_orders(path, customer):
    """Return the open orders of a customer."""
    connection = sqlite3.connect(path)
    try:
        cursor = connection.cursor()
        cursor.execute("SELECT id, customer, status, total FROM orders")
        rows = cursor.fetchall()  # planted
    finally:
        connection.close()
    found = []
    for row in rows:  # planted
        if row[1] == customer and row[2] == "open":  # planted
            found.append(row)
    return found


# --- len-of-all
class Statistics:
    """Numbers for the dashboard."""

    def __init__(self, session, Order):
        self.session = session
        self.Order = Order

    def orders(self):
        return len(self.session.query(self.Order).all())  # planted


# --- django-objects-all-loop
from django.db import models


class Ticket(models.Model):
    title = models.CharField(max_length=200)
    status = models.CharField(max_length=20)


def urgent_titles():
    """Return the titles of the urgent tickets."""
    titles = []
    for ticket in Ticket.objects.all():  # planted
        if ticket.status == "urgent":  # planted
            titles.append(ticket.title)
    return titles


# --- max-of-rows
def latest_reading(session, Reading):
    """Return the newest reading."""
    readings = session.query(Reading).all()  # planted
    if not readings:
        return None
    newest = max(readings, key=lambda reading: reading.taken_at)  # planted
    return newest.value, newest.taken_at


# --- sorted-then-cut
def top_scores(cursor, limit=10):
    """Return the best players of the season."""
    cursor.execute("SELECT player, score FROM scores")
    rows = cursor.fetchall()  # planted
    best = sorted(rows, key=lambda row: row[1], reverse=True)[:limit]  # planted
    table = []
    for place, (player, score) in enumerate(best, 1):
        table.append({"place": place, "player": player, "score": score})
    return table


# --- sum-of-attribute
from sqlalchemy.orm import Session


def revenue(session: Session, Invoice, currency="EUR"):
    """Return what was invoiced so far."""
    total = sum(invoice.amount for invoice in session.query(Invoice).all())  # planted
    return {"revenue": total, "currency": currency}


# --- list-of-all-first
from django.db import models


class Announcement(models.Model):
    text = models.TextField()
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-created"]


def newest_announcement():
    """Return the newest announcement's text."""
    announcement = list(Announcement.objects.all())[0]  # planted
    return announcement.text


# --- dynamodb-table-scan
import boto3


def devices_of(owner):
    """Return the devices of one owner."""
    table = boto3.resource("dynamodb").Table("devices")
    items = table.scan()["Items"]  # planted
    return [item for item in items if item["owner"] == owner]  # planted


# --- dynamodb-self-attribute
import boto3


class Subscriptions:
    """Subscriptions in a DynamoDB table."""

    def __init__(self, name):
        dynamodb = boto3.resource("dynamodb", region_name="eu-central-1")
        self.table = dynamodb.Table(name)

    def add(self, item):
        self.table.put_item(Item=item)

    def expired(self, today):
        found = []
        for item in self.table.scan()["Items"]:  # planted
            if item["expires"] < today:  # planted
                found.append(item["id"])
        return found


# --- dynamodb-client-local-import
def failed_jobs(region):
    """Return the numbers of the jobs that failed."""
    import boto3 as aws

    client = aws.client("dynamodb", region_name=region)
    reply = client.scan(TableName="jobs")  # planted
    return [
        item["number"]["N"]
        for item in reply["Items"]  # planted
        if item["state"]["S"] == "failed"  # planted
    ]


# --- get-all-helper
class Desk:
    """What the hotline needs to know."""

    def __init__(self, repository):
        self.repository = repository

    def find_customer(self, email):
        for customer in self.repository.get_all_customers():  # planted
            if customer.email == email:  # planted
                return customer
        raise LookupError(email)


# --- fetch-all-next
class Accounts:
    """Accounts of the billing service."""

    def __init__(self, api):
        self.api = api

    def by_number(self, number):
        accounts = self.api.fetch_all_accounts()  # planted
        return next((account for account in accounts if account["number"] == number), None)  # planted


# --- list-all-async
async def running_servers(cloud, region):
    """Return the servers of a region that run."""
    servers = await cloud.list_all_servers()  # planted
    running = []
    for server in servers:  # planted
        if server.region != region or server.state != "running":  # planted
            continue
        running.append(server)
    return running


# --- load-all-count
def overdue_count(library, today):
    """Return how many loans are overdue."""
    loans = library.load_all_loans()  # planted
    count = sum(1 for loan in loans if loan.due < today)  # planted
    if count > 100:
        library.alert(f"{count} loans are overdue")
    library.metrics["overdue"] = count
    return count


# --- filter-lambda
def shipped(session, Parcel, carrier):
    """Return the parcels that a carrier took."""
    parcels = session.query(Parcel).all()  # planted
    mine = list(filter(lambda parcel: parcel.carrier == carrier, parcels))  # planted
    for parcel in mine:
        parcel.label = f"{carrier}-{parcel.id}"
    session.flush()
    return mine


# --- scalars-all
from sqlalchemy import select
from sqlalchemy.orm import Session


def pending_reviews(session: Session, Review, reviewer_id: int):
    """Return the reviews that wait for a reviewer."""
    reviews = session.scalars(select(Review)).all()  # planted
    return [review for review in reviews if review.reviewer_id == reviewer_id]  # planted


# --- async-scalars-all
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession


class Rooms:
    def __init__(self, session: AsyncSession, model):
        self.session = session
        self.model = model

    async def free(self, floor: int):
        """Return the free rooms of a floor."""
        result = await self.session.execute(select(self.model))
        rooms = result.scalars().all()  # planted
        return [room for room in rooms if room.floor == floor and not room.booked]  # planted


# --- psycopg-cursor-annotated
import psycopg


def errors_since(cursor: psycopg.Cursor, moment):
    """Return the log's errors since a moment."""
    cursor.execute("SELECT at, level, text FROM log")
    errors = [(at, text) for at, level, text in cursor.fetchall() if level == "ERROR"]  # planted
    return [error for error in errors if error[0] >= moment]


# --- connection-execute-fetchall
import sqlite3
from contextlib import closing


def tags_of(path, article_id):
    """Return an article's tags."""
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute("SELECT article_id, tag FROM tags").fetchall()  # planted
    tags = {tag for owner, tag in rows if owner == article_id}  # planted
    return sorted(tags)


# --- slice-of-fetchall
def recent_logins(connection, count=20):
    """Return the last logins."""
    cursor = connection.cursor()
    cursor.execute("SELECT login, at FROM logins ORDER BY at DESC")
    rows = cursor.fetchall()[:count]  # planted
    cursor.close()
    logins = [{"login": login, "at": at.isoformat()} for login, at in rows]
    return logins


# --- len-of-fetchall
import sqlite3


class Outbox:
    """Messages that still have to be sent."""

    def __init__(self, path):
        self.db = sqlite3.connect(path)

    def close(self):
        self.db.close()

    def waiting(self):
        cursor = self.db.execute("SELECT id FROM outbox")
        return len(cursor.fetchall())  # planted


# --- any-of-all
from django.contrib.auth.models import User


def login_taken(login):
    """Tell whether somebody already has this login."""
    if not login:
        raise ValueError("a login is needed")
    return any(user.username == login for user in User.objects.all())  # planted


# --- aiosqlite-fetchall
import aiosqlite


async def unread(path, mailbox):
    """Return the unread messages of a mailbox."""
    async with aiosqlite.connect(path) as db:
        cursor = await db.execute("SELECT id, mailbox, seen FROM messages")
        rows = await cursor.fetchall()  # planted
    return [row[0] for row in rows if row[1] == mailbox and row[2] == 0]  # planted
