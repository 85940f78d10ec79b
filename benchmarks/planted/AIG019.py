# --- length-of-a-parameter
def set_password(user, password):
    """Store a new password for a user."""
    assert len(password) >= 12, "Password must have at least 12 characters"  # planted
    user.password_hash = user.hasher.hash(password)
    user.must_change = False
    user.sessions.clear()
    user.save()
    for device in user.devices:
        device.forget()
    return user


# --- membership-of-a-parameter
SUPPORTED = ("csv", "json", "parquet")


def export(rows, path, fmt="csv"):
    """Write rows to a file in one of the supported formats."""
    assert fmt in SUPPORTED, f"Unsupported format: {fmt}"  # planted
    with open(f"{path}.{fmt}", "w", encoding="utf-8") as out:
        for row in rows:
            out.write(",".join(map(str, row)) if fmt == "csv" else repr(row))
            out.write("\n")
    return path


# --- range-in-a-method
class Account:
    """A customer's account."""

    def __init__(self, owner, balance=0):
        self.owner = owner
        self.balance = balance

    def withdraw(self, amount):
        assert 0 < amount <= self.balance, "invalid amount"  # planted
        self.balance -= amount
        return self.balance

    def deposit(self, amount):
        self.balance += amount
        return self.balance


# --- constructor-argument
class TokenBucket:
    """Lets a number of calls through in each period."""

    def __init__(self, rate: float, capacity: int) -> None:
        assert capacity > 0  # planted
        self.rate = rate
        self.capacity = capacity
        self.tokens = float(capacity)

    def take(self, now: float, since: float) -> bool:
        self.tokens = min(self.capacity, self.tokens + (now - since) * self.rate)
        if self.tokens < 1:
            return False
        self.tokens -= 1
        return True


# --- truth-of-a-parameter
import re


def slugify(title, max_length=60):
    """Return a title as it stands in an address."""
    assert title, "title must not be empty"  # planted
    slug = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")
    if len(slug) > max_length:
        slug = slug[:max_length].rsplit("-", 1)[0]
    return slug


# --- flask-json-body
from flask import Blueprint, jsonify, request

transfers = Blueprint("transfers", __name__)


@transfers.post("/transfers")
def create_transfer():
    """Move money between two accounts."""
    data = request.get_json()
    assert data["amount"] > 0, "amount must be positive"  # planted
    return jsonify({"from": data["source"], "to": data["target"], "amount": data["amount"]})


# --- django-staff-only
from django.http import JsonResponse


def delete_comment(request, comment_id):
    """Delete a comment; only the staff may do that."""
    from comments.models import Comment

    assert request.user.is_staff  # planted
    comment = Comment.objects.get(pk=comment_id)
    comment.delete()
    return JsonResponse({"deleted": comment_id})


# --- role-of-the-user
class ProjectService:
    """What can be done with projects."""

    def __init__(self, repository, events):
        self.repository = repository
        self.events = events

    def archive(self, user, project_id):
        assert user.is_admin, "only administrators may archive"  # planted
        project = self.repository.get(project_id)
        project.archived = True
        self.repository.save(project)
        self.events.emit("archived", project_id)


# --- webhook-signature
import hashlib
import hmac


def handle_webhook(secret, body, signature):
    """Accept a webhook whose signature fits the body."""
    expected = hmac.new(secret, body, hashlib.sha256).hexdigest()
    assert hmac.compare_digest(expected, signature)  # planted
    event, _, payload = body.partition(b"\n")
    return event.decode(), payload


# --- status-code
import requests


def latest_build(project, token):
    """Return the number of the newest build of a project."""
    headers = {"Authorization": f"Bearer {token}"}
    response = requests.get(f"https://ci.example.org/{project}/builds", headers=headers, timeout=10)
    assert response.status_code == 200  # planted
    builds = response.json()["builds"]
    return max((build["number"] for build in builds), default=None)


# --- response-ok
import httpx


class Directory:
    """Looks people up in the company's directory."""

    def __init__(self, base_url):
        self.client = httpx.Client(base_url=base_url)

    def person(self, login):
        resp = self.client.get(f"/people/{login}")
        assert resp.is_success, resp.text  # planted
        entry = resp.json()
        return entry["name"], entry["mail"]


# --- side-effect-pop
class Undo:
    """The steps that can be taken back."""

    def __init__(self):
        self._steps = []

    def push(self, step):
        self._steps.append(step)

    def drop_last(self):
        """Forget the newest step."""
        assert self._steps.pop(), "nothing to undo"  # planted
        return len(self._steps)


# --- side-effect-acquire
import threading

_LOCK = threading.Lock()


def update_index(index, entries):
    """Write entries to the index, one writer at a time."""
    assert _LOCK.acquire(timeout=5)  # planted
    try:
        for key, value in entries.items():
            index[key] = value
    finally:
        _LOCK.release()
    return len(entries)


# --- command-line-length
import sys


def main():
    """Copy a table from one database to another."""
    assert len(sys.argv) == 4, "usage: copytable SOURCE TARGET TABLE"  # planted
    source, target, table = sys.argv[1:]
    print(f"copying {table} from {source} to {target}")
    if source == target:
        print("nothing to do")
        return 0
    return 1


# --- environment-variable
import os


def database_url():
    """Return the address of the database that this process works with."""
    url = os.environ.get("DATABASE_URL", "")
    assert url.startswith("postgresql://"), "DATABASE_URL must be a PostgreSQL URL"  # planted
    if "sslmode=" not in url:
        separator = "&" if "?" in url else "?"
        url = f"{url}{separator}sslmode=require"
    return url


# --- parsed-json-item
import json


class MessageCodec:
    """Decodes what comes over the wire."""

    version = 2

    def decode(self, raw):
        message = json.loads(raw)
        assert message["version"] == self.version, "unknown version"  # planted
        return message["type"], message.get("body")

    def encode(self, kind, body):
        return json.dumps({"version": self.version, "type": kind, "body": body})


# --- value-taken-with-get
import json
from pathlib import Path

KINDS = {"create", "update", "delete"}


def _read_event(name):
    """Return kind and subject of an event that was stored."""
    event = json.loads(Path("events", name).read_text(encoding="utf-8"))
    kind = event.get("kind")
    assert kind in KINDS, f"{name}: unknown kind"  # planted
    return kind, event["subject"]


# --- existing-file
import os
import shutil


def restore_backup(backup_path, data_dir):
    """Replace the data by those of a backup."""
    assert os.path.exists(backup_path), f"{backup_path} does not exist"  # planted
    old = f"{data_dir}.old"
    if os.path.isdir(old):
        shutil.rmtree(old)
    os.rename(data_dir, old)
    shutil.unpack_archive(backup_path, data_dir)


# --- parsed-arguments
import argparse


def run(argv=None):
    """Start the workers."""
    parser = argparse.ArgumentParser(description="Starts the workers.")
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--queue", default="default")
    args = parser.parse_args(argv)
    assert 1 <= args.workers <= 64, "--workers must be between 1 and 64"  # planted
    return [f"{args.queue}-{number}" for number in range(args.workers)]


# --- configuration-file
import tomllib


def load_config(path):
    """Read the server's configuration."""
    with open(path, "rb") as file:
        config = tomllib.load(file)
    assert config["port"] > 1024, "port must not be privileged"  # planted
    config.setdefault("host", "127.0.0.1")
    config.setdefault("workers", 2)
    return config


# --- type-and-value
def scale(image, factor):
    """Return an image, made larger or smaller."""
    assert isinstance(factor, (int, float)) and factor > 0, "factor must be positive"  # planted
    width, height = image.size
    new_size = max(1, round(width * factor)), max(1, round(height * factor))
    if new_size == image.size:
        return image
    return image.resize(new_size)


# --- every-element-of-a-parameter
class Histogram:
    """Counts values in buckets."""

    def __init__(self):
        self.counts = {}

    def observe_many(self, values):
        assert all(value >= 0 for value in values), (  # planted
            "a histogram takes no negative values"
        )
        for value in values:
            bucket = int(value).bit_length()
            self.counts[bucket] = self.counts.get(bucket, 0) + 1
        return self.counts


# --- async-endpoint-parameter
from fastapi import FastAPI

app = FastAPI()


@app.get("/orders")
async def list_orders(offset: int = 0, limit: int = 50):
    """List orders, page by page."""
    assert limit <= 200, "limit too high"  # planted
    first, last = offset, offset + limit
    return {"from": first, "to": last, "next": f"/orders?offset={last}&limit={limit}"}
