# SPDX-License-Identifier: AGPL-3.0-or-later
"""API Interfaces "Trading API": orders, from a client of that document alone."""

import itertools
import uuid
from decimal import Decimal

import pytest
from trading import INTERFACES as PATH
from trading import TIME, UUID, Trader, exact, good

SYMBOL = "ETH/USDT"
PRICE = 2500

FIELDS = {"order_id", "symbol", "exchange", "side", "type", "quantity", "price",
          "stop_price", "status", "filled_quantity", "avg_fill_price", "fees",
          "placed_at", "updated_at"}


@pytest.fixture(scope="module")
def crowd(stack):
    """Several, so that nobody's budget of reads is used up."""
    return itertools.cycle([Trader(stack, SYMBOL) for _ in range(6)])


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


def refused(reply, field, code="VALIDATION_ERROR", status=400):
    assert reply.status_code == status, reply.text
    assert set(reply.json()) == {"error"}
    error = reply.json()["error"]
    assert set(error) == {"code", "message", "details"}
    assert error["code"] == code and error["message"]
    if field is None:
        assert error["details"] == {}
    else:
        assert error["details"] == {"field": field, "reason": error["message"]}
    return error


# ---- A life ------------------------------------------------------------------

def test_a_whole_life(seller, buyer):
    reply = seller.client.post(PATH, {
        "symbol": SYMBOL, "exchange": "quantora", "side": "sell", "type": "limit",
        "quantity": 2, "price": 2500.5, "time_in_force": "gtc"})
    placed = good(reply)
    assert placed["status"] == "placed" and UUID.match(placed["order_id"])
    assert TIME.match(placed["placed_at"])
    order = seller.get(placed["order_id"])
    assert FIELDS <= set(order)
    assert (order["symbol"], order["exchange"], order["side"], order["type"]) == (
        SYMBOL, "quantora", "sell", "limit")
    assert (order["quantity"], order["price"], order["stop_price"]) == (
        2, Decimal("2500.5"), None)
    assert (order["status"], order["filled_quantity"], order["avg_fill_price"],
            order["fees"]) == ("placed", 0, None, 0)
    assert order["placed_at"] == placed["placed_at"]

    seller.place("sell", 1, 2501)
    bought = good(buyer.send("buy", "2.5", 2502))
    assert bought["status"] == "placed" and bought["order_status"] == "filled"
    taken = buyer.get(bought["order_id"])
    # 2 at 2500.50 and 0.5 at 2501; the taker pays 0.20 %, the maker 0.10 %.
    assert taken["status"] == "filled" and taken["filled_quantity"] == Decimal("2.5")
    assert taken["avg_fill_price"] == Decimal("2500.6")
    assert taken["fees"] == Decimal("12.503")
    assert bought["avg_fill_price"] == taken["avg_fill_price"]
    assert bought["fees"] == taken["fees"]
    order = seller.get(placed["order_id"])
    assert order["status"] == "filled" and order["fees"] == Decimal("5.001")
    assert order["avg_fill_price"] == Decimal("2500.5")
    assert order["close_reason"] == "filled" and TIME.match(order["closed_at"])
    other = exact(seller.client.get(f"{PATH}?status=partially_filled"))["orders"]
    assert [(o["quantity"], o["filled_quantity"]) for o in other] == [
        (1, Decimal("0.5"))]


def test_all_editions_see_the_same_order(seller):
    order_id = seller.place("sell", "0.25", 3000)
    one = seller.client.get(f"/api/v1/orders/{order_id}").json()
    assert (one["symbol"], one["side"], one["order_type"], one["quantity"],
            one["price"], one["status"]) == (
        "ETHUSDT", "SELL", "LIMIT", "0.25", "3000.00", "pending")
    two = exact(seller.client.get(f"/v1/trading/orders/{order_id}"))
    assert (two["symbol"], two["side"], two["quantity"], two["price"],
            two["status"], two["user_id"]) == (
        SYMBOL, "sell", Decimal("0.25"), 3000, "pending", seller.id)
    three = exact(seller.client.get("/api/orders?limit=1"))["data"][0]
    assert (three["order_id"], three["qty"], three["price"],
            three["order_status"]) == (order_id, Decimal("0.25"), 3000, "open")
    assert seller.client.delete(f"/v1/trading/orders/{order_id}").status_code == 200
    assert seller.get(order_id)["status"] == "cancelled"


def test_a_market_order(seller, buyer):
    order_id = seller.place("sell", 1, PRICE)
    # A time in force of a market order is accepted and ignored.
    bought = good(buyer.send("buy", "0.4", time_in_force="fok"))
    assert bought["status"] == "placed"
    order = buyer.get(bought["order_id"])
    assert (order["type"], order["price"], order["status"]) == (
        "market", None, "filled")
    assert order["avg_fill_price"] == PRICE
    assert seller.get(order_id)["status"] == "partially_filled"
    # A price of a market order says nothing.
    assert buyer.get(buyer.place("buy", "0.1", PRICE, type="market"))["price"] is None
    # What the book does not have is not waited for.
    rest = buyer.get(buyer.place("buy", 9))
    assert (rest["status"], rest["filled_quantity"], rest["close_reason"]) == (
        "cancelled", Decimal("0.5"), "remainder")


@pytest.mark.parametrize("tif", ["ioc", "fok", "IOC", "FOK"])
def test_times_in_force(seller, buyer, tif):
    seller.place("sell", 1, PRICE)
    placed = good(buyer.send("buy", 3, PRICE, time_in_force=tif))
    assert placed["status"] == "placed"  # it was accepted
    order = buyer.get(placed["order_id"])
    assert order["status"] == "cancelled" and order["time_in_force"] == tif.lower()
    assert order["filled_quantity"] == (1 if tif.lower() == "ioc" else 0)
    assert order["close_reason"] == (
        "remainder" if tif.lower() == "ioc" else "unfillable")


def test_words_may_be_capitals(seller):
    order = seller.get(seller.place("SELL", 1, PRICE, type="LIMIT",
                                    time_in_force="GTC"))
    assert (order["side"], order["type"], order["time_in_force"]) == (
        "sell", "limit", "gtc")


def test_post_only(seller, buyer):
    seller.place("sell", 1, PRICE)
    refused(buyer.send("buy", 1, PRICE, post_only=True), "post_only")
    order = buyer.get(buyer.place("buy", 1, PRICE - 1, post_only=True))
    assert order["post_only"] is True and order["status"] == "placed"
    refused(buyer.send("buy", 1, PRICE, post_only=True, time_in_force="ioc"),
            "post_only")


@pytest.mark.parametrize("word,first,second", [
    ("taker", "placed", "cancelled"), ("maker", "cancelled", "placed"),
    ("both", "cancelled", "cancelled"), ("none", "filled", "filled")])
def test_self_trade_prevention(seller, word, first, second):
    resting = seller.place("sell", 1, PRICE)
    coming = seller.place("buy", 1, PRICE, self_trade_prevention=word)
    assert seller.get(resting)["status"] == first
    order = seller.get(coming)
    assert order["status"] == second and order["self_trade_prevention"] == word
    if first == "cancelled":
        assert seller.get(resting)["close_reason"] == "self_trade"


# ---- Refusals ----------------------------------------------------------------

@pytest.mark.parametrize("change,field", [
    ({"symbol": None}, "symbol"), ({"symbol": ""}, "symbol"),
    ({"symbol": "NO/SUCH"}, "symbol"), ({"symbol": 7}, "symbol"),
    ({"side": None}, "side"), ({"side": "hold"}, "side"), ({"side": 1}, "side"),
    ({"type": None}, "type"), ({"type": "stop"}, "type"), ({"type": []}, "type"),
    ({"quantity": None}, "quantity"), ({"quantity": 0}, "quantity"),
    ({"quantity": -1}, "quantity"), ({"quantity": "abc"}, "quantity"),
    ({"quantity": "NaN"}, "quantity"), ({"quantity": "1e400"}, "quantity"),
    ({"quantity": "0.000000001"}, "quantity"), ({"quantity": True}, "quantity"),
    ({"quantity": "0.0000001"}, "quantity"),  # off the lot
    ({"quantity": "0.000001"}, "quantity"),   # below the least value
    ({"quantity": "92233720368.54775808"}, "quantity"),
    ({"price": None}, "price"), ({"price": 0}, "price"), ({"price": -5}, "price"),
    ({"price": "2500.001"}, "price"), ({"price": {}}, "price"),
    ({"price": "Infinity"}, "price"), ({"price": 1e300}, "price"),
    ({"stop_price": 2400}, "stop_price"), ({"trail": 5}, "trail"),
    ({"trail_percent": 5}, "trail_percent"),
    ({"time_in_force": "day"}, "time_in_force"), ({"time_in_force": 1}, "time_in_force"),
    ({"strategy_id": "mine"}, "strategy_id"), ({"strategy_id": 7}, "strategy_id"),
    ({"strategy_id": str(uuid.uuid4())}, "strategy_id"),
    ({"bot_id": "b"}, "bot_id"),
    ({"client_order_id": ""}, "client_order_id"),
    ({"client_order_id": "a b"}, "client_order_id"),
    ({"client_order_id": "x" * 48}, "client_order_id"),
    ({"post_only": "yes"}, "post_only"),
    ({"self_trade_prevention": "some"}, "self_trade_prevention"),
    ({"status": "filled"}, "status"), ({"role": "admin"}, "role"),
    ({"user_id": str(uuid.uuid4())}, "user_id"),
])
def test_a_bad_value_is_refused(stack, seller, change, field):
    body = {"symbol": SYMBOL, "side": "sell", "type": "limit", "quantity": 1,
            "price": PRICE, **change}
    refused(seller.client.post(PATH, body), field)
    assert seller.cancel_all() == 0


@pytest.mark.parametrize("venue,says", [
    ("binance", "yet"), ("luno", "yet"), ("kucoin", "yet"), ("KRAKEN", "yet"),
    ("valr", "yet"), ("nowhere", "no such")])
def test_other_venues(seller, venue, says):
    error = refused(seller.send("sell", 1, PRICE, exchange=venue), "exchange")
    assert says in error["message"]


def test_the_house_is_a_venue(seller):
    assert seller.get(seller.place("sell", 1, PRICE, exchange="Quantora"))[
        "exchange"] == "quantora"
    refused(seller.send("sell", 1, PRICE, exchange=""), "exchange")


def test_what_the_market_refuses(seller):
    refused(seller.send("sell", 100000, PRICE), None, "INSUFFICIENT_FUNDS")
    refused(seller.send("sell", 1, 100000000), "price", "PRICE_BAND")
    refused(seller.send("buy", 1, 1), "price", "PRICE_BAND")


@pytest.mark.parametrize("text", ["{", "[]", '{"side": NaN}', '{"a":1,"a":2}'])
def test_broken_json(seller, text):
    reply = seller.client.request("POST", PATH, data=text,
                                  headers={"Content-Type": "application/json"})
    assert reply.status_code == 400
    assert reply.json()["error"]["code"] == "BAD_REQUEST"


def test_nobody_trades_without_a_token(stack, seller):
    stranger = stack.client("interfaces")
    order_id = uuid.uuid4()
    for method, path in (("POST", PATH), ("GET", PATH), ("DELETE", PATH),
                         ("GET", f"{PATH}/{order_id}"), ("PUT", f"{PATH}/{order_id}"),
                         ("DELETE", f"{PATH}/{order_id}"), ("POST", f"{PATH}/oco"),
                         ("POST", "/api/v1/trading/cancel-after"),
                         ("GET", "/api/v1/trading/cancel-after")):
        reply = stranger.request(method, path, json={})
        assert reply.status_code == 401, (method, path)
        assert reply.json()["error"]["code"] == "UNAUTHORIZED"


# ---- Cancelling --------------------------------------------------------------

def test_a_cancel_is_once(seller, buyer):
    order_id = seller.place("sell", 1, PRICE)
    buyer.place("buy", "0.25", PRICE)
    gone = good(seller.client.delete(f"{PATH}/{order_id}"))
    assert gone["order_id"] == order_id and gone["status"] == "cancelled"
    assert TIME.match(gone["cancelled_at"])
    assert gone["filled_quantity"] == Decimal("0.25")
    order = seller.get(order_id)
    assert order["status"] == "cancelled" and order["close_reason"] == "user"
    refused(seller.client.delete(f"{PATH}/{order_id}"), None, "CONFLICT", 409)


def test_anothers_order_is_no_order(seller, buyer):
    order_id = seller.place("sell", 1, PRICE)
    for method in ("GET", "PUT", "DELETE"):
        replies = [buyer.client.request(method, f"{PATH}/{name}", json={"quantity": 2})
                   for name in (order_id, uuid.uuid4(), uuid.UUID(int=0), "x")]
        assert {r.status_code for r in replies} == {404}, method
        assert len({r.text for r in replies}) == 1
    assert seller.get(order_id)["status"] == "placed"


def test_cancel_all(seller):
    for price in (2600, 2601):
        seller.place("sell", 1, price)
    seller.place("buy", 1, 2000)
    stop = seller.place("sell", 1, type="stop_loss", stop_price=600)

    def cancel(query):
        return good(seller.client.delete(f"{PATH}?{query}"))["cancelled"]

    assert cancel("symbol=BTC%2FUSD") == 0
    assert cancel(f"symbol={SYMBOL}&side=buy") == 1
    assert cancel("side=BUY") == 0
    assert cancel("symbol=ETH-USDT") == 3
    assert seller.get(stop)["status"] == "cancelled"
    refused(seller.client.delete(f"{PATH}?symbol=NO"), "symbol")
    refused(seller.client.delete(f"{PATH}?side=both"), "side")


# ---- Amending ----------------------------------------------------------------

def test_a_smaller_order_keeps_its_place(seller, buyer, crowd):
    third = next(crowd)
    first = seller.place("sell", 2, PRICE)
    second = third.place("sell", 1, PRICE)
    changed = good(seller.client.put(f"{PATH}/{first}", {"quantity": 1}))
    assert (changed["order_id"], changed["quantity"], changed["price"],
            changed["status"]) == (first, 1, PRICE, "placed")
    buyer.place("buy", 1)
    assert seller.get(first)["status"] == "filled"
    assert third.get(second)["status"] == "placed"
    third.cancel_all()


def test_a_larger_one_is_a_new_arrival(seller, buyer, crowd):
    third = next(crowd)
    first = seller.place("sell", 1, PRICE)
    second = third.place("sell", 1, PRICE)
    good(seller.client.put(f"{PATH}/{first}", {"quantity": "1.5"}))
    buyer.place("buy", 1)
    assert third.get(second)["status"] == "filled"
    order = seller.get(first)
    assert order["status"] == "placed" and order["quantity"] == Decimal("1.5")


def test_a_new_price_may_trade(seller, buyer):
    resting = buyer.place("buy", 1, 2400)
    order_id = seller.place("sell", 3, PRICE)
    changed = good(seller.client.put(f"{PATH}/{order_id}", {"price": 2400}))
    assert changed["status"] == "partially_filled"
    # Taken at 0.20 %.
    assert (changed["filled_quantity"], changed["avg_fill_price"],
            changed["fees"]) == (1, 2400, Decimal("4.8"))
    assert buyer.place("buy", "0.5", 2400)
    changed = good(seller.client.put(f"{PATH}/{order_id}", {"quantity": "2.5"}))
    assert (changed["filled_quantity"], changed["avg_fill_price"],
            changed["fees"]) == (Decimal("1.5"), 2400, Decimal("6"))
    assert seller.get(order_id)["fees"] == 6
    assert buyer.get(resting)["status"] == "filled"
    # At or below what is filled, it is over.
    changed = good(seller.client.put(f"{PATH}/{order_id}", {"quantity": 1}))
    assert changed["status"] in ("filled", "cancelled")
    assert seller.get(order_id)["status"] == changed["status"]
    refused(seller.client.put(f"{PATH}/{order_id}", {"quantity": 5}), None,
            "CONFLICT", 409)


@pytest.mark.parametrize("change,field", [
    ({}, "quantity"), ({"quantity": 0}, "quantity"), ({"price": 0}, "price"),
    ({"quantity": -1}, "quantity"), ({"price": "2500.001"}, "price"),
    ({"quantity": "0.0000001"}, "quantity"), ({"price": "x"}, "price")])
def test_a_bad_change(seller, change, field):
    order_id = seller.place("sell", 1, PRICE)
    before = seller.get(order_id)
    refused(seller.client.put(f"{PATH}/{order_id}", change), field)
    assert seller.get(order_id) == before


# ---- Listing -----------------------------------------------------------------

def test_lists(seller):
    ids = [seller.place("sell", 1, 2600 + i) for i in range(4)]
    gone = seller.place("buy", 1, 2000)
    good(seller.client.delete(f"{PATH}/{gone}"))

    def listed(query):
        found = good(seller.client.get(f"{PATH}?{query}"))
        assert {"orders", "total", "limit", "offset"} <= set(found)
        assert all(FIELDS <= set(o) for o in found["orders"])
        return [o["order_id"] for o in found["orders"]], found

    assert listed("status=placed")[0] == ids[::-1]
    page, found = listed("status=open&limit=2&offset=1")
    assert page == [ids[2], ids[1]]
    assert (found["total"], found["limit"], found["offset"]) == (4, 2, 1)
    assert listed("status=cancelled&limit=1")[0] == [gone]
    assert listed("status=rejected")[0] == []
    assert listed("symbol=BTC/USD")[0] == []
    assert listed("symbol=ethusdt&status=placed&limit=100")[0] == ids[::-1]
    assert listed("")[1]["limit"] == 50
    assert listed("status=all&limit=1")[0] == [gone]


@pytest.mark.parametrize("query,field", [
    ("limit=0", "limit"), ("limit=101", "limit"), ("limit=x", "limit"),
    ("offset=-1", "offset"), ("status=done", "status"), ("symbol=NO", "symbol"),
    ("strategy_id=1", "strategy_id"), ("limit=1&limit=2", "limit")])
def test_a_bad_parameter(seller, query, field):
    refused(seller.client.get(f"{PATH}?{query}"), field)


# ---- Once --------------------------------------------------------------------

def test_sent_twice_is_once(seller):
    key = {"Idempotency-Key": str(uuid.uuid4())}
    body = {"symbol": SYMBOL, "side": "sell", "type": "limit", "quantity": 1,
            "price": PRICE}
    first = good(seller.client.post(PATH, body, headers=key))
    assert first["client_order_id"] == key["Idempotency-Key"]
    assert good(seller.client.post(PATH, body, headers=key)) == first
    refused(seller.client.post(PATH, {**body, "price": 2501}, headers=key),
            "client_order_id", "CONFLICT", 409)
    name = uuid.uuid4().hex
    order_id = seller.place("sell", 1, PRICE, client_order_id=name)
    assert seller.place("sell", 1, PRICE, client_order_id=name) == order_id
    refused(seller.send("sell", 2, PRICE, client_order_id=name),
            "client_order_id", "CONFLICT", 409)
    assert seller.cancel_all() == 2


def test_an_order_is_found_by_its_name(seller, buyer):
    name = uuid.uuid4().hex
    order_id = seller.place("sell", 1, PRICE, client_order_id=name)
    for path, key, its_id in ((PATH, "orders", "order_id"),
                              ("/api/v1/orders", "items", "id"),
                              ("/v1/trading/orders", "orders", "id")):
        found = good(seller.client.get(f"{path}?client_order_id={name}"))
        assert [o[its_id] for o in found[key]] == [order_id]
        assert found["total"] == 1
        found = good(buyer.client.get(f"{path}?client_order_id={name}"))
        assert (found[key], found["total"]) == ([], 0)
    query = f"{PATH}?client_order_id="
    refused(buyer.client.delete(query + name), None, "NOT_FOUND", 404)
    gone = good(seller.client.delete(query + name))
    assert (gone["order_id"], gone["status"], gone["cancelled"]) == (
        order_id, "cancelled", 1)
    refused(seller.client.delete(query + name), None, "CONFLICT", 409)
    refused(seller.client.delete(query + "x" * 48), "client_order_id")
