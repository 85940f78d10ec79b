# --- session-dropped
import requests


def download_statements(base_url, token, months):
    """Fetch the bank statements of several months."""
    session = requests.Session()  # planted
    session.headers["Authorization"] = f"Bearer {token}"
    statements = []
    for month in months:
        response = session.get(f"{base_url}/statements/{month}", timeout=30)
        response.raise_for_status()
        statements.extend(response.json()["entries"])
    return statements


# --- sqlite-with-only-commits
import sqlite3


def record_visit(db_path, page, visitor):
    """Count a visit and return how many the page had so far."""
    with sqlite3.connect(db_path) as conn:  # planted
        conn.execute(
            "INSERT INTO visits (page, visitor, seen_at) VALUES (?, ?, datetime('now'))",
            (page, visitor),
        )
        row = conn.execute("SELECT count(*) FROM visits WHERE page = ?", (page,)).fetchone()
    return row[0]


# --- psycopg2-with-only-commits
import os

import psycopg2


def archive_orders(before):
    """Move old orders into the archive table."""
    with psycopg2.connect(os.environ["DATABASE_URL"], connect_timeout=5) as conn:  # planted
        with conn.cursor() as cur:
            cur.execute("INSERT INTO orders_archive SELECT * FROM orders WHERE placed_at < %s", (before,))
            moved = cur.rowcount
            cur.execute("DELETE FROM orders WHERE placed_at < %s", (before,))
    return moved


# --- sqlite-with-on-a-name
from sqlite3 import Row, connect


class NoteStore:
    """Notes in a file of the user's own."""

    def __init__(self, filename):
        self.filename = filename

    def add(self, title, text):
        db = connect(self.filename, timeout=2.0)  # planted
        db.row_factory = Row
        with db:  # planted
            cursor = db.execute("INSERT INTO notes (title, text) VALUES (?, ?)", (title, text))
            db.execute("UPDATE stats SET notes = notes + 1")
        return cursor.lastrowid


# --- pymysql-closed-on-the-happy-path
import pymysql as mysql


def customers_by_country(settings, country):
    conn = mysql.connect(  # planted
        host=settings.host,
        user=settings.user,
        password=settings.password,
        database="crm",
    )
    cursor = conn.cursor()
    cursor.execute("SELECT id, name, email FROM customers WHERE country = %s", (country,))
    customers = [{"id": row[0], "name": row[1], "email": row[2]} for row in cursor.fetchall()]
    cursor.close()
    conn.close()
    return customers


# --- httpx-client-imported-in-the-function
def sync_inventory(api_key: str, skus: list[str]) -> dict[str, int]:
    """Ask the warehouse how many pieces of each article it holds."""
    import httpx

    client = httpx.Client(  # planted
        base_url="https://warehouse.example.com/v2",
        headers={"X-Api-Key": api_key},
        timeout=10.0,
    )
    stock = {}
    for sku in skus:
        payload = client.get(f"/articles/{sku}/stock").raise_for_status().json()
        stock[sku] = int(payload["available"])
    return stock


# --- async-client-without-aclose
from httpx import AsyncClient, HTTPError


async def probe(endpoints):
    """Return the endpoints that do not answer."""
    client = AsyncClient(timeout=3.0, follow_redirects=True)  # planted
    dead = []
    for endpoint in endpoints:
        try:
            response = await client.head(endpoint)
        except HTTPError:
            dead.append(endpoint)
            continue
        if response.status_code >= 500:
            dead.append(endpoint)
    return dead


# --- aiohttp-session-closed-too-late
import aiohttp


class WeatherFeed:
    """Reads forecasts of a public service."""

    url = "https://weather.example.org/forecast"

    def __init__(self, language):
        self.language = language

    async def forecast(self, latitude, longitude):
        session = aiohttp.ClientSession(headers={"Accept-Language": self.language})  # planted
        response = await session.get(self.url, params={"lat": latitude, "lon": longitude})
        response.raise_for_status()
        forecast = await response.json()
        await session.close()
        return forecast["days"]


# --- smtp-quit-after-sending
import smtplib
from email.message import EmailMessage


def send_report(host, sender, recipients, body):
    """Mail the weekly report to everybody on the list."""
    server = smtplib.SMTP(host, 587, timeout=20)  # planted
    server.starttls()
    for recipient in recipients:
        message = EmailMessage()
        message["Subject"] = "Weekly report"
        message["From"] = sender
        message["To"] = recipient
        message.set_content(body)
        server.send_message(message)
    server.quit()


# --- ftp-tls-from-import
from ftplib import FTP_TLS as SecureFtp


def list_partner_files(host: str, user: str, password: str) -> list[str]:
    """Return the names of the CSV files that a partner has put up."""
    ftp = SecureFtp(host, timeout=60)  # planted
    ftp.login(user, password)
    ftp.prot_p()
    ftp.cwd("outgoing")
    names = [name for name in ftp.nlst() if name.lower().endswith(".csv")]
    if not names:
        return []
    ftp.quit()
    return sorted(names)


# --- imap-in-a-method
import imaplib


class MailboxPoller:
    """Looks for unread mail of the support address."""

    def __init__(self, host, credentials):
        self.host = host
        self.credentials = credentials

    def unread(self):
        mailbox = imaplib.IMAP4_SSL(self.host, timeout=30)  # planted
        mailbox.login(*self.credentials)
        mailbox.select("INBOX", readonly=True)
        status, data = mailbox.search(None, "UNSEEN")
        if status != "OK":
            raise RuntimeError(f"search failed: {status}")
        return data[0].split()


# --- https-connection-early-return
import json
from http.client import HTTPSConnection


def latest_version(package):
    """Return the newest version of a package on the index, or None."""
    connection = HTTPSConnection("index.example.com", timeout=10)  # planted
    connection.request("GET", f"/pypi/{package}/json")
    response = connection.getresponse()
    if response.status != 200:
        return None
    info = json.loads(response.read())
    connection.close()
    return info["info"]["version"]


# --- asyncpg-early-return
import asyncpg


async def find_account(dsn: str, email: str) -> dict | None:
    """Look an account up by its address."""
    conn = await asyncpg.connect(dsn)  # planted
    row = await conn.fetchrow("SELECT id, plan, locked FROM accounts WHERE email = $1", email)
    if row is None:
        return None
    limits = await conn.fetch("SELECT name, value FROM limits WHERE plan = $1", row["plan"])
    await conn.close()
    return {**row, "limits": {limit["name"]: limit["value"] for limit in limits}}


# --- aiosqlite-never-closed
import aiosqlite


class Leaderboard:
    """Scores of the running season."""

    def __init__(self, path: str) -> None:
        self.path = path

    async def top(self, count: int = 10) -> list[tuple[str, int]]:
        db = await aiosqlite.connect(self.path)  # planted
        cursor = await db.execute(
            "SELECT player, max(score) FROM scores GROUP BY player ORDER BY 2 DESC LIMIT ?", (count,)
        )
        rows = await cursor.fetchall()
        return [(player, score) for player, score in rows]


# --- engine-connect
from sqlalchemy import create_engine, text


def table_sizes(url, schema):
    """Return how many rows each table of a schema holds."""
    engine = create_engine(url, pool_pre_ping=True)
    connection = engine.connect()  # planted
    tables = connection.execute(
        text("SELECT table_name FROM information_schema.tables WHERE table_schema = :schema"),
        {"schema": schema},
    ).scalars()
    sizes = {}
    for table in tables.all():
        sizes[table] = connection.execute(text(f'SELECT count(*) FROM "{schema}"."{table}"')).scalar_one()
    return sizes


# --- engine-of-the-instance
import sqlalchemy as sa


class AuditLog:
    """Writes who changed what."""

    def __init__(self, url):
        self.engine = sa.create_engine(url)

    def write(self, actor, action, payload):
        conn = self.engine.connect()  # planted
        conn.execute(
            sa.text("INSERT INTO audit (actor, action, payload) VALUES (:actor, :action, :payload)"),
            {"actor": actor, "action": action, "payload": payload},
        )
        conn.commit()
        conn.close()


# --- orm-session
from sqlalchemy import select
from sqlalchemy.orm import Session


def deactivate_stale_users(engine, user_model, cutoff):
    """Switch off the users that have not logged in since a date."""
    session = Session(engine)  # planted
    stale = session.scalars(select(user_model).where(user_model.last_login < cutoff)).all()
    for user in stale:
        user.active = False
    session.commit()
    return len(stale)


# --- sessionmaker-session
from sqlalchemy import create_engine
from sqlalchemy.orm import sessionmaker

engine = create_engine("postgresql://localhost/shop")
SessionLocal = sessionmaker(bind=engine, autoflush=False)


def apply_discount(product_model, category, percent):
    """Lower the prices of a category."""
    db = SessionLocal()  # planted
    products = db.query(product_model).filter_by(category=category).all()
    for product in products:
        product.price = round(product.price * (100 - percent) / 100, 2)
    db.commit()
    db.close()
    return len(products)


# --- ssh-client
import paramiko


def restart_service(host, user, key_path, service):
    """Restart a unit on a remote machine and return its state."""
    ssh = paramiko.SSHClient()  # planted
    ssh.load_system_host_keys()
    ssh.connect(host, username=user, key_filename=key_path, timeout=15)
    ssh.exec_command(f"sudo systemctl restart {service}")
    _, stdout, stderr = ssh.exec_command(f"systemctl is-active {service}")
    state = stdout.read().decode().strip()
    if state != "active":
        raise RuntimeError(stderr.read().decode())
    ssh.close()
    return state


# --- mongo-client
from pymongo import MongoClient


def count_events(uri: str, kinds: list[str]) -> dict[str, int]:
    """Count the stored events of each kind."""
    mongo = MongoClient(uri, serverSelectionTimeoutMS=3000)  # planted
    events = mongo["telemetry"]["events"]
    counts = {}
    for kind in kinds:
        counts[kind] = events.count_documents({"kind": kind, "discarded": False})
    return counts


# --- redis-in-a-nested-function
import redis


def make_flusher(url_host, prefix):
    """Return a function that drops all keys below a prefix."""

    def flush():
        client = redis.Redis(host=url_host, port=6379, decode_responses=True)  # planted
        removed = 0
        for key in client.scan_iter(match=f"{prefix}:*", count=500):
            removed += client.delete(key)
        client.close()
        return removed

    return flush


# --- duckdb-alias
import duckdb as dk


def monthly_revenue(parquet_glob):
    """Sum the revenue of each month over exported files."""
    con = dk.connect(":memory:")  # planted
    con.execute("SET threads TO 2")
    result = con.execute(
        "SELECT date_trunc('month', sold_at) AS month, sum(amount) FROM read_parquet(?) GROUP BY 1 ORDER BY 1",
        [parquet_glob],
    )
    return {month.isoformat(): float(total) for month, total in result.fetchall()}


# --- psycopg3-without-with
import psycopg


def vacuum(dsn, tables):
    conn = psycopg.connect(dsn, autocommit=True)  # planted
    failed = []
    for table in tables:
        try:
            conn.execute(f"VACUUM ANALYZE {table}")
        except psycopg.errors.UndefinedTable:
            failed.append(table)
    return failed


# --- consumed-in-an-expression
import sqlite3


def load_glossary(path):
    """Read all terms of the glossary at once."""
    rows = sqlite3.connect(path).execute("SELECT term, meaning FROM glossary").fetchall()  # planted
    glossary = {}
    for term, meaning in rows:
        glossary.setdefault(term.lower(), []).append(meaning)
    return glossary


# --- session-rebound-after-a-refusal
import requests as rq


def crawl(pages, login):
    """Read pages behind a login, logging in anew when it has run out."""
    session = rq.Session()  # planted
    login(session.headers)
    try:
        texts = []
        for page in pages:
            reply = session.get(page, timeout=10)
            if reply.status_code == 401:
                session = rq.Session()  # planted
                login(session.headers)
                reply = session.get(page, timeout=10)
            texts.append(reply.text)
        return texts
    finally:
        session.close()


# --- mysql-connector-closed-in-the-handler-only
import logging

import mysql.connector

logger = logging.getLogger(__name__)


def import_rows(config, rows):
    cnx = mysql.connector.connect(**config)  # planted
    cursor = cnx.cursor()
    try:
        cursor.executemany("INSERT INTO readings (sensor, value) VALUES (%s, %s)", rows)
        cnx.commit()
    except mysql.connector.Error:
        logger.exception("could not import %d rows", len(rows))
        cnx.rollback()
        cnx.close()
        return 0
    return cursor.rowcount


# --- pool-manager
from urllib3 import PoolManager


def check_mirrors(mirrors):
    """Return the mirrors that serve the current release file."""
    http = PoolManager(num_pools=len(mirrors), timeout=5.0)  # planted
    good = []
    for mirror in mirrors:
        response = http.request("GET", f"{mirror}/Release", retries=False)
        if response.status == 200 and b"Suite: stable" in response.data:
            good.append(mirror)
    return good


# --- pyodbc-in-a-branch
import pyodbc


class ErpExport:
    """Reads bookings out of the ERP's database."""

    def __init__(self, dsn, offline=False):
        self.dsn = dsn
        self.offline = offline

    def bookings(self, year):
        if self.offline:
            return []
        connection = pyodbc.connect(self.dsn, timeout=5)  # planted
        cursor = connection.cursor()
        cursor.execute("SELECT account, amount FROM bookings WHERE year = ?", year)
        total = [(row.account, float(row.amount)) for row in cursor]
        connection.close()
        return total
