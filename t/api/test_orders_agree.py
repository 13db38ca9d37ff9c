# SPDX-License-Identifier: AGPL-3.0-or-later
"""Orders of all kinds at random, through all editions, which then agree on them."""

import random
from decimal import Decimal

import pytest
from trading import BOTPLATFORM, INTERFACES, QUANTENERGX, Trader, exact, good

SYMBOL = "BTC/ZAR"
PEOPLE, STEPS = 4, 300

# Each edition's list: its path, where the rows are, and what an id is called.
LISTS = {"interfaces": (INTERFACES, "orders", "order_id"),
         "botplatform": (BOTPLATFORM, "items", "id"),
         "quantenergx": (QUANTENERGX, "orders", "id"),
         "quantora": ("/api/orders", "data", "order_id")}
# What interfaces calls a status, and botplatform and quantenergx.
STATUS = {"placed": ("pending", "pending"),
          "partially_filled": ("partially_filled", "pending"),
          "filled": ("filled", "filled"), "cancelled": ("cancelled", "cancelled")}


class Flow:
    """Requests that mostly make sense, from a seed."""

    def __init__(self, stack, seed):
        self.rng = random.Random(seed)
        self.people = [Trader(stack, SYMBOL, base=50, quote=30000000)
                       for _ in range(PEOPLE)]
        self.mine = []  # (whose, id)

    def price(self):
        return self.rng.randrange(880000, 920000, 1000)

    def quantity(self):
        return str(Decimal(self.rng.randrange(1, 3000)) / 1000)

    def body(self, **more):
        return {"symbol": SYMBOL, "side": self.rng.choice(["buy", "sell"]),
                "quantity": self.quantity(), **more}

    def limit(self, person):
        return person.client.post(INTERFACES, self.body(
            type="limit", price=self.price(),
            time_in_force=self.rng.choice(["gtc", "gtc", "ioc", "fok"]),
            self_trade_prevention=self.rng.choice(["taker", "maker", "both", "none"])))

    def market(self, person):
        return person.client.post(BOTPLATFORM, self.body(order_type="MARKET"))

    def stop(self, person):
        price = self.price()
        limit = {"price": price + self.rng.choice([-2000, 2000])}
        return person.client.post(QUANTENERGX, self.body(
            type=self.rng.choice(["stop_loss", "take_profit"]), stop_price=price,
            **self.rng.choice([limit, {}])))

    def trailing(self, person):
        return person.client.post(INTERFACES, self.body(
            type="trailing_stop", **self.rng.choice([
                {"trail": self.rng.randrange(500, 9000)},
                {"trail_percent": str(Decimal(self.rng.randrange(1, 30)) / 10)}])))

    def pair(self, person):
        middle = self.price()
        body = self.body()
        away = 8000 if body["side"] == "sell" else -8000
        return person.client.post(f"{INTERFACES}/oco", {
            **body, "price": middle + away, "stop_price": middle - away,
            **self.rng.choice([{}, {"stop_limit_price": middle}])})

    def amend(self, _):
        person, order_id = self.rng.choice(self.mine[-20:])
        return person.client.put(f"{QUANTENERGX}/{order_id}", self.rng.choice(
            [{"quantity": self.quantity()}, {"price": self.price()}]))

    def cancel(self, _):
        person, order_id = self.rng.choice(self.mine[-20:])
        return person.client.delete(f"{BOTPLATFORM}/{order_id}")

    def step(self):
        act, = self.rng.choices(
            [self.limit, self.market, self.stop, self.trailing, self.pair]
            + [self.amend, self.cancel] * bool(self.mine),
            [45, 10, 13, 8, 8] + [8, 8] * bool(self.mine))
        person = self.rng.choice(self.people)
        reply = act(person)
        assert reply.status_code in (200, 201, 400, 409), reply.text
        if reply.request.method == "POST" and reply.status_code < 300:
            body = reply.json()
            self.mine += [(person, o.get("order_id") or o["id"])
                          for o in body.get("orders", [body])]


def listed(person, edition):
    """All that it lists, by id."""
    path, rows, its_id = LISTS[edition]
    found, offset = {}, 0
    while True:
        page = exact(person.client.get(f"{path}?limit=100&offset={offset}"))
        found.update((row[its_id], row) for row in page[rows])
        offset += 100
        if offset >= page["total"]:
            return found


def number(text):
    return None if text is None else Decimal(text)


def agree(one, two, three, four):
    assert (two["status"], three["status"]) == STATUS[one["status"]]
    for name, others in {
            "quantity": (number(two["quantity"]), three["quantity"], four["qty"]),
            "filled_quantity": (number(two["filled_quantity"]),
                                three["filled_quantity"], four["filled_qty"]),
            "fees": (number(two["fee"]), three["fee"], four["fee"]),
            "avg_fill_price": (number(two["average_price"]), three["average_price"],
                               four["avg_price"]),
            "stop_price": (number(two["stop_price"]), three["stop_price"],
                           four["stop_price"]),
            "pair_order_id": (two["pair_order_id"], three["pair_order_id"]),
            "close_reason": (two["close_reason"], three["close_reason"]),
    }.items():
        assert set(others) == {one[name]}, (name, one)


def is_sound(order, all_of_them):
    ended = order["status"] in ("filled", "cancelled")
    assert ended == (order["closed_at"] is not None)
    assert ended == (order["close_reason"] is not None)
    if order["status"] == "filled":
        assert order["filled_quantity"] == order["quantity"]
    if order["pair_order_id"]:
        other = all_of_them[order["pair_order_id"]]
        assert other["pair_order_id"] == order["order_id"]
        # One of the two trades, or none; and they end together.
        assert not (order["filled_quantity"] and other["filled_quantity"])


@pytest.mark.parametrize("seed", [1])
def test_all_editions_agree_on_whatever_happens(stack, seed):
    flow = Flow(stack, seed)
    for _ in range(STEPS):
        flow.step()
    # Stops that were reached fire before the next command.
    good(flow.people[0].client.post("/api/v1/trading/cancel-after", {"seconds": 0}))
    seen = set()
    for person in flow.people:
        lists = [listed(person, edition) for edition in LISTS]
        assert all(set(found) == set(lists[0]) for found in lists)
        assert set(lists[0]) == {i for p, i in flow.mine if p is person}
        for order_id, order in lists[0].items():
            agree(*(found[order_id] for found in lists))
            is_sound(order, lists[0])
            seen.add((order["type"], order["status"]))
    # Something of each kind came to pass.
    assert {kind for kind, status in seen if status == "filled"} == {
        "limit", "market", "stop_loss", "take_profit", "trailing_stop"}
    for person in flow.people:
        good(person.client.delete(INTERFACES))
        assert person.balance("BTC")[1] == person.balance("ZAR")[1] == 0
    assert "all" in stack.ctl("ledger", "verify").splitlines()[-1]
