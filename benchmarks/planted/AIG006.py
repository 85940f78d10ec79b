# --- sleep-from-import-alias
from time import sleep as pause


async def wait_until_ready(check, attempts=10):
    """Ask a service until it says that it is ready."""
    for attempt in range(attempts):
        if await check():
            return attempt
        pause(0.5)  # planted
    raise TimeoutError(f"not ready after {attempts} attempts")


# --- requests-in-an-async-method
import requests


class GeoCoder:
    """Turns addresses into coordinates."""

    def __init__(self, endpoint, key):
        self.endpoint = endpoint
        self.key = key

    async def locate(self, address):
        query = {"q": address, "key": self.key, "limit": 1}
        response = requests.get(self.endpoint, params=query, timeout=5)  # planted
        response.raise_for_status()
        best = response.json()["results"][0]
        return best["lat"], best["lon"]


# --- session-in-a-local-variable
import requests as rq


async def mirror_repositories(names, token):
    """Ask the forge to refresh its mirrors."""
    session = rq.Session()
    session.headers["Authorization"] = f"Bearer {token}"
    refreshed = []
    for name in names:
        answer = session.post(f"https://git.example.org/api/mirrors/{name}", timeout=10)  # planted
        if answer.status_code == 202:
            refreshed.append(name)
    return refreshed


# --- httpx-client-as-with-target
async def fetch_profile(user_id: int) -> dict:
    """Return what the identity service knows about a user."""
    import httpx

    headers = {"Accept": "application/json"}
    with httpx.Client(base_url="https://id.example.org", headers=headers) as client:
        response = client.get(f"/users/{user_id}")  # planted
    if response.status_code == 404:
        return {}
    response.raise_for_status()
    return response.json()


# --- httpx-client-on-self
import httpx


class WeatherService:
    """Forecasts, cached per city."""

    def __init__(self, base_url):
        self.client = httpx.Client(base_url=base_url, timeout=10)
        self.cache = {}

    def forget(self, city):
        self.cache.pop(city, None)

    async def forecast(self, city):
        if city not in self.cache:
            response = self.client.get("/forecast", params={"city": city})  # planted
            self.cache[city] = response.json()
        return self.cache[city]


# --- urlopen-in-a-coroutine
import json
from urllib.request import Request, urlopen


async def notify(webhook, text, channel="#builds"):
    """Post a line to a chat channel."""
    body = json.dumps({"text": text, "channel": channel}).encode()
    message = Request(webhook, data=body, headers={"Content-Type": "application/json"})
    with urlopen(message, timeout=5) as answer:  # planted
        return answer.status == 200


# --- subprocess-run-in-a-handler
import subprocess

from aiohttp import web


async def convert(request):
    """Convert an uploaded document to PDF."""
    form = await request.post()
    source = f"/srv/inbox/{form['id']}.odt"
    done = subprocess.run(["soffice", "--headless", "--convert-to", "pdf", source], check=False)  # planted
    if done.returncode:
        return web.json_response({"error": "cannot be converted"}, status=422)
    return web.json_response({"file": source.replace(".odt", ".pdf")})


# --- os-system-in-a-task
import os


class Deployer:
    """Restarts services after a configuration change."""

    def __init__(self, services):
        self.services = services
        self.failed = []

    async def restart_all(self):
        for service in self.services:
            status = os.system(f"systemctl restart {service}")  # planted
            if status:
                self.failed.append(service)
        return not self.failed


# --- open-in-an-endpoint
from fastapi import APIRouter, HTTPException

router = APIRouter()


@router.get("/reports/{name}")
async def read_report(name: str):
    """Return the lines of a finished report."""
    if "/" in name:
        raise HTTPException(status_code=400)
    with open(f"/srv/reports/{name}.csv", encoding="utf-8") as report:  # planted
        header, *rows = report.read().splitlines()
    return {"columns": header.split(","), "rows": len(rows)}


# --- path-read-text
from pathlib import Path


class PromptLibrary:
    """Prompts that lie as text files beside the code."""

    def __init__(self, folder: str) -> None:
        self.folder = Path(folder)

    async def prompt(self, name: str, **values: str) -> str:
        path = self.folder / f"{name}.md"
        text = path.read_text(encoding="utf-8")  # planted
        for key, value in values.items():
            text = text.replace("{" + key + "}", value)
        return text.strip()


# --- shutil-in-a-background-task
import asyncio
import shutil


async def rotate_uploads(current, archive, every=3600):
    """Move the uploads away once an hour."""
    number = 0
    while True:
        await asyncio.sleep(every)
        number += 1
        shutil.copytree(current, f"{archive}/{number:06}")  # planted
        print(f"archived {current} as {number:06}")


# --- zip-extracted-in-async
import zipfile


async def install_plugin(upload, plugins_dir, registry):
    """Unpack a plugin and make it known."""
    with zipfile.ZipFile(upload.file) as bundle:
        names = bundle.namelist()
        if "plugin.toml" not in names:
            raise ValueError("no plugin.toml in the archive")
        bundle.extractall(plugins_dir)  # planted
    await registry.refresh()
    return len(names)


# --- sqlite-on-self
import sqlite3


class AuditTrail:
    """Who did what, in a small local database."""

    def __init__(self, path):
        self.db = sqlite3.connect(path)

    def close(self):
        self.db.close()

    async def record(self, actor, action, target):
        row = (actor, action, target)
        self.db.execute("INSERT INTO trail (actor, action, target) VALUES (?, ?, ?)", row)  # planted
        return row


# --- redis-annotated-parameter
from redis import Redis


async def is_rate_limited(cache: Redis, client_id: str, limit: int = 100) -> bool:
    """Count a request and tell whether there were too many in this minute."""
    key = f"rate:{client_id}"
    count = cache.incr(key)  # planted
    if count == 1:
        cache.expire(key, 60)
    return count > limit


# --- boto3-upload
import boto3


async def store_recording(call, bucket):
    """Store the recording of a call, and return where it lies."""
    s3 = boto3.client("s3")
    key = f"recordings/{call.started:%Y/%m/%d}/{call.id}.ogg"
    s3.upload_file(call.path, bucket, key)  # planted
    await call.mark_stored(key)
    return f"s3://{bucket}/{key}"


# --- smtp-with-target
import smtplib
from email.message import EmailMessage


async def send_reset_link(address, link):
    """Mail a link with which a password can be changed."""
    mail = EmailMessage()
    mail["To"], mail["From"] = address, "noreply@example.org"
    mail["Subject"] = "Change your password"
    mail.set_content(f"Follow this link within the hour:\n\n{link}\n")
    with smtplib.SMTP("mail.example.org", 587, timeout=10) as server:  # planted
        server.starttls()
        server.send_message(mail)  # planted


# --- llm-client-on-self
import anthropic


class Summarizer:
    """Summaries of long threads."""

    def __init__(self, model):
        self.model = model
        self._llm = anthropic.Anthropic()

    async def summarize(self, thread):
        text = "\n".join(f"{message.author}: {message.text}" for message in thread)
        messages = [{"role": "user", "content": f"Summarize:\n{text}"}]
        answer = self._llm.messages.create(model=self.model, max_tokens=400, messages=messages)  # planted
        return answer.content[0].text


# --- socket-annotated-parameter
import socket


async def read_greeting(peer: socket.socket, on_greeting, limit: int = 512) -> str:
    """Read what a peer says first, and hand it on."""
    greeting = peer.recv(limit)  # planted
    if not greeting:
        raise ConnectionError("the peer hung up")
    text = greeting.decode("ascii", "replace").rstrip()
    await on_greeting(text)
    return text


# --- input-in-a-chat-loop
async def chat(agent):
    """Talk with an agent on the terminal until the user leaves."""
    history = []
    while True:
        line = input("you> ")  # planted
        if line in {"quit", "exit"}:
            break
        history.append({"role": "user", "content": line})
        answer = await agent.answer(history)
        history.append({"role": "assistant", "content": answer})
        print(f"agent> {answer}")
    return history


# --- thread-join-at-shutdown
from threading import Event, Thread


class Sampler:
    """Samples a sensor in a thread of its own."""

    def __init__(self, read):
        self.stopped = Event()
        self.thread = Thread(target=self._run, args=(read,), daemon=True)

    def _run(self, read):
        while not self.stopped.wait(1):
            read()

    async def stop(self):
        self.stopped.set()
        self.thread.join()  # planted


# --- future-result
from concurrent.futures import ThreadPoolExecutor

POOL = ThreadPoolExecutor(max_workers=4)


async def render_pages(document, render):
    """Render the pages of a document beside each other."""
    futures = [POOL.submit(render, page) for page in document.pages[1:]]
    cover = POOL.submit(render, document.pages[0])
    first = cover.result()  # planted
    return first, futures


# --- blocking-queue-get
import queue


class EventBridge:
    """Brings events from a driver's thread to coroutines."""

    def __init__(self, driver):
        self.events = queue.Queue()
        driver.subscribe(self.events.put)

    async def forward(self, publish):
        while True:
            event = self.events.get()  # planted
            if event is None:
                return
            await publish(event.topic, event.payload)


# --- threading-lock-acquire
import threading


class Ledger:
    """Balances, changed by threads and coroutines."""

    def __init__(self):
        self._lock = threading.Lock()
        self._balances = {}

    async def book(self, account, amount):
        self._lock.acquire()  # planted
        try:
            self._balances[account] = self._balances.get(account, 0) + amount
        finally:
            self._lock.release()


# --- psycopg2-connect
import psycopg2


async def count_open_orders(dsn):
    """Return the number of orders that wait."""
    connection = psycopg2.connect(dsn, connect_timeout=5)  # planted
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM orders WHERE shipped IS NULL")
            return cursor.fetchone()[0]
    finally:
        connection.close()


# --- async-closure-in-a-sync-factory
import os
import subprocess as sp


def make_build_step(workdir, environment):
    """Return a coroutine function that runs one step of a build."""

    async def step(name, command):
        print(f"--> {name}")
        output = sp.check_output(command, cwd=workdir, env={**os.environ, **environment})  # planted
        return output.decode().splitlines()

    return step


# --- condition-of-an-await
import requests


async def pick_backend(primary, replica):
    """Connect to the primary while it is healthy, to its replica otherwise."""
    healthy = f"{primary.url}/healthz"
    backend = await (
        primary.connect()
        if requests.head(healthy, timeout=1).ok  # planted
        else replica.connect()
    )
    backend.label = "primary" if backend.url == primary.url else "replica"
    return backend


# --- dataclass-client-field
from dataclasses import dataclass

import requests


@dataclass
class TicketTracker:
    """Tickets in the help desk."""

    session: requests.Session
    base: str

    def url(self, ticket):
        return f"{self.base}/tickets/{ticket}"

    async def close(self, ticket, comment):
        answer = self.session.patch(self.url(ticket), json={"comment": comment}, timeout=5)  # planted
        return answer.ok
