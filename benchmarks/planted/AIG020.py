# --- bare-dict-parameter
def greeting(data: dict) -> str:
    """Return the line above a letter."""
    name: str = data["name"]  # planted
    title = "Dr." if "phd" in data else ""
    parts = ["Dear", title, name]
    line = " ".join(part for part in parts if part)
    if len(line) > 60:
        line = f"Dear {name.split()[-1]}"
    line = line.strip()
    return line + ","


# --- dict-str-any-parameter
from typing import Any


class Billing:
    """Writes invoices."""

    def __init__(self, store):
        self.store = store

    def add_position(self, invoice: str, position: dict[str, Any]) -> int:
        quantity: int = position["quantity"]  # planted
        label = str(position["label"])
        self.store.append((invoice, label, quantity))
        return quantity * 100


# --- get-non-optional
from typing import Any, Dict


def subscribe(form: Dict[str, Any], newsletter):
    """Add a reader to the newsletter."""
    address: str = form.get("email")  # planted
    local, _, host = address.partition("@")
    entry = f"{local}@{host.lower()}"
    newsletter.add(entry)
    newsletter.flush()
    return entry


# --- json-loads-local
import json


def handle_message(raw: bytes, inventory) -> None:
    """Apply a message of the warehouse to our inventory."""
    message = json.loads(raw)
    count: int = message["count"]  # planted
    article = str(message["article"]).upper()
    if message["kind"] == "out":
        count = -count
    inventory[article] = inventory.get(article, 0) + count


# --- json-load-file
import json as js
from pathlib import Path


def load_window_size(path: Path) -> tuple[int, int]:
    """Return the size that the window had the last time."""
    if not path.exists():
        return 1024, 768
    with path.open(encoding="utf-8") as file:
        state = js.load(file)
    width: int = state["window"]["width"]  # planted
    return width, width * 3 // 4


# --- requests-json
import requests


def balance(account: str, token: str) -> float:
    """Return the money on an account."""
    headers = {"Authorization": f"Bearer {token}"}
    answer = requests.get(f"https://bank.example.com/accounts/{account}", headers=headers, timeout=10)
    answer.raise_for_status()
    body = answer.json()
    amount: float = body["balance"]["amount"]  # planted
    return amount / 100


# --- httpx-async-json-get
import httpx


class Identity:
    """Asks the identity provider."""

    def __init__(self, client: httpx.AsyncClient):
        self.client = client

    async def groups(self, login: str) -> set[str]:
        answer = await self.client.get(f"/users/{login}")
        answer.raise_for_status()
        profile = answer.json()
        names: list[str] = profile.get("groups")  # planted
        return {name.casefold() for name in names}


# --- aiohttp-await-json
import aiohttp


async def next_departure(session: aiohttp.ClientSession, stop: int) -> int:
    """Return the minutes until the next tram leaves."""
    async with session.get(f"/stops/{stop}/departures") as response:
        response.raise_for_status()
        timetable = await response.json()
    minutes: int = timetable["departures"][0]["minutes"]  # planted
    return max(minutes - 2, 0)


# --- yaml-safe-load-module-level
from pathlib import Path

import yaml

SETTINGS = yaml.safe_load(Path("settings.yaml").read_text(encoding="utf-8"))
PORT: int = SETTINGS["server"]["port"]  # planted


def listen_address() -> str:
    """Return the address that the server listens on."""
    return f"0.0.0.0:{PORT + 1 if PORT < 1024 else PORT}"


# --- yaml-from-import-get
from yaml import safe_load


def read_pipeline(path):
    """Return the commands of a pipeline."""
    with open(path, encoding="utf-8") as file:
        pipeline = safe_load(file)
    image: str = pipeline.get("image")  # planted
    commands = [f"docker pull {image.strip()}"]
    for step in pipeline["steps"]:
        commands.append(f"docker run {image} {step}")
    return commands


# --- tomllib-load
import tomllib


def project_version(directory):
    """Return the version that a project declares."""
    with open(directory / "pyproject.toml", "rb") as file:
        declared = tomllib.load(file)
    version: str = declared["project"]["version"]  # planted
    major, minor, *rest = version.split(".")
    return int(major), int(minor), ".".join(rest)


# --- fastapi-request-json
from fastapi import APIRouter, Request

router = APIRouter()


@router.post("/orders")
async def create_order(request: Request):
    """Take an order from the shop."""
    body = await request.json()
    customer_id: int = body["customer_id"]  # planted
    lines = [(line["sku"], line["count"]) for line in body["lines"]]
    number = await request.app.state.orders.create(customer_id, lines)
    return {"number": number}


# --- flask-request-json
from flask import Blueprint, jsonify, request

blueprint = Blueprint("users", __name__)


@blueprint.route("/users/<int:user_id>/email", methods=["PUT"])
def change_email(user_id):
    """Change a user's address."""
    address: str = request.json["email"]  # planted
    user = blueprint.users.get(user_id)
    user.email = address.lower()
    blueprint.users.save(user)
    return jsonify(email=user.email)


# --- flask-get-json
from flask import Flask, request

app = Flask(__name__)


@app.post("/thumbnails")
def make_thumbnail():
    """Scale a picture down."""
    from pictures import scale

    options = request.get_json()
    width: int = options.get("width")  # planted
    picture = scale(options["url"], min(width, 400))
    return {"thumbnail": picture.url, "height": picture.height}


# --- lambda-event
import boto3

s3 = boto3.client("s3")


def lambda_handler(event, context):
    """Delete the object that the event names."""
    key: str = event["detail"]["object"]["key"]  # planted
    bucket = "uploads"
    if key.endswith("/"):
        return {"statusCode": 204}
    s3.delete_object(Bucket=bucket, Key=key)
    return {"statusCode": 200, "deleted": key}


# --- any-parameter
from datetime import datetime
from typing import Any


def age_in_days(payload: Any, now: datetime) -> int:
    """Return how old an entry is."""
    created: datetime = payload["created"]  # planted
    if payload.get("pinned"):
        return 0
    elapsed = now - created
    return elapsed.days


# --- django-body-json
import json

from django.http import HttpResponse
from django.views.decorators.http import require_POST


@require_POST
def rate(request, film):
    """Store a visitor's rating of a film."""
    sent = json.loads(request.body)
    stars: int = sent["stars"]  # planted
    rating, _ = film.ratings.get_or_create(user=request.user)
    rating.stars = min(stars, 5)
    rating.save()
    return HttpResponse(status=204)


# --- config-on-self
import yaml


class Mailer:
    """Sends mail over the configured server."""

    def __init__(self, path):
        with open(path, encoding="utf-8") as file:
            self.config = yaml.safe_load(file)

    def server(self):
        host: str = self.config["smtp"]["host"]  # planted
        if not host.endswith(".example.com"):
            host += ".example.com"
        return host, 587


# --- annotated-self-attribute
class Worker:
    """Works on the jobs of one queue."""

    def __init__(self, options: dict, log):
        self.log = log
        self.batch_size: int = options["batch_size"]  # planted
        self.done = 0

    def run(self, jobs):
        batch = jobs[: self.batch_size]
        for job in batch:
            job()
            self.done += 1
        self.log.info("%s jobs done", self.done)


# --- json-loads-direct
import json

import redis


def session_owner(cache: redis.Redis, session_id: str) -> int:
    """Return the user to whom a session belongs."""
    stored = cache.get(f"session:{session_id}")
    if stored is None:
        raise KeyError(session_id)
    owner: int = json.loads(stored)["user_id"]  # planted
    cache.expire(f"session:{session_id}", 1800)
    return owner


# --- dataclass-raw-field
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Event:
    """An event as the partner sent it."""

    kind: str
    raw: dict[str, Any]

    def amount_with_tax(self) -> float:
        amount: float = self.raw["amount"]  # planted
        rate = 0.07 if self.kind == "book" else 0.19
        return round(amount * (1 + rate), 2)


# --- get-with-default
from typing import Any, Mapping


def retry_policy(options: Mapping[str, Any]) -> list[float]:
    """Return the pauses between the attempts."""
    attempts: int = options.get("attempts", 3)  # planted
    pauses = []
    for attempt in range(attempts):
        pauses.append(0.5 * 2 ** attempt)
    return pauses


# --- nested-function-annotated-local
from typing import Any


def make_sorter(field_name):
    """Return a function that sorts documents."""

    def sort(documents: list, defaults: dict[str, Any]):
        descending: bool = defaults["descending"]  # planted
        missing = defaults.get("missing")
        return sorted(documents, key=lambda one: one.get(field_name, missing), reverse=descending)

    return sort


# --- loop-over-rows
import csv
import json


def export_contacts(dump, target):
    """Write the contacts of a dump as a table."""
    contacts = json.loads(dump)
    with open(target, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        for contact in contacts["people"]:
            surname: str = contact["surname"]  # planted
            writer.writerow([surname.upper(), contact["phone"]])
