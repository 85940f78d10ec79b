# --- tenacity-requests-post
import requests
from tenacity import retry, stop_after_attempt, wait_random_exponential


@retry(stop=stop_after_attempt(4), wait=wait_random_exponential(max=20))
def create_shipment(order, token):
    """Book a parcel for an order and return its tracking number."""
    body = {"service": order.service, "weight": order.weight, "to": order.address}
    headers = {"Authorization": f"Bearer {token}"}
    answer = requests.post("https://parcel.example.com/shipments", json=body, headers=headers, timeout=10)  # planted
    answer.raise_for_status()
    return answer.json()["tracking"]


# --- tenacity-dotted-httpx-patch
import httpx
import tenacity as tn


class Accounts:
    """The account service."""

    def __init__(self, base):
        self.client = httpx.Client(base_url=base, timeout=5.0)

    @tn.retry(stop=tn.stop_after_attempt(3), wait=tn.wait_exponential_jitter())
    def add_credit(self, account, cents):
        answer = self.client.patch(f"/accounts/{account}", json={"op": "add", "cents": cents})  # planted
        answer.raise_for_status()
        return answer.json()["balance"]


# --- backoff-session-post
import backoff
import requests


@backoff.on_exception(backoff.expo, requests.exceptions.RequestException, max_tries=5)
def open_ticket(session: requests.Session, title: str, text: str) -> int:
    """Open a support ticket and return its number."""
    fields = {"title": title, "text": text, "source": "monitor"}
    answer = session.post("https://desk.example.com/api/tickets", json=fields, timeout=8)  # planted
    answer.raise_for_status()
    return answer.json()["id"]


# --- stamina-async-post
import httpx
import stamina


class Webhooks:
    """Tells the subscribers what happened."""

    def __init__(self):
        self.client = httpx.AsyncClient(timeout=6.0)

    @stamina.retry(on=httpx.HTTPError, attempts=5)
    async def deliver(self, url, event):
        body = {"type": event.kind, "at": event.at.isoformat(), "data": event.data}
        answer = await self.client.post(url, json=body)  # planted
        answer.raise_for_status()


# --- retrying-smtp
import smtplib
from email.message import EmailMessage

from retrying import retry


@retry(stop_max_attempt_number=3, wait_exponential_multiplier=500)
def mail_invoice(recipient, pdf):
    """Send an invoice to a customer."""
    message = EmailMessage()
    message["Subject"] = "Your invoice"
    message["To"] = recipient
    message.add_attachment(pdf, maintype="application", subtype="pdf", filename="invoice.pdf")
    with smtplib.SMTP("mail.example.com", timeout=20) as server:
        server.send_message(message)  # planted


# --- celery-autoretry-post
import requests
from celery import Celery

app = Celery("shop", broker="redis://broker/0")


@app.task(autoretry_for=(Exception,), retry_backoff=True, max_retries=6)
def announce_order(order_id, total):
    """Tell the fulfilment company about a new order."""
    payload = {"order": order_id, "total": total}
    answer = requests.post("https://fulfil.example.net/orders", json=payload, timeout=10)  # planted
    answer.raise_for_status()


# --- celery-shared-task-mail
from celery import shared_task


@shared_task(autoretry_for=(Exception,), retry_backoff=2, retry_kwargs={"max_retries": 4})
def remind(user_id):
    """Remind a user of an unpaid invoice."""
    from django.core.mail import send_mail

    from accounts.models import User

    user = User.objects.get(pk=user_id)
    text = f"Dear {user.first_name}, your invoice is still open."
    send_mail("Your open invoice", text, "billing@example.com", [user.email])  # planted


# --- urllib3-allowed-methods-none
import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry


def robust_session():
    """Return a session that survives short outages."""
    policy = Retry(total=4, backoff_factor=0.5, status_forcelist=(500, 502, 503), allowed_methods=None)  # planted
    session = requests.Session()
    session.mount("https://", HTTPAdapter(max_retries=policy))
    session.mount("http://", HTTPAdapter(max_retries=policy))
    return session


# --- urllib3-allowed-methods-post
import urllib3

CODES = [429, 502, 503, 504]


class PaymentGateway:
    """Client of the payment provider."""

    def __init__(self, base):
        self.base = base
        policy = urllib3.Retry(5, backoff_factor=1, allowed_methods={"GET", "POST"}, status_forcelist=CODES)  # planted
        self.http = urllib3.PoolManager(retries=policy, timeout=10.0)

    def pay(self, order, cents):
        fields = {"order": order, "amount": cents}
        return self.http.request("POST", f"{self.base}/payments", json=fields).json()["state"]


# --- urllib3-method-whitelist-false
def install_retries(session):
    """Make a session repeat its failed requests."""
    from requests.adapters import HTTPAdapter
    from urllib3.util.retry import Retry as RetryPolicy

    policy = RetryPolicy(total=3, backoff_factor=0.3, method_whitelist=False)  # planted
    adapter = HTTPAdapter(max_retries=policy, pool_maxsize=20)
    for prefix in ("http://", "https://"):
        session.mount(prefix, adapter)
    return session


# --- loop-stripe-charge
import random
import time

import stripe


def charge_customer(customer, cents):
    """Charge a customer's card; the provider sometimes needs a second attempt."""
    for attempt in range(3):
        try:
            charge = stripe.Charge.create(customer=customer, amount=cents, currency="eur")  # planted
            return charge.id
        except stripe.error.StripeError:
            if attempt == 2:
                raise
            time.sleep(2 ** attempt + random.random())
    return None


# --- loop-sqlite-insert
import sqlite3
import time


def record_visit(path, visitor, page):
    """Note that a visitor saw a page; the database may be locked for a moment."""
    for attempt in range(1, 6):
        try:
            with sqlite3.connect(path) as connection:
                connection.execute("INSERT INTO visits (visitor, page) VALUES (?, ?)", (visitor, page))  # planted
            return True
        except sqlite3.Error:
            if attempt < 5:
                time.sleep(0.1 * 2 ** attempt)
    return False


# --- tenacity-orm-add-commit
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session
from tenacity import retry, retry_if_exception_type, stop_after_attempt, wait_random

from models import Booking


@retry(retry=retry_if_exception_type(DBAPIError), stop=stop_after_attempt(3), wait=wait_random(1, 3))
def book(session: Session, room: int, guest: str) -> int:
    """Book a room for a guest."""
    booking = Booking(room=room, guest=guest)
    session.add(booking)  # planted
    session.commit()
    return booking.id


# --- backoff-sns-publish
import backoff
import boto3
from botocore.exceptions import ClientError

sns = boto3.client("sns", region_name="eu-west-1")


@backoff.on_exception(backoff.expo, (ClientError, TimeoutError), max_time=60)
def raise_alarm(topic, device, temperature):
    """Alarm the people on duty."""
    text = f"{device} reports {temperature:.1f} degrees"
    sns.publish(TopicArn=topic, Message=text, Subject="Temperature alarm")  # planted


# --- while-loop-sqs-send
import json
import time

import boto3
from botocore.exceptions import BotoCoreError


class Outbox:
    """Puts our events into the queue."""

    def __init__(self, url):
        self.sqs = boto3.client("sqs")
        self.url = url

    def push(self, event):
        attempts = 0
        while attempts < 4:
            try:
                return self.sqs.send_message(QueueUrl=self.url, MessageBody=json.dumps(event))  # planted
            except BotoCoreError:
                attempts += 1
                time.sleep(attempts ** 2)
        raise RuntimeError("the queue does not accept events")


# --- stamina-redis-counter
import redis
import stamina

cache = redis.Redis(host="cache", port=6379)


@stamina.retry(on=redis.RedisError, attempts=3, timeout=10.0)
def count_download(artefact, size):
    """Count a download for the monthly statistics."""
    key = f"downloads:{artefact}"
    total = cache.incrby(key, size)  # planted
    cache.expire(key, 40 * 24 * 3600)
    return total


# --- tenacity-append-file
from datetime import datetime, timezone

from tenacity import retry, stop_after_attempt, wait_exponential


@retry(stop=stop_after_attempt(5), wait=wait_exponential(multiplier=0.2))
def audit(path, user, action):
    """Write a line to the audit log, which lies on a network share."""
    line = f"{datetime.now(timezone.utc).isoformat()} {user} {action}\n"
    with open(path, "a", encoding="utf-8") as log:  # planted
        log.write(line)


# --- loop-gateway-charge
import random
import time


class Checkout:
    """Turns a cart into a paid order."""

    def __init__(self, gateway, orders):
        self.gateway = gateway
        self.orders = orders

    def pay(self, cart, card):
        for attempt in range(1, 4):
            try:
                receipt = self.gateway.charge(card, cart.total)  # planted
                break
            except TimeoutError:
                if attempt == 3:
                    raise
                time.sleep(attempt + random.random())
        return self.orders.create(cart, receipt)


# --- tenacity-balance-decrement
from tenacity import retry, stop_after_attempt, wait_random_exponential


class Wallet:
    """A customer's prepaid money."""

    def __init__(self, balance, ledger):
        self.balance = balance
        self.ledger = ledger

    @retry(stop=stop_after_attempt(3), wait=wait_random_exponential(max=5))
    def spend(self, cents):
        if cents > self.balance:
            raise ValueError("not enough money")
        self.balance -= cents  # planted
        self.ledger.flush()
        return self.balance


# --- backoff-sqlalchemy-insert
import backoff
from sqlalchemy import create_engine, text
from sqlalchemy.exc import DBAPIError

engine = create_engine("postgresql://metrics@db/metrics", pool_pre_ping=True)


@backoff.on_exception(backoff.expo, DBAPIError, max_tries=4)
def save_reading(sensor, value):
    """Store what a sensor measured."""
    row = {"s": sensor, "v": value}
    with engine.begin() as connection:
        connection.execute(text("INSERT INTO readings (sensor, value) VALUES (:s, :v)"), row)  # planted


# --- retrying-iterator-post
import requests
from tenacity import Retrying, stop_after_attempt, wait_random


def submit_claim(claim):
    """Hand an insurance claim over to the insurer."""
    for attempt in Retrying(stop=stop_after_attempt(3), wait=wait_random(0.5, 2), reraise=True):
        with attempt:
            answer = requests.post("https://insurer.example.com/claims", json=claim, timeout=15)  # planted
            answer.raise_for_status()
            number = answer.json()["number"]
    return number


# --- async-retrying-post
import httpx
from tenacity import AsyncRetrying, stop_after_delay, wait_exponential_jitter


async def register_device(serial, owner):
    """Create a device in the cloud."""
    async with httpx.AsyncClient(base_url="https://devices.example.org", timeout=5) as client:
        async for attempt in AsyncRetrying(stop=stop_after_delay(30), wait=wait_exponential_jitter()):
            with attempt:
                answer = await client.post("/devices", json={"serial": serial, "owner": owner})  # planted
                answer.raise_for_status()
    return answer.json()


# --- key-minted-inside-header
import uuid

import requests
from tenacity import retry, stop_after_attempt, wait_exponential_jitter


@retry(stop=stop_after_attempt(4), wait=wait_exponential_jitter(max=15))
def pay_out(iban, cents):
    """Pay money out to a seller."""
    body = {"iban": iban, "amount": cents}
    url = "https://bank.example.com/payouts"
    answer = requests.post(url, json=body, headers={"Idempotency-Key": str(uuid.uuid4())}, timeout=9)  # planted
    answer.raise_for_status()
    return answer.json()["payout"]


# --- key-minted-inside-loop
import asyncio
from uuid import uuid4

import stripe


async def refund_order(order, attempts=3):
    """Give a customer the money back."""
    for attempt in range(attempts):
        try:
            return stripe.Refund.create(charge=order.charge, idempotency_key=uuid4().hex)  # planted
        except stripe.error.StripeError:
            if attempt + 1 == attempts:
                raise
            await asyncio.sleep(2 ** attempt)


# --- async-loop-asyncpg-insert
import asyncio

import asyncpg


async def save_message(pool: asyncpg.Pool, room: int, author: str, text: str) -> None:
    """Store a chat message."""
    delay = 0.2
    for attempt in range(5):
        try:
            await pool.execute("INSERT INTO talk (room, who, text) VALUES ($1, $2, $3)", room, author, text)  # planted
            return
        except asyncpg.PostgresError:
            if attempt == 4:
                raise
            await asyncio.sleep(delay)
            delay *= 2
