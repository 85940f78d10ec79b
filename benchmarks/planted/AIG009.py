# --- append-in-for
async def load_pages(client, urls):
    """Load all pages of a site map."""
    if not urls:
        return []
    pages = []
    for url in urls:  # planted
        pages.append(await client.get(url))  # planted
    return pages


# --- list-comprehension
async def load_profiles(api, user_ids: list[int]):
    """Return the profiles of the given users."""
    profiles = [await api.fetch_profile(user_id) for user_id in user_ids]  # planted
    by_id = {}
    for profile in profiles:
        profile.setdefault("language", "en")
        by_id[profile["id"]] = profile
    return by_id


# --- assigned-then-appended
import httpx


async def rates(client: httpx.AsyncClient, currencies: list[str]) -> list[dict]:
    """Return today's rate of each currency."""
    found = []
    for currency in currencies:  # planted
        reply = await client.get(f"/rates/{currency}")  # planted
        found.append(reply.json())
    return found


# --- dict-by-key
async def stock_levels(warehouse, skus):
    """Return how many pieces of each article are left."""
    levels = {}
    for sku in skus:  # planted
        levels[sku] = await warehouse.get_level(sku)  # planted
    missing = [sku for sku, level in levels.items() if level is None]
    return levels, missing


# --- dict-comprehension
class Weather:
    """Forecasts for many cities."""

    def __init__(self, api):
        self.api = api

    async def forecasts(self, cities):
        return {city.name: await self.api.get(f"/forecast/{city.id}") for city in cities}  # planted


# --- async-with-client
import httpx


async def versions(packages):
    """Return the newest version of each package."""
    newest = {}
    async with httpx.AsyncClient(base_url="https://packages.example", timeout=5) as client:
        for package in packages:  # planted
            reply = await client.get(f"/{package}/json")  # planted
            newest[package] = reply.json()["info"]["version"]
    return newest


# --- self-attribute-client
import httpx


class IssueReader:
    """Reads issues of a tracker."""

    def __init__(self, base_url: str) -> None:
        self.client = httpx.AsyncClient(base_url=base_url, timeout=10)

    async def close(self) -> None:
        await self.client.aclose()

    async def issues(self, numbers: list[int]) -> list[dict]:
        replies = [await self.client.get(f"/issues/{number}") for number in numbers]  # planted
        return [reply.json() for reply in replies]


# --- local-coroutine
async def read_sensor(bus, address):
    raw = await bus.read(address, length=4)
    return int.from_bytes(raw, "big") / 100


async def read_sensors(bus, addresses):
    """Return the value of every sensor on the bus."""
    values = []
    for address in addresses:  # planted
        values.append(await read_sensor(bus, address))  # planted
    return values


# --- own-method
class Catalog:
    """Books with their covers."""

    def __init__(self, http):
        self.http = http

    async def fetch_cover(self, isbn):
        return await self.http.get(f"https://covers.example/{isbn}.jpg")

    async def covers(self, books):
        images = {}
        for book in books:  # planted
            images[book.isbn] = await self.fetch_cover(book.isbn)  # planted
        return images


# --- nested-function
def make_loader(api):
    """Return a coroutine function that loads many orders."""

    async def load_orders(order_ids):
        orders = []
        for order_id in order_ids:  # planted
            order = await api.load_order(order_id)  # planted
            orders.append(order)
        return orders

    return load_orders


# --- enumerate-target
class LinkPreview:
    """Titles of the pages that a text links to."""

    def __init__(self, browser):
        self.browser = browser

    async def titles(self, links):
        titles = {}
        for position, link in enumerate(links):  # planted
            titles[position] = await self.browser.fetch_title(link)  # planted
        return titles


# --- tuple-target
async def translations(glossary, entries):
    """Look up the words of a list of (language, word)."""
    result = []
    for language, word in entries:  # planted
        result.append((language, word, await glossary.get(language, word)))  # planted
    result.sort()
    return result


# --- extended-result
async def all_comments(forum, threads):
    """Return the comments of all threads in one list."""
    comments = []

    for thread in threads:  # planted
        comments.extend(await forum.fetch_comments(thread.id))  # planted
    comments.sort(key=lambda comment: comment.created)
    return comments


# --- anyio-path-read
import anyio


async def load_templates(names):
    """Read the templates from disk."""
    texts = {}
    for name in names:  # planted
        texts[name] = await anyio.Path("templates", name).read_text(encoding="utf-8")  # planted
    return texts


# --- set-comprehension
async def owners(directory, repositories):
    """Return the teams that own one of the repositories."""
    teams = {await directory.fetch_owner(repository.slug) for repository in repositories}  # planted
    if None in teams:
        teams.discard(None)
        teams.add("unowned")
    names = sorted(teams)
    return names


# --- set-add
async def known_domains(resolver, hosts):
    """Return the addresses behind all hosts."""
    addresses = set()
    for host in hosts:  # planted
        addresses.add(await resolver.get_address(host))  # planted
    addresses.discard(None)
    addresses.discard("127.0.0.1")
    return addresses


# --- filtered-comprehension
async def active_sessions_of(gateway, accounts):
    """Return the status of those accounts that are switched on."""
    statuses = [
        await gateway.fetch_status(account.id)  # planted
        for account in accounts  # planted
        if account.enabled
    ]
    return [status.lower() for status in statuses]


# --- dataclass-field
from dataclasses import dataclass, field

import httpx


@dataclass
class Geocoder:
    """Coordinates of addresses."""

    client: httpx.AsyncClient
    known: dict = field(default_factory=dict)

    async def locate(self, addresses):
        found = []
        for address in addresses:  # planted
            reply = await self.client.get("/search", params={"q": address})  # planted
            found.append(reply.json()[0])
        return found


# --- function-local-import
async def mirror_index(mirrors):
    """Return the index file of each mirror."""
    import httpx as http

    async with http.AsyncClient(timeout=8) as client:
        replies = [await client.get(f"{mirror}/index.json") for mirror in mirrors]  # planted
    entries = [entry for reply in replies for entry in reply.json()]
    return entries


# --- attribute-of-the-reply
async def avatars(images, members):
    """Return the picture of each member of a team."""
    pictures = []
    for member in members:  # planted
        reply = await images.get(f"/avatars/{member.login}", follow_redirects=True)  # planted
        pictures.append(reply.content)

    return pictures


# --- augmented-list
async def collect_metrics(prometheus, targets):
    """Return the samples of all targets."""
    samples = []
    for target in targets:  # planted
        samples += await prometheus.fetch_samples(target, window="5m")  # planted
    samples.sort(key=lambda sample: sample.at)
    print(f"{len(samples)} samples")
    return samples


# --- aiohttp-helper
import aiohttp


async def fetch_json(session: aiohttp.ClientSession, url: str):
    async with session.get(url) as reply:
        return await reply.json()


async def fetch_episodes(urls: list[str]):
    """Load the episodes of a show."""
    async with aiohttp.ClientSession() as session:
        episodes = []
        for url in urls:  # planted
            episodes.append(await fetch_json(session, url))  # planted
    return episodes


# --- boto-like-head
class Inventory:
    """What a bucket holds of the files that we expect."""

    def __init__(self, bucket, prefix="daily/"):
        self.bucket = bucket
        self.prefix = prefix

    async def sizes(self, names):
        sizes = {}
        for name in names:  # planted
            head = await self.bucket.head(self.prefix + name)  # planted
            sizes[name] = head["ContentLength"]
        return sizes
