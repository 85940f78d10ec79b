# --- requests-get-none
import requests


def export_ledger(account, year):
    """Return the ledger of a year; large accounts take their time."""
    url = f"https://ledger.example.com/accounts/{account}/export"
    response = requests.get(url, params={"year": year}, timeout=None)  # planted
    response.raise_for_status()
    rows = response.text.splitlines()
    return [row.split(";") for row in rows if row]


# --- httpx-async-client-with
import httpx


async def collect_prices(symbols):
    """Return the last price of each symbol."""
    prices = {}
    async with httpx.AsyncClient(base_url="https://quotes.example.org", timeout=None) as client:  # planted
        for symbol in symbols:
            answer = await client.get(f"/v1/last/{symbol}")
            answer.raise_for_status()
            prices[symbol] = answer.json()["price"]
    return prices


# --- httpx-client-on-self
import httpx


class ModelServer:
    """Talks to the inference server in the cluster."""

    def __init__(self, host, port=8500):
        self.client = httpx.Client(base_url=f"http://{host}:{port}", timeout=None)  # planted

    def predict(self, features):
        answer = self.client.post("/v1/predict", json={"instances": features})
        answer.raise_for_status()
        return answer.json()["predictions"]

    def close(self):
        self.client.close()


# --- httpx-timeout-object
import httpx

NO_LIMIT = httpx.Timeout(None)  # planted


def fetch_document(document_id):
    """Return the rendered document as bytes."""
    with httpx.Client(timeout=NO_LIMIT) as client:
        answer = client.get(f"https://render.example.com/documents/{document_id}.pdf")
    if answer.status_code == 404:
        raise KeyError(document_id)
    answer.raise_for_status()
    return answer.content


# --- httpx-timeout-alias-keyword
from httpx import AsyncClient
from httpx import Timeout as HttpTimeout


def build_client(token):
    """Return a client that carries our token."""
    limits = HttpTimeout(timeout=None)  # planted
    return AsyncClient(
        base_url="https://reports.example.com",
        headers={"Authorization": f"Bearer {token}"},
        timeout=limits,
    )


# --- httpx-four-nones
import httpx


class Crawler:
    """Visits the pages of a partner's shop."""

    agent = "partner-crawler/2.1"

    def make_client(self):
        limits = httpx.Timeout(connect=None, read=None, write=None, pool=None)  # planted
        return httpx.AsyncClient(headers={"User-Agent": self.agent}, timeout=limits, follow_redirects=True)

    async def visit(self, urls):
        async with self.make_client() as client:
            return [(await client.get(url)).text for url in urls]


# --- aiohttp-total-none
import aiohttp


async def download(url, target):
    """Store a remote file."""
    timeout = aiohttp.ClientTimeout(total=None)  # planted
    async with aiohttp.ClientSession(timeout=timeout) as session:
        async with session.get(url) as response:
            response.raise_for_status()
            body = await response.read()
    target.write_bytes(body)
    return len(body)


# --- aiohttp-session-none
from aiohttp import ClientSession


class WeatherStation:
    """Reads a station's current values."""

    def __init__(self, station, key):
        self.station = station
        self.key = key
        self.session = None

    async def connect(self):
        self.session = ClientSession("https://stations.example.org", timeout=None)  # planted

    async def current(self):
        async with self.session.get(f"/stations/{self.station}", params={"key": self.key}) as response:
            return await response.json()


# --- aiohttp-total-zero
from aiohttp import ClientSession, ClientTimeout


async def sync_catalogue(pages):
    """Fetch all pages of the catalogue, one after another."""
    items = []
    async with ClientSession(timeout=ClientTimeout(total=0)) as session:  # planted
        for page in range(1, pages + 1):
            async with session.get("https://catalogue.example.com/items", params={"page": page}) as response:
                response.raise_for_status()
                items.extend(await response.json())
    return items


# --- aiohttp-per-request
import aiohttp


async def submit_batch(session: aiohttp.ClientSession, records: list[dict]) -> str:
    """Hand a batch over and return its number."""
    body = {"records": records, "count": len(records)}
    unlimited = aiohttp.ClientTimeout(total=None, connect=None)  # planted
    async with session.post("/batches", json=body, timeout=unlimited) as response:
        if response.status != 202:
            raise RuntimeError(await response.text())
        answer = await response.json()
    return answer["batch"]


# --- urllib3-timeout-both
import json

import urllib3


def fetch_manifest(repository, tag):
    """Return the manifest of an image."""
    patient = urllib3.Timeout(connect=None, read=None)  # planted
    http = urllib3.PoolManager(timeout=patient)
    answer = http.request("GET", f"https://registry.example.com/v2/{repository}/manifests/{tag}")
    if answer.status != 200:
        raise LookupError(f"{repository}:{tag}: {answer.status}")
    return json.loads(answer.data)


# --- urllib3-pool-request
import urllib3


class Telemetry:
    """Sends the numbers of a run to the collector."""

    def __init__(self, endpoint):
        self.endpoint = endpoint
        self.pool = urllib3.PoolManager(num_pools=2)

    def flush(self, lines):
        body = "\n".join(lines).encode()
        answer = self.pool.request("POST", self.endpoint, body=body, timeout=None)  # planted
        return answer.status == 204


# --- socket-guard-removed
import socket


def read_banner(host, port):
    """Return the first line that a server sends."""
    connection = socket.create_connection((host, port), timeout=5)
    try:
        connection.settimeout(None)  # planted
        received = b""
        while not received.endswith(b"\n"):
            chunk = connection.recv(256)
            if not chunk:
                break
            received += chunk
    finally:
        connection.close()
    return received.decode("ascii", "replace").strip()


# --- requests-infinite-float
import requests as rq


def upload_backup(path, bucket_url, token):
    """Upload a backup; it may have several gigabytes."""
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/octet-stream"}
    with open(path, "rb") as archive:
        answer = rq.put(bucket_url, data=archive, headers=headers, timeout=float("inf"))  # planted
    answer.raise_for_status()
    return answer.headers["ETag"]


# --- httpx-math-inf
import math

import httpx


def translate(text, source, target):
    """Return the text in another language."""
    body = {"text": text, "from": source, "to": target}
    answer = httpx.post("https://translate.example.com/v3/translate", json=body, timeout=math.inf)  # planted
    answer.raise_for_status()
    return answer.json()["translation"]


# --- requests-maxsize
import sys

import requests


class SolverClient:
    """Client of the route solver, which can take hours."""

    def __init__(self, base):
        self.base = base
        self.session = requests.Session()

    def solve(self, problem):
        answer = self.session.post(f"{self.base}/solve", json=problem, timeout=sys.maxsize)  # planted
        answer.raise_for_status()
        return answer.json()["route"]


# --- requests-tuple-read-none
import requests


def build_result(session: requests.Session, build: int) -> str:
    """Return whether a build passed or failed."""
    answer = session.get(f"https://ci.example.com/builds/{build}", timeout=(3, None))  # planted
    answer.raise_for_status()
    result = answer.json()
    if result["state"] not in ("passed", "failed"):
        raise RuntimeError(f"build {build}: {result['state']}")
    return result["state"]


# --- requests-dataclass-session
from dataclasses import dataclass, field
from typing import Any

from requests import Session


@dataclass
class Warehouse:
    """The warehouse's stock service."""

    base: str
    session: Session = field(default_factory=Session)

    def stock(self, article: str) -> dict[str, Any]:
        answer = self.session.get(f"{self.base}/stock/{article}", timeout=None)  # planted
        answer.raise_for_status()
        return answer.json()


# --- urlopen-none
import json
import urllib.request


def geocode(address):
    """Return latitude and longitude of an address."""
    request = urllib.request.Request(
        "https://geo.example.org/geocode",
        data=json.dumps({"address": address}).encode(),
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=None) as response:  # planted
        best = json.load(response)["results"][0]
    return best["lat"], best["lon"]


# --- http-client-none
from http.client import HTTPSConnection


def head(host, path="/"):
    """Return the headers of a page."""
    connection = HTTPSConnection(host, 443, timeout=None)  # planted
    try:
        connection.request("HEAD", path)
        response = connection.getresponse()
        headers = dict(response.getheaders())
    finally:
        connection.close()
    headers["status"] = response.status
    return headers


# --- asyncpg-connect-none
import asyncpg


async def run_migration(dsn, statements):
    """Execute the statements of a migration in one transaction."""
    connection = await asyncpg.connect(dsn, timeout=None)  # planted
    try:
        async with connection.transaction():
            for statement in statements:
                await connection.execute(statement)
    finally:
        await connection.close()


# --- psycopg2-connect-zero
import psycopg2


def nightly_report(dsn, day):
    """Return the sales of a day by branch."""
    connection = psycopg2.connect(dsn, connect_timeout=0)  # planted
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT branch, sum(total) FROM sales WHERE day = %s GROUP BY branch", (day,))
            return dict(cursor.fetchall())
    finally:
        connection.close()


# --- botocore-config-none
def make_lambda_client(region):
    """Return a client for long-running functions."""
    import boto3
    from botocore.config import Config

    retries = {"max_attempts": 2, "mode": "standard"}
    settings = Config(region_name=region, read_timeout=None, retries=retries)  # planted
    client = boto3.client("lambda", config=settings)
    functions = [function["FunctionName"] for function in client.list_functions()["Functions"]]
    return client, functions


# --- pymongo-connect-none
from pymongo import MongoClient


class Archive:
    """The archive of closed cases."""

    def __init__(self, uri, database="archive"):
        self.client = MongoClient(uri, connectTimeoutMS=None, appname="archive")  # planted
        self.cases = self.client[database]["cases"]

    def find(self, number):
        case = self.cases.find_one({"number": number})
        if case is None:
            raise KeyError(number)
        return case


# --- httpx-request-overrides-client
import httpx


def sync_contacts(contacts, key):
    """Push the contacts to the mailing service, nested helper and all."""
    client = httpx.Client(headers={"X-Api-Key": key}, timeout=10.0)

    def push(contact):
        from urllib.parse import quote

        path = f"https://mail.example.com/contacts/{quote(contact['email'])}"
        return client.put(path, json=contact, timeout=None)  # planted

    with client:
        failed = [contact["email"] for contact in contacts if push(contact).status_code >= 400]
    return failed
