# SPDX-License-Identifier: AGPL-3.0-or-later
"""The workers: budgets over all of them, settings read anew, one that dies,
and what they do without MySQL or the matcher."""

import collections
import concurrent.futures
import contextlib
import os
import re
import signal
import socket
import struct
import threading
import time
import uuid

import pytest
from people import Person
from quantora import Stack, wait_until

POOLS = ("api-trade", "api", "api-egress")
LIMIT = 50


@pytest.fixture(scope="module")
def stack():
    """One whose processes may be stopped and settings changed."""
    with Stack.boot_new() as running:
        yield running


@pytest.fixture(scope="module")
def trader(stack):
    return Person(stack, money={"USD": 1000000, "BTC": 100})


def workers(stack, pool):
    parent = stack.pid(pool)
    with open(f"/proc/{parent}/task/{parent}/children") as f:
        return {int(pid) for pid in f.read().split()}


def change_settings(stack, section, **values):
    """Write settings, and have all pools read them: all workers are new."""
    if not stack.conf.has_section(section):
        stack.conf.add_section(section)
    for name, value in values.items():
        stack.conf.set(section, name, str(value))
    with open(f"{stack.run_dir}/conf/quantora.ini", "w") as f:
        stack.conf.write(f)
    old = {pool: workers(stack, pool) for pool in POOLS}
    for pool in POOLS:
        os.kill(stack.pid(pool), signal.SIGHUP)
    for pool in POOLS:
        size = len(old[pool])
        wait_until(lambda: not workers(stack, pool) & old[pool]
                   and len(workers(stack, pool)) == size,
                   f"new workers of {pool}")


class Knocker(threading.Thread):
    """Asks for the book all the time; keeps what was not a 200."""

    def __init__(self, stack):
        super().__init__()
        self.client = stack.client()
        self.ending = threading.Event()
        self.asked = 0
        self.bad = []

    def run(self):
        while not self.ending.is_set():
            reply = self.client.get("/api/orderbook")
            self.asked += 1
            if reply.status_code != 200:
                self.bad.append(reply.text)


@contextlib.contextmanager
def stopped(stack, name):
    pid = stack.pid(name)
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def ticket(trader, **more):
    return {"user_id": trader.id, "side": "buy", "price": 40000, "qty": 0.01,
            "order_type": "limit", **more}


def test_new_settings_cost_no_request(stack):
    knockers = [Knocker(stack) for _ in range(4)]
    for knocker in knockers:
        knocker.start()
    for _ in range(3):
        change_settings(stack, "http", access_log=1)
    for knocker in knockers:
        knocker.ending.set()
        knocker.join()
    assert sum(k.asked for k in knockers) > 0
    assert [k.bad for k in knockers] == [[], [], [], []]


def test_bad_settings_change_nothing(stack):
    before = workers(stack, "api")
    good = f"{stack.run_dir}/conf/quantora.ini"
    with open(good) as f:
        text = f.read()
    with open(good, "a") as f:
        f.write("\n[http]\nno_such_setting = 1\n")
    os.kill(stack.pid("api"), signal.SIGHUP)
    wait_until(lambda: "no_such_setting" in stack.log("api"), "a complaint")
    with open(good, "w") as f:
        f.write(text)
    assert workers(stack, "api") == before
    assert stack.client().get("/api/system/ping").status_code == 200


def test_a_budget_is_exact_over_all_workers(stack):
    change_settings(stack, "rate", quantora_minute=LIMIT, quantora_second=0,
                    trade_second=0)
    person = Person(stack, money={"USD": 1})
    # From here on no read has to wait for the settler.  Not asked of the API,
    # which would charge it.
    wait_until(lambda: stack.sql(
        "SELECT 1 FROM balances b JOIN users u ON u.id = b.user_id "
        "WHERE u.public_id = UNHEX(%s)", person.id.replace("-", "")),
        "the deposit")
    token = person.client.token

    def ask(_):
        client = stack.client()
        client.bearer(token)
        return client.get("/api/orders")

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        replies = list(pool.map(ask, range(LIMIT + 30)))
    assert collections.Counter(r.status_code for r in replies) == {
        200: LIMIT, 429: 30}
    refused = [r for r in replies if r.status_code == 429]
    remaining = sorted(int(r.headers["X-RateLimit-Remaining"]) for r in replies
                       if r.status_code == 200)
    assert remaining == list(range(LIMIT))
    for reply in refused:
        assert reply.headers["X-RateLimit-Limit"] == str(LIMIT)
        assert reply.headers["X-RateLimit-Remaining"] == "0"
        assert 1 <= int(reply.headers["Retry-After"]) <= 60
        assert abs(int(reply.headers["X-RateLimit-Reset"]) - time.time()) < 90
        assert reply.json()["code"] == "RATE_LIMIT"
    # Order entry has a budget of its own.
    assert person.client.post("/api/order", {
        "user_id": person.id, "side": "buy", "price": 40000, "qty": 1,
        "order_type": "limit"}).json()["code"] == "INSUFFICIENT_FUNDS"
    change_settings(stack, "rate", quantora_minute=0)


def test_a_worker_that_dies_is_replaced(stack, trader):
    before = workers(stack, "api-trade")
    victim = min(before)
    os.kill(victim, signal.SIGKILL)
    wait_until(lambda: len(workers(stack, "api-trade")) == len(before)
               and victim not in workers(stack, "api-trade"), "a new worker")
    assert before - {victim} < workers(stack, "api-trade")
    for _ in range(2 * len(before)):
        assert stack.client().get("/api/orderbook").status_code == 200


def fastcgi(kind, content=b""):
    return struct.pack(">BBHHBB", 1, kind, 1, len(content), 0, 0) + content


def fastcgi_get(path, keep):
    """A GET as nginx would send it; KEEP asks for the connection to stay."""
    params = b""
    for name, value in (("REQUEST_METHOD", "GET"), ("REQUEST_URI", path),
                        ("REMOTE_ADDR", "127.0.0.1")):
        params += bytes((len(name), len(value))) + (name + value).encode()
    return (fastcgi(1, struct.pack(">HB5x", 1, keep)) + fastcgi(4, params)
            + fastcgi(4) + fastcgi(5))


def read_reply(connection):
    """What is on stdout, up to the end of the request."""
    reply, kind = b"", None
    with connection.makefile("rb") as stream:
        while kind != 3:
            _, kind, _, length, padding, _ = struct.unpack(">BBHHBB", stream.read(8))
            content = stream.read(length + padding)[:length]
            reply += content if kind == 6 else b""
    return reply


def test_connections_that_bring_nothing_cost_no_worker(stack):
    path = stack.conf.get("sockets", "api_trade")
    before = workers(stack, "api-trade")
    for sent in (b"", b"\x01", b"GET / HTTP/1.1\r\n\r\n", fastcgi(1, bytes(8)),
                 fastcgi_get("/api/orderbook", 0)[:-20]):
        for _ in range(2 * len(before)):
            with socket.socket(socket.AF_UNIX) as connection:
                connection.connect(path)
                connection.sendall(sent)
    for _ in range(2 * len(before)):
        assert stack.client().get("/api/orderbook").status_code == 200
    assert workers(stack, "api-trade") == before


def test_a_connection_may_be_kept_and_is_given_up(stack):
    """Ours are not, but libfcgi allows it; nothing of it may stay behind."""
    path = stack.conf.get("sockets", "api_trade")
    before = workers(stack, "api-trade")
    fds = {pid: len(os.listdir(f"/proc/{pid}/fd")) for pid in before}
    for _ in range(4 * len(before)):
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(path)
            for keep in (1, 1, 0):
                connection.sendall(fastcgi_get("/api/orderbook", keep))
                assert read_reply(connection).startswith(b"Status: 200 OK")
            assert connection.recv(1) == b""
    assert workers(stack, "api-trade") == before
    # A worker that had no use of the matcher yet may have opened that.
    wait_until(lambda: all(len(os.listdir(f"/proc/{pid}/fd")) <= n + 1
                           for pid, n in fds.items()), "closed connections")


def test_a_stalled_database_never_stops_trading(stack, trader):
    with stopped(stack, "mysql"):
        placed = trader.client.post("/api/order", ticket(trader))
        assert placed.status_code == 200
        order_id = placed.json()["order_id"]
        assert stack.client().get("/api/orderbook").json()["data"][0]
        # It is answered while MySQL still stands.
        listed = trader.client.get("/api/orders")
        assert listed.status_code == 503
        assert listed.json()["code"] == "SERVICE_UNAVAILABLE"
        assert trader.client.delete(f"/api/order/{order_id}").status_code == 200
    # What was done meanwhile is there when it is back.
    data = wait_until(lambda: trader.client.get("/api/orders").json()["data"],
                      "the list")
    assert data[0]["order_id"] == order_id
    assert data[0]["order_status"] == "cancelled"


def test_no_answer_is_an_unknown_outcome_and_becomes_final(stack, trader):
    name = uuid.uuid4().hex
    with stopped(stack, "matcherd"):
        began = time.monotonic()
        reply = trader.client.post("/api/order",
                                   ticket(trader, client_order_id=name))
        assert reply.status_code == 503
        assert reply.json()["code"] == "OUTCOME_UNKNOWN"
        assert time.monotonic() - began >= 1.9
        # A question has no outcome: it was simply not answered.
        asked = trader.client.get("/api/orders")
        assert asked.status_code == 503
        assert asked.json()["code"] == "SERVICE_UNAVAILABLE"
        assert asked.headers["Retry-After"].isdigit()
    # It came too late and was refused: nothing of that name was placed.
    wait_until(lambda: trader.client.get("/api/orders").status_code == 200,
               "the matcher")
    listed = trader.client.get("/api/orders?limit=100").json()["data"]
    assert name not in [order["client_order_id"] for order in listed]


def test_a_line_for_each_request(stack):
    marker = f"/api/no-such-{uuid.uuid4().hex}"
    stack.client().get(f"{marker}?token=secret")
    line = wait_until(lambda: re.search(rf".*{marker}.*", stack.log("api")),
                      "its line").group(0)
    assert re.match(rf"info \S+ quantora-api GET {marker} 404 us=\d+ user=0 "
                    r"edition=amarktai from=127\.0\.0\.1 request=[0-9a-f]{32}$",
                    line)
    assert "secret" not in line


@pytest.mark.parametrize("path, size, status", [
    ("/api/order", 64 * 1024, 401),
    # more than a socket holds, and nobody wants it
    ("/v1/iot/devices/x/data", 256 * 1024, (401, 404)),
    ("/v1/iot/devices/x/data/../data", 60 * 1024, 404)])
def test_an_answer_before_the_body_is_read_arrives(stack, path, size, status):
    client = stack.client()
    for _ in range(20):
        reply = client.request("POST", path, data=b"x" * size,
                               headers={"Content-Type": "application/json"})
        assert reply.status_code in (status if isinstance(status, tuple)
                                     else (status,)), reply.text
