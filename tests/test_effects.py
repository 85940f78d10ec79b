"""Effects that must not happen twice, and the keys that make them harmless."""

from __future__ import annotations

import ast
import textwrap

import pytest
from questions import module

from flake8_aiguard.effects import Effects, Key, words

IMPORTS = """
import boto3, httpx, redis, requests, smtplib, stripe, uuid
from kafka import KafkaProducer
from twilio.rest import Client
TOKEN_URL = "https://example.org/oauth/token"
twilio = Client()
store = redis.Redis()
"""


def effects(
    body: str, parameters: str = "client, session, order, key, headers"
) -> list[tuple[str, str, Key]]:
    found = module(f"{IMPORTS}\ndef f({parameters}):\n{textwrap.indent(body, '    ')}\n")
    function = found.index.nodes(ast.FunctionDef)[0]
    asked = Effects(found)
    return [
        (item.kind, item.shown, asked.key(item, function)) for item in asked.within(function.body, function)
    ]


@pytest.mark.parametrize(
    ("body", "kind", "shown"),
    [
        ("requests.post(u, json=b)", "http", "requests.post()"),
        ("requests.request('patch', u)", "http", "requests.request()"),
        ("session.post('/orders')", "http", "session.post()"),
        ("self.http_client.patch('/orders')", "http", "self.http_client.patch()"),
        ("stripe.Charge.create(amount=1)", "payment", "stripe.Charge.create()"),
        ("self.payment_gateway.charge(1)", "payment", "self.payment_gateway.charge()"),
        ("twilio.messages.create(to=1)", "message", "twilio.messages.create()"),
        ("KafkaProducer().send('t')", "message", "KafkaProducer().send()"),
        ("boto3.client('sns').publish(Message=1)", "message", "boto3.client(...).publish()"),
        ("smtplib.SMTP('h').send_message(m)", "mail", "smtplib.SMTP(...).send_message()"),
        ("store.incr('n')", "counter", "store.incr()"),
        ("cursor.execute('INSERT INTO t VALUES (1)')", "sql", "an INSERT"),
        ("cursor.execute('UPDATE t SET n = t.n + 1')", "sql", "an UPDATE that adds to a column"),
        ("session.add(order)\nsession.commit()", "orm", "session.add()"),
        ("Order.objects.create(n=1)", "orm", "Order.objects.create()"),
        ("open('f', 'a').write('x')\nx = open('f', 'a')\nx.write('x')", "append", "x.write()"),
        ("order.balance -= 1\nsave(order)", "amount", "order.balance"),
    ],
)
def test_effects(body: str, kind: str, shown: str) -> None:
    assert (kind, shown) in [item[:2] for item in effects(body)]


@pytest.mark.parametrize(
    "body",
    [
        "requests.get(u)",
        "requests.request(method, u)",
        "order.post(u)",
        "phone.charge(80)",
        "requests.post(TOKEN_URL)",
        "session.post('/v2/search')",
        "client.post(f'{base}/graphql')",
        "cursor.execute('INSERT INTO t VALUES (1) ON CONFLICT DO NOTHING')",
        "cursor.execute('UPDATE t SET n = 1')",
        "cursor.execute('SELECT 1')",
        "session.add(order)\nsession.flush()",
        "Order.objects.bulk_create(xs, ignore_conflicts=True)",
        "with open('f', 'w') as x:\n    x.write('x')",
        "order.balance -= 1",
        "balance -= 1\nsave(balance)",
        "try:\n    pass\nexcept OSError:\n    session.post('/failures')",
        "def inner():\n    session.post('/orders')",
        "requests.post(u)",
        "requests.post(f'{u}/reload', json=b)",
    ],
)
def test_no_effects(body: str) -> None:
    assert effects(body) == []


@pytest.mark.parametrize(
    ("body", "key"),
    [
        ("requests.post(u, json=order)", Key.NONE),
        ("requests.post(u, json=order, headers={'Accept': 'x'})", Key.NONE),
        ("requests.post(u, headers={'Idempotency-Key': key})", Key.GIVEN),
        ("h = {}\nh['Idempotency-Key'] = key\nrequests.post(u, headers=h)", Key.GIVEN),
        ("requests.post(u, json={'request_id': order.id})", Key.GIVEN),
        ("requests.post(u, headers={'Idempotency-Key': str(uuid.uuid4())})", Key.MINTED),
        ("key = uuid.uuid4()\nrequests.post(u, headers={'Idempotency-Key': key})", Key.MINTED),
        ("requests.post(u, headers={'Idempotency-Key': uuid.uuid5(n, order.id)})", Key.GIVEN),
        ("requests.post(u, json=order, headers=headers)", Key.HIDDEN),
        ("requests.post(u, **order)", Key.HIDDEN),
        ("p = KafkaProducer(enable_idempotence=True)\np.send('t')", Key.HIDDEN),
    ],
)
def test_keys(body: str, key: Key) -> None:
    assert [item[2] for item in effects(body)] == [key]


def test_words() -> None:
    assert words("_httpClient_v2") == ["http", "client", "v", "2"]
    assert words("HTTPSession") == ["http", "session"]
