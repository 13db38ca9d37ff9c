# SPDX-License-Identifier: AGPL-3.0-or-later
"""QuantEnergX "Trading": orders, from a client of that document alone."""

import itertools
import uuid
from decimal import Decimal

import pytest
from trading import QUANTENERGX as PATH
from trading import TIME, UUID, Trader, good

SYMBOL = "MWH/USD"
MODEL = {"id", "user_id", "symbol", "quantity", "price", "side", "status",
         "created_at"}


@pytest.fixture(scope="module")
def crowd(stack):
    return itertools.cycle([Trader(stack, SYMBOL) for _ in range(4)])


@pytest.fixture
def seller(crowd):
    person = next(crowd)
    yield person
    person.cancel_all()


@pytest.fixture
def buyer(crowd):
    person = next(crowd)
    yield person
    person.cancel_all()


def send(person, side="sell", quantity=10, **more):
    return person.client.post(PATH, {"symbol": SYMBOL, "side": side,
                                     "quantity": quantity, **more})


def place(person, *terms, **more):
    order = good(send(person, *terms, **more), 201)
    assert MODEL <= set(order)
    return order


def get(person, order_id):
    return good(person.client.get(f"{PATH}/{order_id}"))


def refused(reply, status, code, field=None):
    assert reply.status_code == status, reply.text
    error = reply.json()["error"]
    assert error["code"] == code and set(error) == {"code", "message", "details"}
    assert error["details"].get("field") == field


def test_a_whole_life(seller, buyer):
    order = place(seller, price=60.5)
    assert UUID.match(order["id"]) and TIME.match(order["created_at"])
    assert order["user_id"] == seller.id
    assert (order["symbol"], order["quantity"], order["price"], order["side"],
            order["status"], order["type"]) == (
        SYMBOL, 10, Decimal("60.5"), "sell", "pending", "limit")
    assert get(seller, order["id"]) == order

    # Without a price it is a market order, and shows what it was done at.
    bought = place(buyer, "buy", 4)
    assert (bought["type"], bought["status"], bought["price"]) == (
        "market", "filled", Decimal("60.5"))
    assert bought["fee"] == Decimal("0.484")  # 0.20 % of 242
    part = get(seller, order["id"])
    assert (part["status"], part["filled_quantity"], part["fee"]) == (
        "pending", 4, Decimal("0.242"))

    changed = good(seller.client.put(f"{PATH}/{order['id']}",
                                     {"quantity": 8, "price": 61}))
    assert MODEL <= set(changed)
    assert {k: changed[k] for k in MODEL} == {
        **{k: order[k] for k in MODEL}, "quantity": 8, "price": 61}
    assert get(seller, order["id"])["price"] == 61

    place(buyer, "buy", 4, price=62)
    done = get(seller, order["id"])
    assert done["status"] == "filled" and done["filled_quantity"] == 8
    assert done["created_at"] == order["created_at"]
    refused(seller.client.put(f"{PATH}/{order['id']}", {"quantity": 20}), 409,
            "CONFLICT")
    refused(seller.client.delete(f"{PATH}/{order['id']}"), 409, "CONFLICT")


@pytest.mark.parametrize("kind,more", [
    ("stop_loss", {"stop_price": 20}), ("stop_loss", {"stop_price": 20, "price": 19}),
    ("take_profit", {"stop_price": 200}), ("TRAILING_STOP", {"trail": 40}),
    ("trailing_stop", {"trail_percent": 40})])
def test_stops(seller, buyer, kind, more):
    place(seller, price=60)
    place(buyer, "buy", price=60)
    order = place(seller, type=kind, **more)
    assert order["type"] == kind.lower() and order["status"] == "pending"
    assert more.items() <= order.items()
    assert get(seller, order["id"]) == order


def test_a_cancel(seller, buyer):
    order_id = place(seller, price=60)["id"]
    for method in ("GET", "PUT", "DELETE"):
        replies = [buyer.client.request(method, f"{PATH}/{name}", json={"price": 61})
                   for name in (order_id, uuid.uuid4(), "x")]
        assert {r.status_code for r in replies} == {404}
        assert len({r.text for r in replies}) == 1
    gone = good(seller.client.delete(f"{PATH}/{order_id}"))
    assert (gone["id"], gone["status"]) == (order_id, "cancelled")
    assert get(seller, order_id)["status"] == "cancelled"


@pytest.mark.parametrize("change,field", [
    ({"symbol": None}, "symbol"), ({"symbol": "NO/SUCH"}, "symbol"),
    ({"side": "hold"}, "side"), ({"quantity": None}, "quantity"),
    ({"quantity": 0}, "quantity"), ({"quantity": -3}, "quantity"),
    ({"quantity": "0.0001"}, "quantity"), ({"quantity": "NaN"}, "quantity"),
    ({"price": 0}, "price"), ({"price": "60.001"}, "price"),
    ({"type": "stop"}, "type"), ({"type": "limit", "price": None}, "price"),
    ({"type": "stop_loss"}, "stop_price"),
    ({"type": "trailing_stop", "price": None}, "trail"),
    ({"status": "filled"}, "status"), ({"exchange": "valr"}, "exchange")])
def test_a_bad_value(seller, change, field):
    body = {"symbol": SYMBOL, "side": "sell", "quantity": 1, "price": 60, **change}
    refused(seller.client.post(PATH, body), 400, "VALIDATION_ERROR", field)
    assert seller.cancel_all() == 0


@pytest.mark.parametrize("change,field", [
    ({}, "quantity"), ({"quantity": 0}, "quantity"), ({"price": -1}, "price"),
    ({"price": "60.001"}, "price"), ({"status": "filled"}, "status")])
def test_a_bad_change(seller, change, field):
    order_id = place(seller, price=60)["id"]
    refused(seller.client.put(f"{PATH}/{order_id}", change), 400,
            "VALIDATION_ERROR", field)


def test_lists(seller):
    ids = [place(seller, price=70 + i)["id"] for i in range(3)]
    found = good(seller.client.get(f"{PATH}?status=pending&limit=2"))
    assert [o["id"] for o in found["orders"]] == [ids[2], ids[1]]
    assert (found["total"], found["limit"], found["offset"]) == (3, 2, 0)
    seller.client.delete(f"{PATH}/{ids[1]}")
    found = good(seller.client.get(f"{PATH}?status=cancelled&symbol=mwhusd&limit=1"))
    assert [o["id"] for o in found["orders"]] == [ids[1]]
    refused(seller.client.get(f"{PATH}?limit=101"), 400, "VALIDATION_ERROR", "limit")
    refused(seller.client.get(f"{PATH}?status=open"), 400, "VALIDATION_ERROR",
            "status")


def test_who_may(stack, seller):
    stranger = stack.client()
    name = uuid.uuid4()
    for method, path in (("POST", PATH), ("GET", PATH), ("GET", f"{PATH}/{name}"),
                         ("PUT", f"{PATH}/{name}"), ("DELETE", f"{PATH}/{name}")):
        refused(stranger.request(method, path, json={}), 401, "UNAUTHORIZED",
                "Authorization")


def test_sent_twice_is_once(seller):
    key = {"Idempotency-Key": str(uuid.uuid4())}
    body = {"symbol": SYMBOL, "side": "sell", "quantity": 1, "price": 60}
    first = seller.client.post(PATH, body, headers=key)
    assert first.status_code == 201
    assert seller.client.post(PATH, body, headers=key).text == first.text
    assert seller.client.post(PATH, {**body, "quantity": 2},
                              headers=key).status_code == 409
    assert seller.cancel_all() == 1
