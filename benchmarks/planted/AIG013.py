# --- self-flag-sync
import threading
import time


class Importer:
    """Imports a file in the background."""

    def __init__(self, path):
        self.path = path
        self.done = False

    def start(self, load):
        def run():
            load(self.path)
            self.done = True

        threading.Thread(target=run, daemon=True).start()

    def wait(self):
        while not self.done:  # planted
            time.sleep(0.1)  # planted


# --- self-flag-async
import asyncio


class Handshake:
    """Waits until the peer has said hello."""

    def __init__(self):
        self.ready = False

    def on_message(self, message):
        if message == "hello":
            self.ready = True

    async def wait_ready(self):
        while not self.ready:  # planted
            await asyncio.sleep(0.05)  # planted


# --- event-is-set
import time
from threading import Event


def wait_for_start(started: Event, label: str) -> None:
    """Block until the server thread has bound its port."""
    while not started.is_set():  # planted
        time.sleep(0.01)  # planted
    print(f"{label} is up")


# --- thread-is-alive
import threading
import time


def run_in_background(work):
    """Run the work in a thread and wait for its end."""
    thread = threading.Thread(target=work)
    thread.start()
    while thread.is_alive():  # planted
        time.sleep(0.5)  # planted
    return thread.name


# --- process-poll
import subprocess
import time


def convert(source, target):
    """Convert a film and return the program's exit code."""
    process = subprocess.Popen(["ffmpeg", "-i", source, target])
    while process.poll() is None:  # planted
        time.sleep(1)  # planted
    if process.returncode:
        raise RuntimeError(f"{source}: exit code {process.returncode}")
    return target


# --- future-done
import time
from concurrent.futures import ThreadPoolExecutor


def render(pages, renderer):
    """Render pages in a pool; return the document."""
    with ThreadPoolExecutor(4) as pool:
        future = pool.submit(renderer.render, pages)
        while not future.done():  # planted
            time.sleep(0.2)  # planted
        return future.result()


# --- task-done-async
import asyncio


async def run_with_dots(coroutine, out):
    """Await a coroutine's task."""
    task = asyncio.create_task(coroutine)
    while not task.done():  # planted
        await asyncio.sleep(0.1)  # planted
    out.write("done\n")
    return task.result()


# --- while-true-break
import time

shutdown_requested = False


def request_shutdown(*_):
    global shutdown_requested
    shutdown_requested = True


def serve_until_stopped(server):
    """Keep the server up until somebody stops it."""
    server.start()
    while True:  # planted
        if shutdown_requested:  # planted
            break
        time.sleep(0.5)  # planted
    server.stop()


# --- dict-entry
import time


def wait_for_result(state, pause=0.2):
    """Wait until the worker thread has written its result."""
    while state["status"] == "pending":  # planted
        time.sleep(pause)  # planted
    if state["status"] == "failed":
        raise RuntimeError(state["error"])
    return state["result"]


# --- module-flag-async
import asyncio

paused = False


def toggle_pause():
    global paused
    paused = not paused


async def player(frames, screen):
    """Show frames; stop while the player is paused."""
    for frame in frames:
        while paused:  # planted
            await asyncio.sleep(0.05)  # planted
        screen.show(frame)


# --- nonlocal-flag
from time import sleep as pause


def call_and_wait(client, request):
    """Send a request through a callback interface and wait for the reply."""
    finished = False
    answer = None

    def on_reply(reply):
        nonlocal finished, answer
        answer = reply
        finished = True

    client.send(request, callback=on_reply)
    while not finished:  # planted
        pause(0.01)  # planted
    return answer


# --- attribute-of-parameter
import time


def follow(job, log):
    """Wait for a job of the local scheduler."""
    while not job.finished:  # planted
        log.debug("still waiting for %s", job.name)
        time.sleep(2)  # planted
    return job.exit_code


# --- anyio-flag
import anyio


class Upload:
    """One upload that other tasks may wait for."""

    def __init__(self):
        self.completed = False

    async def run(self, stream, target):
        async for chunk in stream:
            await target.send(chunk)
        self.completed = True

    async def join(self):
        while not self.completed:  # planted
            await anyio.sleep(0.1)  # planted


# --- trio-flag
import trio


class Pump:
    def __init__(self):
        self._drained = False
        self._waiting = 0

    def drained(self):
        self._drained = True

    async def wait_drained(self):
        self._waiting += 1
        while not self._drained:  # planted
            await trio.sleep(0.25)  # planted
        self._waiting -= 1


# --- function-local-import
def wait_for_child(child):
    """Wait until a multiprocessing child has ended."""
    import time

    print(f"waiting for {child.name}")
    while child.is_alive():  # planted
        time.sleep(0.3)  # planted
    return child.exitcode


# --- empty-result-list
import threading
import time


class Collector:
    """Collects the first results that arrive from a callback thread."""

    def __init__(self, source):
        self.results = []
        threading.Thread(target=source.run, args=(self.results.append,)).start()

    def first(self):
        while not self.results:  # planted
            time.sleep(0.05)  # planted
        return self.results[0]


# --- any-thread-alive
import threading
import time


def crawl(urls, fetch):
    """Fetch the pages in one thread each and wait for all."""
    threads = [threading.Thread(target=fetch, args=(url,)) for url in urls]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):  # planted
        time.sleep(0.1)  # planted


# --- counter-attribute
import asyncio


class Server:
    """Ends only when the last request is answered."""

    def __init__(self):
        self._active = 0

    async def handle(self, request, respond):
        self._active += 1
        try:
            await respond(request)
        finally:
            self._active -= 1

    async def drain(self):
        while self._active > 0:  # planted
            await asyncio.sleep(0.1)  # planted


# --- own-deadline
import time


class Bridge:
    """Talks to the device thread."""

    def __init__(self):
        self.connected = False

    def wait_connected(self, timeout=5.0):
        """Wait until the device thread reports the connection."""
        deadline = time.monotonic() + timeout
        while not self.connected:  # planted
            if time.monotonic() > deadline:
                raise TimeoutError("device did not connect")
            time.sleep(0.02)  # planted


# --- while-true-return
import asyncio


class Mailbox:
    """Replies by request number, filled by the reader task."""

    def __init__(self):
        self.replies = {}

    def on_reply(self, number, reply):
        self.replies[number] = reply

    async def reply(self, number):
        while True:  # planted
            if number in self.replies:  # planted
                return self.replies.pop(number)
            await asyncio.sleep(0.01)  # planted


# --- dataclass-state
import time
from dataclasses import dataclass


@dataclass
class Build:
    """A build that a thread carries out."""

    name: str
    status: str = "queued"

    def wait(self):
        while self.status != "finished":  # planted
            time.sleep(0.5)  # planted
        return self.name


# --- from-asyncio-import
from asyncio import Event, sleep


class Leader:
    """Becomes active when the election is over."""

    def __init__(self):
        self.elected = Event()

    async def run(self, work):
        while not self.elected.is_set():  # planted
            await sleep(0.2)  # planted
        await work()
