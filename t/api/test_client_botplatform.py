# SPDX-License-Identifier: AGPL-3.0-or-later
"""The Trading Bot Platform's document, by a client that knows it alone.

Orders, market data, risk, both WebSockets, errors, pages and rate limits; prices
and quantities are texts there, and written as the rulings say.
"""

import asyncio
import itertools
import re
import time
from decimal import Decimal

import pytest
from candles import in_one_minute
from documents import ERROR_422, MONEY, Caller, Callers, bad_numbers, refusal
from quantora import wait_until
from shapes import BOOL, FULL, INT, TIME, UUID, Kind, Maybe, check
from signing import too_often
from streams import Talk
from streams import refusal as ws_refusal

EDITION = "botplatform"
SYMBOL = "BTCUSDT"
PRICE = "45000.00"
ORDERS = "/api/v1/orders"
TICKER = "/api/v1/market/ticker/BTCUSDT"
KLINES = "/api/v1/market/klines/BTCUSDT"
LIMITS = "/api/v1/risk/limits"
ALERTS = "/api/v1/risk/alerts"
NOBODY = "00000000-0000-4000-8000-000000000000"

# ---- What the document and its rulings say ------------------------------------------


def written(pattern, name):
    return Kind(name, lambda v: isinstance(v, str) and re.fullmatch(pattern, v))


PRICED = written(r"\d+\.\d\d", "a price in ticks of a cent")
COUNTED = written(r"0|[1-9]\d*|\d+\.\d{0,7}[1-9]", "a quantity without trailing zeros")
AMOUNT = written(r"-?\d+\.\d\d|-?\d+\.\d{2,7}[1-9]", "an amount of money")
MS = written(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", "a time with milliseconds")

STATUSES = ("pending", "partially_filled", "filled", "cancelled", "rejected")
ORDER = {"id": UUID, "bot_id": Maybe(UUID), "symbol": SYMBOL, "side": ("BUY", "SELL"),
         "order_type": ("LIMIT", "MARKET", "STOP_LOSS", "TAKE_PROFIT"),
         "quantity": COUNTED, "price": Maybe(PRICED), "status": STATUSES,
         "created_at": TIME}


def page(item, limit=50, offset=0):
    return {"items": [item], "total": INT, "limit": limit, "offset": offset}


CANCELLED = {"message": "Order cancelled successfully", "order_id": UUID,
             "status": "cancelled"}
TICK = {"symbol": SYMBOL, "price": PRICED, "timestamp": TIME}
CANDLES = {"symbol": SYMBOL, "interval": FULL, "data": [
    {"timestamp": TIME, "open": PRICED, "high": PRICED, "low": PRICED,
     "close": PRICED, "volume": COUNTED}]}
LIMIT = {"id": UUID, "user_id": UUID, "limit_type": FULL, "limit_value": AMOUNT,
         "enabled": BOOL, "created_at": TIME}
ALERT = {"id": UUID, "alert_type": FULL, "severity": ("info", "warning", "critical"),
         "message": FULL, "current_value": AMOUNT, "limit_value": AMOUNT,
         "triggered_at": TIME}
WS_TICK = {"type": "ticker", "symbol": SYMBOL, "price": PRICED, "timestamp": MS}
WS_ORDER = {"type": "order_update", "order_id": UUID, "status": STATUSES,
            "filled_quantity": COUNTED, "timestamp": MS}


@pytest.fixture(scope="module")
def anyone(stack):
    return Callers(stack, EDITION)


@pytest.fixture(scope="module")
def traders(stack):
    return Callers(stack, EDITION, 6, MONEY)


def in_turn(traders):
    caller = next(traders)
    yield caller
    assert caller.client.delete("/api/v1/trading/orders").status_code == 200


@pytest.fixture
def user(traders):
    yield from in_turn(traders)


@pytest.fixture
def other(traders):
    yield from in_turn(traders)


@pytest.fixture
def fresh(stack):
    caller = Caller(stack, EDITION, MONEY)
    yield caller
    caller.client.delete("/api/v1/trading/orders")


def terms(**more):
    body = {"symbol": SYMBOL, "side": "BUY", "order_type": "LIMIT", "quantity": 0.001,
            "price": 20000.00, **more}
    return {k: v for k, v in body.items() if v is not ...}


def place(caller, **more):
    return caller.ask("POST", ORDERS, 201, ORDER, terms(**more))


def trade(seller, buyer, price=PRICE, quantity="0.5", **more):
    return [place(caller, side=side, price=price, quantity=quantity, **more)
            for caller, side in ((seller, "SELL"), (buyer, "BUY"))]


# ---- Orders ---------------------------------------------------------------------------

def test_the_documents_order(user, other):
    made = place(user, bot_id=None, price=20000.00)
    assert {k: made[k] for k in ("bot_id", "symbol", "side", "order_type", "quantity",
                                 "price", "status")} == {
        "bot_id": None, "symbol": SYMBOL, "side": "BUY", "order_type": "LIMIT",
        "quantity": "0.001", "price": "20000.00", "status": "pending"}
    path = f"{ORDERS}/{made['id']}"
    shown = user.get(path, ORDER)
    assert {k: shown[k] for k in made} == made
    for caller, asked in ((other, made["id"]), (user, NOBODY), (user, "nonsense"),
                          (user, "%20"), (user, "x" * 300), (user, "%F0%9F%8D%8B")):
        for method in ("GET", "DELETE"):
            caller.refused(method, f"{ORDERS}/{asked}", 404, "NOT_FOUND")
    assert user.ask("DELETE", path, 200, CANCELLED)["order_id"] == made["id"]
    assert user.get(path, ORDER)["status"] == "cancelled"
    user.refused("DELETE", path, 409, "CONFLICT")


@pytest.mark.parametrize("more, status", [
    ({"order_type": "MARKET", "price": ...}, "cancelled"),
    ({"order_type": "STOP_LOSS", "price": ..., "stop_price": 99000.5}, "pending"),
    ({"order_type": "TAKE_PROFIT", "price": ..., "stop_price": 20000}, "pending"),
    ({"order_type": "STOP_LOSS", "stop_price": "99000.50"}, "pending"),
    ({"side": "SELL", "price": 90000}, "pending"), ({"side": "buy"}, "pending"),
    ({"order_type": "limit"}, "pending"), ({"symbol": "BTC/USDT"}, "pending"),
    ({"symbol": "btc-usdt"}, "pending"), ({"quantity": "1e-3"}, "pending"),
    ({"price": "20000"}, "pending"), ({"colour": "green"}, "pending"),
    ({"exchange": "quantora"}, "pending")])
def test_orders_that_are_accepted(user, other, more, status):
    trade(user, other)
    made = place(user, **more)
    assert made["status"] == status and made["quantity"] == "0.001"
    assert made["price"] == (None if more.get("price") is ... else
                             "90000.00" if made["side"] == "SELL" else "20000.00")


def test_fills(user, other):
    sold, bought = trade(user, other, "45000.25", "0.75")
    assert bought["status"] == "filled" and bought["quantity"] == "0.75"
    assert user.get(f"{ORDERS}/{sold['id']}", ORDER)["status"] == "filled"
    rests = place(user, side="SELL", price="45000.25", quantity=1)
    place(other, price="45000.25", quantity="0.4")
    assert user.get(f"{ORDERS}/{rests['id']}", ORDER)["status"] == "partially_filled"


BAD_ORDERS = [
    *[({name: ...}, name, "value_error.missing")
      for name in ("symbol", "side", "order_type", "quantity", "price")],
    *[({name: value}, name, None) for name, value in itertools.product(
        ("symbol", "side", "order_type"), ("", "NONSENSE", 5, [], {}, True))],
    ({"quantity": "x"}, "quantity", None), ({"quantity": []}, "quantity", None),
    ({"price": {}}, "price", None), ({"price": "a lot"}, "price", None),
    ({"symbol": "BTCEUR"}, "symbol", None), ({"bot_id": "nonsense"}, "bot_id", None),
    ({"bot_id": 5}, "bot_id", None),
    ({"role": "admin"}, "role", None), ({"balance": 5}, "balance", None),
    ({"status": "filled"}, "status", None), ({"user_id": NOBODY}, "user_id", None),
]


def test_orders_that_are_none(user):
    for more, field, kind in BAD_ORDERS:
        body = user.refused("POST", ORDERS, 422, None, terms(**more), field)
        assert body["detail"][0]["loc"] == ["body", field]
        if kind:
            assert (body["detail"][0]["msg"], body["detail"][0]["type"]) == (
                "field required", kind)
    for quantity in (0, -1, "0.0000001", "-0.5", 1e30):
        user.refused("POST", ORDERS, 400, "INVALID_QUANTITY", terms(quantity=quantity))
    for price in (0, -1, 20000.001, "-5"):
        user.refused("POST", ORDERS, 400, "INVALID_PRICE", terms(price=price))
    user.refused("POST", ORDERS, 400, "INSUFFICIENT_FUNDS", terms(quantity=1000))
    user.refused("POST", ORDERS, 400, "PRICE_BAND", terms(price=20))
    for text in ("{", "[]", "null", "5", "[{}]"):
        refusal(EDITION, user.client.request("POST", ORDERS, data=text, headers={
            "Content-Type": "application/json"}), 400)
    assert user.refused("POST", ORDERS, 422, None, {})["detail"]


def test_the_list_of_orders(stack, fresh, other):
    cancelled = place(fresh)
    fresh.client.delete(f"{ORDERS}/{cancelled['id']}")
    waits = place(fresh)
    place(other, side="SELL", price="45000.00")
    filled = place(fresh, price="45000.00")
    in_usd = fresh.ask("POST", ORDERS, 201, {"symbol": "BTCUSD"}, terms(symbol="BTCUSD"))

    def ids(**query):
        body = fresh.get(ORDERS, {"total": INT}, **query)
        assert body["total"] >= len(body["items"])
        return [o["id"] for o in body["items"]]
    everything = [o["id"] for o in (in_usd, filled, waits, cancelled)]
    check(fresh.client.get(ORDERS).json(), page({**ORDER, "symbol": FULL}))
    assert ids() == everything
    assert ids(symbol="btc/usdt") == everything[1:] and ids(symbol="BTCUSD") == [
        in_usd["id"]]
    assert ids(status="filled") == [filled["id"]]
    assert ids(status="cancelled") == [cancelled["id"]]
    assert ids(status="pending") == [in_usd["id"], waits["id"]]
    assert ids(status="partially_filled") == ids(status="rejected") == []
    assert ids(bot_id=NOBODY) == []
    assert ids(limit=2) == everything[:2] and ids(limit=2, offset=2) == everything[2:]
    assert ids(offset=100) == []
    body = fresh.get(ORDERS, page(ORDER, 1, 3), limit=1, offset=3)
    assert body["total"] == 4
    assert other.get(ORDERS, {}, symbol="BTCUSD")["items"] == []


def test_fifty_orders_unless_more_are_asked_for(fresh):
    for _ in range(51):
        place(fresh)
    assert len(fresh.get(ORDERS, page(ORDER))["items"]) == 50
    body = fresh.get(ORDERS, page(ORDER, 100), limit=100)
    assert len(body["items"]) == body["total"] == 51


@pytest.mark.parametrize("query", [
    *[{"limit": bad} for bad in bad_numbers(100)], {"offset": "-1"}, {"offset": "x"},
    {"status": "nonsense"}, {"symbol": "NOSUCH"}, {"bot_id": "nonsense"}])
def test_no_page(anyone, query):
    """Of any list, where it has the parameter."""
    for path in (ORDERS, LIMITS, ALERTS) if {"limit", "offset"} & set(query) else (
            ORDERS,):
        body = anyone.refused("GET", path, 422, **query)
        assert body["detail"][0]["loc"] == ["query", next(iter(query))]


# ---- Market data ------------------------------------------------------------------------

def test_the_ticker(user, other):
    trade(user, other, "45001.50")
    for symbol in ("BTCUSDT", "btcusdt", "BTC-USDT", "BTC%2FUSDT", "BTC/USDT"):
        assert user.get(f"/api/v1/market/ticker/{symbol}", TICK)["price"] == "45001.50"
    # What was never traded has no price.
    check(user.client.get("/api/v1/market/ticker/RECUSD").json(), {
        "symbol": "RECUSD", "price": Maybe(PRICED), "timestamp": TIME})


@pytest.mark.parametrize("path", ["ticker", "klines"])
@pytest.mark.parametrize("symbol", ["NOSUCH", "BTC", "-", "BTC--USDT", "x" * 500,
                                    "%F0%9F%8D%8B", "BTC%20USDT", "'%22%3B--"])
def test_no_market(anyone, path, symbol):
    reply = next(anyone).client.get(f"/api/v1/market/{path}/{symbol}?interval=1h")
    assert reply.status_code in (404, 422), reply.text
    refusal(EDITION, reply, reply.status_code)


@pytest.mark.parametrize("interval", ["1m", "5m", "15m", "1h", "4h", "1d"])
def test_klines(user, other, interval):
    def traded():
        trade(user, other, "44000.50", "0.125")
        trade(user, other, "45002.50", "0.125")
        return user.get(KLINES, CANDLES, interval=interval)
    body, _ = in_one_minute(traded)
    assert body["interval"] == interval
    last = body["data"][-1]
    assert last["close"] == "45002.50" and Decimal(last["low"]) <= Decimal("44000.50")
    assert Decimal(last["volume"]) > 0
    assert user.get(KLINES, CANDLES, interval=interval, limit=1)["data"][0][
        "timestamp"] >= last["timestamp"]
    user.get(KLINES, CANDLES, interval=interval, limit=1000)


@pytest.mark.parametrize("query", [
    *[{"limit": bad} for bad in bad_numbers(1000)], {"interval": "2m"},
    {"interval": "1H"}, {"interval": "x"}])
def test_no_klines(anyone, query):
    body = anyone.refused("GET", KLINES, 422, **{"interval": "1h", **query})
    assert body["detail"][0]["loc"] == ["query", next(iter(query))]


# ---- Risk ---------------------------------------------------------------------------------

def test_risk_limits(fresh, other):
    assert fresh.client.get(LIMITS).json() == []
    made = fresh.ask("POST", LIMITS, 201, LIMIT, {
        "limit_type": "POSITION_SIZE", "limit_value": 10000.00, "symbol": "BTCUSDT",
        "warning_threshold": 80.0, "critical_threshold": 95.0})
    assert (made["limit_type"], made["limit_value"], made["enabled"]) == (
        "POSITION_SIZE", "10000.00", True)
    assert made["user_id"] == fresh.person.id
    for kind, value, shown in (("ORDER_SIZE", "2500.5", "2500.50"),
                               ("DAILY_LOSS", 1000, "1000.00"),
                               ("OPEN_ORDERS", 3, "3.00")):
        assert fresh.ask("POST", LIMITS, 201, {**LIMIT, "limit_value": FULL}, {
            "limit_type": kind, "limit_value": value})["limit_type"] == kind
    fresh.ask("POST", LIMITS, 201, {**LIMIT, "limit_value": FULL},
              {"limit_type": "MAX_DRAWDOWN", "limit_value": 0.2})
    listed = fresh.client.get(LIMITS).json()
    check(listed, [{**LIMIT, "limit_value": FULL}])
    assert {row["limit_type"] for row in listed} == {
        "POSITION_SIZE", "ORDER_SIZE", "DAILY_LOSS", "MAX_DRAWDOWN", "OPEN_ORDERS"}
    assert made.items() <= next(r for r in listed if r["id"] == made["id"]).items()
    for query, rows in (({"limit": 2}, listed[:2]), ({"offset": 3}, listed[3:]),
                        ({"limit": 2, "offset": 4}, listed[4:])):
        assert fresh.client.get(LIMITS, params=query).json() == rows
    assert other.client.get(LIMITS).json() == []
    # They hold.
    fresh.refused("POST", ORDERS, 400, "RISK_LIMIT_EXCEEDED", terms(quantity="0.2"))
    for _ in range(3):
        place(fresh)
    fresh.refused("POST", ORDERS, 400, "RISK_LIMIT_EXCEEDED", terms())


def test_risk_limits_that_are_none(user):
    good = {"limit_type": "POSITION_SIZE", "limit_value": 10000.00, "symbol": SYMBOL}
    for more, field in [
            ({"limit_type": None}, "limit_type"), ({"limit_type": "X"}, "limit_type"),
            ({"limit_type": 5}, "limit_type"), ({"limit_value": None}, "limit_value"),
            ({"limit_value": "x"}, "limit_value"), ({"limit_value": -1}, "limit_value"),
            ({"limit_value": []}, "limit_value"), ({"symbol": "NOSUCH"}, "symbol"),
            ({"warning_threshold": -1}, "warning_threshold"),
            ({"warning_threshold": 101}, "warning_threshold"),
            ({"critical_threshold": "x"}, "critical_threshold"),
            ({"role": "admin"}, "role"), ({"status": "x"}, "status"),
            ({"user_id": NOBODY}, "user_id")]:
        user.refused("POST", LIMITS, 422, None, {**good, **more}, field)
    assert user.client.get(LIMITS).json() == []


def test_risk_alerts(fresh, other):
    """A limit over a position that is there already: 90 % of it is a warning."""
    assert fresh.client.get(ALERTS).json() == {"alerts": []}
    trade(other, fresh, "45000.00", "0.2")
    fresh.ask("POST", LIMITS, 201, LIMIT, {
        "limit_type": "POSITION_SIZE", "limit_value": 10000.00, "symbol": SYMBOL,
        "warning_threshold": 80.0, "critical_threshold": 95.0})
    (alert,) = wait_until(lambda: fresh.client.get(ALERTS).json()["alerts"])
    check(alert, ALERT)
    assert alert["alert_type"] == "POSITION_SIZE_WARNING"
    assert (alert["severity"], alert["current_value"], alert["limit_value"]) == (
        "warning", "9000.00", "10000.00")
    assert fresh.client.get(ALERTS, params={"offset": 1}).json() == {"alerts": []}
    assert fresh.client.get(ALERTS, params={"limit": 1}).json() == {"alerts": [alert]}


# ---- Errors, rate limits, the host -----------------------------------------------------------

def test_the_documents_errors(stack, user):
    client = stack.client(EDITION)
    for token in (None, "rubbish"):
        if token:
            client.bearer(token)
        for path in (ORDERS, TICKER, LIMITS, ALERTS):
            refusal(EDITION, client.get(path), 401, "INVALID_TOKEN")
    user.refused("GET", "/api/v1/nothing", 404)
    refusal(EDITION, user.client.request("PUT", ORDERS, json={}), 405)
    body = user.refused("POST", ORDERS, 422, None, terms(price=...), "price")
    check(body, ERROR_422)


def test_the_rate_limits_headers(stack, user):
    lone = Caller(stack, EDITION)
    before = None
    for path in (TICKER, LIMITS, ORDERS):
        reply = lone.client.get(path)
        assert reply.headers["X-RateLimit-Limit"] == "100"
        remaining = int(reply.headers["X-RateLimit-Remaining"])
        assert before is None or remaining < before <= 100
        assert 0 <= int(reply.headers["X-RateLimit-Reset"]) - time.time() <= 61
        before = remaining
    # Also on what is refused, and where another budget holds.
    for reply in (lone.client.get(ORDERS, params={"limit": 0}),
                  lone.client.post(ORDERS, terms()), lone.client.post(ORDERS, {})):
        assert {"X-RateLimit-Limit", "X-RateLimit-Remaining",
                "X-RateLimit-Reset"} <= set(reply.headers), reply.text


def test_more_than_ten_in_a_second_are_too_many(stack):
    lone = Caller(stack, EDITION)
    impatient = stack.client(EDITION)
    impatient.bearer(lone.client.token)
    replies = too_often(impatient, ALERTS)
    refused = [reply for reply in replies if reply.status_code == 429]
    for reply in refused:
        refusal(EDITION, reply, 429)
        assert int(reply.headers["Retry-After"]) >= 1
        assert reply.headers["X-RateLimit-Remaining"] == "0"
    assert len(replies) - len(refused) >= 10


def test_its_paths_at_the_other_host(user):
    """In its own words: the interfaces document has none of them."""
    there = user.at("interfaces")
    check(there.client.get(ORDERS).json(), page({**ORDER, "symbol": FULL}))
    check(there.client.get(TICKER).json(), {"symbol": SYMBOL, "timestamp": TIME})
    check(there.client.get(ALERTS).json(), {"alerts": []})
    refusal(EDITION, there.client.get(ORDERS, params={"limit": 0}), 422)


# ---- The WebSockets -----------------------------------------------------------------------------

def test_the_stream_of_a_market(stack, user, other):
    async def run():
        path = f"/api/v1/ws/market/BTCUSDT?token={user.client.token}"
        async with Talk(stack, path) as talk:
            await asyncio.to_thread(trade, other, user, "45003.75")
            heard = await talk.hear_until(lambda m: m["price"] == "45003.75")
            for message in heard:
                check(message, WS_TICK)
    asyncio.run(run())


def test_the_stream_of_orders(stack, user, other):
    async def run():
        path = f"/api/v1/ws/orders?token={user.client.token}"
        async with Talk(stack, path) as talk:
            _, made = await asyncio.to_thread(trade, other, user, "45000.00", "0.001")
            heard = await talk.hear_until(lambda m: m.get("status") == "filled")
            for message in heard:
                check(message, WS_ORDER)
                assert message["order_id"] == made["id"]
            assert heard[-1]["filled_quantity"] == "0.001"
            waits = await asyncio.to_thread(place, user)
            await asyncio.to_thread(user.client.delete, f"{ORDERS}/{waits['id']}")
            heard = await talk.hear_until(lambda m: m["status"] == "cancelled")
            assert {m["order_id"] for m in heard} == {waits["id"]}
            assert heard[-1]["filled_quantity"] == "0"
    asyncio.run(run())


@pytest.mark.parametrize("path", ["/api/v1/ws/market/BTCUSDT", "/api/v1/ws/orders"])
def test_the_streams_without_a_token(stack, path):
    async def run():
        for query in ("", "?token=", "?token=rubbish"):
            status, body, _ = await ws_refusal(stack, path + query)
            assert status == 401
            check(body, {"detail": FULL, "code": "INVALID_TOKEN", "timestamp": TIME})
    asyncio.run(run())
