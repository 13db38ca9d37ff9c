# SPDX-License-Identifier: AGPL-3.0-or-later
"""The API Interfaces document, end to end, by a client that knows it alone.

Paths, names, types, words and limits are the document's; a client at the host
that the document names.  Its risk and its stream: test_client_interfaces_ws.py.
"""

import itertools
import re
import time
from decimal import Decimal

import pytest
from candles import in_one_minute, text_of
from documents import MONEY, Caller, Callers, bad_numbers, refusal
from interfaces import (
    ALERT, ALERTS, CANCELLED, CANDLES, CREATED, EDITION, LIMITS, LISTED, LOGIN, MARKET,
    METRIC, METRICS, NOBODY, OHLCV, ORDERS, PLACED, POSITION, POSITIONS, PRICE,
    STRATEGIES, SYMBOL, SYMBOLS, TYPES, UPDATED, place, show, terms, trade)
from quantora import wait_until
from shapes import JWT, OBJECT, check


@pytest.fixture(scope="module")
def anyone(stack):
    """Readers who take turns."""
    return Callers(stack, EDITION)


@pytest.fixture(scope="module")
def traders(stack):
    return Callers(stack, EDITION, 8, MONEY)


def in_turn(traders):
    caller = next(traders)
    yield caller
    assert caller.client.delete(ORDERS).status_code == 200


@pytest.fixture
def user(traders):
    yield from in_turn(traders)


@pytest.fixture
def other(traders):
    yield from in_turn(traders)


@pytest.fixture
def fresh(stack):
    """One who has done nothing yet."""
    caller = Caller(stack, EDITION, MONEY)
    yield caller
    assert caller.client.delete(ORDERS).status_code in (200, 401)


# ---- 2. Authentication ------------------------------------------------------------

def test_a_session(stack, fresh):
    """Log in, ask, refresh, log out; the numbers of the document's examples."""
    client = stack.client()
    client.session.headers["Host"] = "api.example.com"
    for path in (POSITIONS, STRATEGIES, SYMBOLS, LIMITS, METRICS, ALERTS):
        refusal(EDITION, client.get(path), 401, "UNAUTHORIZED")
    reply = client.post("/api/v1/auth/login", {
        "username": fresh.person.email, "password": fresh.person.password,
        "mfa_token": None})
    assert reply.status_code == 200, reply.text
    check(reply.json(), LOGIN)
    tokens = reply.json()
    client.bearer(tokens["access_token"])
    assert client.get(POSITIONS).json()["positions"] == []
    reply = client.post("/api/v1/auth/refresh", {
        "refresh_token": tokens["refresh_token"]})
    assert reply.status_code == 200, reply.text
    check(reply.json(), {"access_token": JWT, "expires_in": 3600})
    client.bearer(reply.json()["access_token"])
    last = reply.json().get("refresh_token", tokens["refresh_token"])
    reply = client.post("/api/v1/auth/logout", {"refresh_token": last})
    assert reply.status_code == 200
    assert reply.json() == {"message": "Successfully logged out"}
    refusal(EDITION, client.get(POSITIONS), 401, "UNAUTHORIZED")
    refusal(EDITION, client.post("/api/v1/auth/refresh", {"refresh_token": last}), 401)


# ---- 3.2 – 3.4 Orders -------------------------------------------------------------

@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("tif", [..., "gtc", "ioc", "fok"])
def test_every_type_and_time_in_force(user, other, kind, tif):
    """What is accepted is placed, shown as it was sent, and can be cancelled."""
    trade(user, other)    # stops wait for a price that is not reached
    for side in ("buy", "sell"):
        sent = terms(kind, side, time_in_force=tif)
        order_id = place(user, **{**sent, "kind": kind})
        order = show(user, order_id)
        assert (order["symbol"], order["exchange"], order["side"], order["type"]) == (
            SYMBOL, "quantora", side, kind)
        assert order["quantity"] == Decimal("0.5") and order["filled_quantity"] == 0
        for name in ("price", "stop_price"):
            assert order[name] == (Decimal(str(sent[name])) if name in sent else None)
        assert order["avg_fill_price"] is None and order["fees"] == 0
        # Nobody is there: what cannot wait is over.
        over = kind == "market" or (kind == "limit" and tif in ("ioc", "fok"))
        assert order["status"] == ("cancelled" if over else "placed")
        if over:
            user.refused("DELETE", f"{ORDERS}/{order_id}", 409, "CONFLICT")
            continue
        done = user.ask("DELETE", f"{ORDERS}/{order_id}", 200, CANCELLED)
        assert (done["order_id"], done["status"]) == (order_id, "cancelled")
        order = show(user, order_id)
        assert order["status"] == "cancelled" and order["price"] == (
            Decimal(str(sent["price"])) if "price" in sent else None)
        user.refused("DELETE", f"{ORDERS}/{order_id}", 409, "CONFLICT")


def test_a_stop_with_a_price_is_a_stop_limit(user, other):
    trade(user, other)
    for kind, stop in (("stop_loss", 2400.5), ("take_profit", 2600.75)):
        waits = place(user, kind, "sell", stop_price=stop, price=2300.01)
        assert (show(user, waits)["price"], show(user, waits)["stop_price"]) == (
            Decimal("2300.01"), Decimal(str(stop)))
        trade(user, other, stop)
        place(other, "limit", "buy", price=2300.01)
        wait_until(lambda o=waits: show(user, o)["status"] == "filled")
        assert show(user, waits)["avg_fill_price"] == Decimal("2300.01")


def test_a_stop_fires_at_the_last_price(user, other):
    """A stop-market sells into what is bid then."""
    trade(user, other)
    bid = place(other, "limit", "buy", price=2300, quantity=2)
    stop = place(user, "stop_loss", "sell", stop_price=2400)
    take = place(user, "take_profit", "sell", stop_price=2600)
    assert show(user, stop)["status"] == show(user, take)["status"] == "placed"
    trade(user, other, Decimal(2400))
    wait_until(lambda: show(user, stop)["status"] == "filled")
    fired = show(user, stop)
    assert fired["avg_fill_price"] == 2300 and fired["filled_quantity"] == Decimal("0.5")
    assert fired["fees"] == Decimal("2.3")      # a taker's 0.2 % of 1150
    assert show(user, take)["status"] == "placed"
    part = show(other, bid)
    assert part["status"] == "partially_filled" and part["fees"] == Decimal("1.15")


def test_fills_and_their_figures(user, other):
    for price, quantity in (("2500.25", "0.3"), ("2501.75", "0.7")):
        place(other, "limit", "sell", price=price, quantity=quantity)
    order = show(user, place(user, "market", "buy", quantity="0.9"))
    assert order["status"] == "filled" and order["filled_quantity"] == Decimal("0.9")
    assert order["avg_fill_price"] == Decimal("2501.25")
    assert order["fees"] == Decimal("4.50225")
    # The rest of it: ioc takes what is there, fok all or nothing.
    fok = show(user, place(user, "limit", "buy", price=2600, quantity=1,
                           time_in_force="fok"))
    assert (fok["status"], fok["filled_quantity"]) == ("cancelled", 0)
    ioc = show(user, place(user, "limit", "buy", price=2600, quantity=1,
                           time_in_force="ioc"))
    assert (ioc["status"], ioc["filled_quantity"]) == ("cancelled", Decimal("0.1"))
    assert ioc["avg_fill_price"] == Decimal("2501.75")


@pytest.mark.parametrize("written", [
    "0.300000", '"0.3"', "3e-1", "0.30000000", '"0.3000"', "30E-2", '"3e-1"'])
def test_numbers_are_read_from_their_digits(user, written):
    body = (f'{{"symbol":"{SYMBOL}","side":"buy","type":"limit",'
            f'"price":1000.01,"quantity":{written}}}')
    reply = user.client.request("POST", ORDERS, data=body, headers={
        "Content-Type": "application/json"})
    assert reply.status_code == 200, reply.text
    text = user.client.get(f"{ORDERS}/{reply.json()['order_id']}").text
    assert re.search(r'"quantity":\s*0\.3[,}]', text), text
    assert re.search(r'"price":\s*1000\.01[,}]', text), text


@pytest.mark.parametrize("symbol", ["ETH/USDT", "ETH-USDT", "ETHUSDT", "eth/usdt",
                                    "ethusdt"])
def test_symbols_however_spelled(user, symbol):
    order_id = place(user, symbol=symbol)
    assert show(user, order_id)["symbol"] == SYMBOL
    assert user.get(POSITIONS, {"positions": [POSITION]}, symbol=symbol)


BAD_ORDERS = [
    *[({name: ...}, name) for name in ("symbol", "side", "type", "quantity", "price")],
    *[({name: value}, name) for name, value in itertools.product(
        ("symbol", "side", "type", "quantity", "price"),
        ("", "nonsense", [], {}, True))],
    ({"quantity": 0}, "quantity"), ({"quantity": -1}, "quantity"),
    ({"quantity": "0.0000001"}, "quantity"), ({"quantity": "1e400"}, "quantity"),
    ({"quantity": 1e30}, "quantity"), ({"quantity": "NaN"}, "quantity"),
    ({"quantity": "1,5"}, "quantity"), ({"quantity": "0x10"}, "quantity"),
    ({"price": 0}, "price"), ({"price": -5}, "price"), ({"price": 1000.001}, "price"),
    ({"symbol": "BTC/EUR"}, "symbol"), ({"side": "BUY!"}, "side"),
    ({"exchange": "nowhere"}, "exchange"), ({"exchange": 5}, "exchange"),
    ({"time_in_force": "day"}, "time_in_force"),
    ({"time_in_force": 5}, "time_in_force"),
    ({"type": "stop_loss", "price": ...}, "stop_price"),
    ({"type": "take_profit"}, "stop_price"),
    ({"type": "stop_loss", "stop_price": -1}, "stop_price"),
    ({"type": "stop_loss", "stop_price": 1000.001}, "stop_price"),
    ({"strategy_id": "nonsense"}, "strategy_id"), ({"strategy_id": 5}, "strategy_id"),
    ({"strategy_id": NOBODY}, "strategy_id"),
    ({"role": "admin"}, "role"), ({"balance": 5}, "balance"),
    ({"status": "filled"}, "status"), ({"user_id": NOBODY}, "user_id"),
]


def test_orders_that_are_none(user):
    for more, field in BAD_ORDERS:
        user.refused("POST", ORDERS, 400, "VALIDATION_ERROR", terms(**more), field)
    user.refused("POST", ORDERS, 400, "INSUFFICIENT_FUNDS", terms(quantity=99999.5))
    user.refused("POST", ORDERS, 400, "PRICE_BAND", terms(price=10))
    for text in ("{", "[]", "", "null", "5", '"x"', "[{}]", '{"symbol":'):
        refusal(EDITION, user.client.request("POST", ORDERS, data=text, headers={
            "Content-Type": "application/json"}), 400)


def test_what_is_more_is_ignored(user, other):
    order_id = place(user, colour="green", nested={"a": [1]}, exchange=...)
    assert show(user, order_id)["exchange"] == "quantora"
    # Another's is not there, and neither is nobody's nor nonsense.
    for asked in (order_id, NOBODY, "nonsense", "5", "%20", "x" * 300, "%F0%9F%8D%8B"):
        for method in ("GET", "DELETE"):
            other.refused(method, f"{ORDERS}/{asked}", 404, "NOT_FOUND")
    assert show(user, order_id)["status"] == "placed"


# ---- 3.1 Positions ------------------------------------------------------------------

def test_positions(stack, fresh):
    another = Caller(stack, EDITION, MONEY)
    trade(another, fresh, quantity="0.2")
    trade(another, fresh, Decimal("2510.25"), quantity="0.3")
    place(another, "limit", "sell", price=50000, quantity="0.01", symbol="BTC/USDT")
    fresh.ask("POST", ORDERS, 200, PLACED, terms("market", quantity="0.01",
                                                symbol="BTC/USDT"))
    found = fresh.get(POSITIONS, {"positions": [POSITION]})["positions"]
    assert {p["symbol"] for p in found} == {SYMBOL, "BTC/USDT"}
    assert fresh.get(POSITIONS, {}, symbol="ethusdt")["positions"] == [
        p for p in found if p["symbol"] == SYMBOL]
    (position,) = fresh.get(POSITIONS, {}, symbol="ETH-USDT")["positions"]
    assert position["side"] == "buy" and position["quantity"] == Decimal("0.5")
    assert position["entry_price"] == Decimal("2506.25")
    assert position["current_price"] == Decimal("2510.25")
    assert position["pnl"] == 2
    assert abs(position["pnl_percentage"] - Decimal("0.1596")) < Decimal("0.0001")
    assert position["exchange"] == "quantora"
    # Who sold what he had been given has none.
    assert another.get(POSITIONS, {}, status="all")["positions"] == []


def test_positions_by_status_and_limit(fresh, other):
    """51 that are closed, of which 50 are shown unless more are asked for."""
    place(other, "limit", "buy", price=2500, quantity=51)
    place(other, "limit", "sell", price=2501, quantity=52)
    for _ in range(51):
        for side in ("buy", "sell"):
            place(fresh, "market", side, quantity=1)
    place(fresh, "market", "buy", quantity=1)

    def shown(**query):
        return fresh.get(POSITIONS, {"positions": [POSITION]}, **query)["positions"]
    assert len(shown()) == len(shown(status="open")) == 1
    assert len(shown(status="closed")) == 50
    assert len(shown(status="closed", limit=100)) == 51
    assert len(shown(status="all", limit="100")) == 52
    assert len(shown(status="all", limit=3, symbol=SYMBOL)) == 3
    assert shown(status="closed", symbol="BTC/USDT") == []


@pytest.mark.parametrize("path, query", [
    (POSITIONS, {"status": "ended"}), (POSITIONS, {"status": "OPEN closed"}),
    (POSITIONS, {"status": "open,closed"}), (POSITIONS, {"symbol": "nonsense"}),
    (POSITIONS, {"symbol": "€/%"}), (STRATEGIES, {"active": "perhaps"}),
    (STRATEGIES, {"active": "2"}), (SYMBOLS, {"exchange": "nowhere"}),
    (METRICS, {"component": "kitchen"}), (METRICS, {"start_time": "yesterday"}),
    (METRICS, {"end_time": "-x"}), (ALERTS, {"status": "old"}),
    (ALERTS, {"severity": "bad"}), (ALERTS, {"severity": "5"}),
])
def test_no_value_of_the_parameter(anyone, path, query):
    anyone.refused("GET", path, 400, "VALIDATION_ERROR", None, next(iter(query)),
                   **query)


@pytest.mark.parametrize("path, most, more", [
    (POSITIONS, 100, {}), (STRATEGIES, 100, {}), (SYMBOLS, 1000, {}),
    (OHLCV, 1000, {"exchange": "quantora", "interval": "1m"})])
def test_limits_and_beyond(anyone, path, most, more):
    for good in (1, most):
        anyone.get(path, OBJECT, limit=good, **more)
    for bad in bad_numbers(most):
        anyone.refused("GET", path, 400, "VALIDATION_ERROR", None, "limit", limit=bad,
                       **more)


# ---- 4. Strategies ------------------------------------------------------------------

def test_strategies(fresh, other):
    made = fresh.ask("POST", STRATEGIES, 201, CREATED, {
        "name": "Crossing", "description": "two lines",
        "config": {"type": "sma_cross", "fast": 5, "slow": 20}, "colour": "green"})
    assert (made["name"], made["description"], made["is_active"]) == (
        "Crossing", "two lines", True)
    assert made["config"]["type"] == "sma_cross"
    assert (made["config"]["fast"], made["config"]["slow"]) == (5, 20)
    path = f"{STRATEGIES}/{made['id']}"
    done = fresh.ask("PUT", path, 200, UPDATED, {
        "name": "Crossed", "description": "", "is_active": False,
        "config": {"type": "rsi", "period": 10}})
    assert (done["id"], done["name"], done["description"], done["is_active"]) == (
        made["id"], "Crossed", "", False)
    assert done["config"]["type"] == "rsi" and done["config"]["period"] == 10
    (row,) = fresh.get(STRATEGIES, {"strategies": [LISTED]})["strategies"]
    assert (row["id"], row["created_at"], row["updated_at"]) == (
        made["id"], made["created_at"], done["updated_at"])
    assert fresh.get(STRATEGIES, {}, active="true")["strategies"] == []
    assert fresh.get(STRATEGIES, {}, active="false")["strategies"] == [row]
    # Another's is not there.
    for asked in (made["id"], NOBODY, "nonsense"):
        other.refused("PUT", f"{STRATEGIES}/{asked}", 404, "NOT_FOUND", {"name": "x"})
    assert other.get(STRATEGIES, {})["strategies"] == []
    # An order may name it.
    order = place(fresh, strategy_id=made["id"])
    assert fresh.get(f"{ORDERS}/{order}", {})["strategy_id"] == made["id"]


@pytest.mark.parametrize("kind", ["sma_cross", "ema_cross", "momentum", "breakout",
                                  "mean_reversion", "bollinger", "rsi", "macd", "grid",
                                  "dca"])
def test_each_type_of_strategy_has_its_defaults(anyone, kind):
    caller = next(anyone)
    made = caller.ask("POST", STRATEGIES, 201, CREATED, {
        "name": kind, "description": "", "config": {"type": kind}})
    assert made["config"]["type"] == kind and len(made["config"]) > 1


def test_strategies_that_are_none(fresh):
    good = {"name": "x", "description": "", "config": {"type": "momentum"}}
    for more, field in [
            ({"name": ""}, "name"), ({"name": 5}, "name"), ({"name": None}, "name"),
            ({"name": "x" * 5000}, "name"), ({"description": 5}, "description"),
            ({"config": None}, "config"), ({"config": []}, "config"),
            ({"config": "momentum"}, "config"), ({"role": "admin"}, "role"),
            ({"status": "active"}, "status"), ({"user_id": NOBODY}, "user_id")]:
        fresh.refused("POST", STRATEGIES, 400, "VALIDATION_ERROR", {**good, **more},
                     field)
    for config in ({}, {"type": "magic"}, {"type": 5}, {"type": "momentum", "period": 0},
                   {"type": "momentum", "period": "x"},
                   {"type": "sma_cross", "fast": 20, "slow": 5}):
        fresh.refused("POST", STRATEGIES, 400, "VALIDATION_ERROR",
                     {**good, "config": config})
    assert fresh.get(STRATEGIES, {})["strategies"] == []


def test_fifty_strategies_unless_more_are_asked_for(stack):
    user = Caller(stack, EDITION)
    for i in range(51):
        user.ask("POST", STRATEGIES, 201, CREATED, {
            "name": f"no. {i}", "description": "", "config": {"type": "dca"}})
    for query, n in (({}, 50), ({"limit": 100}, 51), ({"limit": 2}, 2),
                     ({"active": "true"}, 50), ({"active": "false"}, 0)):
        assert len(user.get(STRATEGIES, {"strategies": [LISTED]}, **query)[
            "strategies"]) == n


# ---- 5. Market data -----------------------------------------------------------------

def test_symbols(anyone):
    found = anyone.get(SYMBOLS, {"symbols": [MARKET]})["symbols"]
    assert len(found) >= 10
    ours = {m["symbol"]: m for m in found if m["exchange"] == "quantora"}
    assert ours[SYMBOL] == {"symbol": SYMBOL, "exchange": "quantora",
                            "base_currency": "ETH", "quote_currency": "USDT",
                            "status": "active"}
    listed = anyone.get(SYMBOLS, {"symbols": [MARKET]}, exchange="quantora")["symbols"]
    assert {m["symbol"] for m in listed} == set(ours)
    assert all(m["exchange"] == "quantora" for m in listed)
    assert len(anyone.get(SYMBOLS, {}, limit=4)["symbols"]) == 4


@pytest.mark.parametrize("interval, seconds", [
    ("1m", 60), ("5m", 300), ("15m", 900), ("1h", 3600), ("4h", 14400), ("1d", 86400),
    ("1w", 604800)])
def test_candles_of_every_interval(user, other, interval, seconds):
    def traded():
        trade(user, other, Decimal("2499.75"), "0.25")
        trade(user, other, PRICE, "0.25")
        return user.get(OHLCV, CANDLES, exchange="quantora", interval=interval)
    body, now = in_one_minute(traded)
    assert (body["exchange"], body["interval"]) == ("quantora", interval)
    last = body["candles"][-1]
    assert last["close"] == PRICE and last["volume"] > 0
    assert last["low"] <= Decimal("2499.75") and last["high"] >= PRICE
    begins = now - now % seconds if interval != "1w" else \
        now - (now - 4 * 86400) % seconds
    assert last["timestamp"] == text_of(begins)


def test_candles_times_and_their_range(user, other):
    trade(user, other)
    query = {"exchange": "quantora", "interval": "1m"}
    now = int(time.time())
    all_of_it = user.get(OHLCV, CANDLES, **query, start_time=now - 6000,
                         end_time=now)["candles"]
    assert all_of_it
    iso = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now))
    for end in (now * 1000, iso, f"{iso[:-1]}+00:00", iso.lower()):
        found = user.get(OHLCV, CANDLES, **query, start_time=now - 6000, end_time=end)
        assert found["candles"] == all_of_it
    assert user.get(OHLCV, CANDLES, **query, end_time=now, limit=1)["candles"] == \
        all_of_it[-1:]
    assert user.get(OHLCV, CANDLES, **query, start_time=0, end_time=1)["candles"] == []
    assert user.get(OHLCV, CANDLES, exchange="quantora", interval="1d",
                    start_time="2020-01-01", end_time="2020-01-02")["candles"] == []


@pytest.mark.parametrize("query, field", [
    ({"exchange": None}, "exchange"), ({"interval": None}, "interval"),
    ({"exchange": ""}, "exchange"), ({"interval": "2m"}, "interval"),
    ({"interval": "1H"}, "interval"), ({"interval": "1M"}, "interval"),
    ({"exchange": "nowhere"}, "exchange"), ({"start_time": "yesterday"}, "start_time"),
    ({"end_time": "2025-02-30"}, "end_time"), ({"end_time": "1e9"}, "end_time"),
    ({"start_time": "9" * 30}, "start_time"),
    ({"start_time": 2000000000, "end_time": 1000000000}, "end_time")])
def test_candles_that_are_not_asked_well(anyone, query, field):
    query = {"exchange": "quantora", "interval": "1m", **query}
    anyone.refused("GET", OHLCV, 400, "VALIDATION_ERROR", None, field,
                   **{k: v for k, v in query.items() if v is not None})


@pytest.mark.parametrize("symbol", ["NOSUCH", "BTC", "BTC/EUR", "%F0%9F%8D%8B", "..",
                                    "x" * 500, "-", "ETH--USDT",
                                    "ETHUSDT%20", "ETHUSDT%09"])
def test_no_symbol(anyone, symbol):
    caller = next(anyone)
    reply = caller.client.get(f"{SYMBOLS}/{symbol}/ohlcv?exchange=quantora&interval=1m")
    assert reply.status_code in (400, 404), reply.text
    refusal(EDITION, reply, reply.status_code)


# ---- 7. Monitoring --------------------------------------------------------------------

def test_metrics(anyone):
    def ask(**query):
        return anyone.get(METRICS, {"metrics": [METRIC]}, **query)["metrics"]
    found = ask()
    names = {m["component"] for m in found}
    assert names == {"matcher", "settler", "api", "streams", "database", "cache",
                     "workers"}
    for component in names:
        rows = ask(component=component)
        assert rows and {m["component"] for m in rows} == {component}
        metric = rows[0]["metric"]
        assert {m["metric"] for m in ask(metric=metric)} == {metric}
        assert {(m["component"], m["metric"])
                for m in ask(component=component, metric=metric)} == {
                    (component, metric)}
    now = int(time.time())
    for start, end in ((now - 3600, now), ((now - 3600) * 1000, now * 1000)):
        for row in ask(component="matcher", start_time=start, end_time=end):
            assert row["component"] == "matcher"
    assert ask(start_time=0, end_time=1) == []


@pytest.mark.parametrize("query", [
    {}, {"status": "active"}, {"status": "resolved"}, {"severity": "info"},
    {"severity": "warning"}, {"severity": "critical"},
    {"status": "resolved", "severity": "critical"}])
def test_alerts(anyone, query):
    for alert in anyone.get(ALERTS, {"alerts": [ALERT]}, **query)["alerts"]:
        assert {k: alert[k] for k in query} == query
        assert (alert["resolved_at"] is None) == (alert["status"] == "active")
