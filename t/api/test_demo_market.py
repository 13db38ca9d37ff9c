# SPDX-License-Identifier: AGPL-3.0-or-later
"""The demo market: a maker and takers that never sleep, on every instrument."""

import re
import signal
import uuid
from decimal import Decimal

import pytest
from quantora import Stack, wait_until

# symbol: (reference price, tick)
INSTRUMENTS = {
    "BTC/USD": ("50000", "0.01"), "ETH/USD": ("2500", "0.01"),
    "BTC/USDT": ("50000", "0.01"), "ETH/USDT": ("2500", "0.01"),
    "BTC/ZAR": ("900000", "1"), "ETH/ZAR": ("45000", "1"),
    "USDT/ZAR": ("18", "0.01"), "MWH/USD": ("60", "0.01"),
    "REC/USD": ("5", "0.01"), "EUA/EUR": ("70", "0.01"),
}
RUNGS = 6
MAKER = "robot:demo-maker"


@pytest.fixture(scope="module")
def market():
    with Stack.boot_new(demo=True) as running:
        yield running


def book(stack, symbol):
    reply = stack.client().get("/api/orderbook", params={"symbol": symbol})
    assert reply.status_code == 200
    return reply.json(parse_float=Decimal, parse_int=Decimal)["data"]


def whole(stack, symbol):
    bids, asks = book(stack, symbol)
    return len(bids) >= RUNGS and len(asks) >= RUNGS


def trades(stack):
    return stack.sql("SELECT COUNT(*) FROM trades")[0][0]


def quotes(stack):
    """How many orders the maker has in each instrument's book."""
    return {row[0]: row[1] for row in stack.sql(
        "SELECT i.symbol, COUNT(*) FROM orders o JOIN users u ON u.id = o.user_id "
        "JOIN instruments i ON i.id = o.instrument_id "
        "WHERE u.email = %s AND o.status = 0 GROUP BY i.symbol", MAKER)}


def goes_on(stack):
    """Every ladder whole, nothing of an earlier life beside it, and trades."""
    for symbol in INSTRUMENTS:
        wait_until(lambda: whole(stack, symbol), f"a ladder on {symbol}")
    before = trades(stack)
    wait_until(lambda: trades(stack) > before, "a trade")
    wait_until(lambda: quotes(stack).keys() == INSTRUMENTS.keys()
               and max(quotes(stack).values()) <= 2 * RUNGS,
               "quotes on every instrument, and no more than a ladder")


def cancelled(stack):
    """Whether all that the maker now has was placed after this was asked."""
    before, = stack.sql("SELECT MAX(id) FROM orders")[0]
    return lambda: stack.sql(
        "SELECT COUNT(*) FROM orders o JOIN users u ON u.id = o.user_id "
        "WHERE u.email = %s AND o.status = 0 AND o.id <= %s", MAKER, before) == ((0,),)


def test_every_book_has_two_sides(market):
    for symbol, (reference, tick) in INSTRUMENTS.items():
        wait_until(lambda: whole(market, symbol), f"a ladder on {symbol}")
        bids, asks = book(market, symbol)
        prices = [price for price, _ in bids + asks]
        assert bids[0][0] < asks[0][0]
        assert [p for p, _ in bids] == sorted((p for p, _ in bids), reverse=True)
        assert [p for p, _ in asks] == sorted(p for p, _ in asks)
        assert all(price % Decimal(tick) == 0 for price in prices)
        for price in prices:
            assert Decimal("0.5") < price / Decimal(reference) < 2


def test_takers_trade(market):
    wait_until(lambda: market.sql(
        "SELECT COUNT(DISTINCT instrument_id) FROM trades")[0][0] >= 4,
        "trades on four instruments")
    # Never with oneself, and only robots.
    assert market.sql("SELECT COUNT(*) FROM trades WHERE maker_user = taker_user") == ((0,),)
    assert market.sql(
        "SELECT COUNT(*) FROM trades t JOIN users u ON u.id = t.taker_user "
        "WHERE u.email NOT LIKE 'robot:%%'") == ((0,),)


def test_a_person_can_trade_with_it(market):
    said = market.ctl("demo", "setup")
    password = re.search(r"password (\S+):", said)[1]
    alice = market.client()
    alice.login("alice@demo.quantora", password)
    wait_until(lambda: whole(market, "MWH/USD"), "a ladder on MWH/USD")
    number, = market.sql(
        "SELECT public_id FROM users WHERE email = 'alice@demo.quantora'")[0]
    order = {"user_id": str(uuid.UUID(bytes=number)), "side": "buy",
             "order_type": "market", "qty": 1, "symbol": "MWH/USD"}
    reply = alice.post("/api/order", json=order)
    assert reply.status_code == 200, reply.text
    assert sum(fill["qty"] for fill in reply.json()["data"]) == 1
    goes_on(market)


def test_it_survives_the_matcher(market):
    goes_on(market)
    begun_anew = cancelled(market)
    market.kill("matcherd")
    wait_until(begun_anew, "a new beginning")
    goes_on(market)


def test_it_survives_itself(market):
    begun_anew = cancelled(market)
    market.kill("workerd")
    wait_until(begun_anew, "a new beginning")
    goes_on(market)
    begun_anew = cancelled(market)
    market.kill("workerd", signal.SIGTERM)
    wait_until(lambda: "workerd stopped" in market.log("workerd"), "an orderly stop")
    wait_until(begun_anew, "a new beginning")
    goes_on(market)


def test_it_needs_no_database(market):
    market.kill("mysql", signal.SIGSTOP)
    try:
        before = {symbol: book(market, symbol) for symbol in INSTRUMENTS}
        for symbol in INSTRUMENTS:
            wait_until(lambda: book(market, symbol) != before[symbol],
                       f"a change of {symbol}")
    finally:
        market.kill("mysql", signal.SIGCONT)
    goes_on(market)


def test_a_halted_market_is_left_alone(market):
    market.ctl("instruments", "status", "REC/USD", "halted")
    halted = book(market, "REC/USD")
    before = market.sql("SELECT applied_seq FROM settle_state")[0][0]
    wait_until(lambda: market.sql("SELECT applied_seq FROM settle_state")[0][0]
               > before + 50, "fifty commands")
    assert book(market, "REC/USD") == halted
    market.ctl("instruments", "status", "REC/USD", "trading")
    wait_until(lambda: book(market, "REC/USD") != halted, "a change of REC/USD")


def test_setup_says_the_same_again(market):
    def money():
        return market.sql(
            "SELECT COUNT(*), SUM(amount) FROM ledger WHERE account = 0 AND cause = 9")

    def without_codes(text):
        return re.sub(r"code now \d{6}", "", text)

    had = money()
    first = market.ctl("demo", "setup")
    assert without_codes(market.ctl("demo", "setup")) == without_codes(first)
    assert money() == had


def test_nobody_is_a_robot(market):
    client = market.client()
    for name in (MAKER, "robot:demo-taker-1"):
        reply = client.post("/api/login", json={"email": name, "password": "robot"})
        assert reply.status_code == 401
    for body in ({"email": "robot:x", "password": "correct horse 1"},
                 {"email": "x@example.com", "username": "robot:x",
                  "password": "correct horse 1"}):
        reply = client.post("/api/register", json=body)
        assert reply.status_code == 400, reply.text


def test_the_books_balance(market):
    assert "checks are good" in market.ctl("ledger", "verify")


def test_without_demo_nobody_trades():
    with Stack.boot_new(demo=False) as quiet:
        assert quiet.sql("SELECT COUNT(*) FROM users") == ((0,),)
        assert "workerd ready demo=0" in quiet.log("workerd")
        assert book(quiet, "BTC/USD") == [[], []]
