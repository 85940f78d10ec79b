# --- list-plus-list
def flatten(node):
    """Return the names of all nodes of a tree."""
    names = []
    stack = [node]
    while stack:
        current = stack.pop()
        names = names + [current.name]  # planted
        stack.extend(current.children)
    return names


# --- tuple-augmented
def parse_path(tokens):
    """Return the path that the tokens describe."""
    path = ()
    for token in tokens:
        if token.kind == "index":
            path += (int(token.text),)  # planted
        else:
            path += (token.text,)  # planted
    return path


# --- dict-unpacked
def merge_headers(responses):
    """Return the headers of all responses, the last one wins."""
    merged = {}

    for response in responses:
        for name, value in response.headers:
            merged = {**merged, name.lower(): value}  # planted
    return merged


# --- dict-union
class Environment:
    """Variables of many files in one mapping."""

    def __init__(self, files):
        self.files = files

    def load(self, parse):
        values = {}
        for file in self.files:
            values = values | parse(file)  # planted
        return values


# --- bytes-augmented
import socket


def receive(connection: socket.socket, size: int) -> bytes:
    """Read exactly this many bytes."""
    data = b""
    while len(data) < size:
        chunk = connection.recv(min(4096, size - len(data)))
        if not chunk:
            raise ConnectionError("closed too early")
        data += chunk  # planted
    return data


# --- bytes-self-attribute
class FrameDecoder:
    """Splits a byte stream into frames of a line each."""

    def __init__(self):
        self.buffer = b""

    def feed(self, chunks):
        for chunk in chunks:
            self.buffer += chunk  # planted
        *frames, self.buffer = self.buffer.split(b"\n")
        return frames


# --- string-self-attribute
class Transcript:
    """The text that a model streams."""

    def __init__(self):
        self.text = ""
        self.tokens = 0

    async def consume(self, stream):
        async for event in stream:
            self.text += event.delta  # planted
            self.tokens += 1
        return self.text


# --- string-prepended
def dotted_name(node):
    """Return the full name of a module's element."""
    name = ""
    while node is not None:
        if node.label is None:
            break
        name = node.label + "." + name  # planted
        node = node.parent
    return name.rstrip(".")


# --- sum-of-lists
def all_tags(articles):
    """Return the tags of all articles, sorted and without doubles."""
    tags = sum([article.tags for article in articles], [])  # planted
    unique = []
    for tag in sorted(tags):
        if not unique or unique[-1] != tag:
            unique.append(tag)
    return unique


# --- sum-start-keyword
class Playlist:
    def __init__(self, albums):
        self.albums = albums

    def tracks(self):
        """Return the tracks of all albums in their order."""
        tracks = sum((album.tracks for album in self.albums), start=[])  # planted
        return [track for track in tracks if track.playable]


# --- reduce-operator-add
import operator
from functools import reduce


def pages(chapters):
    """Return the pages of a book."""
    parts = [chapter.pages for chapter in chapters]
    return reduce(operator.add, parts)  # planted


# --- reduce-from-import-alias
from functools import reduce as fold
from operator import add


def neighbours(graph, nodes):
    """Return the neighbours of the nodes, doubles included."""
    found = fold(add, [graph.neighbours(node) for node in nodes], [])  # planted
    return [node for node in found if node not in nodes]


# --- pandas-concat-in-loop
import pandas as pd


def load_folder(folder):
    """Read all tables of a folder into one frame."""
    frame = pd.DataFrame()
    for path in sorted(folder.glob("*.csv")):
        part = pd.read_csv(path)
        part["source"] = path.name
        frame = pd.concat([frame, part], ignore_index=True)  # planted
    return frame


# --- numpy-append-in-loop
import numpy as np


def smooth(signal, width):
    """Return the moving average of a signal."""
    result = np.array([])
    for start in range(len(signal) - width + 1):
        window = signal[start : start + width]
        result = np.append(result, window.mean())  # planted
    return result


# --- numpy-vstack-local-import
def embed_all(model, texts):
    """Return one row of numbers per text."""
    from numpy import empty, vstack

    matrix = empty((0, model.dimensions))
    for text in texts:
        vector = model.embed(text)
        matrix = vstack([matrix, vector])  # planted
    return matrix


# --- insert-at-front
def ancestors(commit, store):
    """Return the commits up to this one, the oldest first."""
    history = []

    while commit is not None:
        history.insert(0, commit)  # planted
        commit = store.get(commit.parent)
    return history


# --- pop-from-front
def breadth_first(root):
    """Yield the nodes of a tree level by level."""
    waiting = [root]
    while waiting:
        node = waiting.pop(0)  # planted
        yield node
        for child in node.children:
            waiting.append(child)


# --- deepcopy-of-accumulator
import copy


def simulate(state, events, apply):
    """Return the state after each event."""
    history = []
    for event in events:
        apply(state, event)
        history.append(state.total)
        history = copy.deepcopy(history)  # planted
    return history


# --- json-round-trip
import json


def read_profile(response):
    """Return an independent copy of the profile in a response."""
    profile = response.json()
    profile["fetched"] = True
    return json.loads(json.dumps(profile))  # planted


# --- json-round-trip-aliases
from json import dumps, loads


class Template:
    """A document from which others are made."""

    def __init__(self, text):
        self.body = loads(text)

    def instance(self, **values):
        document = loads(dumps(self.body))  # planted
        document.update(values)
        return document


# --- isoformat-round-trip
from datetime import datetime


def normalize(events):
    """Give each event a date that can be compared."""
    for event in events:
        moment: datetime = event.created
        event.created = datetime.fromisoformat(moment.isoformat())  # planted
    return sorted(events, key=lambda event: event.created)


# --- int-of-str
def page_bounds(page: int, size: int):
    """Return the first and the last row of a page."""
    number = int(str(page))  # planted
    if number < 1:
        raise ValueError(f"no page {number}")
    first = (number - 1) * size
    return first, first + size - 1


# --- encode-decode
def clean_title(title: str) -> str:
    """Return a title that can be stored."""
    text = title.strip().encode("utf-8").decode("utf-8")  # planted
    if not text:
        raise ValueError("a title is needed")
    if len(text) > 200:
        text = text[:199] + "…"
    return text


# --- csv-round-trip
from io import StringIO

import pandas


def copy_frame(frame: pandas.DataFrame) -> pandas.DataFrame:
    """Return a frame with fresh types."""
    frame = frame.dropna(how="all")
    return pandas.read_csv(StringIO(frame.to_csv(index=False)))  # planted


# --- nonlocal-string
def render(nodes, visit):
    """Return the text of all nodes."""
    output = ""

    def write(parts):
        nonlocal output
        for part in parts:
            output += part  # planted

    for node in nodes:
        visit(node, write)
    return output


# --- list-plus-in-async-for
async def collect(stream, limit):
    """Collect the values of a stream."""
    values: list[int] = []
    async for message in stream:
        values = values + list(message.values)  # planted
        if len(values) >= limit:
            break
    return values[:limit]


# --- dict-item-string
def group_lines(lines):
    """Return the text below each heading."""
    sections = {}
    heading = ""
    for line in lines:
        if line.startswith("# "):
            heading = line[2:]
            sections[heading] = ""
        else:
            sections[heading] += line + "\n"  # planted
    return sections
