# SPDX-License-Identifier: AGPL-3.0-or-later
"""The Trading Bot Platform's WebSockets: tickers and one's orders."""

import asyncio
import re

import pytest
from people import Person
from streams import Talk, leave_no_orders, refusal

SYMBOL = "ETH/USD"
TIME_MS = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")


@pytest.fixture
def user(stack):
    person = Person(stack, money={"ETH": 1000, "USD": 1000000})
    yield person
    leave_no_orders(person)


@pytest.fixture
def other(stack):
    person = Person(stack, money={"ETH": 1000, "USD": 1000000})
    yield person
    leave_no_orders(person)


def place(person, side, qty, price="2500.00"):
    reply = person.client.post("/api/order", {
        "user_id": person.id, "side": side, "qty": qty, "price": price,
        "order_type": "limit", "symbol": SYMBOL})
    assert reply.status_code == 200, reply.text
    return reply.json()


def market(person, symbol="ETHUSD"):
    return f"/api/v1/ws/market/{symbol}?token={person.client.token}"


def orders(person, more=""):
    return f"/api/v1/ws/orders?token={person.client.token}{more}"


# ---- Who may ------------------------------------------------------------------

@pytest.mark.parametrize("path", ["/api/v1/ws/market/ETHUSD", "/api/v1/ws/orders"])
@pytest.mark.parametrize("query", ["", "?token=", "?token=rubbish", "?ticket=rubbish"])
def test_without_a_good_token_it_is_401_in_the_documents_words(stack, path, query):
    status, body, headers = asyncio.run(refusal(stack, path + query))
    assert status == 401
    assert set(body) == {"detail", "code", "timestamp"}
    assert isinstance(body["detail"], str) and body["timestamp"].endswith("Z")
    assert headers["content-type"] == "application/json"


@pytest.mark.parametrize("path", ["/api/v1/ws/market/ETHUSD", "/api/v1/ws/orders"])
def test_a_header_does_as_well(stack, user, path):
    status, _, _ = asyncio.run(refusal(
        stack, path, Authorization=f"Bearer {user.client.token}"))
    assert status == 101


@pytest.mark.parametrize("path, status", [
    ("/api/v1/ws/market/NOSUCH", 422),
    ("/api/v1/ws/other", 404),
    ("/api/v1/ws/orders/x", 404),
])
def test_what_there_is_not(stack, user, path, status):
    got, body, _ = asyncio.run(refusal(stack, f"{path}?token={user.client.token}"))
    assert got == status and set(body) == {"detail", "code", "timestamp"}


@pytest.mark.parametrize("number", ["", "-1", "x", "9007199254740992"])
def test_a_number_that_is_none(stack, user, number):
    got, body, _ = asyncio.run(refusal(stack, orders(user, f"&after_seq={number}")))
    assert got == 422 and body["detail"][0]["loc"] == ["query", "after_seq"]


# ---- Tickers ------------------------------------------------------------------

@pytest.mark.parametrize("symbol", ["ETHUSD", "eth-usd", "ETH%2FUSD"])
def test_a_ticker_comes_at_once_and_with_each_trade(stack, user, other, symbol):
    place(user, "sell", 1)
    place(other, "buy", 1)

    async def run():
        async with Talk(stack, market(user, symbol)) as talk:
            message = await talk.hear("ticker")
            assert TIME_MS.match(message.pop("timestamp"))
            assert message == {"type": "ticker", "symbol": "ETHUSD", "price": "2500.00"}
            await asyncio.to_thread(place, user, "sell", 1, "2490.5")
            await asyncio.to_thread(place, other, "buy", 1)
            message = await talk.hear("ticker")
            assert message["price"] == "2490.50"
            assert TIME_MS.match(message["timestamp"])
            # Whatever a client says is no harm.
            await talk.stream.send("hello")
            await talk.nothing_more()
    asyncio.run(run())


# ---- Orders -------------------------------------------------------------------

def test_order_updates(stack, user, other):
    async def run():
        async with Talk(stack, orders(user)) as talk, Talk(stack, orders(other)) as his:
            mine = (await asyncio.to_thread(place, user, "sell", 2))["order_id"]
            done = await asyncio.to_thread(place, other, "buy", "0.5")
            await asyncio.to_thread(place, other, "buy", "1.5")
            heard = [await talk.hear("order_update") for _ in range(3)]
            assert [(m["order_id"], m["status"], m["filled_quantity"],
                     m["avg_fill_price"], m["quantity"]) for m in heard] == [
                (mine, "pending", "0", None, "2"),
                (mine, "partially_filled", "0.5", "2500.00", "2"),
                (mine, "filled", "2", "2500.00", "2")]
            assert all(TIME_MS.match(m["timestamp"]) for m in heard)
            assert heard[1]["symbol"] == "ETHUSD" and heard[1]["side"] == "SELL"
            assert heard[1]["fill"] == {
                "trade_id": done["data"][0]["trade_id"], "price": "2500.00",
                "quantity": "0.5", "fee": "1.25", "liquidity": "maker"}
            # The other one hears of his own, and of nothing else.
            theirs = [await his.hear("order_update") for _ in range(4)]
            assert [(m["status"], m["side"]) for m in theirs] == [
                ("pending", "BUY"), ("filled", "BUY")] * 2
            await talk.nothing_more()
            await his.nothing_more()
            # What was heard before is not told again.
            async with Talk(stack, orders(user, f"&after_seq={heard[0]['seq']}")) as again:
                assert [await again.hear() for _ in range(2)] == heard[1:]
                await again.nothing_more()
    asyncio.run(run())


def test_a_number_that_never_was_is_said(stack, user):
    async def run():
        async with Talk(stack, orders(user, "&after_seq=9007199254740991")) as talk:
            message = await talk.hear("resync")
            assert message["seq"] < 9007199254740991
            reply = await asyncio.to_thread(user.client.get, message["orders"])
            assert reply.status_code == 200
    asyncio.run(run())
