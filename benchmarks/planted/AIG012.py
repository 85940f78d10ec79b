# --- workers-on-a-self-queue
import queue
import threading


class Crawler:
    """Fetches pages with a few threads."""

    def __init__(self, urls, fetch):
        self.jobs = queue.Queue()
        self.fetch = fetch
        for url in urls:
            self.jobs.put(url)

    def work(self):
        while not self.jobs.empty():  # planted
            self.fetch(self.jobs.get())  # planted

    def run(self, count=8):
        threads = [threading.Thread(target=self.work) for _ in range(count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


# --- annotated-parameter
import queue


def flush(pending: queue.Queue, sink, limit=500):
    """Write what is pending to a sink, at most `limit` records."""
    batch = []
    while not pending.empty():  # planted
        batch.append(pending.get())  # planted
        if len(batch) >= limit:
            break
    sink.write_many(batch)
    return len(batch)


# --- module-level-queue
import threading
from queue import Queue

TASKS = Queue()


def consume(handle):
    while not TASKS.empty():  # planted
        task = TASKS.get()  # planted
        handle(task)
        TASKS.task_done()


def start(handle, workers=4):
    for _ in range(workers):
        threading.Thread(target=consume, args=(handle,), daemon=True).start()
    TASKS.join()


# --- qsize-above-zero
import queue
from concurrent.futures import ThreadPoolExecutor

INBOX = queue.Queue()


def deliver(send):
    """Send the messages of the inbox; runs in several threads."""
    sent = 0
    while INBOX.qsize() > 0:  # planted
        message = INBOX.get()  # planted
        send(message.recipient, message.body)
        sent += 1
    return sent


def deliver_all(send):
    with ThreadPoolExecutor(4) as pool:
        return sum(pool.map(deliver, [send] * 4))


# --- qsize-as-truth
from queue import Queue as ThreadQueue
from threading import Thread


class Thumbnailer:
    """Makes thumbnails in the background."""

    def __init__(self, paths):
        self._paths = ThreadQueue()
        self.done = []
        for path in paths:
            self._paths.put(path)

    def _work(self):
        while self._paths.qsize():  # planted
            path = self._paths.get()  # planted
            self.done.append(path.with_suffix(".thumb.jpg"))

    def run(self):
        first, second = Thread(target=self._work), Thread(target=self._work)
        first.start(), second.start()
        first.join(), second.join()


# --- put-after-full-check
import asyncio


class Backpressure:
    """Takes samples from several sensors and drops what is too much."""

    def __init__(self, size):
        self._queue = asyncio.Queue(maxsize=size)
        self.dropped = 0

    async def from_socket(self, sample):
        if not self._queue.full():  # planted
            await self._queue.put(sample)  # planted
        else:
            self.dropped += 1

    async def from_file(self, sample):
        await self._queue.put(sample)

    async def next(self):
        return await self._queue.get()


# --- asyncio-workers-on-a-parameter
import asyncio


async def worker(name, jobs: asyncio.Queue, results):
    """Work until no job is left."""
    while not jobs.empty():  # planted
        job = await jobs.get()  # planted
        results[job.id] = await job.run()
        print(f"{name}: {job.id}")
        jobs.task_done()


async def run_all(jobs, count=5):
    results = {}
    await asyncio.gather(*(worker(f"w{number}", jobs, results) for number in range(count)))
    return results


# --- multiprocessing-results
import multiprocessing as mp


def score_all(chunks, score):
    """Score chunks in processes of their own and collect what they return."""
    results = mp.Queue()
    processes = [mp.Process(target=score, args=(chunk, results)) for chunk in chunks]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    scores = {}
    while not results.empty():  # planted
        chunk_id, value = results.get()  # planted
        scores[chunk_id] = value
    return scores


# --- joinable-queue-in-a-process
from multiprocessing import JoinableQueue, Process


def encode_worker(clips: JoinableQueue, quality):
    """Encode clips until none is left; one of several processes."""
    while not clips.empty():  # planted
        clip = clips.get()  # planted
        clip.encode(quality)
        clips.task_done()


def encode(clips, quality=23, processes=4):
    for _ in range(processes):
        Process(target=encode_worker, args=(clips, quality), daemon=True).start()
    clips.join()


# --- manager-queue
from multiprocessing import Manager, Pool


def index_documents(documents, index_one):
    """Index documents in a pool; return what went wrong."""
    manager = Manager()
    errors = manager.Queue()
    with Pool() as pool:
        pool.starmap(index_one, [(document, errors) for document in documents])
    failed = []
    while not errors.empty():  # planted
        failed.append(errors.get())  # planted
    return failed


# --- bounded-asyncio-put-nowait
import asyncio


class Broadcaster:
    """Hands each event to every subscriber."""

    def __init__(self):
        self.events = asyncio.Queue(maxsize=256)

    def publish(self, kind, payload):
        event = {"kind": kind, "payload": payload}
        self.events.put_nowait(event)  # planted
        return event

    async def stream(self):
        while True:
            yield await self.events.get()


# --- bounded-module-queue-put-nowait
import logging
import queue

BUFFER = queue.Queue(1000)


class BufferHandler(logging.Handler):
    """Gives records to the thread that ships them."""

    def emit(self, record):
        line = self.format(record)
        if record.levelno >= logging.INFO:
            BUFFER.put_nowait(line)  # planted


def ship(send):
    while True:
        send(BUFFER.get())


# --- bounded-get-nowait
import queue
import threading

CONNECTIONS = queue.Queue(maxsize=10)


def query(sql, *args):
    """Run a statement on a free connection."""
    connection = CONNECTIONS.get_nowait()  # planted
    try:
        return connection.execute(sql, args).fetchall()
    finally:
        CONNECTIONS.put(connection)


def in_threads(statements):
    for sql in statements:
        threading.Thread(target=query, args=(sql,)).start()


# --- early-return-when-empty
import queue

OUTBOX: queue.Queue = queue.Queue()


def next_mail():
    """Return the next mail to send, None when there is none; called by each sender thread."""
    if OUTBOX.empty():  # planted
        return None
    mail = OUTBOX.get()  # planted
    mail.attempts += 1
    return mail


def enqueue(mail):
    OUTBOX.put(mail)


# --- get-nowait-after-if
import queue
import threading

IDLE = queue.Queue()


class Session:
    """A session that takes an idle browser or starts one."""

    def open(self, start):
        if not IDLE.empty():  # planted
            self.browser = IDLE.get_nowait()  # planted
        else:
            self.browser = start()
        return self


def warm_up(start, count):
    for _ in range(count):
        threading.Thread(target=lambda: IDLE.put(start())).start()


# --- compared-with-false
import queue
from threading import Thread


def replay(events: queue.Queue, apply):
    """Apply the recorded events; two threads share the work."""

    def work():
        while events.empty() is False:  # planted
            event = events.get()  # planted
            apply(event)

    threads = [Thread(target=work), Thread(target=work)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


# --- break-when-empty
import queue


class Downloader:
    """Downloads in threads that a pool starts with `run`."""

    def __init__(self, pool):
        self.todo = queue.Queue()
        self.pool = pool

    def run(self):
        while True:
            if self.todo.empty():  # planted
                break
            url = self.todo.get()  # planted
            url.download()

    def start(self, urls):
        for url in urls:
            self.todo.put(url)
        for _ in range(8):
            self.pool.submit(self.run)


# --- connection-pool
from queue import LifoQueue


class ConnectionPool:
    """Keeps connections for threads that need one for a moment."""

    def __init__(self, connect):
        self._connect = connect
        self._idle = LifoQueue()

    def acquire(self):
        if not self._idle.empty():  # planted
            return self._idle.get()  # planted
        return self._connect()

    def release(self, connection):
        self._idle.put(connection)

    def oldest(self):
        return self._idle.get(timeout=1)


# --- closure-in-threads
import queue
import threading


def resize_all(images, resize, workers=4):
    """Resize images in a few threads."""
    todo = queue.Queue()
    for image in images:
        todo.put(image)

    def work():
        while not todo.empty():  # planted
            resize(todo.get())  # planted

    threads = [threading.Thread(target=work) for _ in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


# --- dataclass-field
import queue
from dataclasses import dataclass, field


@dataclass
class Dispatcher:
    """Two loops, one for each carrier, take parcels from one belt."""

    belt: queue.Queue = field(default_factory=queue.Queue)

    def by_road(self, truck):
        while not self.belt.empty():  # planted
            truck.load(self.belt.get())  # planted

    def by_rail(self, wagon):
        parcel = self.belt.get(timeout=5)
        wagon.load(parcel)


# --- priority-queue-parameter
from queue import PriorityQueue


def run_due(schedule: PriorityQueue, now, run):
    """Run what is due; each scheduler thread calls this with the shared schedule."""
    ran = 0
    while not schedule.empty():  # planted
        due, _, job = schedule.get()  # planted
        if due > now:
            schedule.put((due, id(job), job))
            break
        run(job)
        ran += 1
    return ran


# --- full-check-on-a-process-queue
import multiprocessing


def producer(frames, shared: multiprocessing.Queue, camera):
    """Hand frames to the analysers; one process for each camera."""
    dropped = 0
    for number, frame in enumerate(frames):
        if not shared.full():  # planted
            shared.put((camera, number, frame))  # planted
        else:
            dropped += 1
    return dropped


# --- simple-queue-from-import
from queue import SimpleQueue

_finished = SimpleQueue()


def on_done(future):
    _finished.put(future)


def collect():
    """Return the results so far; the poller and the request threads call it."""
    results = []
    while not _finished.empty():  # planted
        results.append(_finished.get().result())  # planted
    return results
