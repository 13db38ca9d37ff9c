# SPDX-License-Identifier: AGPL-3.0-or-later
"""The QuantEnergX document's trading and market data, by a client of it alone.

The document names its paths and three models; lists are as its rulings have
them, `{<plural>: [...], total, limit, offset}`.
"""

import itertools
import time
from decimal import Decimal

import pytest
from documents import MONEY, Caller, Callers, bad_numbers, refusal
from shapes import FULL, INT, NUMBER, OBJECT, TIME, Maybe
from signing import too_often

EDITION = "quantenergx"
SYMBOL = "ETH/ZAR"
PRICE = 45001
ORDERS = "/v1/trading/orders"
POSITIONS = "/v1/trading/positions"
PRICES = "/v1/market/prices"
HISTORY = "/v1/market/history/ETHZAR"
FEEDS = "/v1/market/feeds"
ALERTS = "/v1/market/alerts"
NOBODY = "00000000-0000-4000-8000-000000000000"

# ---- What the document and its rulings say ------------------------------------------

TRADE = {"id": FULL, "user_id": FULL, "symbol": FULL, "quantity": NUMBER,
         "price": Maybe(NUMBER), "side": ("buy", "sell"),
         "status": ("pending", "filled", "cancelled"), "created_at": TIME}
PAGE = {"total": INT, "limit": INT, "offset": INT}
POSITION_PAGE = {**PAGE, "positions": [{"symbol": FULL, "quantity": NUMBER}]}
PRICE_ROWS = {"prices": [{"symbol": FULL, "price": Maybe(NUMBER)}]}
CANDLES = {"symbol": SYMBOL, "interval": FULL, "history": [
    {"timestamp": TIME, "open": NUMBER, "high": NUMBER, "low": NUMBER,
     "close": NUMBER, "volume": NUMBER}]}
FEED_ROWS = {"feeds": [{"name": FULL, "url": FULL, "symbols": [FULL]}]}
ALERT = {"id": FULL, "symbol": FULL, "condition": ("above", "below"), "price": NUMBER}


@pytest.fixture(scope="module")
def anyone(stack):
    return Callers(stack, EDITION, 4)


@pytest.fixture(scope="module")
def traders(stack):
    return Callers(stack, EDITION, 4, MONEY)


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


def terms(**more):
    body = {"symbol": SYMBOL, "quantity": 0.5, "side": "buy", "price": 20001, **more}
    return {k: v for k, v in body.items() if v is not ...}


def place(caller, **more):
    return caller.ask("POST", ORDERS, 201, TRADE, terms(**more))


def trade(seller, buyer, price=PRICE, quantity=0.5):
    return [place(caller, side=side, price=price, quantity=quantity)
            for caller, side in ((seller, "sell"), (buyer, "buy"))]


# ---- Trading ----------------------------------------------------------------------------

def test_an_orders_life(user, other):
    """Created, shown, changed, cancelled; the Trade model at every step."""
    made = place(user)
    assert {k: made[k] for k in ("user_id", "symbol", "quantity", "price", "side",
                                 "status")} == {
        "user_id": user.person.id, "symbol": SYMBOL, "quantity": Decimal("0.5"),
        "price": 20001, "side": "buy", "status": "pending"}
    path = f"{ORDERS}/{made['id']}"
    shown = user.get(path, TRADE)
    assert {k: shown[k] for k in TRADE} == {k: made[k] for k in TRADE}
    changed = user.ask("PUT", path, 200, TRADE, {"quantity": 0.25, "price": 20002})
    assert (changed["id"], changed["quantity"], changed["price"]) == (
        made["id"], Decimal("0.25"), 20002)
    assert user.ask("PUT", path, 200, TRADE, {"price": "20003"})["price"] == 20003
    assert user.get(path, TRADE)["quantity"] == Decimal("0.25")
    for caller, asked in ((other, made["id"]), (user, NOBODY), (user, "nonsense"),
                          (user, "%20"), (user, "x" * 300)):
        for method, body in (("GET", None), ("PUT", {"quantity": 1}), ("DELETE", None)):
            caller.refused(method, f"{ORDERS}/{asked}", 404, "NOT_FOUND", body)
    gone = user.ask("DELETE", path, 200, OBJECT)
    assert gone["status"] == "cancelled"
    assert user.get(path, TRADE)["status"] == "cancelled"
    user.refused("DELETE", path, 409, "CONFLICT")
    user.refused("PUT", path, 409, "CONFLICT", {"quantity": 0.1})


def test_a_smaller_quantity_keeps_its_place(user, other):
    first, second = place(user, quantity=2), place(other, quantity=2)
    user.ask("PUT", f"{ORDERS}/{first['id']}", 200, TRADE, {"quantity": 1})
    third = Caller(user.stack, EDITION, MONEY)
    place(third, side="sell", price=20001, quantity=1)
    assert user.get(f"{ORDERS}/{first['id']}", TRADE)["status"] == "filled"
    assert other.get(f"{ORDERS}/{second['id']}", TRADE)["status"] == "pending"
    trade(other, user)      # the price is as it was


@pytest.mark.parametrize("more, status", [
    ({"price": ...}, "cancelled"), ({"type": "market", "price": ...}, "cancelled"),
    ({"type": "limit"}, "pending"), ({"price": None}, "cancelled"),
    ({"symbol": "eth-zar"}, "pending"), ({"symbol": "ETHZAR"}, "pending"),
    ({"quantity": "5e-1"}, "pending"), ({"side": "sell", "price": "90001"}, "pending"),
    ({"colour": {"green": []}}, "pending")])
def test_orders_that_are_accepted(user, more, status):
    made = place(user, **more)
    assert (made["status"], made["symbol"], made["quantity"]) == (
        status, SYMBOL, Decimal("0.5"))
    assert (made["price"] is None) == (status == "cancelled")


def test_a_trade(user, other):
    sold, bought = trade(user, other)
    assert bought["status"] == "filled" and bought["price"] == PRICE
    assert user.get(f"{ORDERS}/{sold['id']}", TRADE)["status"] == "filled"


BAD_ORDERS = [
    *[({name: ...}, name) for name in ("symbol", "quantity", "side")],
    *[({name: value}, name) for name, value in itertools.product(
        ("symbol", "quantity", "side", "price"), ("", "nonsense", [], {}, True))],
    ({"quantity": 0}, "quantity"), ({"quantity": -1}, "quantity"),
    ({"quantity": "0.0000001"}, "quantity"), ({"price": 0}, "price"),
    ({"price": 20001.5}, "price"), ({"type": "nonsense"}, "type"),
    ({"type": 5}, "type"), ({"type": "limit", "price": ...}, "price"),
    ({"symbol": "ETH/EUR"}, "symbol"), ({"role": "admin"}, "role"),
    ({"balance": 5}, "balance"), ({"status": "filled"}, "status"),
    ({"user_id": NOBODY}, "user_id")]


def test_orders_that_are_none(user):
    for more, field in BAD_ORDERS:
        user.refused("POST", ORDERS, 400, "VALIDATION_ERROR", terms(**more), field)
    user.refused("POST", ORDERS, 400, "INSUFFICIENT_FUNDS", terms(quantity=99999))
    user.refused("POST", ORDERS, 400, "PRICE_BAND", terms(price=10))
    for text in ("{", "[]", "null", ""):
        refusal(EDITION, user.client.request("POST", ORDERS, data=text, headers={
            "Content-Type": "application/json"}), 400)
    made = place(user)
    for body, field in (({"quantity": 0}, "quantity"), ({"price": -1}, "price"),
                        ({"quantity": "x"}, "quantity"), ({"status": "x"}, "status")):
        user.refused("PUT", f"{ORDERS}/{made['id']}", 400, "VALIDATION_ERROR", body,
                     field)
    user.refused("PUT", f"{ORDERS}/{made['id']}", 400, None, {})


def test_positions(stack):
    seller, buyer = (Caller(stack, EDITION, MONEY) for _ in range(2))
    assert buyer.get(POSITIONS, POSITION_PAGE)["positions"] == []
    trade(seller, buyer)
    body = buyer.get(POSITIONS, POSITION_PAGE)
    (position,) = body["positions"]
    assert (body["total"], body["offset"]) == (1, 0)
    assert (position["symbol"], position["quantity"]) == (SYMBOL, Decimal("0.5"))
    assert buyer.get(POSITIONS, POSITION_PAGE, offset=1)["positions"] == []
    assert seller.get(POSITIONS, POSITION_PAGE)["positions"] == []


# ---- Market data ----------------------------------------------------------------------------

def test_prices(user, other):
    trade(user, other)
    rows = {r["symbol"]: r for r in user.get(PRICES, PRICE_ROWS)["prices"]}
    assert rows[SYMBOL]["price"] == PRICE and len(rows) >= 10


@pytest.mark.parametrize("interval", [None, "1m", "5m", "15m", "1h", "4h", "1d", "1w"])
def test_history(user, other, interval):
    trade(user, other)
    query = {"interval": interval} if interval else {}
    body = user.get(HISTORY, CANDLES, **query)
    assert body["interval"] == (interval or "1h")
    assert body["history"][-1]["close"] == PRICE
    now = int(time.time())
    since = now - 8 * 86400     # longer than any candle
    for start in (since, since * 1000,
                  time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(since))):
        ranged = user.get(HISTORY, CANDLES, **query, start_time=start, end_time=now + 60)
        assert ranged["history"][-1]["close"] == PRICE
    assert user.get(HISTORY, CANDLES, **query, end_time="2020-01-01")["history"] == []
    assert len(user.get(HISTORY, CANDLES, **query, limit=1)["history"]) == 1


@pytest.mark.parametrize("query", [
    {"interval": "2m"}, {"interval": "1M"}, {"start_time": "yesterday"},
    {"end_time": "2025-13-01"}, *[{"limit": bad} for bad in bad_numbers(1000)]])
def test_no_history(anyone, query):
    anyone.refused("GET", HISTORY, 400, "VALIDATION_ERROR", None, next(iter(query)),
                   **query)


@pytest.mark.parametrize("symbol", ["NOSUCH", "-", "ETH--ZAR", "x" * 500, "%F0%9F%8D%8B",
                                    "ETH%20ZAR", "'%22%3B--"])
def test_no_market(anyone, symbol):
    reply = next(anyone).client.get(f"/v1/market/history/{symbol}")
    assert reply.status_code in (400, 404), reply.text
    refusal(EDITION, reply, reply.status_code)


def test_feeds(anyone):
    for feed in anyone.get(FEEDS, FEED_ROWS)["feeds"]:
        assert feed["url"].startswith(("ws://", "wss://", "/"))


# ---- Price alerts -----------------------------------------------------------------------------

def test_price_alerts(user):
    for condition, price in (("above", 99999), ("below", "1.5")):
        made = user.ask("POST", ALERTS, 201, ALERT, {
            "symbol": "ethzar", "condition": condition, "price": price})
        assert (made["symbol"], made["condition"], made["price"]) == (
            SYMBOL, condition, Decimal(price))
    good = {"symbol": SYMBOL, "condition": "above", "price": 99999}
    for more, field in [
            *[({name: None}, name) for name in good],
            ({"symbol": "NOSUCH"}, "symbol"), ({"condition": "near"}, "condition"),
            ({"condition": 5}, "condition"), ({"price": "x"}, "price"),
            ({"price": 0}, "price"), ({"price": -1}, "price"), ({"price": []}, "price"),
            ({"status": "x"}, "status"), ({"user_id": NOBODY}, "user_id"),
            ({"role": "x"}, "role"), ({"balance": 1}, "balance")]:
        user.refused("POST", ALERTS, 400, "VALIDATION_ERROR", {**good, **more}, field)


# ---- Errors and limits ----------------------------------------------------------------------------

def test_the_documents_errors(stack, user):
    client = stack.client()
    for path in (POSITIONS, PRICES, HISTORY, FEEDS):
        refusal(EDITION, client.get(path), 401, "UNAUTHORIZED")
    for path in (ORDERS, ALERTS):
        refusal(EDITION, client.post(path, {}), 401, "UNAUTHORIZED")
    user.refused("GET", "/v1/nothing", 404, "NOT_FOUND")
    user.refused("DELETE", PRICES, 405, "METHOD_NOT_ALLOWED")


def test_fifty_in_ten_seconds(stack):
    lone = Caller(stack, EDITION)
    impatient = stack.client()
    impatient.bearer(lone.client.token)
    replies = too_often(impatient, POSITIONS)
    refused = [reply for reply in replies if reply.status_code == 429]
    for reply in refused:
        refusal(EDITION, reply, 429)
        assert int(reply.headers["Retry-After"]) >= 1
    assert len(replies) - len(refused) >= 50


@pytest.mark.parametrize("other_edition, path", [
    ("interfaces", "/api/v1/trading/orders"), ("botplatform", "/api/v1/orders")])
def test_the_same_order_in_the_others_words(user, other_edition, path):
    """One account, one book, three spellings."""
    made = place(user)
    there = user.at(other_edition)
    body = there.get(f"{path}/{made['id']}", OBJECT)
    if other_edition == "botplatform":
        assert (body["symbol"], body["quantity"], body["price"], body["side"]) == (
            "ETHZAR", "0.5", "20001", "BUY")
    else:
        assert (body["symbol"], body["quantity"], body["price"], body["side"]) == (
            SYMBOL, Decimal("0.5"), 20001, "buy")
    assert there.client.delete(f"{path}/{made['id']}").status_code == 200
    assert user.get(f"{ORDERS}/{made['id']}", TRADE)["status"] == "cancelled"
