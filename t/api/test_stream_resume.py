# SPDX-License-Identifier: AGPL-3.0-or-later
"""A stream of order updates that is cut and resumed under load.

A client is cut off again and again while its user trades, and comes back with
the last number that it heard.  What it heard in all its lives is compared with
the rows that the settler wrote: each order, each of its fills, once.

QUANTORA_LONG=1 cuts 100 times, else 20.
"""

import asyncio
import collections
import configparser
import operator
import os
import random
import signal
import socket
import subprocess
import threading
import time
import uuid

import pytest
import websockets
from people import Person
from quantora import wait_until
from requests.adapters import HTTPAdapter
from streams import PATIENCE_S, exact, leave_no_orders, ws_url
from urllib3.util.retry import Retry

SYMBOL = "ETH/USD"
CUTS = 100 if os.environ.get("QUANTORA_LONG") else 20
KILLED_AFTER = CUTS // 2
# A client that no longer reads does not see the other's close frame behind what
# waits for it; so it does not wait for it long.
PATIENT = {"ping_interval": None, "close_timeout": 0.2}
# enum order_status
STATUSES = {0: ("pending", "partially_filled"), 2: ("filled",), 3: ("cancelled",)}


def listens(path):
    with socket.socket(socket.AF_UNIX) as s:
        try:
            s.connect(path)
        except OSError:
            return False
    return True


@pytest.fixture
def forgetful(stack, tmp_path):
    """A streamd that keeps next to nothing in memory: its socket."""
    program = os.path.join(stack.env["QUANTORA_BUILD_DIR"], "quantora-streamd")
    path = f"{stack.sock_dir}/streamd-r"
    conf = configparser.ConfigParser(interpolation=None)
    conf.read(f"{stack.run_dir}/conf/quantora.ini")
    conf.set("sockets", "streamd", path)
    conf.read_dict({"stream": {"history": "3"}})
    with open(tmp_path / "quantora.ini", "w") as f:
        conf.write(f)
    with subprocess.Popen([program, "-c", str(tmp_path / "quantora.ini")]) as process:
        wait_until(lambda: process.poll() is not None or listens(path), "streamd")
        assert process.poll() is None
        yield path
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE_S) == 0


def trader(stack):
    person = Person(stack, money={"ETH": 1000000, "USD": 1000000000})
    patience = Retry(total=100, status_forcelist=[429], allowed_methods=None)
    person.client.session.mount("http://", HTTPAdapter(max_retries=patience))
    return person


def place(person, chance, side, qty, price):
    reply = person.client.post("/api/order", {
        "user_id": person.id, "side": side, "qty": qty, "price": price,
        "order_type": "limit", "symbol": SYMBOL,
        "time_in_force": chance.choice(["gtc", "gtc", "gtc", "ioc"])})
    assert reply.status_code == 200, reply.text
    return reply.json()


class Load:
    """Two traders who meet each other until the end of the with block."""

    def __init__(self, mine, his):
        self.stop = threading.Event()
        self.errors = []
        self.placed = [0, 0]    # orders, by either
        self.threads = [
            threading.Thread(target=self.run, args=(mine, "sell", "buy", 1)),
            threading.Thread(target=self.run, args=(his, "buy", "sell", 2))]

    def run(self, person, often, seldom, seed):
        chance = random.Random(seed)
        try:
            while not self.stop.is_set():
                side = often if chance.random() < 0.8 else seldom
                order = place(person, chance, side, chance.randint(1, 4),
                              f"{chance.choice([2490, 2500, 2500, 2500])}.00")
                self.placed[seed - 1] += 1
                if order["order_status"] == "open" and chance.random() < 0.3:
                    person.client.delete(f"/api/order/{order['order_id']}")
            leave_no_orders(person)
        except Exception as error:  # pylint: disable=broad-except
            self.errors.append(error)

    def goes_on(self, orders):
        """Wait until each has placed so many more, or has failed."""
        goals = [placed + orders for placed in self.placed]
        wait_until(lambda: self.errors or all(map(operator.ge, self.placed, goals)),
                   "more orders")

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        for thread in self.threads:
            thread.join()


class Follower:
    """One user's updates, over however many connections."""

    def __init__(self, connect, token):
        self.connect = connect
        self.token = token
        self.heard = []
        self.chance = random.Random(7)

    def path(self):
        after = self.heard[-1]["seq"] if self.heard else 0    # 0: from the first
        return f"/api/v1/ws/orders?token={self.token}&after_seq={after}"

    async def open(self):
        """A connection; streamd may be about to be started again."""
        end = time.monotonic() + PATIENCE_S
        while True:
            try:
                return await self.connect(self.path())
            except (websockets.InvalidStatusCode, OSError):
                assert time.monotonic() < end, "streamd does not come back"
                await asyncio.sleep(0.05)

    async def hear(self, stream):
        message = exact(await asyncio.wait_for(stream.recv(), PATIENCE_S))
        assert message["type"] == "order_update", message
        if self.heard:
            assert message["seq"] > self.heard[-1]["seq"]
        self.heard.append(message)

    async def some(self):
        """Come, hear a few, and be cut off in the middle of it."""
        stream = await self.open()
        try:
            for _ in range(self.chance.randint(0 if self.heard else 1, 15)):
                await self.hear(stream)
        except websockets.ConnectionClosed:
            pass
        if self.chance.random() < 0.7:
            stream.transport.abort()
            await stream.wait_closed()
        else:
            await stream.close()

    async def rest(self, last):
        """All that is left, up to the update for which LAST holds."""
        stream = await self.open()
        while not last(self.heard[-1]):
            await self.hear(stream)
        await stream.close()


def rows_of(stack, person):
    number = stack.sql("SELECT id FROM users WHERE public_id = UNHEX(%s)",
                       person.id.replace("-", ""))[0][0]
    orders = {str(uuid.UUID(bytes=row[0])): row[1:] for row in stack.sql(
        "SELECT id, status, filled, quote, fee FROM orders WHERE user_id = %s", number)}
    fills = {}
    for side in ("maker", "taker"):
        for row in stack.sql(
                f"SELECT id, {side}_order, price, quantity, {side}_fee FROM trades "
                f"WHERE {side}_user = %s", number):
            fills[str(uuid.UUID(bytes=row[0]))] = \
                (str(uuid.UUID(bytes=row[1])), side, *row[2:])
    return orders, fills


def check(stack, person, heard):
    orders, fills = rows_of(stack, person)
    told = collections.Counter(m["fill"]["trade_id"] for m in heard if m["fill"])
    assert set(told) == set(fills), "a fill is missing, or was never made"
    assert set(told.values()) == {1}, "a fill was told twice"
    for m in (m for m in heard if m["fill"]):
        order, side, price, quantity, fee = fills[m["fill"]["trade_id"]]
        fill = m["fill"]
        assert (m["order_id"], fill["liquidity"]) == (order, side)
        assert exact(f"[{fill['price']},{fill['quantity']},{fill['fee']}]") == \
            [price, quantity, fee]
    opened = [m["order_id"] for m in heard if m["event"] == "opened"]
    assert sorted(opened) == sorted(orders)
    last = {m["order_id"]: m for m in heard}
    for order, (status, filled, _, fee) in orders.items():
        m = last[order]
        assert m["status"] in STATUSES[status]
        assert exact(m["filled_quantity"]) == filled
        assert fee == 0 or exact(m["fees"]) == fee
    ends = collections.Counter(m["order_id"] for m in heard
                               if m["status"] in ("filled", "cancelled"))
    assert set(ends.values()) == {1}, "an end was told twice"


async def cut_and_resume(stack, connect, kill):
    mine, his = trader(stack), trader(stack)
    follower = Follower(connect, mine.client.token)
    with Load(mine, his) as load:
        for n in range(CUTS):
            await follower.some()
            if kill and n == KILLED_AFTER:
                await asyncio.to_thread(stack.kill, "streamd")
            if n % 5 == 4:    # what is missed grows
                await asyncio.to_thread(load.goes_on, 10)
        assert not load.errors, load.errors[0]
        load.stop.set()
        for thread in load.threads:
            await asyncio.to_thread(thread.join)
    # One more order is the last thing that there is to be heard of.
    final = await asyncio.to_thread(place, mine, random.Random(0), "sell", 1, "9900.00")
    if final["order_status"] == "open":
        mine.client.delete(f"/api/order/{final['order_id']}").raise_for_status()
    await follower.rest(lambda m: m["order_id"] == final["order_id"]
                        and m["status"] == "cancelled")
    mine.client.get("/api/orders").raise_for_status()   # the settler has all of it
    assert len(follower.heard) > CUTS
    await asyncio.to_thread(check, stack, mine, follower.heard)


def test_cut_and_resumed_misses_and_repeats_nothing(stack):
    """By the history in memory, and after a kill by what is read at the start."""
    def connect(path):
        return websockets.connect(ws_url(stack, path), **PATIENT)
    asyncio.run(cut_and_resume(stack, connect, kill=True))


def test_the_same_out_of_the_journal(stack, forgetful):
    """Nearly all that is missed is longer ago than the history."""
    def connect(path):
        return websockets.unix_connect(forgetful, f"ws://localhost{path}",
                                       **PATIENT)
    asyncio.run(cut_and_resume(stack, connect, kill=False))
