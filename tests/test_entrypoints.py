"""Functions that a framework calls."""

from __future__ import annotations

import ast

import harness
import pytest

from flake8_aiguard.module import Module
from flake8_aiguard.settings import Settings


def module_of(source: str) -> Module:
    tree, lines = harness.parse(source)
    return Module(tree, "example.py", lines, Settings())


def kind(source: str) -> str | None:
    """Return the kind of the function ``f``."""
    module = module_of(source)
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    found = [node for node in ast.walk(module.tree) if isinstance(node, functions) and node.name == "f"]
    assert len(found) == 1
    return module.entrypoints.kind(found[0])


BODY = "def f(a):\n    pass\n"


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("from flask import Flask\napp = Flask('a')\n@app.route('/')\n" + BODY, "request"),
        ("import flask as fl\nbp = fl.Blueprint('a', 'b')\n@bp.get(PATH)\n" + BODY, "request"),
        (
            "import fastapi\nr = fastapi.APIRouter()\n@r.post('/x', tags=['a'])\nasync def f(a): ...\n",
            "request",
        ),
        ("from app import anything\n@anything.get('/x')\n" + BODY, "request"),
        ("from app import anything\n@anything.get(f'/x/{y}')\n" + BODY, "request"),
        ("from app import anything\n@anything.get(f'{PREFIX}/x')\n" + BODY, "request"),
        ("from app import anything\n@anything.get(path='/x')\n" + BODY, "request"),
        ("from app import anything\n@anything.get('x')\n" + BODY, None),
        ("from app import anything\n@anything.get\n" + BODY, None),
        ("from app import users_router\n@users_router.get('')\n" + BODY, "request"),
        ("from app import users_router\n@users_router.register\n" + BODY, None),
        ("from app import app\n@app.on_event('startup')\n" + BODY, None),
        ("import typer\napp = typer.Typer()\n@app.command('/x')\n" + BODY, None),
        ("from ninja import NinjaAPI\napi = NinjaAPI()\n@api.put(PATH)\n" + BODY, "request"),
        ("from aiohttp import web\nroutes = web.RouteTableDef()\n@routes.view('/')\n" + BODY, "request"),
        ("from celery import shared_task\n@shared_task\n" + BODY, "task"),
        ("from celery import shared_task as st\n@st(bind=True)\n" + BODY, "task"),
        ("from celery import Celery\nc = Celery()\n@c.task\n" + BODY, "task"),
        ("from .app import celery\n@celery.task(bind=True)\n" + BODY, "task"),
        ("from .app import dag\n@dag.task\n" + BODY, None),
        ("import dramatiq\n@dramatiq.actor(max_retries=1)\n" + BODY, "task"),
        ("from prefect import task\n@task\n" + BODY, None),
        ("from fastmcp import FastMCP\nmcp = FastMCP()\n@mcp.tool\n" + BODY, "tool"),
        ("from app import router\n@router.websocket('/ws')\nasync def f(ws): ...\n", "connection"),
        ("from fastapi import WebSocket as W\nasync def f(ws: W): ...\n", "connection"),
        # registered
        ("def f(): ...\napp.add_url_rule('/x', view_func=f)\n", "request"),
        ("def f(): ...\napp.add_url_rule('/x', 'x', login_required(f))\n", "request"),
        ("def f(): ...\napp.router.add_get('/x', f)\n", "request"),
        ("from aiohttp import web\ndef f(x): ...\napp.add_routes([web.get('/x', f)])\n", "request"),
        ("from starlette.routing import Route\ndef f(x): ...\nroutes = [Route('/', f)]\n", "request"),
        ("from django.urls import path\ndef f(x): ...\nurlpatterns = [path('', f)]\n", "request"),
        ("from app import app\ndef f(x): ...\napp.route('/x')(f)\n", "request"),
        ("from celery import shared_task\ndef f(x): ...\ng = shared_task(f)\n", "task"),
        ("from fastapi import Depends\ndef f(): ...\ndef g(x=Depends(f)): ...\n", "request"),
        ("import web\nclass A:\n def __init__(s):\n  web.add_get('/', s.f)\n def f(s): ...\n", "request"),
        ("def f(x): ...\nsubmit(f)\n", None),
        # classes
        (
            "from django.views import View\nclass V(View):\n def get(self, request): ...\n def f(self): ...\n",
            None,
        ),
        (
            "from rest_framework.decorators import action\nclass V:\n @action()\n def f(self, r): ...\n",
            "request",
        ),
        # signatures
        ("from django.shortcuts import render\ndef f(request, pk): ...\n", "request"),
        ("from aiohttp import web\nasync def f(request): ...\n", "request"),
        ("from aiohttp import web\nclass A:\n async def f(self, request): ...\n", "request"),
        ("from django.http import HttpResponse\nclass A:\n def f(self, request): ...\n", None),
        ("import aiohttp\nasync def f(request): ...\n", None),
        ("def f(request): ...\n", None),
        ("import pytest, django\n@pytest.fixture\ndef f(request): ...\n", None),
        ("import django\ndef f(_): ...\n", None),
        ("from fastapi import Request\ndef f(a, r: Request): ...\n", "request"),
        ("from requests import Request\ndef f(r: Request): ...\n", None),
        ("def f(event, context): ...\n", None),
    ],
)
def test_a_handler_is_told_by_decorator_registration_or_signature(source: str, expected: str | None) -> None:
    assert kind(source) == expected


@pytest.mark.parametrize(
    ("definition", "expected"),
    [
        ("def lambda_handler(event, context): ...", "event"),
        ("async def lambda_handler(evt, ctx): ...", "event"),
        ("def handler(event, _): ...", "event"),
        ("def process_orders(event, _context): ...", "event"),
        ("def lambda_handler(event, context, extra): ...", "event"),
        ("def on_click(event, context): ...", None),
        ("def handler(message): ...", None),
        ("class A:\n    def handler(self, event, context): ...", None),
    ],
)
def test_a_cloud_function_is_told_by_its_signature(definition: str, expected: str | None) -> None:
    module = module_of(definition)
    node = module.tree.body[0]
    function = node.body[0] if isinstance(node, ast.ClassDef) else node
    assert module.entrypoints.kind(function) == expected


@pytest.mark.parametrize(
    ("base", "method", "expected"),
    [
        ("django.views.View", "get(self, request)", "request"),
        ("django.views.View", "__init__(self, request)", None),
        ("flask.views.MethodView", "post(self)", "request"),
        ("tornado.web.RequestHandler", "get(self)", "request"),
        ("celery.Task", "run(self, x)", "task"),
        ("base.BaseAPIView", "get(self, request)", "request"),
        ("base.BaseAPIView", "get(self, key)", None),
        ("orders_pb2_grpc.OrdersServicer", "Place(self, request, context)", "request"),
        ("http.server.BaseHTTPRequestHandler", "do_GET(self)", "request"),
        ("collections.OrderedDict", "get(self, key)", None),
    ],
)
def test_a_view_is_told_by_its_bases(base: str, method: str, expected: str | None) -> None:
    package = base.partition(".")[0]
    module_name = base.rpartition(".")[0]
    for definition in (
        f"class V({base}):\n    def {method}: ...\n",
        f"class B({base}): ...\nclass V(B):\n    def {method}: ...\n",
    ):
        module = module_of(f"import {package}, {module_name}\n{definition}")
        view = module.tree.body[-1]
        assert isinstance(view, ast.ClassDef)
        assert module.entrypoints.kind(view.body[0]) == expected


def test_a_function_within_a_handler_runs_for_the_request() -> None:
    module = module_of(
        "@app.get('/')\ndef f():\n    def inner():\n        return lambda: g()\n    return inner\n"
    )
    call = next(node for node in ast.walk(module.tree) if isinstance(node, ast.Call) and not node.args)
    entry = module.entrypoints.around(call)
    assert entry is not None
    assert (entry.function.name, entry.kind) == ("f", "request")
    assert module.entrypoints.around(module.tree.body[0]) is None


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("from flask import request\nx = request.args\n", True),
        ("from flask import g as context\nx = context.user.name\n", True),
        ("from flask import current_app\nx = current_app.config\n", False),
        ("request = {}\nx = request\n", False),
    ],
)
def test_what_stands_for_the_request(source: str, expected: bool) -> None:
    module = module_of(source)
    assign = module.tree.body[-1]
    assert isinstance(assign, ast.Assign)
    assert module.entrypoints.is_ambient(assign.value) is expected
