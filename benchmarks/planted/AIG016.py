# --- requests-timeout
import requests


def fetch_invoice(base, number, token):
    """Return an invoice of the billing service."""
    headers = {"Authorization": f"Bearer {token}"}
    answer = requests.get(f"{base}/invoices/{number}", headers=headers, timeout=30)  # planted
    if answer.status_code == 404:
        return None
    answer.raise_for_status()
    return answer.json()


# --- requests-timeout-tuple
from requests import Session


class Directory:
    """Looks employees up."""

    def __init__(self, base):
        self.base = base
        self.session = Session()

    def employee(self, login):
        answer = self.session.get(f"{self.base}/people/{login}", timeout=(3.05, 27))  # planted
        answer.raise_for_status()
        return answer.json()["person"]


# --- sleep-in-retry
import random
import time


def store(bucket, key, body, attempts):
    """Write an object, and try again when the store is busy."""
    for attempt in range(1, attempts + 1):
        try:
            return bucket.put(key, body)
        except BlockingIOError:
            if attempt == attempts:
                raise
            time.sleep(5)  # planted
    return random.choice(bucket.names())


# --- max-retries-keyword
import openai


def make_client(key):
    """Return a client for the language model."""
    client = openai.OpenAI(api_key=key, max_retries=3)  # planted
    models = [model.id for model in client.models.list()]
    if not models:
        raise RuntimeError("the key gives access to no model")
    return client


# --- tenacity-stop
import httpx
from tenacity import retry, stop_after_attempt, wait_random_exponential


@retry(stop=stop_after_attempt(5), wait=wait_random_exponential())  # planted
def latest_rates(client: httpx.Client):
    """Return the exchange rates of today."""
    answer = client.get("/rates/latest")
    answer.raise_for_status()
    payload = answer.json()
    return {row["currency"]: row["rate"] for row in payload["rates"]}


# --- retry-delay-constant
import asyncio

RETRY_DELAY = 2  # planted


async def connect(factory, attempts):
    """Return an open connection."""
    for attempt in range(attempts):
        try:
            return await factory()
        except OSError:
            if attempt + 1 == attempts:
                raise
            await asyncio.sleep(RETRY_DELAY * (attempt + 1))


# --- annotated-constant
from socket import create_connection

CONNECT_TIMEOUT: float = 3.5  # planted


def is_reachable(host, port):
    """Tell whether somebody listens."""
    try:
        connection = create_connection((host, port), timeout=CONNECT_TIMEOUT)
    except OSError:
        return False
    connection.close()
    return True


# --- backoff-max-tries
import backoff
import requests


class Search:
    """Queries the search cluster."""

    def __init__(self, session, timeout):
        self.session = session
        self.timeout = timeout

    @backoff.on_exception(backoff.expo, requests.RequestException, max_tries=8)  # planted
    def find(self, text):
        answer = self.session.get("/_search", params={"q": text}, timeout=self.timeout)
        answer.raise_for_status()
        return answer.json()["hits"]


# --- pool-size-keyword
import os

from sqlalchemy import create_engine
from sqlalchemy.orm import sessionmaker


def make_session_factory():
    """Return the factory of sessions for the web workers."""
    url = os.environ["DATABASE_URL"]
    engine = create_engine(url, pool_size=15, pool_pre_ping=True)  # planted
    return sessionmaker(bind=engine, expire_on_commit=False)


# --- bare-restatement-above
import redis


def make_cache(host, port):
    """Return the connection to the shared cache."""
    options = {"host": host, "port": port, "decode_responses": True}
    # socket timeout in seconds
    connection = redis.Redis(socket_timeout=2.5, **options)  # planted
    connection.ping()
    return connection


# --- rate-constant
import time
from collections import deque

MAX_REQUESTS_PER_MINUTE = 120  # planted


class Throttle:
    """Keeps us below the partner's rate."""

    def __init__(self):
        self.sent = deque()

    def ready(self):
        now = time.monotonic()
        while self.sent and now - self.sent[0] > 60:
            self.sent.popleft()
        return len(self.sent) < MAX_REQUESTS_PER_MINUTE


# --- wait-for-positional
import asyncio


async def first_answer(peers, question):
    """Ask all peers, and return the answer that comes first."""
    tasks = [asyncio.create_task(peer.ask(question)) for peer in peers]
    done = asyncio.Queue()
    for task in tasks:
        task.add_done_callback(done.put_nowait)
    winner = await asyncio.wait_for(done.get(), 10)  # planted
    for task in tasks:
        task.cancel()
    return winner.result()


# --- urlopen-positional
from urllib.request import urlopen


def public_address():
    """Return the address under which the internet sees this host."""
    with urlopen("https://ip.example.org/plain", None, 15) as response:  # planted
        text = response.read().decode("ascii").strip()
    if text.count(".") != 3:
        raise ValueError(f"no address: {text!r}")
    return text


# --- class-level-constant
class Importer:
    """Loads the partners' price lists."""

    max_attempts = 4  # planted

    def __init__(self, source, log):
        self.source = source
        self.log = log

    def run(self):
        for attempt in range(1, self.max_attempts + 1):
            try:
                return self.source.load()
            except ConnectionError as error:
                self.log.warning("attempt %s of %s: %s", attempt, self.max_attempts, error)
        raise ConnectionError("no price list")


# --- httpx-timeout-object
def make_async_client(base):
    """Return the client that all handlers share."""
    import httpx

    timeout = httpx.Timeout(15.0)  # planted
    transport = httpx.AsyncHTTPTransport(http2=True)
    client = httpx.AsyncClient(base_url=base, timeout=timeout, transport=transport)
    client.headers["Accept"] = "application/json"
    client.headers["User-Agent"] = "shop"
    return client


# --- urllib3-retry-total
from requests import Session
from requests.adapters import HTTPAdapter
from urllib3.util.retry import Retry


def session_with_retries(factor):
    """Return a session that repeats what a busy server refused."""
    policy = Retry(total=6, backoff_factor=factor, status_forcelist=[502, 503, 504])  # planted
    session = Session()
    session.mount("https://", HTTPAdapter(max_retries=policy))
    return session


# --- celery-task-options
from celery import shared_task


@shared_task(bind=True, max_retries=5, default_retry_delay=60)  # planted
def render_preview(self, document_id):
    """Render the preview picture of a document."""
    from previews import BusyError, render

    try:
        path = render(document_id)
    except BusyError as error:
        raise self.retry(exc=error)
    return str(path)


# --- subprocess-timeout
import subprocess
from pathlib import Path


def convert(video: Path, target: Path):
    """Convert a video for the web player."""
    command = ["ffmpeg", "-y", "-i", str(video), "-c:v", "libx264", str(target)]
    finished = subprocess.run(command, capture_output=True, text=True, timeout=600)  # planted
    if finished.returncode:
        raise RuntimeError(finished.stderr[-500:])
    return target.stat().st_size


# --- wait-exponential-max
import tenacity

from settings import ATTEMPTS


@tenacity.retry(
    stop=tenacity.stop_after_attempt(ATTEMPTS),
    wait=tenacity.wait_exponential_jitter(max=45),  # planted
    reraise=True,
)
async def publish(exchange, message):
    """Publish a message that the broker may refuse for a while."""
    confirmation = await exchange.publish(message, routing_key=message.kind)
    if not confirmation:
        raise ConnectionError("the broker did not confirm")


# --- stamina-attempts
import httpx
import stamina


@stamina.retry(on=httpx.HTTPError, attempts=7)  # planted
async def profile(client: httpx.AsyncClient, login: str) -> dict:
    """Return a user's public profile."""
    answer = await client.get(f"/users/{login}")
    answer.raise_for_status()
    body = answer.json()
    body.pop("internal", None)
    return body


# --- queue-poll-delay
import asyncio


class Poller:
    """Watches a directory service for changes."""

    def __init__(self, service, on_change):
        self.service = service
        self.on_change = on_change
        self.version = None

    async def run(self):
        while True:
            version = await self.service.version()
            if version != self.version:
                self.version = version
                await self.on_change(version)
            await asyncio.sleep(0.25)  # planted


# --- psycopg-connect-timeout
import psycopg


def count_orders(dsn, since):
    """Return how many orders were placed since a day."""
    with psycopg.connect(dsn, connect_timeout=4) as connection:  # planted
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM orders WHERE placed >= %s", (since,))
            (count,) = cursor.fetchone()
    return count


# --- comment-says-what-not-why
import grpc

from inventory_pb2 import StockRequest
from inventory_pb2_grpc import InventoryStub

# number of retries
MAX_RETRIES = 5  # planted


def stock(address, article):
    """Return how many pieces of an article are left."""
    for attempt in range(MAX_RETRIES):
        with grpc.insecure_channel(address) as channel:
            try:
                return InventoryStub(channel).Stock(StockRequest(article=article)).pieces
            except grpc.RpcError:
                if attempt == MAX_RETRIES - 1:
                    raise


# --- backoff-constant
from pathlib import Path
from time import monotonic, sleep

BACKOFF_SECONDS = 0.2  # planted


def wait_for_file(path: Path, patience: float) -> bytes:
    """Return a file's content as soon as another process has written it."""
    until = monotonic() + patience
    round_ = 0
    while monotonic() < until:
        if path.exists():
            return path.read_bytes()
        round_ += 1
        sleep(BACKOFF_SECONDS * round_)
    raise FileNotFoundError(path)
