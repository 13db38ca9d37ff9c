# SPDX-License-Identifier: AGPL-3.0-or-later
"""Stops, trailing stops, pairs and the dead-man switch, set off by others."""

import itertools
import uuid
from datetime import datetime
from decimal import Decimal

import pytest
import quantora
from people import Person
from trading import INTERFACES as PATH
from trading import TIME, Trader, exact, good, trade_at, wait_for_status

SYMBOL = "ETH/ZAR"
LAST = 45000
OPEN, CANCELLED = 0, 3


@pytest.fixture(scope="module")
def crowd(stack):
    return itertools.cycle([Trader(stack, SYMBOL) for _ in range(6)])


@pytest.fixture(scope="module")
def others(stack):
    """Two who make prices, and a third against whom stops trade."""
    return [Trader(stack, SYMBOL) for _ in range(3)]


@pytest.fixture
def owner(crowd, others):
    person = next(crowd)
    trade_at(*others[:2], LAST)
    yield person
    for somebody in (person, *others):
        somebody.cancel_all()


def moves_to(others, price):
    """The last price is PRICE from now on; when that began."""
    others[0].place("sell", 1, price)
    return good(others[1].send("buy", 1, price))["placed_at"]


def refused(reply, field, code="VALIDATION_ERROR", status=400):
    assert reply.status_code == status, reply.text
    error = reply.json()["error"]
    assert error["code"] == code
    assert error["details"].get("field") == field, error
    return error


# ---- Stops -------------------------------------------------------------------

# (type, side, stop price, what does not set it off, what it then trades at)
STOPS = [("stop_loss", "sell", 44000, 44001, 43000),
         ("stop_loss", "buy", 46000, 45999, 47000),
         ("take_profit", "sell", 46000, 45999, 45500),
         ("take_profit", "buy", 44000, 44001, 44500)]


@pytest.mark.parametrize("kind,side,stop,near,at", STOPS)
def test_a_stop_waits_for_the_last_price(owner, others, kind, side, stop, near, at):
    placed = good(owner.send(side, 2, type=kind, stop_price=stop))
    assert placed["status"] == placed["order_status"] == "placed"
    order = owner.get(placed["order_id"])
    assert (order["type"], order["stop_price"], order["price"], order["status"],
            order["waiting"], order["triggered_at"]) == (
        kind, stop, None, "placed", True, None)
    moves_to(others, near)
    began = moves_to(others, stop)
    # Nobody was there to trade with: it is over.
    order = owner.ended(placed["order_id"])
    assert order["status"] == "cancelled" and order["close_reason"] == "remainder"
    assert order["triggered_at"] >= began


@pytest.mark.parametrize("kind,side,stop,near,at", STOPS)
def test_a_stop_trades_like_a_market_order(owner, others, kind, side, stop, near, at):
    order_id = owner.place(side, "0.5", type=kind, stop_price=stop)
    # Whoever trades with it must not be in the way of the price that is made.
    away = 41000 if side == "sell" else 49000
    moves_to(others, near)
    other = others[2].place("buy" if side == "sell" else "sell", 3, away)
    moves_to(others, stop)
    order = owner.ended(order_id)
    assert order["status"] == "filled" and order["avg_fill_price"] == away
    assert order["fees"] == Decimal("0.002") * Decimal("0.5") * away
    assert TIME.match(order["triggered_at"]) and order["waiting"] is False
    assert others[2].get(other)["filled_quantity"] == Decimal("0.5")


def test_a_stop_with_a_price_is_a_stop_limit(owner, others, stack):
    order_id = owner.place("sell", 2, 43500, type="stop_loss", stop_price=44000)
    order = owner.get(order_id)
    assert (order["price"], order["stop_price"], order["waiting"]) == (
        43500, 44000, True)
    others[2].place("buy", "0.5", 43600)
    moves_to(others, 44000)
    wait_for_status(stack, order_id, OPEN)
    quantora.wait_until(lambda: owner.get(order_id)["filled_quantity"])
    order = owner.get(order_id)
    assert (order["status"], order["waiting"], order["avg_fill_price"]) == (
        "partially_filled", False, 43600)
    others[1].place("buy", "1.5", 43500)
    order = owner.get(order_id)
    # 0.20 % of 21800 taken, 0.10 % of 65250 made.
    assert order["status"] == "filled" and order["fees"] == Decimal("108.85")


@pytest.mark.parametrize("tif,reason", [("ioc", "remainder"), ("fok", "unfillable")])
def test_its_time_in_force_begins_when_it_is_set_off(owner, others, stack, tif, reason):
    order_id = owner.place("sell", 2, 43500, type="stop_loss", stop_price=44000,
                           time_in_force=tif)
    assert owner.get(order_id)["waiting"] is True
    others[2].place("buy", 1, 43600)
    moves_to(others, 44000)
    order = owner.ended(order_id)
    assert (order["status"], order["close_reason"]) == ("cancelled", reason)
    assert order["filled_quantity"] == (1 if tif == "ioc" else 0)


def test_a_stop_beyond_its_price_is_set_off_at_once(owner, others):
    others[2].place("buy", 1, 44900)
    order = owner.ended(owner.place("sell", 1, type="stop_loss", stop_price=46000))
    assert order["status"] == "filled" and order["avg_fill_price"] == 44900


def test_one_stop_sets_off_the_next(owner, others, crowd):
    second = next(crowd)
    order_id = second.place("sell", 1, type="stop_loss", stop_price=43000)
    first = owner.place("sell", 1, type="stop_loss", stop_price=44000)
    for price in (43000, 42900):
        others[2].place("buy", 1, price)
    moves_to(others, 44000)
    assert owner.ended(first)["avg_fill_price"] == 43000
    assert second.ended(order_id)["avg_fill_price"] == 42900


def test_a_stop_that_cannot_be_paid(stack, others):
    trade_at(*others[:2], LAST)
    poor = Trader(stack, SYMBOL, base=1, quote=48400)
    # It holds what the collar, 5 %, above its stop price costs.
    order_id = poor.place("buy", 1, type="stop_loss", stop_price=46000)
    assert poor.balance("ZAR") == (Decimal("3.4"), Decimal("48396.6"))
    others[2].place("sell", 1, 60000)
    moves_to(others, 46000)
    order = poor.ended(order_id)
    assert (order["status"], order["close_reason"]) == ("cancelled", "no_funds")
    assert poor.balance("ZAR") == (48400, 0)
    refused(poor.send("buy", 1, type="stop_loss", stop_price=47000), None,
            "INSUFFICIENT_FUNDS")
    others[2].cancel_all()


def test_a_waiting_stop_is_cancelled_like_any(owner):
    before = owner.balance("ETH")
    order_id = owner.place("sell", 5, type="take_profit", stop_price=90000)
    assert owner.balance("ETH") == (before[0] - 5, before[1] + 5)
    refused(owner.client.put(f"{PATH}/{order_id}", {"quantity": 4}), None,
            "CONFLICT", 409)
    assert good(owner.client.delete(f"{PATH}/{order_id}"))["status"] == "cancelled"
    assert owner.balance("ETH") == before


def test_a_lock_takes_what_waits(stack, others):
    trade_at(*others[:2], LAST)
    person = Trader(stack, SYMBOL)
    ids = [person.place("sell", 1, type="stop_loss", stop_price=20000), *legs(person)]
    admin = Person(stack, role="admin", otp=True)
    good(admin.client.post("/admin/user/lock", json={"user_id": person.id}))
    for order_id in ids:
        wait_for_status(stack, order_id, CANCELLED)
    refused(person.send("sell", 1, type="stop_loss", stop_price=20000), None,
            "ACCOUNT_LOCKED", 403)
    refused(pair(person), None, "ACCOUNT_LOCKED", 403)


def test_in_the_quantora_edition_too(owner, others):
    body = {"user_id": owner.id, "side": "sell", "qty": 1, "symbol": SYMBOL,
            "order_type": "stop_loss", "stop_price": 44000}
    placed = good(owner.client.post("/api/order", body))
    assert placed["order_status"] == "waiting" and placed["data"] == []
    row = exact(owner.client.get("/api/orders?status=waiting"))["data"][0]
    assert (row["order_id"], row["order_type"], row["stop_price"]) == (
        placed["order_id"], "stop_loss", 44000)
    body.update(order_type="trailing_stop", stop_price=None, trail_percent="2.5")
    assert good(owner.client.post("/api/order", body))["order_status"] == "waiting"
    row = exact(owner.client.get("/api/orders?limit=1"))["data"][0]
    assert (row["trail_percent"], row["stop_price"]) == (Decimal("2.5"), 43875)
    body.update(order_type="take_profit")
    reply = owner.client.post("/api/order", body)
    assert reply.status_code == 400 and reply.json()["code"] == "VALIDATION_ERROR"


@pytest.mark.parametrize("more,field", [
    ({"type": "stop_loss"}, "stop_price"),
    ({"type": "take_profit", "stop_price": None}, "stop_price"),
    ({"type": "stop_loss", "stop_price": 0}, "stop_price"),
    ({"type": "stop_loss", "stop_price": -1}, "stop_price"),
    ({"type": "stop_loss", "stop_price": "44000.5"}, "stop_price"),
    ({"type": "stop_loss", "stop_price": "x"}, "stop_price"),
    ({"type": "stop_loss", "stop_price": 44000, "price": 0}, "price"),
    ({"type": "stop_loss", "stop_price": 44000, "price": -1}, "price"),
    ({"type": "stop_loss", "stop_price": 44000, "price": "43000.5"}, "price"),
    ({"type": "stop_loss", "stop_price": 44000, "quantity": 0}, "quantity"),
    ({"type": "stop_loss", "stop_price": 44000, "quantity": "0.0000001"}, "quantity"),
    ({"type": "stop_loss", "stop_price": 44000, "trail": 5}, "trail"),
    ({"type": "stop_loss", "stop_price": 44000, "post_only": True}, "post_only"),
    ({"type": "market", "stop_price": 44000}, "stop_price"),
    ({"type": "trailing_stop"}, "trail"),
    ({"type": "trailing_stop", "trail": 0}, "trail"),
    ({"type": "trailing_stop", "trail": -5}, "trail"),
    ({"type": "trailing_stop", "trail": "5.5"}, "trail"),      # off the tick
    ({"type": "trailing_stop", "trail": 900000}, "trail"),     # below nothing
    ({"type": "trailing_stop", "trail": 5, "trail_percent": 5}, "trail_percent"),
    ({"type": "trailing_stop", "trail_percent": 0}, "trail_percent"),
    ({"type": "trailing_stop", "trail_percent": -1}, "trail_percent"),
    ({"type": "trailing_stop", "trail_percent": "50.0001"}, "trail_percent"),
    ({"type": "trailing_stop", "trail_percent": "0.00001"}, "trail_percent"),
    ({"type": "trailing_stop", "trail": 5, "stop_price": 44000}, "stop_price"),
    ({"type": "trailing_stop", "trail": 5, "price": 44000}, "price"),
])
def test_a_bad_stop(owner, more, field):
    body = {"symbol": SYMBOL, "side": "sell", "quantity": 1, **more}
    refused(owner.client.post(PATH, body), field)
    assert owner.cancel_all() == 0


# ---- Trailing stops ----------------------------------------------------------

@pytest.mark.parametrize("side,more,first,path,turn,counter", [
    ("sell", {"trail": 1000}, 44000, (47000, 46500), 46000, 45900),
    ("sell", {"trail_percent": 10}, 40500, (50000, 45001), 45000, 44900),
    ("buy", {"trail": 1000}, 46000, (43000, 43900), 44000, 44100),
    ("buy", {"trail_percent": "2.5"}, 46125, (40000, 40999), 41000, 41100),
])
def test_a_trailing_stop_follows(owner, others, side, more, first, path, turn, counter):
    order_id = owner.place(side, 1, type="trailing_stop", **more)
    order = owner.get(order_id)
    assert (order["type"], order["stop_price"], order["waiting"]) == (
        "trailing_stop", first, True)
    assert {k: order[k] for k in ("trail", "trail_percent")} == {
        "trail": None, "trail_percent": None,
        **{k: Decimal(v) for k, v in more.items()}}
    for price in path:
        moves_to(others, price)
    others[2].place("buy" if side == "sell" else "sell", 1, counter)
    began = moves_to(others, turn)
    order = owner.ended(order_id)
    assert order["status"] == "filled" and order["avg_fill_price"] == counter
    assert order["triggered_at"] >= began


# ---- Pairs -------------------------------------------------------------------

OCO = "/api/v1/trading/orders/oco"


def pair(person, side="sell", quantity=1, price=47000, stop_price=44000, **more):
    body = {"symbol": SYMBOL, "side": side, "quantity": quantity, "price": price,
            "stop_price": stop_price, **more}
    return person.client.post(OCO, body)


def legs(person, *terms, **more):
    """The ids of its limit order and its stop."""
    placed = good(pair(person, *terms, **more))
    assert placed["status"] == "placed" and TIME.match(placed["placed_at"])
    assert [leg["type"] for leg in placed["orders"]] == ["limit", "stop_loss"]
    return [leg["order_id"] for leg in placed["orders"]]


def test_a_pair_is_two_orders_that_share_what_is_held(stack, others):
    trade_at(*others[:2], LAST)
    person = Trader(stack, SYMBOL, base=1, quote=1)
    limit_id, stop_id = legs(person, client_order_id="both")
    assert person.balance("ETH") == (0, 1)
    limit, stop = person.get(limit_id), person.get(stop_id)
    assert (limit["type"], limit["price"], limit["stop_price"], limit["waiting"],
            limit["pair_order_id"], limit["client_order_id"]) == (
        "limit", 47000, None, False, stop_id, "both")
    assert (stop["type"], stop["price"], stop["stop_price"], stop["waiting"],
            stop["pair_order_id"], stop["client_order_id"]) == (
        "stop_loss", None, 44000, True, limit_id, None)
    for order_id in (limit_id, stop_id):
        refused(person.client.put(f"{PATH}/{order_id}", {"price": 46000}), None,
                "CONFLICT", 409)
    refused(pair(person), None, "INSUFFICIENT_FUNDS")
    # The other editions see a pair.
    assert person.client.get(f"/api/v1/orders/{stop_id}").json()[
        "pair_order_id"] == limit_id
    assert person.client.get(f"/v1/trading/orders/{limit_id}").json()[
        "pair_order_id"] == stop_id
    assert person.cancel_all() == 2
    assert person.balance("ETH") == (1, 0)


@pytest.mark.parametrize("quantity,left", [(1, "filled"), ("0.25", "partially_filled")])
def test_a_fill_of_the_limit_cancels_the_stop(owner, others, quantity, left):
    limit_id, stop_id = legs(owner)
    others[1].place("buy", quantity, 47000)
    stop = owner.ended(stop_id)
    assert (stop["status"], stop["close_reason"]) == ("cancelled", "oco")
    assert owner.get(limit_id)["status"] == left


@pytest.mark.parametrize("more,at", [({}, 43000), ({"stop_limit_price": 43500}, 43500)])
def test_the_stop_cancels_the_limit(owner, others, more, at):
    limit_id, stop_id = legs(owner, **more)
    assert owner.get(stop_id)["price"] == more.get("stop_limit_price")
    others[2].place("buy", 1, at)
    moves_to(others, 44000)
    stop, limit = owner.ended(stop_id), owner.ended(limit_id)
    assert stop["status"] == "filled" and stop["avg_fill_price"] == at
    assert (limit["status"], limit["close_reason"], limit["filled_quantity"]) == (
        "cancelled", "oco", 0)


def test_a_pair_that_buys(owner, others):
    limit_id, stop_id = legs(owner, "buy", price=43000, stop_price=46000)
    others[2].place("sell", 1, 46500)
    moves_to(others, 46000)
    assert owner.ended(stop_id)["avg_fill_price"] == 46500
    assert owner.ended(limit_id)["close_reason"] == "oco"


@pytest.mark.parametrize("which", [0, 1])
def test_cancelling_either_cancels_both(owner, which):
    ids = legs(owner)
    gone = good(owner.client.delete(f"{PATH}/{ids[which]}"))
    assert gone["order_id"] == ids[which]
    assert owner.get(ids[which])["close_reason"] == "user"
    assert owner.get(ids[1 - which])["close_reason"] == "oco"


@pytest.mark.parametrize("change,field", [
    ({"symbol": None}, "symbol"), ({"side": None}, "side"), ({"side": "x"}, "side"),
    ({"quantity": None}, "quantity"), ({"quantity": 0}, "quantity"),
    ({"quantity": "0.0000001"}, "quantity"), ({"price": None}, "price"),
    ({"price": 0}, "price"), ({"price": "47000.5"}, "price"),
    ({"stop_price": None}, "stop_price"), ({"stop_price": 0}, "stop_price"),
    ({"stop_price": "44000.5"}, "stop_price"),
    ({"stop_limit_price": 0}, "stop_limit_price"),
    ({"stop_limit_price": -1}, "stop_limit_price"),
    ({"stop_limit_price": "43000.5"}, "stop_limit_price"),
    ({"price": 44500}, "stop_price"),       # below the last price
    ({"stop_price": 45500}, "stop_price"),  # above it
    ({"side": "buy"}, "stop_price"),        # the wrong way round
    ({"exchange": "luno"}, "exchange"), ({"client_order_id": "a b"}, "client_order_id"),
])
def test_a_bad_pair(owner, change, field):
    body = {"symbol": SYMBOL, "side": "sell", "quantity": 1, "price": 47000,
            "stop_price": 44000, **change}
    refused(owner.client.post(OCO, body), field)
    assert owner.cancel_all() == 0


def test_a_pair_out_of_the_band(owner):
    refused(pair(owner, price=10000000), "price", "PRICE_BAND")


def test_a_pair_sent_twice_is_once(owner):
    key = {"Idempotency-Key": str(uuid.uuid4())}
    body = {"symbol": SYMBOL, "side": "sell", "quantity": 1, "price": 47000,
            "stop_price": 44000}
    first = good(owner.client.post(OCO, body, headers=key))
    assert good(owner.client.post(OCO, body, headers=key)) == first
    refused(owner.client.post(OCO, {**body, "stop_price": 43000}, headers=key),
            "client_order_id", "CONFLICT", 409)
    # The same name for an order alone is another order.
    refused(owner.send("sell", 1, 47000, client_order_id=key["Idempotency-Key"]),
            "client_order_id", "CONFLICT", 409)
    assert owner.cancel_all() == 2


# ---- The dead-man switch -----------------------------------------------------

SWITCH = "/api/v1/trading/cancel-after"


def switch(person, seconds):
    return good(person.client.post(SWITCH, {"seconds": seconds}))


def test_who_says_nothing_loses_his_orders(owner, others, crowd):
    stays = others[2].place("sell", 1, 60000)
    ids = [owner.place("sell", 1, 60000), owner.place("buy", 1, 20000),
           owner.place("sell", 1, type="stop_loss", stop_price=20000),
           *legs(owner)]
    due = switch(owner, 1)["cancel_at"]
    assert TIME.match(due)
    shown = good(owner.client.get(SWITCH))["cancel_at"]
    # It may be off already, but not before its time.
    assert shown == due or shown is None and due <= datetime.utcnow().isoformat()
    for order_id in ids:
        order = owner.ended(order_id)
        assert order["status"] == "cancelled"
        assert order["close_reason"] in ("cancel_after", "oco")
        assert order["closed_at"] >= due
    # It has done its work, and is off.
    assert good(owner.client.get(SWITCH)) == {"cancel_at": None}
    assert others[2].get(stays)["status"] == "placed"


def test_who_says_so_keeps_them(owner):
    order_id = owner.place("sell", 1, 60000)
    first = switch(owner, 60)["cancel_at"]
    second = switch(owner, 86400)["cancel_at"]
    assert first < second == good(owner.client.get(SWITCH))["cancel_at"]
    assert switch(owner, 0) == {"cancel_at": None}
    assert good(owner.client.get(SWITCH)) == {"cancel_at": None}
    assert owner.get(order_id)["status"] == "placed"


def test_a_switch_that_was_never_set(stack):
    assert good(Trader(stack, SYMBOL, 1, 1).client.get(SWITCH)) == {"cancel_at": None}


@pytest.mark.parametrize("seconds", [None, -1, 86401, "10", 1.5, "x", True, [], 1e300])
def test_a_bad_time(owner, seconds):
    refused(owner.client.post(SWITCH, {"seconds": seconds}), "seconds")
