# --- json-load-inline
import json
import os


def load_feature_flags(root, environment):
    """Read the flags that are switched on in one environment."""
    path = os.path.join(root, "flags", f"{environment}.json")
    if not os.path.exists(path):
        return frozenset()
    flags = json.load(open(path, encoding="utf-8"))  # planted
    return frozenset(name for name, on in flags.items() if on)


# --- read-inline-in-a-method
class TemplateStore:
    """Mail templates that lie beside each other in a folder."""

    suffix = ".txt"

    def __init__(self, folder):
        self.folder = folder
        self._texts = {}

    def text(self, name):
        if name not in self._texts:
            self._texts[name] = open(f"{self.folder}/{name}{self.suffix}").read()  # planted
        return self._texts[name]


# --- close-on-happy-path
def write_invoice_lines(path, invoice):
    """Write an invoice in the format of the accounting import."""
    out = open(path, "w", encoding="latin-1")  # planted
    out.write(f"H;{invoice.number};{invoice.customer}\n")
    total = 0
    for line in invoice.lines:
        out.write(f"L;{line.article};{line.quantity};{line.price:.2f}\n")
        total += line.quantity * line.price
    out.write(f"T;{total:.2f}\n")
    out.close()
    return total


# --- gzip-module-alias
import gzip as gz
from collections import Counter


def requests_per_status(log_path):
    """Count the status codes in a rotated access log."""
    counts = Counter()
    log = gz.open(log_path, "rt")  # planted
    for line in log:
        fields = line.split()
        if len(fields) > 8:
            counts[fields[8]] += 1
    return counts


# --- annotated-path-parameter
import csv
from pathlib import Path


def read_price_list(source: Path) -> dict[str, float]:
    """Return the price of each article of a supplier's list."""
    prices = {}
    handle = source.open(newline="", encoding="utf-8")  # planted
    for row in csv.DictReader(handle, delimiter=";"):
        sku = row["sku"].strip()
        if sku:
            prices[sku] = float(row["price"].replace(",", "."))
    return prices


# --- path-joined-to-a-folder
from pathlib import Path


class RunJournal:
    """Appends what a nightly run did to its own journal."""

    def __init__(self, base):
        self.base = base

    def append(self, run_id, steps):
        folder = Path(self.base) / "journal"
        target = folder / f"{run_id}.log"
        journal = target.open("a")  # planted
        for step in steps:
            journal.write(f"{step.started.isoformat()} {step.name} {step.outcome}\n")
        journal.flush()
        return target


# --- zipfile-imported-in-the-function
def spreadsheet_parts(upload_path):
    """Return the names of the sheets in an uploaded workbook."""
    from zipfile import BadZipFile, ZipFile

    try:
        archive = ZipFile(upload_path)  # planted
    except BadZipFile:
        return []
    names = []
    for name in archive.namelist():
        if name.startswith("xl/worksheets/") and name.endswith(".xml"):
            names.append(name.rsplit("/", 1)[-1].removesuffix(".xml"))
    return sorted(names)


# --- tarfile-closed-at-the-end
import tarfile


def unpack_release(archive_path, destination, expected):
    """Unpack a release and return the files that it should hold and does not."""
    bundle = tarfile.open(archive_path, "r:gz")  # planted
    members = {member.name for member in bundle.getmembers() if member.isfile()}
    missing = sorted(set(expected) - members)
    if missing:
        raise ValueError(f"{archive_path}: incomplete release, no {missing[0]}")
    bundle.extractall(destination, filter="data")
    bundle.close()
    return members


# --- rebound-before-close
def merge_word_lists(first_path, second_path):
    """Return the words of two lists, one a line, in the order of their first use."""
    seen = {}
    source = open(first_path, encoding="utf-8")  # planted
    for line in source:
        seen.setdefault(line.strip(), len(seen))
    source = open(second_path, encoding="utf-8")
    try:
        for line in source:
            seen.setdefault(line.strip(), len(seen))
    finally:
        source.close()
    seen.pop("", None)
    return list(seen)


# --- fdopen-over-a-descriptor
import os


def write_secret(path, secret, *, mode=0o600):
    """Create a file that only its owner can read and store a secret in it."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    descriptor = os.open(path, flags, mode)
    handle = os.fdopen(descriptor, "w")  # planted
    handle.write(secret.strip())
    handle.write("\n")
    handle.flush()
    os.fsync(descriptor)
    handle.close()


# --- named-temporary-file
import tempfile
from subprocess import run


def render_diagram(dot_source):
    """Lay out a graph and return the picture as bytes."""
    script = tempfile.NamedTemporaryFile("w", suffix=".dot", delete=False)  # planted
    script.write(dot_source)
    script.flush()
    done = run(["dot", "-Tpng", script.name], capture_output=True, check=True, timeout=60)
    if not done.stdout.startswith(b"\x89PNG"):
        raise RuntimeError("dot returned no picture")
    return done.stdout


# --- socket-closed-at-the-end
import socket


class StatsdProbe:
    """Asks a metrics daemon for its own counters."""

    def __init__(self, host, port=8126):
        self.address = (host, port)

    def counters(self):
        probe = socket.socket(socket.AF_INET, socket.SOCK_STREAM)  # planted
        probe.settimeout(5)
        probe.connect(self.address)
        probe.sendall(b"counters\n")
        answer = probe.recv(65536).decode()
        probe.close()
        return dict(line.split(":", 1) for line in answer.splitlines() if ":" in line)


# --- create-connection-from-import
from socket import create_connection as connect_to
from time import monotonic


def handshake_time(host, port):
    """Return how long the peer takes to greet us, in milliseconds, or None."""
    started = monotonic()
    try:
        peer = connect_to((host, port), 3)  # planted
    except OSError:
        return None
    greeting = peer.recv(256)
    if not greeting.startswith(b"220"):
        return None
    return (monotonic() - started) * 1000


# --- popen-read-to-the-end
import subprocess


def changed_files(repository, since):
    """Return the paths that changed since a revision."""
    git = subprocess.Popen(  # planted
        ["git", "-C", repository, "diff", "--name-only", since],
        stdout=subprocess.PIPE,
        text=True,
    )
    paths = set()
    for line in git.stdout:
        line = line.strip()
        if line:
            paths.add(line)
    return paths


# --- scandir-left-early
import os


def newest_dump(folder, prefix):
    """Return the path of the first dump that starts with the prefix and holds something."""
    entries = os.scandir(folder)  # planted
    for entry in entries:
        if not entry.name.startswith(prefix) or not entry.is_file():
            continue
        if entry.stat().st_size > 0:
            return entry.path
    return None


# --- urlopen-read-inline
import json
from urllib import request as urlrequest


class RateSource:
    """Exchange rates as the central bank publishes them each day."""

    url = "https://rates.example.org/daily.json"

    def __init__(self, timeout=10):
        self.timeout = timeout

    def fetch(self):
        body = urlrequest.urlopen(self.url, timeout=self.timeout).read()  # planted
        rates = json.loads(body)["rates"]
        return {currency: float(rate) for currency, rate in rates.items()}


# --- mmap-inside-with
import mmap


def offset_of_marker(path, marker=b"\x00IDX"):
    """Return where the index of a segment starts, -1 when it holds none."""
    with open(path, "rb") as segment:
        view = mmap.mmap(segment.fileno(), 0, access=mmap.ACCESS_READ)  # planted
        position = view.rfind(marker)
        if position >= 0:
            position += len(marker)
        return position


# --- early-return-skips-close
def parse_header(path):
    """Return the fields of a capture's header, None when it is not one of ours."""
    capture = open(path, "rb")  # planted
    magic = capture.read(4)
    if magic != b"CAP2":
        return None
    size = int.from_bytes(capture.read(4), "big")
    raw = capture.read(size)
    capture.close()
    fields = {}
    for part in raw.split(b"\x00"):
        key, _, value = part.partition(b"=")
        fields[key.decode()] = value.decode()
    return fields


# --- closed-only-in-the-handler
import pickle


def restore_model(path, expected_version):
    """Return a trained model, or raise when it was stored by another version."""
    stored = open(path, "rb")  # planted
    try:
        bundle = pickle.load(stored)
    except (EOFError, pickle.UnpicklingError):
        stored.close()
        raise
    if bundle["version"] != expected_version:
        raise ValueError(f"{path}: version {bundle['version']}")
    return bundle["model"]


# --- codecs-in-a-class-method
import codecs


class Glossary:
    """Terms with their translations."""

    def __init__(self, terms):
        self.terms = terms

    @classmethod
    def from_file(cls, path, encoding="utf-8-sig"):
        reader = codecs.open(path, "r", encoding)  # planted
        terms = {}
        for number, line in enumerate(reader, 1):
            if "\t" not in line:
                raise ValueError(f"{path}:{number}: no tabulator")
            term, translation = line.rstrip("\n").split("\t", 1)
            terms[term] = translation
        reader.close()
        return cls(terms)


# --- pillow-size-of-an-image
from PIL import Image


def thumbnail_size(path, limit=256):
    """Return width and height of a thumbnail that keeps the proportions."""
    picture = Image.open(path)  # planted
    width, height = picture.size
    scale = min(limit / width, limit / height, 1)
    if picture.getexif().get(274) in (6, 8):
        width, height = height, width
    return round(width * scale), round(height * scale)


# --- module-level-expression
import os

HERE = os.path.dirname(os.path.abspath(__file__))
DEFAULT_RELEASE = "0.0.0"


def _clean(text):
    return text.strip().removeprefix("v") or DEFAULT_RELEASE


RELEASE = _clean(open(os.path.join(HERE, "RELEASE")).read())  # planted
MAJOR, MINOR, PATCH = (int(part) for part in RELEASE.split(".")[:3])

# --- lzma-in-a-nested-function
import lzma
from functools import partial


def make_loader(folder, parse):
    """Return a function that loads one compressed shard by its number."""

    def load(number, strict=False):
        shard = lzma.open(f"{folder}/shard-{number:05}.xz", "rt")  # planted
        records = [parse(line) for line in shard]
        if strict and not records:
            raise ValueError(f"shard {number} is empty")
        shard.close()
        return records

    return partial(load, strict=True)


# --- comprehension-over-paths
import hashlib


def checksums(paths, algorithm="sha256"):
    """Return the digest of each file, to be compared with the manifest."""

    def digest(data):
        return hashlib.new(algorithm, data).hexdigest()

    found = {path: digest(open(path, "rb").read()) for path in paths}  # planted
    return dict(sorted(found.items()))


# --- dataclass-path-field
from dataclasses import dataclass
from pathlib import Path


@dataclass
class Spool:
    """A folder in which mails wait until they are sent."""

    folder: Path
    limit: int = 100

    def subjects(self):
        subjects = []
        for number in range(self.limit):
            mail = (self.folder / f"{number:04}.eml").open()  # planted
            head = mail.readline()
            if head.startswith("Subject:"):
                subjects.append(head.removeprefix("Subject:").strip())
        return subjects
