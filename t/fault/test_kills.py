# SPDX-License-Identifier: AGPL-3.0-or-later
"""kill -9 under load: whatever was acknowledged is there, once.

Traders place, fill and cancel over HTTP and write down what they were told.
Meanwhile each daemon, and MariaDB, is killed again and again.  A request that
got no answer may or may not have been done; one that got one is counted.
QUANTORA_LONG=1 kills each 20 times, else QUANTORA_KILLS or 8.
"""

import glob
import os
import random
import re
import threading
import time
import uuid

import pytest
import requests
from quantora import PATIENCE_S, Stack, wait_until

PASSWORD = "a long enough passphrase"
VICTIMS = ("matcherd", "settlerd", "api-trade", "api", "mysql", "streamd", "workerd")
KILLS = int(os.environ.get("QUANTORA_KILLS", 20 if os.environ.get("QUANTORA_LONG") else 8))
TRADERS = 4


class Trader(threading.Thread):
    """Trades until it is told to stop, and remembers every answer."""

    def __init__(self, stack, number):
        super().__init__(daemon=True)
        self.stack = stack
        self.dice = random.Random(number)
        self.email = f"trader{number}@example.com"
        self.client = stack.client()
        reply = self.client.post("/api/register",
                                 {"email": self.email, "password": PASSWORD})
        assert reply.status_code == 200, reply.text
        self.user_id = reply.json()["data"]["id"]
        self.client.login(self.email, PASSWORD)
        for asset, amount in (("USD", 10_000_000), ("BTC", 1000)):
            stack.ctl("deposit", self.email, asset, amount, "--ref",
                      f"{self.email}-{asset}")
        self.orders = {}     # order id -> its body, as acknowledged
        self.cancelled = set()
        self.fills = {}      # trade id -> fill
        self.unknown = 0
        self.refused = 0
        self.ending = threading.Event()
        self.answered = threading.Event()

    def run(self):
        while not self.ending.is_set():
            try:
                self.step()
            except requests.RequestException:
                self.unknown += 1

    def step(self):
        if self.orders and self.dice.random() < 0.3:
            order = self.dice.choice(list(self.orders))
            reply = self.client.delete(f"/api/order/{order}", timeout=5)
            if reply.status_code == 200:
                self.cancelled.add(order)
            return
        body = {
            "user_id": self.user_id,
            "side": self.dice.choice(("buy", "sell")),
            "price": 50000 + self.dice.randint(-20, 20),
            "qty": self.dice.randint(1, 50) / 1000,
            "order_type": "limit",
            "client_order_id": str(uuid.UUID(int=self.dice.getrandbits(128))),
        }
        reply = self.client.post("/api/order", body, timeout=5)
        if reply.status_code == 200:
            answer = reply.json()
            assert answer["order_id"] not in self.orders, "one id for two orders"
            self.orders[answer["order_id"]] = body
            for fill in answer["data"]:
                self.fills[fill["trade_id"]] = fill
            self.answered.set()
        elif reply.status_code >= 500:
            self.unknown += 1
            # Not to spin on an nginx whose pool is away.
            self.ending.wait(0.01)
        else:
            self.refused += 1
            assert reply.status_code in (400, 404, 409, 429), reply.text


class Depositor(threading.Thread):
    """Deposits with references of its own; sends a reference again at will."""

    def __init__(self, stack, email):
        super().__init__(daemon=True)
        self.stack = stack
        self.email = email
        self.ending = threading.Event()
        self.done = 0

    def run(self):
        number = 0
        while not self.ending.is_set():
            for _ in range(2):
                done = self.stack.ctl("deposit", self.email, "EUR", 1, "--ref",
                                      f"eur-{number}", check=False)
                if done.returncode == 0:
                    break
            else:
                continue
            number += 1
            self.done = number


def trading_goes_on(traders):
    """Wait until each trader has had an order accepted from now on."""
    for trader in traders:
        trader.answered.clear()
    for trader in traders:
        assert trader.answered.wait(PATIENCE_S), f"{trader.email} can't trade any more"


def settled(trader):
    """A read of the trader's own orders: it sees all that he has done."""
    def read():
        try:
            return trader.client.get("/api/orders", timeout=5).status_code == 200
        except requests.RequestException:
            return False
    wait_until(read, "a read")


@pytest.fixture(scope="module")
def stack():
    with Stack.boot_new() as s:
        yield s


def test_nothing_acknowledged_is_lost_or_doubled(stack):
    traders = [Trader(stack, n) for n in range(TRADERS)]
    depositor = Depositor(stack, traders[0].email)
    for thread in (*traders, depositor):
        thread.start()
    trading_goes_on(traders)
    for _ in range(KILLS):
        for victim in VICTIMS:
            time.sleep(random.random() * 0.2)  # at any moment of the load
            stack.kill(victim)
            trading_goes_on(traders)
    wait_until(lambda: all(trader.fills for trader in traders), "a fill of each")
    for thread in (*traders, depositor):
        thread.ending.set()
    for thread in (*traders, depositor):
        thread.join(PATIENCE_S)
        assert not thread.is_alive()

    settled(traders[0])
    for trader in traders:
        assert trader.orders and trader.fills, "the load was no load"
        check_orders(stack, trader)
        check_fills(stack, trader)
    deposits = stack.sql(
        "SELECT COUNT(*), SUM(l.amount) FROM ledger l"
        " JOIN users u ON u.id = l.user_id JOIN assets a ON a.id = l.asset_id"
        " WHERE l.account = 0 AND u.email = %s AND a.code = 'EUR'",
        traders[0].email)
    assert deposits[0][0] == deposits[0][1] == depositor.done, \
        "each reference was credited once"
    stack.ctl("ledger", "verify")
    stack.ctl("journal", "verify")

    state_survives(stack, lambda: settled(traders[0]))


def state_survives(stack, answers):
    """From a snapshot and its tail, or from the journal alone, it is the same.

    ANSWERS waits until the exchange is there again.
    """
    answers()
    before = stack.ctl("state-hash")
    stack.ctl("snapshot")
    stack.kill("matcherd")
    answers()
    assert stack.ctl("state-hash") == before
    assert recovered(stack)[0] > 0
    for snapshot in glob.glob(f"{stack.run_dir}/journal/*.snap"):
        os.unlink(snapshot)
    stack.kill("matcherd")
    answers()
    assert stack.ctl("state-hash") == before
    snapshot, replayed = recovered(stack)
    assert snapshot == 0 and replayed > 0


def recovered(stack):
    """What the matcher said of its last start: its snapshot, what it replayed."""
    last = re.findall(r"recovered seq=\d+ snapshot=(\d+) replayed=(\d+)",
                      stack.log("matcherd"))[-1]
    return int(last[0]), int(last[1])


def check_orders(stack, trader):
    rows = stack.sql(
        "SELECT HEX(o.id), o.price, o.quantity FROM orders o"
        " JOIN users u ON u.id = o.user_id WHERE u.email = %s", trader.email)
    stored = {str(uuid.UUID(hex=row[0])): row for row in rows}
    assert len(stored) == len(rows)
    missing = set(trader.orders) - set(stored)
    assert not missing, f"{len(missing)} acknowledged orders are gone"
    for order, body in trader.orders.items():
        assert float(stored[order][1]) == body["price"]
        assert abs(float(stored[order][2]) - body["qty"]) < 1e-9
    # What was sent and not answered may have been done, but only once.
    assert len(stored) <= len(trader.orders) + trader.unknown


def check_fills(stack, trader):
    rows = stack.sql(
        "SELECT HEX(t.id), t.price, t.quantity FROM trades t"
        " JOIN users u ON u.id = t.taker_user WHERE u.email = %s", trader.email)
    stored = {str(uuid.UUID(hex=row[0])): row for row in rows}
    assert len(stored) == len(rows)
    for trade, fill in trader.fills.items():
        assert trade in stored, "an acknowledged trade is gone"
        assert float(stored[trade][1]) == fill["price"]
        assert abs(float(stored[trade][2]) - fill["qty"]) < 1e-9
