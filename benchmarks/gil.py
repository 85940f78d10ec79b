"""Which calls of ``knowledge/cpu_bound.toml`` hold a core, for how long, and whether a thread would help.

``python benchmarks/gil.py`` makes each call on a stated input and exits with 1 where a row of the table says something
else. How the numbers come about:

- One process for each call, with one thread for the libraries that bring their own; packages are pinned and fetched once
  with pip.
- ``ms`` is the CPU time of the call, the best of all rounds: how long it holds a core, whatever else the machine does.
- ``other`` is how far another thread gets during the call, as a share of how far it gets where nobody else wants the GIL:
  near 1, the call releases the GIL, near 0, it holds it. The other thread sleeps for a moment, needs the GIL, and counts. It
  gets the GIL only where the call lets go of it by itself: taking turns every 5 ms, as the interpreter else makes threads do,
  frees no core, and is turned off. Where nobody wants the GIL, the first thread is as busy as in the call, with a digest: other
  work on the machine then slows both measurements down. What is held counts nothing on any machine.
- ``pause`` is the longest that the other thread waits for the GIL where the interpreter does make threads take turns, as a
  share of the call. Of what is not ``released``, 0.6 and more is ``throughout``: not even a thread keeps an event loop turning.
- ``other`` of 0.8 and more is ``released``, 0.2 and less is ``held``, and between them is ``partly``.
"""

from __future__ import annotations

import argparse
import functools
import hashlib
import io
import json
import math
import os
import platform
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # the tables of this checkout, installed or not

from flake8_aiguard import knowledge

TABLES: Final = ("cpu_bound.call", "cpu_bound.method", "cpu_bound.save")
RELEASED: Final = 0.8
HELD: Final = 0.2
ROUND: Final = 0.2
MOMENT: Final = 0.00005
NEVER: Final = 3600.0
TURN: Final = 0.0005  # how long a thread waits before the interpreter makes another one let go of the GIL
THROUGHOUT: Final = 0.6  # of a call
SLACK: Final = 0.1  # what a row may be off before the benchmark fails
PASSWORD: Final = b"correct horse battery staple"
ONE_THREAD: Final = dict.fromkeys(
    (
        *("MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"),
        *("POLARS_MAX_THREADS", "RAYON_NUM_THREADS", "TF_NUM_INTEROP_THREADS", "TF_NUM_INTRAOP_THREADS"),
    ),
    "1",
)
PINS: Final = {
    name: f"{name}=={version}"
    for name, version in (
        *(("argon2-cffi", "25.1.0"), ("bcrypt", "5.0.0"), ("beautifulsoup4", "4.15.0"), ("brotli", "1.2.1")),
        *(("catboost", "1.2.10"), ("cryptography", "50.0.2"), ("django", "5.2.19"), ("faiss-cpu", "1.15.1")),
        *(("fpdf2", "2.8.9"), ("imageio", "2.38.1"), ("joblib", "1.6.0"), ("keras", "3.15.1")),
        *(("lightgbm", "4.7.0"), ("lxml", "6.1.3"), ("matplotlib", "3.11.2"), ("numpy", "2.4.6")),
        *(("onnx", "1.23.2"), ("onnxruntime", "1.31.1"), ("opencv-python-headless", "5.0.0.93")),
        *(("openpyxl", "3.1.5"), ("pandas", "3.1.1"), ("passlib", "1.7.4"), ("pdfminer.six", "20260107")),
        *(("pdfplumber", "0.11.10"), ("pillow", "13.0.0"), ("polars", "2.1.0"), ("pwdlib", "0.3.1")),
        *(("pyarrow", "26.0.1"), ("pymupdf", "2.0"), ("pynacl", "1.6.2"), ("pypdf", "7.1.0")),
        *(("python-docx", "1.2.0"), ("python-pptx", "1.0.2"), ("pyyaml", "6.0.3"), ("reportlab", "5.1.0")),
        *(("scikit-image", "0.26.0"), ("scikit-learn", "1.9.1"), ("scipy", "1.17.1")),
        *(("sentence-transformers", "6.2.0"), ("spacy", "3.8.18"), ("lz4", "4.4.5")),
        *(("tensorflow-cpu", "2.21.0"), ("torch", "2.15.0"), ("torchvision", "0.29.2")),
        *(("transformers", "5.23.0"), ("weasyprint", "70.0"), ("werkzeug", "3.1.9"), ("xgboost", "3.2.0")),
        *(("zstandard", "0.25.0"),),
    )
}

Call = Callable[[], object]


class BenchmarkError(Exception):
    """Nothing can be measured; the text says why."""


@dataclass(frozen=True, slots=True)
class Case:
    """A call to measure.

    Attributes:
        name: what rows of the table name in ``measured``.
        given: the input, in words.
        packages: the packages that it needs, by their names on PyPI.
        build: makes the input, in a folder of its own, and returns the call.
    """

    name: str
    given: str
    packages: tuple[str, ...]
    build: Callable[[Path], Call]


CASES: Final[dict[str, Case]] = {}


def case(name: str, given: str, *packages: str) -> Callable[[Callable[[Path], Call]], None]:
    """Register a case."""

    def register(build: Callable[[Path], Call]) -> None:
        CASES[name] = Case(name, given, packages, build)

    return register


# -- measuring


class Other(threading.Thread):
    """A thread that counts how often it gets the GIL, which it needs for no more than a moment."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.count = 0
        self.longest = 0.0
        self.goes_on = True

    def run(self) -> None:
        """Count."""
        before = time.perf_counter()
        while self.goes_on:
            time.sleep(MOMENT)
            self.count += 1
            now = time.perf_counter()
            self.longest = max(self.longest, now - before)
            before = now

    def rate(self, call: Call, repeats: int = 1) -> float:
        """Return how far the thread gets in a second of these calls."""
        count, start = self.count, time.perf_counter()
        for _ in range(repeats):
            call()
        return (self.count - count) / (time.perf_counter() - start)


def measure(call: Call, rounds: int) -> dict[str, float]:
    """Measure a call.

    Args:
        call: the call.
        rounds: how often to measure; the best counts.

    Returns:
        ``ms``, ``other`` and ``pause``.
    """
    call()  # what only the first call does, such as imports
    costs: list[float] = []
    start = time.perf_counter()
    while len(costs) < rounds or time.perf_counter() - start < 0.1 * rounds:
        before = time.process_time()
        call()
        costs.append(time.process_time() - before)
    repeats = math.ceil(ROUND / min(costs))
    rates, free = [], []
    interval = sys.getswitchinterval()
    sys.setswitchinterval(NEVER)
    for _ in range(rounds):
        other = Other()
        other.start()
        free.append(other.rate(_free, round(200 * ROUND)))
        rates.append(other.rate(call, repeats))
        other.goes_on = False
        other.join()
    sys.setswitchinterval(TURN)
    pause = min(_pause(call) for _ in range(rounds))
    sys.setswitchinterval(interval)
    return {
        "ms": round(min(costs) * 1000, 2),
        "other": round(min(1.0, max(rates) / max(free)), 2),
        "pause": round(min(1.0, pause), 2),
    }


def _pause(call: Call) -> float:
    """Return the longest time that another thread waits in a call, as a share of it."""
    other = Other()
    other.start()
    time.sleep(100 * MOMENT)
    other.longest = 0.0
    start = time.perf_counter()
    call()
    took = time.perf_counter() - start
    other.goes_on = False
    other.join()
    return other.longest / took


def _free() -> None:
    """Be busy for a few milliseconds without the GIL."""
    hashlib.pbkdf2_hmac("sha256", PASSWORD, b"salt", 10_000)


def verdict(other: float) -> str:
    """Return what the table calls a share of another thread."""
    return "released" if other >= RELEASED else "held" if other <= HELD else "partly"


# -- inputs


@functools.cache
def prose(size: int) -> bytes:
    """Return text of words that repeat as in prose."""
    import random

    draw = random.Random(1)
    words = ["".join(draw.choices("etaoinshrdlu", k=draw.randint(2, 9))) for _ in range(4000)]
    return " ".join(draw.choices(words, k=size // 5)).encode()[:size]


def table(rows: int) -> Any:
    """Return a dataframe of integers, floats and texts."""
    import numpy
    import pandas

    draw = numpy.random.default_rng(1)
    return pandas.DataFrame(
        {
            "id": numpy.arange(rows),
            "price": draw.random(rows).round(4),
            "amount": draw.integers(0, 1000, rows),
            "name": [f"customer {number}" for number in draw.integers(0, 10**6, rows)],
            "city": [f"city {number}" for number in draw.integers(0, 500, rows)],
        }
    )


def photo(width: int = 1920, height: int = 1080) -> Any:
    """Return the pixels of an image that is neither flat nor noise."""
    import numpy

    y, x = numpy.mgrid[0:height, 0:width]
    noise = numpy.random.default_rng(1).integers(0, 30, (height, width))
    return numpy.stack(
        [(x // 8 + noise) % 256, (y // 4 + noise) % 256, ((x + y) // 6 + noise) % 256], 2
    ).astype("uint8")


def jpeg(folder: Path) -> Path:
    """Return the path of a photo of 1920 by 1080 pixels."""
    from PIL import Image

    path = folder / "photo.jpg"
    Image.fromarray(photo()).save(path)
    return path


def pdf(folder: Path, pages: int = 10) -> Path:
    """Return the path of a document with forty lines a page."""
    from reportlab.pdfgen.canvas import Canvas

    path = folder / "report.pdf"
    canvas = Canvas(str(path))
    words = prose(40_000).decode().split()
    for _ in range(pages):
        for line in range(40):
            canvas.drawString(50, 800 - 18 * line, " ".join(words[line * 12 : line * 12 + 12]))
        canvas.showPage()
    canvas.save()
    return path


def html(rows: int) -> str:
    """Return a page with a table."""
    row = "<tr class='row'><td><a href='/orders/{0}'>Order {0}</a></td><td>{1} EUR</td><td>open</td></tr>"
    body = "".join(row.format(number, number * 7) for number in range(rows))
    return f"<html><head><title>Orders</title></head><body><table>{body}</table></body></html>"


def samples(rows: int) -> tuple[Any, Any]:
    """Return features and classes to learn from."""
    import numpy

    draw = numpy.random.default_rng(1)
    features = draw.random((rows, 20))
    return features, (features[:, :3].sum(axis=1) > 1.5).astype(int)


# -- password hashing


@case("hashlib.pbkdf2_hmac", "600,000 iterations of SHA-256")
def _(folder: Path) -> Call:
    return lambda: hashlib.pbkdf2_hmac("sha256", PASSWORD, b"salt" * 4, 600_000)


@case("hashlib.scrypt", "n=16384, r=8, p=1")
def _(folder: Path) -> Call:
    return lambda: hashlib.scrypt(PASSWORD, salt=b"salt" * 4, n=2**14, r=8, p=1)


@case("hashlib.file_digest", "a file of 16 MB")
def _(folder: Path) -> Call:
    path = folder / "file"
    path.write_bytes(os.urandom(16_000_000))

    def call() -> object:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256")

    return call


@case("bcrypt.hashpw", "12 rounds", "bcrypt")
def _(folder: Path) -> Call:
    import bcrypt

    salt = bcrypt.gensalt()
    return lambda: bcrypt.hashpw(PASSWORD, salt)


@case("bcrypt.checkpw", "12 rounds", "bcrypt")
def _(folder: Path) -> Call:
    import bcrypt

    hashed = bcrypt.hashpw(PASSWORD, bcrypt.gensalt())
    return lambda: bcrypt.checkpw(PASSWORD, hashed)


@case("bcrypt.kdf", "50 rounds", "bcrypt")
def _(folder: Path) -> Call:
    import bcrypt

    return lambda: bcrypt.kdf(PASSWORD, b"salt" * 4, 32, 50)


@case("argon2.PasswordHasher.hash", "the default parameters", "argon2-cffi")
def _(folder: Path) -> Call:
    import argon2

    return functools.partial(argon2.PasswordHasher().hash, PASSWORD)


@case("argon2.PasswordHasher.verify", "the default parameters", "argon2-cffi")
def _(folder: Path) -> Call:
    import argon2

    hasher = argon2.PasswordHasher()
    return functools.partial(hasher.verify, hasher.hash(PASSWORD), PASSWORD)


@case("argon2.low_level.hash_secret", "the default parameters", "argon2-cffi")
def _(folder: Path) -> Call:
    from argon2 import low_level

    return lambda: low_level.hash_secret(PASSWORD, b"salt" * 4, 3, 65536, 4, 32, low_level.Type.ID)


@case("passlib.context.CryptContext.hash", "PBKDF2-SHA256 with its default rounds", "passlib")
def _(folder: Path) -> Call:
    from passlib.context import CryptContext

    return functools.partial(CryptContext(schemes=["pbkdf2_sha256"]).hash, PASSWORD)


@case("passlib.context.CryptContext.verify", "Argon2 with its default parameters", "passlib", "argon2-cffi")
def _(folder: Path) -> Call:
    from passlib.context import CryptContext

    context = CryptContext(schemes=["argon2"])
    return functools.partial(context.verify, PASSWORD, context.hash(PASSWORD))


@case("passlib.hash.pbkdf2_sha256.hash", "its default rounds", "passlib")
def _(folder: Path) -> Call:
    from passlib.hash import pbkdf2_sha256

    return functools.partial(pbkdf2_sha256.hash, PASSWORD)


@case("passlib.hash.sha512_crypt.hash", "its default rounds", "passlib")
def _(folder: Path) -> Call:
    from passlib.hash import sha512_crypt

    sha512_crypt.set_backend(
        "builtin"
    )  # what it takes where crypt() does not know SHA-512, and from Python 3.13 on
    return functools.partial(sha512_crypt.hash, PASSWORD)


@case("pwdlib.PasswordHash.hash", "Argon2 as recommended()", "pwdlib", "argon2-cffi")
def _(folder: Path) -> Call:
    from pwdlib import PasswordHash

    return functools.partial(PasswordHash.recommended().hash, PASSWORD)


@case("werkzeug.security.generate_password_hash", "scrypt, the default", "werkzeug")
def _(folder: Path) -> Call:
    from werkzeug.security import generate_password_hash

    return functools.partial(generate_password_hash, PASSWORD.decode())


@case("django.contrib.auth.hashers.make_password", "PBKDF2, the default", "django")
def _(folder: Path) -> Call:
    from django.conf import settings
    from django.contrib.auth.hashers import make_password

    settings.configure()
    return functools.partial(make_password, PASSWORD.decode())


@case("nacl.pwhash.str", "the interactive limits", "pynacl")
def _(folder: Path) -> Call:
    from nacl import pwhash

    return functools.partial(pwhash.str, PASSWORD)


@case("cryptography.PBKDF2HMAC.derive", "600,000 iterations of SHA-256", "cryptography")
def _(folder: Path) -> Call:
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC

    return lambda: PBKDF2HMAC(hashes.SHA256(), 32, b"salt" * 4, 600_000).derive(PASSWORD)


@case("cryptography.Scrypt.derive", "n=16384, r=8, p=1", "cryptography")
def _(folder: Path) -> Call:
    from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

    return lambda: Scrypt(b"salt" * 4, 32, 2**14, 8, 1).derive(PASSWORD)


@case("cryptography.rsa.generate_private_key", "2048 bits", "cryptography")
def _(folder: Path) -> Call:
    from cryptography.hazmat.primitives.asymmetric import rsa

    return lambda: [rsa.generate_private_key(65537, 2048) for _ in range(20)]


# -- compression, archives

for _name in ("bz2", "gzip", "lzma", "zlib"):

    @case(f"{_name}.compress", "1 MB of text")
    def _(folder: Path, name: str = _name) -> Call:
        return functools.partial(__import__(name).compress, prose(1_000_000))


for _name in ("bz2", "lzma"):

    @case(f"{_name}.decompress", "1 MB of text")
    def _(folder: Path, name: str = _name) -> Call:
        module = __import__(name)
        return functools.partial(module.decompress, module.compress(prose(1_000_000)))


@case("brotli.compress", "1 MB of text", "brotli")
def _(folder: Path) -> Call:
    import brotli

    return functools.partial(brotli.compress, prose(1_000_000))


@case("zstandard.ZstdCompressor.compress", "1 MB of text", "zstandard")
def _(folder: Path) -> Call:
    import zstandard

    return functools.partial(zstandard.ZstdCompressor().compress, prose(1_000_000))


@case("zstandard.compress", "1 MB of text", "zstandard")
def _(folder: Path) -> Call:
    import zstandard

    return functools.partial(zstandard.compress, prose(1_000_000))


@case("lz4.frame.compress", "1 MB of text", "lz4")
def _(folder: Path) -> Call:
    import lz4.frame

    return functools.partial(lz4.frame.compress, prose(1_000_000))


def some_files(folder: Path) -> Path:
    """Return a folder with twenty files of 100 KB."""
    files = folder / "files"
    files.mkdir()
    for number in range(20):
        (files / f"{number}.txt").write_bytes(prose(2_000_000)[number * 100_000 :][:100_000])
    return files


@case("shutil.make_archive", "twenty files of 100 KB")
def _(folder: Path) -> Call:
    import shutil

    return functools.partial(shutil.make_archive, str(folder / "archive"), "zip", some_files(folder))


@case("zipfile.ZipFile.write", "twenty files of 100 KB, deflated")
def _(folder: Path) -> Call:
    import zipfile

    files = list(some_files(folder).iterdir())

    def call() -> None:
        with zipfile.ZipFile(io.BytesIO(), "w", zipfile.ZIP_DEFLATED) as archive:
            for file in files:
                archive.write(file, file.name)

    return call


@case("zipfile.ZipFile.writestr", "twenty texts of 100 KB, deflated")
def _(folder: Path) -> Call:
    import zipfile

    def call() -> None:
        with zipfile.ZipFile(io.BytesIO(), "w", zipfile.ZIP_DEFLATED) as archive:
            for number in range(20):
                archive.writestr(str(number), prose(100_000))

    return call


@case("zipfile.ZipFile.extractall", "twenty files of 100 KB, deflated, from memory")
def _(folder: Path) -> Call:
    import shutil
    import zipfile

    path = shutil.make_archive(str(folder / "archive"), "zip", some_files(folder))
    content = Path(path).read_bytes()

    def call() -> None:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            archive.extractall(folder / "out")

    return call


@case("tarfile.TarFile.add", "twenty files of 100 KB, with gzip")
def _(folder: Path) -> Call:
    import tarfile

    files = some_files(folder)

    def call() -> None:
        with tarfile.open(fileobj=io.BytesIO(), mode="w:gz") as archive:
            archive.add(files)

    return call


@case("tarfile.TarFile.extractall", "twenty files of 100 KB, with gzip, from memory")
def _(folder: Path) -> Call:
    import shutil
    import tarfile

    path = shutil.make_archive(str(folder / "archive"), "gztar", some_files(folder))
    content = Path(path).read_bytes()

    def call() -> None:
        with tarfile.open(fileobj=io.BytesIO(content)) as archive:
            archive.extractall(folder / "out", filter="data")

    return call


# -- dataframes

_COLUMNS: Final = "10,000 rows of five columns"

for _name, _write, _more in (
    ("read_csv", "to_csv", ()),
    ("read_table", "to_csv", ()),
    ("read_json", "to_json", ()),
    ("read_parquet", "to_parquet", ("pyarrow",)),
    ("read_feather", "to_feather", ("pyarrow",)),
    ("read_xml", "to_xml", ("lxml",)),
    ("read_html", "to_html", ("lxml",)),
    ("read_stata", "to_stata", ()),
):

    @case(f"pandas.{_name}", _COLUMNS, "pandas", *_more)
    def _(folder: Path, name: str = _name, write: str = _write) -> Call:
        import pandas

        getattr(table(10_000), write)(folder / "table")
        return functools.partial(getattr(pandas, name), folder / "table")

    if _name != "read_table":

        @case(f"pandas.DataFrame.{_write}", _COLUMNS, "pandas", *_more)
        def _(folder: Path, write: str = _write) -> Call:
            return functools.partial(getattr(table(10_000), write), folder / "table")


for _name, _write in (("read_orc", "to_orc"), ("read_pickle", "to_pickle")):

    @case(f"pandas.{_name}", "a million rows of five columns", "pandas", "pyarrow")
    def _(folder: Path, name: str = _name, write: str = _write) -> Call:
        import pandas

        getattr(table(10**6), write)(folder / "table")
        return functools.partial(getattr(pandas, name), folder / "table")

    @case(f"pandas.DataFrame.{_write}", "a million rows of five columns", "pandas", "pyarrow")
    def _(folder: Path, write: str = _write) -> Call:
        return functools.partial(getattr(table(10**6), write), folder / "table")


@case("pandas.read_excel", "1,000 rows of five columns", "pandas", "openpyxl")
def _(folder: Path) -> Call:
    import pandas

    table(1000).to_excel(folder / "table.xlsx")
    return functools.partial(pandas.read_excel, folder / "table.xlsx")


@case("pandas.DataFrame.to_excel", "1,000 rows of five columns", "pandas", "openpyxl")
def _(folder: Path) -> Call:
    return functools.partial(table(1000).to_excel, folder / "table.xlsx")


@case("pandas.read_fwf", "1,000 rows of five columns", "pandas")
def _(folder: Path) -> Call:
    import pandas

    (folder / "table").write_text(table(1000).to_string(), encoding="utf-8")
    return functools.partial(pandas.read_fwf, folder / "table")


@case("pandas.read_sql", f"{_COLUMNS}, from SQLite in memory", "pandas")
def _(folder: Path) -> Call:
    import sqlite3

    import pandas

    database = sqlite3.connect(":memory:")
    table(10_000).to_sql("t", database)
    return functools.partial(pandas.read_sql, "SELECT * FROM t", database)


@case("pandas.DataFrame.to_sql", f"{_COLUMNS}, to SQLite in memory", "pandas")
def _(folder: Path) -> Call:
    import sqlite3

    frame, database = table(10_000), sqlite3.connect(":memory:")
    return lambda: frame.to_sql("t", database, if_exists="replace")


@case("pandas.DataFrame.to_string", "1,000 rows of five columns", "pandas")
def _(folder: Path) -> Call:
    return table(1000).to_string


for _name, _write in (
    ("read_csv", "write_csv"),
    ("read_parquet", "write_parquet"),
    ("read_json", "write_json"),
    ("read_ndjson", "write_ndjson"),
    ("read_ipc", "write_ipc"),
):

    @case(f"polars.{_name}", "100,000 rows of five columns", "polars", "pandas", "pyarrow")
    def _(folder: Path, name: str = _name, write: str = _write) -> Call:
        import polars

        getattr(polars.from_pandas(table(100_000)), write)(folder / "table")
        return functools.partial(getattr(polars, name), folder / "table")

    @case(f"polars.DataFrame.{_write}", "100,000 rows of five columns", "polars", "pandas", "pyarrow")
    def _(folder: Path, write: str = _write) -> Call:
        import polars

        return functools.partial(getattr(polars.from_pandas(table(100_000)), write), folder / "table")


@case("polars.LazyFrame.collect", "groups of 100,000 rows in a CSV file", "polars", "pandas", "pyarrow")
def _(folder: Path) -> Call:
    import polars

    table(100_000).to_csv(folder / "table")
    return polars.scan_csv(folder / "table").group_by("city").agg(polars.col("price").sum()).collect


for _name in (
    "csv.read_csv",
    "parquet.read_table",
    "parquet.write_table",
    "feather.read_table",
    "json.read_json",
):

    @case(f"pyarrow.{_name}", "100,000 rows of five columns", "pyarrow", "pandas")
    def _(folder: Path, name: str = _name) -> Call:
        import pyarrow
        import pyarrow.csv
        import pyarrow.feather
        import pyarrow.json
        import pyarrow.parquet

        pyarrow.set_cpu_count(1)
        frame, path = table(100_000), folder / "table"
        module, _, function = name.partition(".")
        if function == "write_table":
            return functools.partial(pyarrow.parquet.write_table, pyarrow.Table.from_pandas(frame), path)
        if module == "json":
            frame.to_json(path, orient="records", lines=True)
        else:
            getattr(frame, f"to_{module}")(path)
        return functools.partial(getattr(getattr(pyarrow, module), function), str(path))


# -- images

for _name, _do in (
    ("resize", lambda image: image.resize((640, 360))),
    ("convert", lambda image: image.convert("L")),
    ("filter", lambda image: image.filter(__import__("PIL.ImageFilter").ImageFilter.GaussianBlur(3))),
    ("rotate", lambda image: image.rotate(30)),
    ("reduce", lambda image: image.reduce(2)),
    ("quantize", lambda image: image.quantize(64)),
    ("getcolors", lambda image: image.getcolors(10**6)),
    ("histogram", lambda image: image.histogram()),
    ("transpose", lambda image: image.transpose(0)),
    ("alpha_composite", None),
):

    @case(f"PIL.Image.Image.{_name}", "1920 by 1080 pixels", "pillow", "numpy")
    def _(folder: Path, do: Any = _do) -> Call:
        from PIL import Image

        image = Image.fromarray(photo())
        if do is None:
            image = image.convert("RGBA")
            return lambda: image.alpha_composite(image)
        return functools.partial(do, image)


for _format in ("JPEG", "PNG", "WEBP"):

    @case(f"PIL.Image.Image.save as {_format}", "1920 by 1080 pixels, to memory", "pillow", "numpy")
    def _(folder: Path, form: str = _format) -> Call:
        from PIL import Image

        image = Image.fromarray(photo())
        return lambda: image.save(io.BytesIO(), form)

    @case(f"PIL.Image.Image.save as {_format} to a file", "1920 by 1080 pixels", "pillow", "numpy")
    def _(folder: Path, form: str = _format) -> Call:
        from PIL import Image

        return functools.partial(Image.fromarray(photo()).save, folder / "image", form)


for _name in ("load", "thumbnail"):

    @case(f"PIL.Image.Image.{_name}", "a JPEG file of 1920 by 1080 pixels", "pillow", "numpy")
    def _(folder: Path, name: str = _name) -> Call:
        from PIL import Image

        path = jpeg(folder)

        def call() -> None:
            with Image.open(path) as image:
                image.load() if name == "load" else image.thumbnail((256, 256))

        return call


for _name, _do in (
    ("autocontrast", lambda module, image: module.autocontrast(image)),
    ("contain", lambda module, image: module.contain(image, (640, 640))),
    ("cover", lambda module, image: module.cover(image, (640, 640))),
    ("equalize", lambda module, image: module.equalize(image)),
    ("fit", lambda module, image: module.fit(image, (640, 640))),
    ("grayscale", lambda module, image: module.grayscale(image)),
    ("pad", lambda module, image: module.pad(image, (640, 640))),
    ("scale", lambda module, image: module.scale(image, 0.5)),
):

    @case(f"PIL.ImageOps.{_name}", "1920 by 1080 pixels", "pillow", "numpy")
    def _(folder: Path, do: Any = _do) -> Call:
        from PIL import Image, ImageOps

        return functools.partial(do, ImageOps, Image.fromarray(photo()))


for _name, _do in (
    ("imdecode", lambda cv2, image, folder: cv2.imdecode(image, cv2.IMREAD_COLOR)),
    ("imread", lambda cv2, image, folder: cv2.imread(str(folder / "photo.jpg"))),
    ("imencode", lambda cv2, image, folder: cv2.imencode(".jpg", image)),
    ("imwrite", lambda cv2, image, folder: cv2.imwrite(str(folder / "out.jpg"), image)),
    ("resize", lambda cv2, image, folder: cv2.resize(image, (1280, 720), interpolation=cv2.INTER_AREA)),
    ("cvtColor", lambda cv2, image, folder: cv2.cvtColor(image, cv2.COLOR_BGR2HSV)),
    ("GaussianBlur", lambda cv2, image, folder: cv2.GaussianBlur(image, (9, 9), 0)),
    ("medianBlur", lambda cv2, image, folder: cv2.medianBlur(image, 5)),
    ("bilateralFilter", lambda cv2, image, folder: cv2.bilateralFilter(image, 9, 75, 75)),
    ("Canny", lambda cv2, image, folder: cv2.Canny(image, 100, 200)),
    (
        "warpAffine",
        lambda cv2, image, folder: cv2.warpAffine(
            image, cv2.getRotationMatrix2D((9, 9), 30, 1), (1920, 1080)
        ),
    ),
    (
        "matchTemplate",
        lambda cv2, image, folder: cv2.matchTemplate(image, image[:100, :100], cv2.TM_CCOEFF_NORMED),
    ),
    (
        "fastNlMeansDenoisingColored",
        lambda cv2, image, folder: cv2.fastNlMeansDenoisingColored(image[:200, :200]),
    ),
):

    @case(f"cv2.{_name}", "1920 by 1080 pixels", "opencv-python-headless", "numpy", "pillow")
    def _(folder: Path, name: str = _name, do: Any = _do) -> Call:
        import cv2
        import numpy

        cv2.setNumThreads(1)
        image = photo()
        if name in ("imdecode", "imread"):
            image = numpy.frombuffer(jpeg(folder).read_bytes(), "uint8")
        return functools.partial(do, cv2, image, folder)


@case("imageio.v3.imread", "a JPEG file of 1920 by 1080 pixels", "imageio", "pillow", "numpy")
def _(folder: Path) -> Call:
    import imageio.v3

    return functools.partial(imageio.v3.imread, jpeg(folder))


@case("imageio.v3.imwrite", "1920 by 1080 pixels, as JPEG", "imageio", "pillow", "numpy")
def _(folder: Path) -> Call:
    import imageio.v3

    return functools.partial(imageio.v3.imwrite, folder / "out.jpg", photo())


@case("skimage.io.imread", "a JPEG file of 1920 by 1080 pixels", "scikit-image", "pillow", "numpy")
def _(folder: Path) -> Call:
    import skimage.io

    return functools.partial(skimage.io.imread, jpeg(folder))


@case("skimage.transform.resize", "1920 by 1080 pixels to 640 by 360", "scikit-image", "numpy")
def _(folder: Path) -> Call:
    import skimage.transform

    return functools.partial(skimage.transform.resize, photo(), (360, 640))


@case("matplotlib.figure.Figure.savefig", "a plot of 1,000 points, as PNG", "matplotlib")
def _(folder: Path) -> Call:
    from matplotlib.figure import Figure

    figure = Figure()
    figure.subplots().plot(range(1000))
    return lambda: figure.savefig(io.BytesIO())


@case("matplotlib.pyplot.savefig", "a plot of 1,000 points, as PNG", "matplotlib")
def _(folder: Path) -> Call:
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot

    pyplot.plot(range(1000))
    return lambda: pyplot.savefig(io.BytesIO())


# -- arrays

_SQUARE: Final = "matrices of 500 by 500"

for _name, _do in (
    ("dot", lambda numpy, a: numpy.dot(a, a)),
    ("matmul", lambda numpy, a: numpy.matmul(a, a)),
    ("inner", lambda numpy, a: numpy.inner(a, a)),
    ("einsum", lambda numpy, a: numpy.einsum("ij,jk->ik", a[:200, :200], a[:200, :200])),
    ("tensordot", lambda numpy, a: numpy.tensordot(a, a, 1)),
    ("linalg.cholesky", lambda numpy, a: numpy.linalg.cholesky(a @ a.T + 500 * numpy.eye(500))),
    ("linalg.cond", lambda numpy, a: numpy.linalg.cond(a)),
    ("linalg.det", lambda numpy, a: numpy.linalg.det(a)),
    ("linalg.eig", lambda numpy, a: numpy.linalg.eig(a[:200, :200])),
    ("linalg.eigh", lambda numpy, a: numpy.linalg.eigh(a + a.T)),
    ("linalg.eigvals", lambda numpy, a: numpy.linalg.eigvals(a[:200, :200])),
    ("linalg.eigvalsh", lambda numpy, a: numpy.linalg.eigvalsh(a + a.T)),
    ("linalg.inv", lambda numpy, a: numpy.linalg.inv(a)),
    ("linalg.lstsq", lambda numpy, a: numpy.linalg.lstsq(a, a[0])),
    ("linalg.matrix_power", lambda numpy, a: numpy.linalg.matrix_power(a, 3)),
    ("linalg.matrix_rank", lambda numpy, a: numpy.linalg.matrix_rank(a)),
    ("linalg.multi_dot", lambda numpy, a: numpy.linalg.multi_dot([a, a, a])),
    ("linalg.pinv", lambda numpy, a: numpy.linalg.pinv(a)),
    ("linalg.qr", lambda numpy, a: numpy.linalg.qr(a)),
    ("linalg.slogdet", lambda numpy, a: numpy.linalg.slogdet(a)),
    ("linalg.solve", lambda numpy, a: numpy.linalg.solve(a, a)),
    ("linalg.svd", lambda numpy, a: numpy.linalg.svd(a)),
    ("linalg.svdvals", lambda numpy, a: numpy.linalg.svdvals(a)),
    ("linalg.norm", lambda numpy, a: numpy.linalg.norm(a)),
):

    @case(f"numpy.{_name}", _SQUARE if "eig" not in _name else "matrices of 200 or 500 rows", "numpy")
    def _(folder: Path, do: Any = _do) -> Call:
        import numpy

        return functools.partial(do, numpy, numpy.random.default_rng(1).random((500, 500)))


for _name in ("fft", "ifft", "rfft", "irfft", "hfft", "ihfft"):

    @case(f"numpy.fft.{_name}", "100,000 numbers", "numpy")
    def _(folder: Path, name: str = _name) -> Call:
        import numpy

        return functools.partial(getattr(numpy.fft, name), numpy.random.default_rng(1).random(100_000))


for _name in ("fft2", "ifft2", "rfft2", "irfft2", "fftn", "ifftn", "rfftn", "irfftn"):

    @case(f"numpy.fft.{_name}", "500 by 500 numbers", "numpy")
    def _(folder: Path, name: str = _name) -> Call:
        import numpy

        return functools.partial(getattr(numpy.fft, name), numpy.random.default_rng(1).random((500, 500)))


for _name, _write in (("loadtxt", "savetxt"), ("genfromtxt", "savetxt")):

    @case(f"numpy.{_name}", "10,000 rows of five numbers", "numpy")
    def _(folder: Path, name: str = _name) -> Call:
        import numpy

        numpy.savetxt(folder / "rows", numpy.random.default_rng(1).random((10_000, 5)))
        return functools.partial(getattr(numpy, name), folder / "rows")


@case("numpy.savetxt", "10,000 rows of five numbers", "numpy")
def _(folder: Path) -> Call:
    import numpy

    return functools.partial(numpy.savetxt, folder / "rows", numpy.random.default_rng(1).random((10_000, 5)))


@case("numpy.savez_compressed", "a million numbers", "numpy")
def _(folder: Path) -> Call:
    import numpy

    return functools.partial(
        numpy.savez_compressed, folder / "rows", numpy.random.default_rng(1).random(10**6)
    )


for _name, _do in (
    ("linalg.inv", lambda scipy, a: scipy.linalg.inv(a)),
    ("linalg.solve", lambda scipy, a: scipy.linalg.solve(a, a)),
    ("linalg.svd", lambda scipy, a: scipy.linalg.svd(a)),
    ("linalg.eigh", lambda scipy, a: scipy.linalg.eigh(a + a.T)),
    ("linalg.expm", lambda scipy, a: scipy.linalg.expm(a[:200, :200])),
    ("linalg.lstsq", lambda scipy, a: scipy.linalg.lstsq(a, a[0])),
    ("linalg.qr", lambda scipy, a: scipy.linalg.qr(a)),
    ("fft.fft2", lambda scipy, a: scipy.fft.fft2(a)),
    ("signal.fftconvolve", lambda scipy, a: scipy.signal.fftconvolve(a, a)),
    ("signal.convolve2d", lambda scipy, a: scipy.signal.convolve2d(a, a[:9, :9])),
    ("ndimage.gaussian_filter", lambda scipy, a: scipy.ndimage.gaussian_filter(a, 5)),
    ("ndimage.zoom", lambda scipy, a: scipy.ndimage.zoom(a, 2)),
    ("spatial.distance.cdist", lambda scipy, a: scipy.spatial.distance.cdist(a, a)),
    ("optimize.minimize", lambda scipy, a: scipy.optimize.minimize(scipy.optimize.rosen, a[0][:8])),
    (
        "optimize.differential_evolution",
        lambda scipy, a: scipy.optimize.differential_evolution(
            scipy.optimize.rosen, [(0, 2)] * 3, maxiter=50
        ),
    ),
    ("optimize.linear_sum_assignment", lambda scipy, a: scipy.optimize.linear_sum_assignment(a)),
):

    @case(f"scipy.{_name}", "matrices of 500 by 500", "scipy")
    def _(folder: Path, do: Any = _do) -> Call:
        import numpy
        import scipy.fft
        import scipy.linalg
        import scipy.ndimage
        import scipy.optimize
        import scipy.signal
        import scipy.spatial.distance

        return functools.partial(do, scipy, numpy.random.default_rng(1).random((500, 500)))


# -- models

for _module, _name, _method in (
    ("linear_model", "LogisticRegression", "fit"),
    ("ensemble", "RandomForestClassifier", "fit"),
    ("ensemble", "RandomForestClassifier", "predict"),
    ("ensemble", "RandomForestClassifier", "predict_proba"),
    ("ensemble", "GradientBoostingClassifier", "fit"),
    ("ensemble", "GradientBoostingClassifier", "predict"),
    ("ensemble", "IsolationForest", "score_samples"),
    ("svm", "SVC", "fit"),
    ("svm", "SVC", "predict"),
    ("neighbors", "KNeighborsClassifier", "predict"),
    ("cluster", "KMeans", "fit_predict"),
    ("cluster", "DBSCAN", "fit_predict"),
    ("manifold", "TSNE", "fit_transform"),
    ("neural_network", "MLPClassifier", "predict"),
    ("neural_network", "MLPClassifier", "partial_fit"),
    ("preprocessing", "StandardScaler", "fit_transform"),
    ("preprocessing", "StandardScaler", "transform"),
):

    @case(f"sklearn.{_module}.{_name}.{_method}", "5,000 rows of 20 numbers", "scikit-learn")
    def _(folder: Path, module: str = _module, name: str = _name, method: str = _method) -> Call:
        import importlib

        x, y = samples(500 if name == "TSNE" else 5000)
        model = getattr(importlib.import_module(f"sklearn.{module}"), name)()
        if method == "partial_fit":
            return lambda: model.partial_fit(x, y, classes=[0, 1])
        if method.startswith("fit"):
            return functools.partial(getattr(model, method), x, *((y,) if method == "fit" else ()))
        return functools.partial(getattr(model.fit(x, y), method), x)


@case("sklearn.linear_model.LogisticRegression.predict", "100,000 rows of 20 numbers", "scikit-learn")
def _(folder: Path) -> Call:
    from sklearn.linear_model import LogisticRegression

    x, y = samples(100_000)
    return functools.partial(LogisticRegression().fit(x, y).predict, x)


@case("sklearn one row", "a random forest of 100 trees, one row of 20 numbers", "scikit-learn")
def _(folder: Path) -> Call:
    from sklearn.ensemble import RandomForestClassifier

    x, y = samples(5000)
    return functools.partial(RandomForestClassifier().fit(x, y).predict, x[:1])


@case("sklearn.TfidfVectorizer.fit_transform", "a thousand texts of 1 KB", "scikit-learn")
def _(folder: Path) -> Call:
    from sklearn.feature_extraction.text import TfidfVectorizer

    text = prose(1_000_000).decode()
    texts = [text[start : start + 1000] for start in range(0, len(text), 1000)]
    return functools.partial(TfidfVectorizer().fit_transform, texts)


@case("sklearn.cosine_similarity", "1,000 by 1,000 rows of 384 numbers", "scikit-learn")
def _(folder: Path) -> Call:
    import numpy
    from sklearn.metrics.pairwise import cosine_similarity

    return functools.partial(cosine_similarity, numpy.random.default_rng(1).random((1000, 384)))


@case("sklearn.model_selection.cross_val_score", "5,000 rows of 20 numbers", "scikit-learn")
def _(folder: Path) -> Call:
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import cross_val_score

    return functools.partial(cross_val_score, LogisticRegression(), *samples(5000))


for _name, _method in (("XGBClassifier", "fit"), ("XGBClassifier", "predict")):

    @case(f"xgboost.{_name}.{_method}", "5,000 rows of 20 numbers", "xgboost", "scikit-learn")
    def _(folder: Path, method: str = _method) -> Call:
        import xgboost

        x, y = samples(5000)
        model = xgboost.XGBClassifier(n_jobs=1).fit(x, y)
        return functools.partial(getattr(model, method), x, *((y,) if method == "fit" else ()))


@case("xgboost.train", "5,000 rows of 20 numbers", "xgboost")
def _(folder: Path) -> Call:
    import xgboost

    data = xgboost.DMatrix(*samples(5000))
    return functools.partial(xgboost.train, {"nthread": 1}, data, 20)


@case("xgboost.Booster.predict", "100,000 rows of 20 numbers", "xgboost")
def _(folder: Path) -> Call:
    import xgboost

    x, y = samples(100_000)
    return functools.partial(xgboost.train({"nthread": 1}, xgboost.DMatrix(x, y), 20).inplace_predict, x)


for _method in ("fit", "predict"):

    @case(f"lightgbm.LGBMClassifier.{_method}", "5,000 rows of 20 numbers", "lightgbm", "scikit-learn")
    def _(folder: Path, method: str = _method) -> Call:
        import lightgbm

        x, y = samples(5000)
        model = lightgbm.LGBMClassifier(n_jobs=1, verbose=-1).fit(x, y)
        return functools.partial(getattr(model, method), x, *((y,) if method == "fit" else ()))

    @case(f"catboost.CatBoostClassifier.{_method}", "5,000 rows of 20 numbers", "catboost", "scikit-learn")
    def _(folder: Path, method: str = _method) -> Call:
        import catboost

        x, y = samples(5000 if method == "fit" else 50_000)
        model = catboost.CatBoostClassifier(
            iterations=50, thread_count=1, verbose=False, allow_writing_files=False
        )
        if method == "fit":
            return functools.partial(model.fit, x, y)
        return functools.partial(model.fit(x[:5000], y[:5000]).predict, x, thread_count=1)


@case("lightgbm.train", "5,000 rows of 20 numbers", "lightgbm")
def _(folder: Path) -> Call:
    import lightgbm

    data = lightgbm.Dataset(*samples(5000), free_raw_data=False)
    return functools.partial(lightgbm.train, {"num_threads": 1, "verbose": -1}, data, 20)


@case(
    "torch.nn.Module.__call__",
    "ResNet-18 in layers of torch.nn, one image of 224 by 224 pixels",
    "torchvision",
)
def _(folder: Path) -> Call:
    import torch
    import torchvision

    torch.set_num_threads(1)
    model = torchvision.models.resnet18().eval()
    image = torch.rand(1, 3, 224, 224)

    def call() -> object:
        with torch.inference_mode():
            return model(image)

    return call


@case("torch.load", "the weights of ResNet-18", "torchvision")
def _(folder: Path) -> Call:
    import torch
    import torchvision

    torch.save(torchvision.models.resnet18().state_dict(), folder / "weights")
    return functools.partial(torch.load, folder / "weights")


@case("torch.save", "the weights of ResNet-18", "torchvision")
def _(folder: Path) -> Call:
    import torch
    import torchvision

    return functools.partial(torch.save, torchvision.models.resnet18().state_dict(), folder / "weights")


def words(folder: Path) -> Path:
    """Return a folder with a tokenizer's vocabulary, small, as the words do not matter here."""
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *"etaoinshrdlu"]
    vocabulary += [f"##{letter}" for letter in "etaoinshrdlu"]
    (folder / "vocab.txt").write_text("\n".join(vocabulary), encoding="utf-8")
    return folder


@case(
    "sentence_transformers.SentenceTransformer.encode",
    "MiniLM's size with random weights, 8 texts",
    "sentence-transformers",
)
def _(folder: Path) -> Call:
    import torch
    import transformers
    from sentence_transformers import SentenceTransformer, models

    torch.set_num_threads(1)
    sizes = {"hidden_size": 384, "num_hidden_layers": 6, "num_attention_heads": 12, "intermediate_size": 1536}
    transformers.BertModel(transformers.BertConfig(vocab_size=100, **sizes)).save_pretrained(folder)
    transformers.BertTokenizerFast(vocab_file=str(words(folder) / "vocab.txt")).save_pretrained(folder)
    encoder = models.Transformer(str(folder))
    model = SentenceTransformer(modules=[encoder, models.Pooling(384)], device="cpu")
    return functools.partial(model.encode, [prose(1000).decode()[:200]] * 8, show_progress_bar=False)


@case(
    "transformers.PreTrainedModel.generate",
    "a GPT-2 of 6 layers with random weights, 20 tokens",
    "transformers",
    "torch",
)
def _(folder: Path) -> Call:
    import torch
    import transformers

    torch.set_num_threads(1)
    model = transformers.GPT2LMHeadModel(transformers.GPT2Config(n_layer=6)).eval()
    prompt = torch.ones((1, 20), dtype=torch.long)
    return lambda: model.generate(prompt, attention_mask=prompt, max_new_tokens=20, pad_token_id=0)


@case(
    "transformers.Pipeline.__call__",
    "DistilBERT's size with random weights, one text",
    "transformers",
    "torch",
)
def _(folder: Path) -> Call:
    import torch
    import transformers

    torch.set_num_threads(1)
    model = transformers.DistilBertForSequenceClassification(transformers.DistilBertConfig())
    tokenizer = transformers.BertTokenizerFast(vocab_file=str(words(folder) / "vocab.txt"))
    pipe = transformers.TextClassificationPipeline(model=model.eval(), tokenizer=tokenizer, device=-1)
    return functools.partial(pipe, prose(1000).decode()[:200])


for _method in ("fit", "predict", "evaluate"):

    @case(f"keras.Model.{_method}", "two dense layers, 1,000 rows of 20 numbers", "keras", "tensorflow-cpu")
    def _(folder: Path, method: str = _method) -> Call:
        import keras

        x, y = samples(1000)
        layers = [keras.layers.Dense(64, activation="relu"), keras.layers.Dense(1, activation="sigmoid")]
        model = keras.Sequential(layers)
        model.compile(optimizer="adam", loss="binary_crossentropy")
        model.fit(x, y, verbose=0)
        given = (x,) if method == "predict" else (x, y)
        return functools.partial(getattr(model, method), *given, verbose=0)


@case(
    "onnxruntime.InferenceSession.run",
    "ten products of matrices of 500 by 500",
    "onnxruntime",
    "onnx",
    "numpy",
)
def _(folder: Path) -> Call:
    import numpy
    import onnx
    import onnxruntime

    def tensor(name: str) -> Any:
        return onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [500, 500])

    nodes = [onnx.helper.make_node("MatMul", [f"x{i}", "x0"], [f"x{i + 1}"]) for i in range(10)]
    graph = onnx.helper.make_graph(nodes, "graph", [tensor("x0")], [tensor("x10")])
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 13)], ir_version=9)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model.SerializeToString(), options)
    matrix = (numpy.random.default_rng(1).random((500, 500)) / 250).astype("float32")
    return functools.partial(session.run, None, {"x0": matrix})


@case("faiss.IndexFlatL2.search", "10 of 50,000 vectors of 384 numbers", "faiss-cpu", "numpy")
def _(folder: Path) -> Call:
    import faiss
    import numpy

    faiss.omp_set_num_threads(1)
    vectors = numpy.random.default_rng(1).random((50_000, 384)).astype("float32")
    index = faiss.IndexFlatL2(384)
    index.add(vectors)
    return functools.partial(index.search, vectors[:1], 10)


@case(
    "spacy.Language.__call__",
    "a tokenizer, tagger and entity recogniser with random weights, 2 KB of text",
    "spacy",
)
def _(folder: Path) -> Call:
    import spacy
    from spacy.training import Example

    language = spacy.blank("en")
    for name, label in (("tagger", "NN"), ("ner", "ORG")):
        language.add_pipe(name).add_label(label)
    example = Example.from_dict(language.make_doc("orders"), {"tags": ["NN"], "entities": []})
    language.initialize(lambda: [example])
    return functools.partial(language, prose(2000).decode())


# -- documents


@case("pypdf.PageObject.extract_text", "a page of forty lines", "pypdf", "reportlab")
def _(folder: Path) -> Call:
    import pypdf

    return pypdf.PdfReader(pdf(folder)).pages[3].extract_text


@case("pypdf.PdfWriter.write", "a document of 100 pages", "pypdf", "reportlab")
def _(folder: Path) -> Call:
    import pypdf

    writer = pypdf.PdfWriter(clone_from=pdf(folder, 100))
    return lambda: writer.write(io.BytesIO())


for _method in ("extract_text", "extract_tables", "extract_words"):

    @case(f"pdfplumber.page.Page.{_method}", "a page of forty lines", "pdfplumber", "reportlab")
    def _(folder: Path, method: str = _method) -> Call:
        import pdfplumber

        path = pdf(folder)

        def call() -> object:
            with pdfplumber.open(path) as document:
                return getattr(document.pages[3], method)()

        return call


@case("pdfminer.high_level.extract_text", "a document of ten pages", "pdfminer.six", "reportlab")
def _(folder: Path) -> Call:
    from pdfminer.high_level import extract_text

    return functools.partial(extract_text, pdf(folder))


for _method in ("get_text", "get_pixmap"):

    @case(f"pymupdf.Page.{_method}", "each page of a document of ten", "pymupdf", "reportlab")
    def _(folder: Path, method: str = _method) -> Call:
        import pymupdf

        document = pymupdf.open(pdf(folder))
        return lambda: [getattr(page, method)() for page in document]


@case("docx.Document", "200 paragraphs", "python-docx")
def _(folder: Path) -> Call:
    import docx

    document = docx.Document()
    for number in range(200):
        document.add_paragraph(prose(100_000).decode()[number * 400 :][:400])
    document.save(str(folder / "file.docx"))
    return functools.partial(docx.Document, str(folder / "file.docx"))


@case("docx.Document.save", "200 paragraphs", "python-docx")
def _(folder: Path) -> Call:
    import docx

    document = docx.Document()
    for number in range(200):
        document.add_paragraph(prose(100_000).decode()[number * 400 :][:400])
    return lambda: document.save(io.BytesIO())


@case("pptx.Presentation", "the default template", "python-pptx")
def _(folder: Path) -> Call:
    import pptx

    return pptx.Presentation


def workbook() -> Any:
    """Return a workbook with 1,000 rows of ten cells."""
    import openpyxl

    book = openpyxl.Workbook()
    for number in range(1000):
        book.active.append([number, *(f"text {number}.{column}" for column in range(9))])
    return book


@case("openpyxl.load_workbook", "1,000 rows of ten cells", "openpyxl")
def _(folder: Path) -> Call:
    import openpyxl

    workbook().save(folder / "book.xlsx")
    return functools.partial(openpyxl.load_workbook, folder / "book.xlsx")


@case("openpyxl.Workbook.save", "1,000 rows of ten cells", "openpyxl")
def _(folder: Path) -> Call:
    book = workbook()
    return lambda: book.save(io.BytesIO())


@case("lxml.etree.parse", "a file of 500 KB", "lxml")
def _(folder: Path) -> Call:
    from lxml import etree

    (folder / "page.xml").write_text(html(6000), encoding="utf-8")
    return functools.partial(etree.parse, str(folder / "page.xml"))


@case("lxml.html.parse", "a file of 500 KB", "lxml")
def _(folder: Path) -> Call:
    from lxml import html as parser

    (folder / "page.html").write_text(html(6000), encoding="utf-8")
    return functools.partial(parser.parse, str(folder / "page.html"))


@case("lxml.etree.fromstring", "100 KB", "lxml")
def _(folder: Path) -> Call:
    from lxml import etree

    return functools.partial(etree.fromstring, html(1200))


@case("xml.etree.ElementTree.parse", "a file of 500 KB")
def _(folder: Path) -> Call:
    from xml.etree import ElementTree

    (folder / "page.xml").write_text(html(6000), encoding="utf-8")
    return functools.partial(ElementTree.parse, folder / "page.xml")


@case("xml.dom.minidom.parse", "a file of 500 KB")
def _(folder: Path) -> Call:
    from xml.dom import minidom

    (folder / "page.xml").write_text(html(6000), encoding="utf-8")
    return functools.partial(minidom.parse, str(folder / "page.xml"))


for _parser in ("html.parser", "lxml"):

    @case(f"bs4.BeautifulSoup with {_parser}", "a page of 50 KB", "beautifulsoup4", "lxml")
    def _(folder: Path, parser: str = _parser) -> Call:
        import bs4

        return functools.partial(bs4.BeautifulSoup, html(600), parser)


@case("yaml.safe_load", "a file of 100 settings", "pyyaml")
def _(folder: Path) -> Call:
    import yaml

    path = folder / "file.yml"
    path.write_text(
        "".join(f"key{number}:\n  - name: value {number}\n" for number in range(50)), encoding="utf-8"
    )

    def call() -> object:
        with path.open(encoding="utf-8") as file:
            return yaml.safe_load(file)

    return call


@case("yaml.safe_dump", "100 settings, to a file", "pyyaml")
def _(folder: Path) -> Call:
    import yaml

    path, settings = (
        folder / "file.yml",
        {f"key{number}": [{"name": f"value {number}"}] for number in range(50)},
    )

    def call() -> object:
        with path.open("w", encoding="utf-8") as file:
            return yaml.safe_dump(settings, file)

    return call


@case("pickle.load", "a file with 10,000 records")
def _(folder: Path) -> Call:
    import pickle

    path = folder / "file"
    path.write_bytes(pickle.dumps([{"id": number, "name": f"name {number}"} for number in range(10_000)]))

    def call() -> object:
        with path.open("rb") as file:
            return pickle.load(file)

    return call


@case("pickle.dump", "10,000 records, to a file")
def _(folder: Path) -> Call:
    import pickle

    path, records = folder / "file", [{"id": number, "name": f"name {number}"} for number in range(10_000)]

    def call() -> None:
        with path.open("wb") as file:
            pickle.dump(records, file)

    return call


for _name in ("load", "dump"):

    @case(f"joblib.{_name}", "a random forest of 100 trees", "joblib", "scikit-learn")
    def _(folder: Path, name: str = _name) -> Call:
        import joblib
        from sklearn.ensemble import RandomForestClassifier

        model = RandomForestClassifier().fit(*samples(1000))
        joblib.dump(model, folder / "model")
        given = (folder / "model",) if name == "load" else (model, folder / "model")
        return functools.partial(getattr(joblib, name), *given)


@case("weasyprint.HTML.write_pdf", "a page with a table of fifty rows", "weasyprint")
def _(folder: Path) -> Call:
    import weasyprint

    return lambda: weasyprint.HTML(string=html(50)).write_pdf()


@case("reportlab.pdfgen.canvas.Canvas.save", "ten pages of forty lines", "reportlab")
def _(folder: Path) -> Call:
    return functools.partial(pdf, folder)


@case("reportlab.platypus.SimpleDocTemplate.build", "200 paragraphs", "reportlab")
def _(folder: Path) -> Call:
    from reportlab.lib.styles import getSampleStyleSheet
    from reportlab.platypus import Paragraph, SimpleDocTemplate

    style = getSampleStyleSheet()["Normal"]
    text = prose(100_000).decode()

    def call() -> None:
        story = [Paragraph(text[start : start + 400], style) for start in range(0, 80_000, 400)]
        SimpleDocTemplate(io.BytesIO()).build(story)

    return call


@case("fpdf.FPDF.output", "ten pages of forty lines", "fpdf2")
def _(folder: Path) -> Call:
    import fpdf

    text = prose(40_000).decode()

    def call() -> object:
        document = fpdf.FPDF()
        document.set_font("Helvetica")
        for _ in range(10):
            document.add_page()
            document.multi_cell(0, 5, text[:3000])
        return document.output()

    return call


# -- the command


def measure_here(name: str, rounds: int) -> dict[str, float]:
    """Measure a case in this process."""
    with tempfile.TemporaryDirectory() as folder:
        return measure(CASES[name].build(Path(folder)), rounds)


def measured(name: str, rounds: int, packages: Path | None) -> dict[str, Any]:
    """Measure a case in a process of its own.

    Args:
        name: the case.
        rounds: how often to measure.
        packages: a folder with packages, before those of this interpreter.

    Returns:
        What :func:`measure` found with the input and the verdict, or ``error``.
    """
    paths = [*([str(packages)] if packages else []), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {**os.environ, **ONE_THREAD, "PYTHONPATH": os.pathsep.join(paths)}
    command = [sys.executable, __file__, "--here", name, "--rounds", str(rounds)]
    run = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    if run.returncode:
        return {"error": (run.stderr.strip() or f"exit {run.returncode}").splitlines()[-1]}
    numbers = json.loads(run.stdout.splitlines()[-1])
    return {"given": CASES[name].given, **numbers, "verdict": verdict(numbers["other"])}


def fetch(names: Iterable[str], folder: Path) -> Path:
    """Install the packages of cases that are not there yet.

    Args:
        names: the cases.
        folder: where packages are kept.

    Returns:
        The folder.

    Raises:
        BenchmarkError: pip could not install them.
    """
    done = folder / "installed.json"
    before: list[str] = json.loads(done.read_text(encoding="utf-8")) if done.is_file() else []
    wanted = sorted({PINS[package] for name in names for package in CASES[name].packages})
    if not set(wanted) <= set(before):
        wanted = sorted({*before, *wanted})
        pip = [
            sys.executable,
            "-m",
            "pip",
            "install",
            "--quiet",
            "--upgrade",
            "--target",
            str(folder),
            *wanted,
        ]
        run = subprocess.run(pip, capture_output=True, text=True, check=False)
        if run.returncode:
            raise BenchmarkError(f"pip could not install {' '.join(wanted)}: {run.stderr.strip()}")
        done.write_text(json.dumps(wanted), encoding="utf-8")
    return folder


def disagreements(numbers: dict[str, dict[str, Any]], least: float) -> list[str]:
    """Return a line for each row of the table that a measurement contradicts."""
    found = []
    for row in (row for array in TABLES for row in knowledge.rows(array)):
        results = {
            name: numbers[name] for name in row["measured"] if "error" not in numbers.get(name, {"error": ""})
        }
        if not results:
            continue
        others = [result["other"] for result in results.values()]
        agrees = {
            "released": min(others) >= RELEASED - SLACK,
            "held": max(others) <= HELD + SLACK,
            "partly": min(others) < RELEASED + SLACK and max(others) > HELD - SLACK,
        }
        if not agrees[row["gil"]]:
            found.append(f"{', '.join(results)}: other is {others}, the table says {row['gil']}")
        pauses = [result["pause"] for result in results.values() if "pause" in result]
        goes_on = THROUGHOUT - SLACK if row.get("throughout") else THROUGHOUT + SLACK
        if (
            pauses
            and row["gil"] != "released"
            and (min(pauses) >= goes_on) is not row.get("throughout", False)
        ):
            found.append(f"{', '.join(results)}: pause is {pauses}, the table says otherwise")
        found += [
            f"{name}: {result['ms']:.2f} ms is below {least:.2f}"
            for name, result in results.items()
            if result["ms"] < least
        ]
    return found


def text(numbers: dict[str, Any]) -> str:
    """Return the numbers as a table for people."""
    rows = [
        f"Python {numbers['python']}, best of {numbers['rounds']}",
        "",
        f"{'':<52}{'ms':>9}{'other':>7}{'pause':>7}  verdict",
    ]
    for name, result in numbers["cases"].items():
        if "error" in result:
            rows.append(f"{name:<52}  {result['error']}")
        else:
            rows.append(
                f"{name:<52}{result['ms']:>9.2f}{result['other']:>7.2f}{result['pause']:>7.2f}"
                f"  {result['verdict']:<9} {result['given']}"
            )
    return "\n".join(rows)


def arguments() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(description="Which calls hold a core, and whether a thread would help.")
    parser.add_argument("--case", action="append", help="measure only this case; may be repeated")
    parser.add_argument("--package", action="append", help="measure only cases with this package")
    parser.add_argument(
        "--no-fetch", action="store_true", help="install nothing; measure what this interpreter can import"
    )
    parser.add_argument(
        "--cache",
        type=Path,
        default=ROOT / ".cache" / "benchmarks",
        help="where downloads are kept (%(default)s)",
    )
    parser.add_argument("--rounds", type=int, default=5, help="how often to measure (%(default)s)")
    parser.add_argument(
        "--least", type=float, default=1.0, help="milliseconds to be in the table (%(default)s)"
    )
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--here", help=argparse.SUPPRESS)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print, compare.

    Args:
        argv: the command line without the program; ``sys.argv`` by default.

    Returns:
        0; 1 when a row of the table says something else; 2 when nothing could be measured.
    """
    parser = arguments()
    args = parser.parse_args(argv)
    if args.rounds < 1:
        parser.error("--rounds must be 1 or more")
    if args.here:
        print(json.dumps(measure_here(args.here, args.rounds)))
        return 0
    names = [
        name
        for name, case in CASES.items()
        if (not args.case or name in args.case)
        and (not args.package or any(package in case.packages for package in args.package))
    ]
    try:
        unknown = [name for name in args.case or () if name not in CASES]
        if unknown or not names:
            raise BenchmarkError(f"no such case: {', '.join(unknown or args.package)}")
        packages = (
            None
            if args.no_fetch
            else fetch(names, args.cache / f"gil-{sys.version_info.major}.{sys.version_info.minor}")
        )
        cases = {name: measured(name, args.rounds, packages) for name in names}
        if all("error" in result for result in cases.values()):
            raise BenchmarkError(next(iter(cases.values()))["error"])
    except (BenchmarkError, OSError) as error:
        print(f"gil: {error}", file=sys.stderr)
        return 2
    numbers = {
        "python": platform.python_version(),
        "rounds": args.rounds,
        "cases": cases,
        "bounds": {"least": args.least, "released": RELEASED, "held": HELD},
        "disagreements": disagreements(cases, args.least),
    }
    print(json.dumps(numbers, indent=2) if args.json else text(numbers))
    for line in numbers["disagreements"]:
        print(f"gil: {line}", file=sys.stderr)
    return 1 if numbers["disagreements"] else 0


if __name__ == "__main__":
    sys.exit(main())
