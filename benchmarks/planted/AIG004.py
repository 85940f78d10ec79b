# --- boto3-client-in-a-for-loop
import boto3


def tag_buckets(regions, tags):
    """Tag the buckets of several regions."""
    tagged = []
    for region, bucket in regions:
        s3 = boto3.client("s3", region_name=region)  # planted
        s3.put_bucket_tagging(
            Bucket=bucket,
            Tagging={"TagSet": [{"Key": key, "Value": value} for key, value in tags.items()]},
        )
        tagged.append(bucket)
    return tagged


# --- engine-for-each-query
from sqlalchemy import create_engine, text


def run_reports(url, reports):
    """Run the queries of the monthly reports."""
    results = {}
    for report in reports:
        engine = create_engine(url, pool_size=5)  # planted
        with engine.connect() as connection:
            rows = connection.execute(text(report.sql), report.parameters)
            results[report.name] = [dict(row) for row in rows.mappings()]
    return results


# --- session-in-a-with-in-a-loop
from requests import Session


def fetch_avatars(user_ids, folder):
    """Download the pictures of some users."""
    for user_id in user_ids:
        with Session() as session:  # planted
            session.headers["Accept"] = "image/png"
            response = session.get(f"https://avatars.example.com/{user_id}", timeout=5)
            if response.status_code == 404:
                continue
            response.raise_for_status()
        with open(f"{folder}/{user_id}.png", "wb") as out:
            out.write(response.content)


# --- async-client-in-a-loop
import httpx


async def notify_subscribers(subscribers, event):
    """Call the hook of everybody who wants to hear of an event."""
    failed = []
    for subscriber in subscribers:
        async with httpx.AsyncClient(timeout=5.0) as client:  # planted
            try:
                response = await client.post(subscriber.url, json={"event": event.name, "data": event.data})
                response.raise_for_status()
            except httpx.HTTPError:
                failed.append(subscriber.id)
    return failed


# --- model-client-in-a-comprehension
from openai import OpenAI


def summarize(articles, model="gpt-4o-mini"):
    """Summarize articles in one sentence each."""
    replies = [
        OpenAI().chat.completions.create(  # planted
            model=model,
            messages=[
                {"role": "system", "content": "Summarize the text in one sentence."},
                {"role": "user", "content": article.text},
            ],
        )
        for article in articles
    ]
    return [reply.choices[0].message.content for reply in replies]


# --- redis-in-a-while-loop
import time

import redis


def drain(host, queue_name, handle, idle=1.0):
    """Work off a list in Redis until it stays empty."""
    misses = 0
    while misses < 5:
        client = redis.Redis(host=host, port=6379, db=0)  # planted
        item = client.lpop(queue_name)
        client.close()
        if item is None:
            misses += 1
            time.sleep(idle)
            continue
        misses = 0
        handle(item)


# --- storage-client-in-a-dict-comprehension
from google.cloud import storage


def bucket_sizes(project, names):
    """Return how many bytes lie in each bucket."""
    return {
        name: sum(
            blob.size
            for blob in storage.Client(project=project).list_blobs(name)  # planted
        )
        for name in names
    }


# --- executor-for-each-batch
from concurrent.futures import ThreadPoolExecutor


class Importer:
    """Imports rows in batches."""

    def __init__(self, save, width=8):
        self.save = save
        self.width = width

    def run(self, batches):
        saved = 0
        for batch in batches:
            with ThreadPoolExecutor(max_workers=self.width) as pool:  # planted
                saved += sum(1 for ok in pool.map(self.save, batch) if ok)
        return saved


# --- fastapi-get
import httpx
from fastapi import FastAPI, HTTPException

app = FastAPI()


@app.get("/rates/{currency}")
async def rate(currency: str):
    """Return today's rate of a currency."""
    async with httpx.AsyncClient(base_url="https://rates.example.com") as client:  # planted
        response = await client.get("/latest", params={"symbols": currency.upper()})
    if response.status_code != 200:
        raise HTTPException(status_code=502, detail="rates are not available")
    return {"currency": currency, "rate": response.json()["rates"][currency.upper()]}


# --- router-post-model-client
from anthropic import AsyncAnthropic
from fastapi import APIRouter
from pydantic import BaseModel

router = APIRouter(prefix="/assistant")


class Question(BaseModel):
    text: str


@router.post("/ask")
async def ask(question: Question) -> dict[str, str]:
    client = AsyncAnthropic()  # planted
    message = await client.messages.create(
        model="claude-3-5-haiku-latest",
        max_tokens=1024,
        messages=[{"role": "user", "content": question.text}],
    )
    return {"answer": message.content[0].text}


# --- flask-route-resource
import boto3
from flask import Flask, abort, jsonify

app = Flask(__name__)


@app.route("/devices/<device_id>", methods=["GET"])
def show_device(device_id):
    """Return what is known of a device."""
    dynamodb = boto3.resource("dynamodb", region_name="eu-central-1")  # planted
    table = dynamodb.Table("devices")
    item = table.get_item(Key={"id": device_id}).get("Item")
    if item is None:
        abort(404)
    return jsonify(id=device_id, model=item["model"], firmware=item["firmware"])


# --- blueprint-post
from flask import Blueprint, request
from redis import Redis

bp = Blueprint("carts", __name__, url_prefix="/carts")


@bp.post("/<cart_id>/items")
def add_item(cart_id):
    cache = Redis.from_url("redis://cache:6379/1")  # planted
    payload = request.get_json()
    quantity = int(payload.get("quantity", 1))
    if quantity < 1:
        return {"error": "quantity must be positive"}, 422
    total = cache.hincrby(f"cart:{cart_id}", payload["sku"], quantity)
    return {"sku": payload["sku"], "quantity": total}, 201


# --- aiohttp-route-table
import aiohttp
from aiohttp import web

routes = web.RouteTableDef()


@routes.get("/proxy/{service}/status")
async def status(request: web.Request) -> web.Response:
    """Pass on what an inner service says of itself."""
    service = request.match_info["service"]
    session = aiohttp.ClientSession()  # planted
    try:
        async with session.get(f"http://{service}.internal:8080/status") as reply:
            body = await reply.json()
    finally:
        await session.close()
    return web.json_response({"service": service, "status": body["state"]})


# --- ninja-api
from ninja import NinjaAPI
from pymongo import MongoClient

api = NinjaAPI(version="2")


@api.get("/articles/{slug}")
def article(request, slug: str):
    """Return an article and how often it was read."""
    mongo = MongoClient("mongodb://mongo:27017")  # planted
    articles = mongo.magazine.articles
    found = articles.find_one_and_update({"slug": slug}, {"$inc": {"reads": 1}})
    if found is None:
        return api.create_response(request, {"detail": "unknown"}, status=404)
    return {"title": found["title"], "body": found["body"], "reads": found["reads"]}


# --- shared-task-engine
import pandas as pd
import sqlalchemy as sa
from celery import shared_task


@shared_task(bind=True, max_retries=3)
def export_sales(self, warehouse_url, day):
    """Write the sales of a day to the shared folder."""
    engine = sa.create_engine(warehouse_url)  # planted
    frame = pd.read_sql(sa.text("SELECT * FROM sales WHERE day = :day"), engine, params={"day": day})
    if frame.empty:
        raise self.retry(countdown=600)
    target = f"/exports/sales-{day}.csv"
    frame.to_csv(target, index=False)
    return target


# --- celery-app-task
import requests
from celery import Celery

celery_app = Celery("billing", broker="redis://broker:6379/0")


@celery_app.task(name="billing.push_invoice")
def push_invoice(invoice_id, payload):
    session = requests.Session()  # planted
    session.headers.update({"Idempotency-Key": f"invoice-{invoice_id}"})
    try:
        response = session.post("https://erp.example.com/invoices", json=payload, timeout=15)
        response.raise_for_status()
        return response.json()["number"]
    finally:
        session.close()


# --- lambda-handler-local-import
import json


def lambda_handler(event, context):
    """Copy each uploaded object to the archive."""
    import boto3

    s3 = boto3.client("s3")  # planted
    copied = []
    for record in event["Records"]:
        bucket = record["s3"]["bucket"]["name"]
        key = record["s3"]["object"]["key"]
        s3.copy_object(Bucket="archive", Key=f"{bucket}/{key}", CopySource={"Bucket": bucket, "Key": key})
        copied.append(key)
    return {"statusCode": 200, "body": json.dumps(copied)}


# --- dramatiq-actor
import dramatiq
from google.cloud import pubsub_v1


@dramatiq.actor(queue_name="outbox", max_retries=5)
def publish_outbox(project: str, topic: str, messages: list[str]) -> None:
    """Hand the messages of the outbox to the broker."""
    publisher = pubsub_v1.PublisherClient()  # planted
    topic_path = publisher.topic_path(project, topic)
    futures = [publisher.publish(topic_path, message.encode("utf-8")) for message in messages]
    for future in futures:
        future.result(timeout=30)


# --- asyncpg-pool-in-a-handler
import asyncpg
from fastapi import APIRouter, Request

orders = APIRouter()


@orders.get("/orders/{order_id}")
async def read_order(order_id: int, request: Request):
    """Return an order with its lines."""
    pool = await asyncpg.create_pool(request.app.state.dsn, min_size=1, max_size=5)  # planted
    async with pool.acquire() as connection:
        order = await connection.fetchrow("SELECT * FROM orders WHERE id = $1", order_id)
        lines = await connection.fetch("SELECT * FROM order_lines WHERE order_id = $1", order_id)
    await pool.close()
    return {**order, "lines": [dict(line) for line in lines]}


# --- psycopg-pool-in-a-flask-handler
from flask import Flask, jsonify
from psycopg_pool import ConnectionPool

web_app = Flask("stock")


@web_app.get("/stock/<sku>")
def stock(sku):
    with ConnectionPool("dbname=stock", min_size=1, max_size=4) as pool:  # planted
        with pool.connection() as connection:
            row = connection.execute("SELECT pieces, reserved FROM stock WHERE sku = %s", (sku,)).fetchone()
    if row is None:
        return jsonify(error="unknown article"), 404
    pieces, reserved = row
    return jsonify(sku=sku, available=pieces - reserved)


# --- app-factory
from concurrent.futures import ProcessPoolExecutor

from flask import Flask, request


def create_app(render, settings):
    """Build the application that turns reports into PDF files."""
    app = Flask("reports")
    app.config.update(settings)

    @app.post("/render")
    def render_report():
        pages = request.get_json()["pages"]
        with ProcessPoolExecutor(max_workers=4) as executor:  # planted
            rendered = list(executor.map(render, pages))
        return {"pages": len(rendered), "bytes": sum(len(page) for page in rendered)}

    return app


# --- async-engine-in-a-handler
from fastapi import FastAPI
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

api = FastAPI(title="health")
DSN = "postgresql+asyncpg://app@db/app"


@api.get("/health")
async def health() -> dict[str, str]:
    """Tell whether the database answers."""
    engine = create_async_engine(DSN)  # planted
    try:
        async with engine.connect() as connection:
            await connection.execute(text("SELECT 1"))
    except OSError:
        return {"status": "degraded"}
    return {"status": "ok"}


# --- client-inside-a-retry-loop
import boto3
from botocore.exceptions import ClientError


def assume_role(role_arn, session_name, attempts=4):
    """Return credentials of a role, trying a few times."""
    last_error = None
    for _ in range(attempts):
        try:
            sts = boto3.client("sts")  # planted
            answer = sts.assume_role(RoleArn=role_arn, RoleSessionName=session_name)
            return answer["Credentials"]
        except ClientError as error:
            last_error = error
    raise RuntimeError(f"could not assume {role_arn}") from last_error


# --- websocket-handler
from fastapi import FastAPI, WebSocket
from openai import AsyncOpenAI as ChatClient

chat = FastAPI()


@chat.websocket("/chat")
async def talk(socket: WebSocket):
    """Answer a visitor's messages one after the other."""
    await socket.accept()
    client = ChatClient(timeout=30)  # planted
    history = []
    async for text in socket.iter_text():
        history.append({"role": "user", "content": text})
        reply = await client.chat.completions.create(model="gpt-4o", messages=history)
        answer = reply.choices[0].message.content
        history.append({"role": "assistant", "content": answer})
        await socket.send_text(answer)


# --- loop-in-a-method-over-an-async-iterator
import aiohttp as http


class HookRelay:
    """Passes events of a stream on to the hooks that want them."""

    def __init__(self, stream, hooks):
        self.stream = stream
        self.hooks = hooks

    async def relay(self):
        async for event in self.stream:
            async with http.ClientSession(headers={"X-Event": event.kind}) as session:  # planted
                for hook in self.hooks.get(event.kind, ()):
                    reply = await session.post(hook, json=event.body)
                    reply.release()
