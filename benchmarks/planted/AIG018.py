# --- tenacity-bare
import socket

from tenacity import retry


@retry  # planted
def resolve(host):
    """Return the addresses of a host."""
    addresses = []
    for family, _, _, _, address in socket.getaddrinfo(host, 443, proto=socket.IPPROTO_TCP):
        if family in (socket.AF_INET, socket.AF_INET6):
            addresses.append(address[0])
    return addresses


# --- tenacity-empty-call
import httpx
import tenacity


class Features:
    """Feature switches, kept on a server."""

    def __init__(self, base):
        self.client = httpx.Client(base_url=base, timeout=3.0)

    @tenacity.retry()  # planted
    def load(self):
        answer = self.client.get("/switches")
        answer.raise_for_status()
        return {switch["name"]: switch["on"] for switch in answer.json()}


# --- tenacity-no-wait
import requests
from tenacity import retry, stop_after_attempt


@retry(stop=stop_after_attempt(5), reraise=True)  # planted
def latest_build(branch):
    """Return the number of a branch's newest build."""
    answer = requests.get("https://ci.example.com/builds", params={"branch": branch}, timeout=10)
    answer.raise_for_status()
    builds = answer.json()["builds"]
    return max(build["number"] for build in builds)


# --- tenacity-no-stop
import asyncpg
from tenacity import retry, retry_if_exception_type, wait_random_exponential


@retry(retry=retry_if_exception_type(OSError), wait=wait_random_exponential(max=30))  # planted
async def open_pool(dsn):
    """Open the pool; the database may start later than we do."""
    pool = await asyncpg.create_pool(dsn, min_size=1, max_size=8)
    async with pool.acquire() as connection:
        await connection.fetchval("SELECT 1")
    return pool


# --- tenacity-wait-fixed
from pathlib import Path

import paramiko
import tenacity as t


@t.retry(stop=t.stop_after_attempt(6), wait=t.wait_fixed(2))  # planted
def fetch_log(host: str, target: Path) -> int:
    """Copy a host's log and return its size."""
    with paramiko.SSHClient() as client:
        client.load_system_host_keys()
        client.connect(host, timeout=10)
        with client.open_sftp() as sftp:
            sftp.get("/var/log/app.log", str(target))
    return target.stat().st_size


# --- backoff-unbounded
import backoff
import requests


class Metadata:
    """Metadata of published datasets."""

    def __init__(self, base):
        self.base = base
        self.session = requests.Session()

    @backoff.on_exception(backoff.expo, requests.RequestException)  # planted
    def get(self, doi):
        answer = self.session.get(f"{self.base}/datasets/{doi}", timeout=10)
        answer.raise_for_status()
        return answer.json()["metadata"]


# --- backoff-predicate-unbounded
from backoff import fibo, on_predicate

import boto3

athena = boto3.client("athena")


@on_predicate(fibo, lambda state: state in ("QUEUED", "RUNNING"), max_value=20)  # planted
def query_state(execution):
    """Return the state in which a query ended."""
    answer = athena.get_query_execution(QueryExecutionId=execution)
    return answer["QueryExecution"]["Status"]["State"]


# --- backoff-constant-no-jitter
import backoff
import pika


@backoff.on_exception(backoff.constant, pika.exceptions.AMQPError, interval=3, jitter=None, max_tries=10)  # planted
def connect(url):
    """Return a channel of the broker."""
    parameters = pika.URLParameters(url)
    parameters.heartbeat = 30
    connection = pika.BlockingConnection(parameters)
    channel = connection.channel()
    channel.basic_qos(prefetch_count=10)
    return channel


# --- loop-pass-no-sleep
import json
from urllib.error import URLError
from urllib.request import urlopen


def exchange_rate(currency):
    """Return the rate of a currency, or None if the service stays away."""
    for _ in range(3):  # planted
        try:
            with urlopen(f"https://rates.example.org/{currency}.json", timeout=5) as response:
                return json.load(response)["rate"]
        except URLError:
            pass
    return None


# --- async-loop-continue-no-sleep
import httpx


async def resolve_user(client: httpx.AsyncClient, login: str) -> dict:
    """Look a user up in the directory."""
    failure = None
    for attempt in range(1, 6):  # planted
        try:
            answer = await client.get(f"/users/{login}")
            answer.raise_for_status()
        except httpx.HTTPError as error:
            failure = error
            continue
        return answer.json()
    raise LookupError(f"{login}: {attempt} attempts failed") from failure


# --- loop-fixed-literal-sleep
import logging
import time

log = logging.getLogger(__name__)


def acquire_lease(store, name, attempts=4):
    """Take a lease, or raise if another process keeps it."""
    for attempt in range(attempts):
        try:
            return store.lease(name)
        except BlockingIOError as error:
            log.info("lease %s: %s", name, error)
            if attempt == attempts - 1:
                raise
            time.sleep(1)  # planted


# --- loop-fixed-constant-sleep
import asyncio

PAUSE = 0.5


class Printer:
    """A label printer in the warehouse."""

    def __init__(self, device):
        self.device = device

    async def print(self, label):
        for attempt in range(1, 4):
            try:
                return await self.device.send(label.encode("cp850"))
            except ConnectionResetError:
                if attempt == 3:
                    raise
                await asyncio.sleep(PAUSE)  # planted


# --- loop-sleep-zero
import asyncio


async def read_register(bus, address, attempts=5):
    """Return a register's value; a busy bus refuses."""
    for attempt in range(attempts):
        try:
            value = await bus.read(address)
            return int.from_bytes(value, "big")
        except BlockingIOError:
            if attempt + 1 < attempts:
                await asyncio.sleep(0)  # planted
    raise BlockingIOError(f"register {address:#x}: busy")


# --- sleep-after-last-attempt
import time

import requests


def fetch_page(url):
    """Return a page's text."""
    last = None
    for attempt in range(4):
        try:
            answer = requests.get(url, timeout=10)
            answer.raise_for_status()
            return answer.text
        except requests.RequestException as error:
            last = error
            time.sleep(2 ** attempt)  # planted
    raise RuntimeError(f"no answer from {url}") from last


# --- async-sleep-after-last-attempt
from asyncio import sleep
from random import uniform


async def publish(broker, topic, body, retries=5):
    """Hand a message to the broker; tell whether it was taken."""
    delay = 0.25
    for _ in range(retries):
        try:
            await broker.publish(topic, body)
            return True
        except ConnectionError:
            await sleep(delay + uniform(0, 0.1))  # planted
            delay *= 2
    return False


# --- urllib3-no-factor
import requests
from requests.adapters import HTTPAdapter
from urllib3.util.retry import Retry


class PackageIndex:
    """Reads the company's package index."""

    def __init__(self, base):
        self.base = base
        self.session = requests.Session()
        self.session.mount(base, HTTPAdapter(max_retries=Retry(total=5, status_forcelist=[502, 503])))  # planted

    def versions(self, project):
        answer = self.session.get(f"{self.base}/{project}/json", timeout=10)
        answer.raise_for_status()
        return sorted(answer.json()["releases"])


# --- urllib3-factor-zero
def make_pool(hosts):
    """Return a pool of connections to a few hosts."""
    import urllib3 as u3

    retries = u3.Retry(total=3, connect=3, backoff_factor=0, raise_on_status=False)  # planted
    pool = u3.PoolManager(num_pools=len(hosts), retries=retries, timeout=4.0)
    for host in hosts:
        pool.connection_from_host(host, scheme="https")
    pool.headers["User-Agent"] = "mirror"
    return pool


# --- while-true-no-sleep
import smtplib


def send_report(message, host="mail.example.com"):
    """Send the nightly report."""
    while True:  # planted
        try:
            with smtplib.SMTP(host, timeout=30) as server:
                server.starttls()
                server.send_message(message)
            break
        except smtplib.SMTPException as error:
            print(f"report not sent: {error}")
            continue
    print(f"report sent to {message['To']}")


# --- while-true-growing-delay
import random
import time

import psycopg


class Database:
    """The connection that all jobs share."""

    def __init__(self, dsn):
        self.dsn = dsn

    def connect(self):
        delay = 0.5
        while True:  # planted
            try:
                return psycopg.connect(self.dsn, connect_timeout=5)
            except psycopg.OperationalError:
                time.sleep(delay + random.random())
                delay = min(delay * 2, 60)


# --- first-delay-zero
import time


def read_sensor(port, attempts=5):
    """Return the temperature that a sensor reports."""
    for attempt in range(attempts):
        try:
            line = port.readline().decode("ascii")
            return float(line.removeprefix("T="))
        except ValueError:
            if attempt == attempts - 1:
                raise
            time.sleep(0.5 * attempt)  # planted


# --- async-first-delay-zero
import asyncio

import aiohttp


async def status_of(session: aiohttp.ClientSession, order: int, limit: int = 6) -> str:
    """Return an order's state."""
    for n in range(limit):
        try:
            async with session.get(f"/orders/{order}") as response:
                response.raise_for_status()
                return (await response.json())["state"]
        except aiohttp.ClientError:
            if n + 1 == limit:
                raise
            await asyncio.sleep(n * 2)  # planted


# --- retrying-bare
import subprocess

from retrying import retry


@retry  # planted
def mount_share(share, directory):
    """Mount a network share."""
    directory.mkdir(parents=True, exist_ok=True)
    command = ["mount", "-t", "cifs", share, str(directory), "-o", "credentials=/etc/share.cred"]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    return sorted(entry.name for entry in directory.iterdir())


# --- retrying-iterator-no-wait
import ldap3
from tenacity import Retrying, stop_after_attempt


def groups_of(server, user):
    """Return the groups of a user."""
    for attempt in Retrying(stop=stop_after_attempt(3), reraise=True):  # planted
        with attempt:
            connection = ldap3.Connection(server, auto_bind=True)
            connection.search("ou=groups", f"(member={user})", attributes=["cn"])
            names = [str(entry.cn) for entry in connection.entries]
    return names


# --- counted-while-no-sleep
import requests


class Translator:
    """Translates the texts of a page."""

    max_attempts = 4

    def translate(self, text, language):
        attempt = 0
        while attempt < self.max_attempts:  # planted
            try:
                body = {"q": text, "to": language}
                answer = requests.post("https://translate.example.com/translate", json=body, timeout=5)
                answer.raise_for_status()
                return answer.json()["text"]
            except requests.HTTPError:
                attempt += 1
        return text
