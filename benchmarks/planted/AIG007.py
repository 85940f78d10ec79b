# --- bcrypt-hash
import bcrypt


async def register(users, email, password):
    """Store a new user."""
    if await users.exists(email=email):
        raise ValueError("the address is taken")
    hashed = bcrypt.hashpw(password.encode("utf-8"), bcrypt.gensalt(rounds=12))  # planted
    user = await users.create(email=email, password_hash=hashed.decode("ascii"))
    return user.id


# --- bcrypt-check-in-a-route
from bcrypt import checkpw
from fastapi import APIRouter, HTTPException, Request

router = APIRouter()


@router.post("/login")
async def login(request: Request):
    form = await request.form()
    user = await request.app.state.users.by_name(form["name"])
    if user is None:
        raise HTTPException(status_code=401)
    if not checkpw(form["password"].encode(), user.password_hash):  # planted
        raise HTTPException(status_code=401)
    request.session["user"] = user.id
    return {"name": user.name}


# --- argon2-attribute
import argon2
from argon2.exceptions import VerifyMismatchError


class Authenticator:
    """Checks passwords against the stored hashes."""

    def __init__(self, store):
        self.store = store
        self.hasher = argon2.PasswordHasher(time_cost=3, memory_cost=65536)

    async def authenticate(self, name, password):
        account = await self.store.find(name)
        try:
            self.hasher.verify(account.hash, password)  # planted
        except VerifyMismatchError:
            await self.store.count_failure(name)
            return None
        return account


# --- passlib-context-global
from passlib.context import CryptContext

pwd_context = CryptContext(schemes=["bcrypt"], deprecated="auto")


async def change_password(session, user, old, new):
    """Replace a password when the old one is right."""
    if not pwd_context.verify(old, user.hashed_password):  # planted
        return False
    user.hashed_password = pwd_context.hash(new)  # planted
    session.add(user)
    await session.commit()
    return True


# --- pbkdf2
import os
from hashlib import pbkdf2_hmac as derive


async def unlock_vault(storage, vault_id, passphrase: str) -> bytes:
    """Return the key of a vault."""
    header = await storage.read_header(vault_id)
    salt = header.salt or os.urandom(16)
    key = derive("sha256", passphrase.encode("utf-8"), salt, 600_000, dklen=32)  # planted
    if not header.matches(key):
        raise PermissionError(vault_id)
    return key


# --- scrypt
import hashlib
import hmac


class ApiKeys:
    """Keys of programs that call us."""

    def __init__(self, rows):
        self.rows = rows

    async def valid(self, key_id, secret):
        row = await self.rows.get(key_id)
        if row is None or row.revoked:
            return False
        digest = hashlib.scrypt(secret.encode(), salt=row.salt, n=2**14, r=8, p=1)  # planted
        return hmac.compare_digest(digest, row.digest)


# --- read-csv-upload
import pandas as pd
from fastapi import FastAPI, UploadFile

app = FastAPI()


@app.post("/imports")
async def import_readings(upload: UploadFile, sensor: str):
    """Take in readings that a technician uploads."""
    frame = pd.read_csv(upload.file, parse_dates=["taken_at"])  # planted
    frame = frame[frame["sensor"] == sensor]
    await app.state.readings.insert_many(frame.to_dict("records"))
    return {"rows": len(frame)}


# --- read-excel-local-import
async def load_price_list(downloads, supplier):
    """Read the newest price list of a supplier."""
    from pandas import read_excel

    path = await downloads.newest(supplier, suffix=".xlsx")
    if path is None:
        return {}
    sheet = read_excel(path, sheet_name="Prices", usecols=["SKU", "Price"])  # planted
    sheet = sheet.dropna()
    return dict(zip(sheet["SKU"], sheet["Price"], strict=True))


# --- annotated-frame-writer
import pandas


class SnapshotWriter:
    """Writes tables for the analysts."""

    def __init__(self, folder, announce):
        self.folder = folder
        self.announce = announce

    async def write(self, name: str, table: pandas.DataFrame) -> str:
        target = f"{self.folder}/{name}.parquet"
        table.to_parquet(target, compression="zstd")  # planted
        await self.announce(name, rows=len(table))
        return target


# --- pillow-thumbnail
import io

from PIL import Image


async def store_avatar(bucket, user_id, data: bytes) -> str:
    """Scale a picture down and store it."""
    picture = Image.open(io.BytesIO(data))  # planted
    picture.thumbnail((256, 256))  # planted
    out = io.BytesIO()
    picture.save(out, format="WEBP", quality=80)  # planted
    key = f"avatars/{user_id}.webp"
    await bucket.put(key, out.getvalue(), content_type="image/webp")
    return key


# --- pillow-parameter-resize
from PIL.Image import Image as Picture


async def variants(picture: Picture, widths: list[int], upload) -> list[str]:
    """Upload a picture in several widths."""
    keys = []
    for width in widths:
        height = round(picture.height * width / picture.width)
        scaled = picture.resize((width, height))  # planted
        keys.append(await upload(scaled, width))
    return keys


# --- opencv-decode
import cv2
import numpy as np


async def blur_faces(stream, detector):
    """Yield frames of a camera with the faces made unreadable."""
    async for chunk in stream:
        frame = cv2.imdecode(np.frombuffer(chunk, dtype=np.uint8), cv2.IMREAD_COLOR)  # planted
        small = cv2.resize(frame, None, fx=0.5, fy=0.5)  # planted
        for x, y, width, height in await detector.find(small):
            face = frame[2 * y : 2 * (y + height), 2 * x : 2 * (x + width)]
            face[:] = 0
        yield frame


# --- sklearn-attribute
from sklearn.ensemble import RandomForestClassifier


class ChurnModel:
    """Tells which customers are about to leave."""

    def __init__(self, trees=300):
        self.classifier = RandomForestClassifier(n_estimators=trees)

    async def train(self, source):
        features, labels = await source.load()
        self.classifier.fit(features, labels)  # planted

    async def score(self, source, customer_ids):
        features = await source.features(customer_ids)
        return dict(zip(customer_ids, self.classifier.predict(features), strict=True))  # planted


# --- embedding-model-global
from sentence_transformers import SentenceTransformer as Embedder

embedder = Embedder("all-mpnet-base-v2")


async def search(database, question, limit=5):
    """Return the passages that are nearest to a question."""
    vector = embedder.encode(question, normalize_embeddings=True)  # planted
    rows = await database.fetch(
        "SELECT id, text FROM passages ORDER BY embedding <=> $1 LIMIT $2", vector.tolist(), limit
    )
    return [{"id": row["id"], "text": row["text"]} for row in rows]


# --- transformers-generate
from transformers import AutoModelForCausalLM, AutoTokenizer


class Completer:
    """Completes texts with a model of our own."""

    def __init__(self, name):
        self.tokenizer = AutoTokenizer.from_pretrained(name)
        self.model = AutoModelForCausalLM.from_pretrained(name)

    async def complete(self, prompt, max_new_tokens=128):
        inputs = self.tokenizer(prompt, return_tensors="pt")
        output = self.model.generate(**inputs, max_new_tokens=max_new_tokens)  # planted
        return self.tokenizer.decode(output[0], skip_special_tokens=True)


# --- gzip-variable
import gzip
import json


async def upload_export(store, name, records):
    """Upload records as compressed JSON lines."""
    body = "\n".join(json.dumps(record) for record in records).encode("utf-8")
    packed = gzip.compress(body, compresslevel=9)  # planted
    await store.put(f"exports/{name}.jsonl.gz", packed)
    return len(packed)


# --- zlib-nested-coroutine
from zlib import decompress


def make_handler(queue):
    """Return the callback that takes messages of a device."""

    async def handle(topic, payload):
        kind = topic.rsplit("/", 1)[-1]
        if kind == "bulk":
            payload = decompress(payload)  # planted
        for line in payload.splitlines():
            await queue.put((kind, line))

    return handle


# --- lzma-in-a-comprehension
import lzma as xz


async def pack_documents(documents, archive):
    """Compress documents and hand them to the archive."""
    ready = [document for document in documents if document.body]
    blobs = [xz.compress(document.body) for document in ready]  # planted
    for document, blob in zip(ready, blobs, strict=True):
        await archive.store(document.id, blob)
    return sum(len(blob) for blob in blobs)


# --- make-archive
import shutil
from pathlib import Path


class BackupJob:
    """Backs a tenant's files up."""

    def __init__(self, root: Path, remote):
        self.root = root
        self.remote = remote

    async def run(self, tenant: str) -> str:
        base = self.root / "backups" / tenant
        archive = shutil.make_archive(str(base), "gztar", root_dir=self.root / tenant)  # planted
        await self.remote.upload(archive)
        return archive


# --- zip-extract
from zipfile import ZipFile


async def unpack_submission(inbox, submission_id, target):
    """Unpack what a student has handed in."""
    path = await inbox.path_of(submission_id)
    with ZipFile(path) as archive:
        if any(name.startswith(("/", "..")) for name in archive.namelist()):
            raise ValueError(f"unsafe names in {submission_id}")
        archive.extractall(target)  # planted
    await inbox.mark_unpacked(submission_id)


# --- pdf-text
import pypdf


async def index_contract(search, contract_id, path):
    """Put the text of a contract into the search index."""
    reader = pypdf.PdfReader(path)  # planted
    for number, page in enumerate(reader.pages, 1):
        text = page.extract_text()  # planted
        if text.strip():
            await search.add(document=contract_id, page=number, text=text)
    return len(reader.pages)


# --- workbook
import openpyxl
from starlette.responses import JSONResponse


async def upload_budget(request):
    """Take in a department's budget."""
    form = await request.form()
    workbook = openpyxl.load_workbook(form["file"].file, read_only=False, data_only=True)  # planted
    sheet = workbook["Budget"]
    rows = [(row[0].value, row[1].value) for row in sheet.iter_rows(min_row=2)]
    await request.app.state.budgets.replace(form["department"], rows)
    return JSONResponse({"rows": len(rows)})


# --- linalg-solve
import numpy as np


class Calibration:
    """Finds the parameters of a scale from weighings."""

    def __init__(self, source):
        self.source = source

    async def solve(self, scale_id):
        loads, readings = await self.source.weighings(scale_id)
        design = np.vander(loads, 3)
        parameters = np.linalg.solve(design.T @ design, design.T @ readings)  # planted
        await self.source.save(scale_id, parameters.tolist())
        return parameters


# --- einsum-and-dot
import numpy


async def rank(store, query_vector, shard):
    """Return the documents of a shard, the nearest first."""
    ids, matrix = await store.load(shard)
    weights = await store.weights(shard)
    scores = numpy.dot(matrix, query_vector)  # planted
    boosted = numpy.einsum("i,ij->i", scores, weights)  # planted
    order = boosted.argsort()[::-1]
    return [ids[index] for index in order[:50]]


# --- fft-from-import
from numpy.fft import rfft


async def watch_vibration(sensor, alarm, threshold):
    """Raise an alarm when a machine begins to shake."""
    while sensor.connected:
        samples = await sensor.read(65536)
        spectrum = abs(rfft(samples))  # planted
        strongest = int(spectrum[1:].argmax()) + 1
        if spectrum[strongest] > threshold:
            await alarm.raise_for(sensor.name, frequency=strongest * sensor.rate / len(samples))


# --- torch-forward
import torch
from torch import nn


class Classifier:
    """Sorts pictures into kinds."""

    def __init__(self, labels):
        self.labels = labels
        self.network = nn.Sequential(nn.Linear(2048, 512), nn.ReLU(), nn.Linear(512, len(labels)))

    async def classify(self, source, image_id):
        features = await source.features(image_id)
        with torch.no_grad():
            logits = self.network(features)  # planted
        return self.labels[int(logits.argmax())]
