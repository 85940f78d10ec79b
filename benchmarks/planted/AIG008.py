# --- gather-list-parameter
import asyncio


async def download_all(urls, fetch):
    """Download every page of a site map."""
    pages = await asyncio.gather(*[fetch(url) for url in urls])  # planted
    found = {}
    for url, page in zip(urls, pages):
        if page is not None:
            found[url] = page
    return found


# --- gather-generator-self-attribute
import asyncio


class HealthMonitor:
    """Asks every known host whether it is alive."""

    def __init__(self, inventory):
        self.hosts = inventory.hosts()
        self.down = set()

    async def probe(self, host):
        reader, writer = await asyncio.open_connection(host, 22)
        writer.close()
        await writer.wait_closed()
        return True

    async def sweep(self):
        states = await asyncio.gather(  # planted
            *(self.probe(host) for host in self.hosts), return_exceptions=True  # planted
        )
        self.down = {host for host, state in zip(self.hosts, states) if state is not True}


# --- tasks-then-gather
import asyncio


async def resize_images(image_paths: list[str], resize):
    """Resize all images of an album."""
    tasks = [asyncio.create_task(resize(path)) for path in image_paths]  # planted
    done = await asyncio.gather(*tasks)  # planted
    return [thumbnail for thumbnail in done if thumbnail]


# --- task-group-for-loop
import asyncio


async def notify_subscribers(subscribers, message, mailer):
    """Send one message to every subscriber."""
    delivered = []

    async def deliver(subscriber):
        await mailer.send(subscriber.address, message)
        delivered.append(subscriber.id)

    async with asyncio.TaskGroup() as group:
        for subscriber in subscribers:  # planted
            group.create_task(deliver(subscriber))  # planted
    return delivered


# --- anyio-start-soon
import anyio


async def index_documents(store, documents):
    """Put the documents into the search index."""
    async with anyio.create_task_group() as tg:
        for document in documents:  # planted
            tg.start_soon(store.index, document.id, document.body)  # planted
    await store.refresh()


# --- trio-nursery
import trio


class Replicator:
    """Copies objects from one bucket to another."""

    def __init__(self, source, target):
        self.source = source
        self.target = target

    async def copy(self, key):
        body = await self.source.read(key)
        await self.target.write(key, body)

    async def run(self):
        keys = await self.source.keys()
        async with trio.open_nursery() as nursery:
            for key in keys:  # planted
                nursery.start_soon(self.copy, key)  # planted


# --- as-completed
import asyncio
import logging

log = logging.getLogger(__name__)


async def scrape(targets, scraper):
    """Yield the pages in the order in which they arrive."""
    for future in asyncio.as_completed([scraper.load(target) for target in targets]):  # planted
        try:
            page = await future
        except OSError as error:
            log.warning("page failed: %s", error)
            continue
        yield page


# --- wait-set-comprehension
import asyncio


async def first_answer(servers, question):
    """Return the answer of the fastest server."""
    done, pending = await asyncio.wait(
        {asyncio.create_task(server.ask(question)) for server in servers},  # planted
        return_when=asyncio.FIRST_COMPLETED,
    )
    for task in pending:
        task.cancel()
    return done.pop().result()


# --- from-import-alias
from asyncio import gather as run_together


async def enrich(customers, registry):
    """Add the register's data to each customer."""

    async def one(customer):
        customer.company = await registry.lookup(customer.tax_id)
        return customer

    return await run_together(*[one(customer) for customer in customers])  # planted


# --- function-local-import
def refresh_feeds(feeds, reader):
    """Read all feeds anew; called from the command line."""
    import asyncio as aio

    async def refresh():
        results = await aio.gather(*(reader.read(feed.url) for feed in feeds))  # planted
        for feed, entries in zip(feeds, results):
            feed.entries = entries

    aio.run(refresh())
    return len(feeds)


# --- ensure-future-appended
import asyncio


class Exporter:
    """Exports every report of a tenant as PDF."""

    def __init__(self, renderer):
        self.renderer = renderer

    async def export(self, tenant):
        futures = []
        for report in await tenant.reports():  # planted
            futures.append(asyncio.ensure_future(self.renderer.render(report)))  # planted
        return await asyncio.gather(*futures)  # planted


# --- running-loop-create-task
import asyncio


async def warm_cache(cache, keys: set[str]):
    """Load the keys ahead of the first request."""
    loop = asyncio.get_running_loop()
    tasks = set()
    for key in keys:  # planted
        task = loop.create_task(cache.load(key))  # planted
        tasks.add(task)
        task.add_done_callback(tasks.discard)
    while tasks:
        await asyncio.wait(tasks)


# --- gather-star-map
import asyncio


class PriceService:
    """Prices of articles from the supplier's interface."""

    def __init__(self, api):
        self.api = api

    async def price(self, sku):
        reply = await self.api.get(f"/prices/{sku}")
        return reply["amount"]

    async def prices(self, skus):
        amounts = await asyncio.gather(*map(self.price, skus))  # planted
        return dict(zip(skus, amounts))


# --- fire-and-forget-over-awaited-call
import asyncio


class Dispatcher:
    """Hands stored events to their handlers."""

    def __init__(self, storage, handler):
        self.storage = storage
        self.handler = handler
        self._background = set()

    async def replay(self, since):
        for event in await self.storage.events(since):  # planted
            task = asyncio.create_task(self.handler.handle(event))  # planted
            self._background.add(task)
            task.add_done_callback(self._background.discard)


# --- dict-items
import asyncio


async def push_settings(settings_by_device, gateway):
    """Write each device's settings to the device."""
    replies = await asyncio.gather(
        *(gateway.write(device, settings) for device, settings in settings_by_device.items()),  # planted
        return_exceptions=True,
    )
    failed = [reply for reply in replies if isinstance(reply, Exception)]
    if failed:
        raise ExceptionGroup("devices refused their settings", failed)


# --- aiohttp-default-limit
import asyncio

import aiohttp


async def check_links(links):
    """Return the status of each link."""
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=20)) as http:

        async def status(link):
            async with http.head(link, allow_redirects=True) as reply:
                return link, reply.status

        return dict(await asyncio.gather(*[status(link) for link in links]))  # planted


# --- httpx-module-function
import asyncio

import httpx


async def get_json(client: httpx.AsyncClient, path: str):
    reply = await client.get(path)
    reply.raise_for_status()
    return reply.json()


async def load_users(base_url: str, user_ids: list[int]):
    """Load the profiles of many users at once."""
    async with httpx.AsyncClient(base_url=base_url, timeout=10) as client:
        return await asyncio.gather(*(get_json(client, f"/users/{user_id}") for user_id in user_ids))  # planted


# --- async-for-task-group
import asyncio


async def reindex(database, search):
    """Write all rows of the articles' table to the search engine."""
    count = 0
    async with asyncio.TaskGroup() as tasks:
        async for row in database.iterate("SELECT id, title, body FROM articles"):  # planted
            tasks.create_task(search.put(row["id"], row))  # planted
            count += 1
    return count


# --- nested-comprehension
import asyncio


class Crawler:
    def __init__(self, fetcher):
        self.fetcher = fetcher

    async def crawl(self, sitemaps):
        """Fetch every page that one of the site maps names."""
        return await asyncio.gather(
            *[
                self.fetcher.fetch(entry.location)  # planted
                for sitemap in sitemaps  # planted
                for entry in sitemap.entries
            ]
        )  # planted


# --- annotated-task-group-parameter
import asyncio


def schedule_uploads(group: asyncio.TaskGroup, files, bucket):
    """Start the upload of each file in the caller's group."""
    tasks = []
    for file in files:  # planted
        if file.size == 0:
            continue
        tasks.append(group.create_task(bucket.upload(file.name, file.path)))  # planted
    return tasks


# --- dataclass-task-group-field
from dataclasses import dataclass

from anyio.abc import TaskGroup


@dataclass
class Broadcaster:
    """Repeats each message to all connected clients."""

    tasks: TaskGroup
    clients: list

    async def broadcast(self, message):
        payload = message.encode()
        for client in self.clients:  # planted
            self.tasks.start_soon(client.send, payload)  # planted


# --- dict-of-tasks
import asyncio


async def build_all(packages, builder):
    """Build the packages and return what went wrong, by package."""
    running = {package.name: asyncio.create_task(builder.build(package)) for package in packages}  # planted
    await asyncio.gather(*running.values(), return_exceptions=True)  # planted
    return {name: task.exception() for name, task in running.items() if task.exception()}


# --- coroutines-collected-in-a-loop
import asyncio


async def sync_calendars(accounts, remote):
    """Bring the calendars of all accounts up to date."""
    jobs = []
    for account in accounts:  # planted
        if not account.enabled:
            continue
        jobs.append(remote.sync(account.id, account.token))  # planted
    changes = await asyncio.gather(*jobs)  # planted
    return sum(changes)


# --- from-import-create-task
from asyncio import create_task, wait


async def translate_rows(rows, translator, language):
    """Translate the text of each row with the model's interface."""

    async def translate(row):
        row.text = await translator.complete(f"Translate to {language}: {row.text}")

    tasks = [create_task(translate(row)) for row in rows]  # planted
    done, _ = await wait(tasks)  # planted
    for task in done:
        task.result()
