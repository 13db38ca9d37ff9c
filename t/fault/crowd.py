# SPDX-License-Identifier: AGPL-3.0-or-later
"""Traders for the kill tests: they use all that there is to trade with.

Each asks until he is answered, as a program of a trader would: what got no
answer is sent again with the same client order id.  So of every order he knows
in the end whether it was accepted, and remembers what he was told.

The price that they trade around goes up and down, so that stops are passed.
"""

import math
import random
import threading
import time
import uuid
from decimal import Decimal

import requests
from quantora import PATIENCE_S, wait_until

PASSWORD = "a long enough passphrase"
SYMBOL = "ETH/USD"
ORDERS = "/api/v1/trading/orders"
OCO = f"{ORDERS}/oco"
SWITCH = "/api/v1/trading/cancel-after"
LIMITS = "/api/v1/risk/limits"
ALERTS = "/v1/market/alerts"
STRATEGIES = "/api/v1/strategies"
MIDDLE, SWING, PERIOD_S = 2500, 30, 5
# What a limit of an account is set to: never so little that it would be met.
ENOUGH = {"max_position_value": (10**9, 9 * 10**9), "max_daily_loss": (10**8, 10**9),
          "max_drawdown": (0.90, 0.99)}


class Ended(Exception):
    """He was told to stop, and there is still no answer."""


def middle():
    """The price that all trade around, now."""
    return MIDDLE + round(SWING * math.sin(2 * math.pi * time.monotonic() / PERIOD_S))


class Placed:
    """An order as it was sent and answered."""

    def __init__(self, name, body, answer):
        self.name = name
        self.body = body
        self.filled = Decimal(str(answer["filled_quantity"]))
        self.rested = answer["order_status"] not in ("filled", "cancelled")
        self.cancelled = False
        # As the last answer had them; None where one was not heard.
        self.price = body.get("price")
        self.quantity = body["quantity"]

    def can_be_amended(self):
        return self.body["type"] == "limit" and self.rested and not self.cancelled \
            and self.quantity is not None


class Trader(threading.Thread):
    """Trades until it is told to stop, and remembers every answer."""

    def __init__(self, stack, number):
        super().__init__(daemon=True)
        self.stack = stack
        self.dice = random.Random(number)
        self.email = f"trader{number}@example.com"
        stack.ctl("user", "create", self.email, "--password", PASSWORD)
        for asset, amount in (("USD", 100_000_000), ("ETH", 100_000)):
            stack.ctl("deposit", self.email, asset, amount, "--ref",
                      f"{self.email}-{asset}")
        self.number = stack.sql("SELECT id FROM users WHERE email = %s", self.email)[0][0]
        self.client = stack.client()
        self.client.login(self.email, PASSWORD)
        self.strategy = self.tell("POST", STRATEGIES, {
            "name": "mine", "config": {"type": "dca"}}).json()["id"]
        self.orders = {}         # id -> Placed
        self.pairs = []          # (client id, limit, stop, body)
        self.nameless = set()    # client ids that were accepted; the answer is lost
        self.doubtful = set()    # refused at last, and sent more than once
        self.alerts = {}         # id -> what was asked for
        self.limits = {}         # what the account's limits were set to
        self.size_limits = {}    # id of a limit -> its value
        self.unheard = 0         # requests that got no answer
        self.ending = threading.Event()
        self.answered = threading.Event()
        self.error = None
        # What he does, and how often.
        self.deeds, self.chances = zip(
            (self.limit, 34), (self.taker, 8), (self.stop, 12), (self.trailing, 7),
            (self.pair, 8), (self.amend, 12), (self.cancel, 12), (self.cancel_all, 1),
            (self.of_strategy, 6), (self.alert, 3), (self.switch, 2),
            (self.account_limits, 2), (self.size_limit, 2))

    # ---- Asking ---------------------------------------------------------------

    def once(self, method, path, body=None, edition=None):
        """A reply below 500, or None: it was not heard."""
        headers = {"X-API-Edition": edition} if edition else {}
        while True:
            try:
                reply = self.client.request(method, path, json=body, headers=headers,
                                            timeout=5)
            except requests.RequestException:
                self.unheard += 1
                return None
            if reply.status_code >= 500:
                self.unheard += 1
                return None
            if reply.status_code != 429:
                return reply
            self.ending.wait(0.05)

    def tries(self, method, path, body=None, edition=None):
        """(reply, how often it took); again and again until there is one."""
        until = time.monotonic() + PATIENCE_S
        for n in range(1, 100000):
            reply = self.once(method, path, body, edition)
            if reply is not None:
                return reply, n
            if time.monotonic() > until:
                raise Ended(f"{method} {path} gets no answer")
            # Not to spin on an nginx whose pool is away.
            time.sleep(0.02)
        return None

    def tell(self, method, path, body=None, edition=None):
        reply, _ = self.tries(method, path, body, edition)
        assert reply.status_code < 300, f"{method} {path} {body}: {reply.text}"
        return reply

    # ---- Orders -----------------------------------------------------------------

    def send(self, path, body):
        """(client id, answer) of an order; None where it was refused."""
        name = str(uuid.UUID(int=self.dice.getrandbits(128)))
        reply, tries = self.tries("POST", path, {
            "symbol": SYMBOL, "client_order_id": name, **body})
        if reply.status_code == 200:
            self.answered.set()
            return name, reply.json()
        assert reply.status_code in (400, 409, 422), reply.text
        if "no longer kept" in reply.text:
            self.nameless.add(name)
        else:
            assert "other terms" not in reply.text, reply.text
            if tries > 1:
                self.doubtful.add(name)
        return None

    def place(self, side, quantity, **terms):
        body = {"side": side, "quantity": quantity, **terms}
        sent = self.send(ORDERS, body)
        if sent is None:
            return None
        name, answer = sent
        assert answer["order_id"] not in self.orders, "one id for two orders"
        assert answer["strategy_id"] == terms.get("strategy_id")
        self.orders[answer["order_id"]] = Placed(name, body, answer)
        return answer["order_id"]

    def side(self):
        return self.dice.choice(("buy", "sell"))

    def size(self):
        return self.dice.randint(1, 400) / 100

    def limit(self, **more):
        self.place(self.side(), self.size(), type="limit",
                   price=middle() + self.dice.randint(-6, 6),
                   time_in_force=self.dice.choice(("gtc", "gtc", "gtc", "ioc", "fok")),
                   **more)

    def of_strategy(self):
        self.limit(strategy_id=self.strategy)

    def taker(self):
        self.place(self.side(), self.size(), type="market")

    def stop(self):
        terms = {"type": self.dice.choice(("stop_loss", "take_profit")),
                 "stop_price": middle() + self.dice.randint(-15, 15)}
        if self.dice.random() < 0.4:
            terms["price"] = terms["stop_price"] + self.dice.randint(-5, 5)
        if self.dice.random() < 0.3:
            terms["strategy_id"] = self.strategy
        self.place(self.side(), self.size(), **terms)

    def trailing(self):
        how = self.dice.choice(({"trail": self.dice.randint(1, 15)},
                                {"trail_percent": self.dice.randint(1, 8) / 10}))
        self.place(self.side(), self.size(), type="trailing_stop", **how)

    def pair(self):
        side, at, far = self.side(), middle(), self.dice.randint(5, 20)
        sign = 1 if side == "sell" else -1
        body = {"side": side, "quantity": self.size(), "price": at + sign * far,
                "stop_price": at - sign * far}
        sent = self.send(OCO, body)
        if sent is not None:
            name, answer = sent
            self.pairs.append((name, *(leg["order_id"] for leg in answer["orders"]),
                               body))

    def some_order(self, is_one=lambda order: True):
        """One of the last ones, which may well be open."""
        ids = [i for i in list(self.orders)[-40:] if is_one(self.orders[i])]
        return self.dice.choice(ids) if ids else None

    def amend(self):
        order_id = self.some_order(Placed.can_be_amended)
        if order_id is None:
            return
        order = self.orders[order_id]
        wanted = {"price": middle() + self.dice.randint(-6, 6), "quantity": self.size()}
        reply, tries = self.tries("PUT", f"{ORDERS}/{order_id}", wanted)
        if reply.status_code == 200:
            answer = reply.json()
            order.quantity = answer["quantity"]
            # Where less was wanted than is filled, it has ended as it was.
            if answer["price"] is not None:
                assert answer["price"] == wanted["price"], reply.text
                order.price = wanted["price"]
        elif tries > 1 and "changes nothing" in reply.text:
            order.price, order.quantity = wanted["price"], wanted["quantity"]
        elif tries > 1:
            order.price = order.quantity = None    # it may have been done at first

    def cancel(self):
        order_id = self.some_order()
        if order_id is None:
            return
        reply, _ = self.tries("DELETE", f"{ORDERS}/{order_id}")
        assert reply.status_code in (200, 409), reply.text
        if reply.status_code == 200:
            self.orders[order_id].cancelled = True

    def cancel_all(self):
        self.tell("DELETE", ORDERS)

    def switch(self):
        self.tell("POST", SWITCH, {"seconds": self.dice.choice((1, 1, 2, 60, 0))})

    # ---- What is beside ---------------------------------------------------------

    def alert(self):
        wanted = {"symbol": SYMBOL, "condition": self.dice.choice(("above", "below")),
                  "price": middle() + self.dice.randint(-30, 30)}
        reply = self.once("POST", ALERTS, wanted)
        if reply is None:
            return
        assert reply.status_code in (201, 409), reply.text
        if reply.status_code == 201:
            self.alerts[reply.json()["id"]] = wanted

    def account_limits(self):
        field = self.dice.choice(list(ENOUGH))
        low, high = ENOUGH[field]
        value = round(self.dice.uniform(low, high), 2)
        if self.dice.random() < 0.3:
            value = None
        self.tell("PUT", LIMITS, {field: value}, "interfaces")
        self.limits[field] = value

    def size_limit(self):
        """One more for an order's size, or one less."""
        if len(self.size_limits) > 3:
            limit_id = self.dice.choice(list(self.size_limits))
            reply, _ = self.tries("DELETE", f"{LIMITS}/{limit_id}", edition="botplatform")
            assert reply.status_code in (204, 404), reply.text
            del self.size_limits[limit_id]
            return
        value = self.dice.randint(10**8, 10**9)
        body = {"limit_type": "ORDER_SIZE", "limit_value": value}
        if self.dice.random() < 0.5:
            body["symbol"] = SYMBOL
        reply = self.once("POST", LIMITS, body, "botplatform")
        if reply is not None and reply.status_code != 409:
            assert reply.status_code == 201, reply.text
            self.size_limits[reply.json()["id"]] = value

    # ---- Life ---------------------------------------------------------------------

    def run(self):
        try:
            while not self.ending.is_set():
                self.dice.choices(self.deeds, self.chances)[0]()
        except Exception as error:  # pylint: disable=broad-except
            self.error = error
            raise

    def end(self):
        self.ending.set()
        self.join(PATIENCE_S)
        assert not self.is_alive() and self.error is None, self.error

    def settled(self):
        """A read of his own orders has worked: MySQL has all that he did."""
        reply, _ = self.tries("GET", ORDERS)
        assert reply.status_code == 200, reply.text


def trading_goes_on(traders):
    """Wait until each has had an order accepted from now on."""
    for trader in traders:
        trader.answered.clear()
    for trader in traders:
        wait_until(lambda trader=trader: trader.answered.wait(0.5) or trader.error,
                   f"an order of {trader.email}")
        assert trader.error is None, trader.error
