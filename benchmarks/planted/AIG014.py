# --- requests-get
import requests


def fetch_rates(base="EUR"):
    """Return today's exchange rates."""
    response = requests.get("https://rates.example.org/latest", params={"base": base})  # planted
    response.raise_for_status()
    payload = response.json()
    return {currency: float(rate) for currency, rate in payload["rates"].items()}


# --- requests-post-from-import
from requests import HTTPError
from requests import post as http_post


class Pager:
    """Wakes whoever is on call."""

    def __init__(self, key):
        self.key = key

    def trigger(self, summary, severity="critical"):
        event = {"routing_key": self.key, "summary": summary, "severity": severity}
        answer = http_post("https://events.example.com/v2/enqueue", json=event)  # planted
        if answer.status_code >= 400:
            raise HTTPError(answer.text)
        return answer.json()["dedup_key"]


# --- requests-request
import requests as rq


def call_api(method, path, token, body=None):
    """Call the billing service and return its decoded answer."""
    url = f"https://billing.example.com/api/{path.lstrip('/')}"
    headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
    response = rq.request(method, url, headers=headers, json=body)  # planted
    if response.status_code == 204:
        return None
    response.raise_for_status()
    return response.json()


# --- session-local
import requests


def download_all(names, token):
    """Return the content of each artefact."""
    session = requests.Session()
    session.headers.update({"Authorization": f"token {token}"})
    contents = {}
    for name in names:
        answer = session.get(f"https://artefacts.example.org/{name}")  # planted
        answer.raise_for_status()
        contents[name] = answer.content
    return contents


# --- session-with-target
def submit_form(base_url, user, password, values):
    """Log in and send a form, as the browser would."""
    from requests import Session

    with Session() as browser:
        browser.auth = (user, password)
        browser.headers["Referer"] = base_url
        page = browser.post(f"{base_url}/form", data=values)  # planted
        return "Thank you" in page.text


# --- session-on-self
import requests


class Jira:
    """The few calls that our release notes need."""

    def __init__(self, base, user, token):
        self.base = base
        self.session = requests.Session()
        self.session.auth = (user, token)

    def _url(self, path):
        return f"{self.base}/rest/api/3/{path}"

    def issue(self, key):
        answer = self.session.get(self._url(f"issue/{key}"))  # planted
        answer.raise_for_status()
        return answer.json()["fields"]


# --- session-parameter
import requests


def paginate(session: requests.Session, url: str):
    """Yield the items of all pages."""
    while url:
        page = session.get(url, params={"per_page": 100})  # planted
        page.raise_for_status()
        yield from page.json()
        url = page.links.get("next", {}).get("url")


# --- session-dataclass-field
from dataclasses import dataclass, field

import requests


@dataclass
class Uploader:
    """Sends measurements to the collector."""

    endpoint: str
    session: requests.Session = field(default_factory=requests.Session)

    def send(self, samples):
        body = [{"at": sample.at.isoformat(), "value": sample.value} for sample in samples]
        answer = self.session.put(self.endpoint, json=body)  # planted
        return answer.status_code == 200


# --- urlopen
import json
from urllib.request import Request, urlopen


def latest_release(project):
    """Return the newest version of a project in the package index."""
    request = Request(f"https://index.example.org/pypi/{project}/json")
    request.add_header("Accept", "application/json")
    with urlopen(request) as response:  # planted
        info = json.load(response)["info"]
    return info["version"]


# --- urllib-dotted
import urllib.error
import urllib.request


def is_alive(host, port=8080):
    """Tell whether a service answers its health check."""
    url = f"http://{host}:{port}/healthz"
    try:
        with urllib.request.urlopen(url) as answer:  # planted
            return answer.status == 200
    except urllib.error.URLError:
        return False


# --- create-connection
import socket


class GraphiteSender:
    """Writes metrics in the plain-text protocol."""

    def __init__(self, host, port=2003):
        self.host = host
        self.port = port

    def send(self, metrics):
        lines = [f"{name} {value} {int(at)}\n" for name, value, at in metrics]
        with socket.create_connection((self.host, self.port)) as link:  # planted
            link.sendall("".join(lines).encode())
        return len(lines)


# --- https-connection
from http.client import HTTPSConnection


def certificate_of(host):
    """Return the peer's certificate as the TLS layer saw it."""
    connection = HTTPSConnection(host, 443)  # planted
    try:
        connection.request("HEAD", "/")
        connection.getresponse().read()
        return connection.sock.getpeercert()
    finally:
        connection.close()


# --- smtp-with-target
import smtplib as smtp
from email.message import EmailMessage


def mail_report(recipients, subject, text):
    """Mail a report to some people."""
    message = EmailMessage()
    message["From"] = "reports@example.org"
    message["To"] = ", ".join(recipients)
    message["Subject"] = subject
    message.set_content(text)
    with smtp.SMTP("mail.example.org", 25) as server:  # planted
        server.send_message(message)


# --- smtp-ssl-in-a-class
from smtplib import SMTP_SSL


class Mailer:
    """Keeps a connection to the relay as long as it lives."""

    def __init__(self, host, user, password):
        self._relay = SMTP_SSL(host, 465)  # planted
        self._relay.login(user, password)

    def send(self, message):
        self._relay.send_message(message)

    def close(self):
        self._relay.quit()


# --- ftp
from ftplib import FTP


def fetch_catalogue(host, user, password, target):
    """Fetch a supplier's catalogue and return its size."""
    size = 0
    with FTP(host, user, password) as ftp, open(target, "wb") as out:  # planted
        ftp.cwd("/export")
        ftp.set_pasv(True)
        ftp.retrbinary("RETR catalogue.xml", out.write)
        size = out.tell()
    return size


# --- imap
import email
import imaplib


def unread_subjects(host, user, password):
    """Return the subjects of the unread mails."""
    box = imaplib.IMAP4_SSL(host)  # planted
    try:
        box.login(user, password)
        box.select("INBOX", readonly=True)
        _, (numbers,) = box.search(None, "UNSEEN")
        mails = [box.fetch(number, "(RFC822.HEADER)")[1][0][1] for number in numbers.split()]
    finally:
        box.logout()
    return [email.message_from_bytes(mail)["Subject"] for mail in mails]


# --- pop3
def empty_mailbox(host, user, password):
    """Delete all mails of a test mailbox, and return how many there were."""
    import poplib

    mailbox = poplib.POP3_SSL(host)  # planted
    mailbox.user(user)
    mailbox.pass_(password)
    count, _ = mailbox.stat()
    for number in range(1, count + 1):
        mailbox.dele(number)
    mailbox.quit()
    return count


# --- pool-manager
import json

import urllib3

HTTP = urllib3.PoolManager(maxsize=8)  # planted


def search(term, size=20):
    """Ask the search cluster for documents."""
    query = {"query": {"match": {"title": term}}, "size": size}
    answer = HTTP.request(  # planted
        "POST", "http://search.internal:9200/documents/_search", body=json.dumps(query)
    )
    return [hit["_source"] for hit in json.loads(answer.data)["hits"]["hits"]]


# --- psycopg2-keywords
import psycopg2


class Warehouse:
    """Reads from the reporting database."""

    def __init__(self, password):
        self.connection = psycopg2.connect(  # planted
            host="warehouse.internal", dbname="reports", user="reader", password=password
        )

    def stock(self, sku):
        with self.connection.cursor() as cursor:
            cursor.execute("SELECT amount FROM stock WHERE sku = %s", (sku,))
            row = cursor.fetchone()
        return row[0] if row else 0


# --- psycopg-literal-dsn
import psycopg


def refresh_views(names):
    """Refresh materialized views, in this order."""
    with psycopg.connect("host=db.internal dbname=shop user=cron") as connection:  # planted
        for name in names:
            identifier = psycopg.sql.Identifier(name)
            connection.execute(psycopg.sql.SQL("REFRESH MATERIALIZED VIEW {}").format(identifier))
        connection.commit()
    return len(names)


# --- paramiko-connect
import paramiko


def restart_remote(host, service, key_path):
    """Restart a service on another machine, and return what it printed."""
    ssh = paramiko.SSHClient()
    ssh.load_system_host_keys()
    try:
        ssh.connect(host, username="deploy", key_filename=key_path)  # planted
        _, output, _ = ssh.exec_command(f"sudo systemctl restart {service}", timeout=60)
        return output.read().decode()
    finally:
        ssh.close()


# --- grpc-stub
import grpc

from inventory.v1 import inventory_pb2, inventory_pb2_grpc


class InventoryClient:
    """Reserves articles in the warehouse."""

    def __init__(self, target):
        self.channel = grpc.insecure_channel(target)
        self.stub = inventory_pb2_grpc.InventoryStub(self.channel)

    def reserve(self, sku, amount):
        request = inventory_pb2.ReserveRequest(sku=sku, amount=amount)
        reply = self.stub.Reserve(request)  # planted
        return reply.reservation_id


# --- requests-in-a-comprehension
import requests

BASE = "https://pokedex.example.org/api/v2"


def heights(names):
    """Return the height of each animal, in metres."""
    found = {name: requests.get(f"{BASE}/animal/{name}").json() for name in names}  # planted
    return {name: data["height"] / 10 for name, data in found.items() if "height" in data}


# --- nested-function-and-retries
import time

import requests


def with_retries(url, attempts=3):
    """Return a function that downloads a page and tries again when that fails."""

    def load(**params):
        for attempt in range(attempts):
            response = requests.get(url, params=params, headers={"Accept": "text/html"})  # planted
            if response.ok:
                return response.text
            time.sleep(2**attempt)
        raise RuntimeError(f"{url}: gave up")

    return load
