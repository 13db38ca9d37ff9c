# SPDX-License-Identifier: AGPL-3.0-or-later
"""The API Interfaces document's risk limits and stream, and which host answers."""

import asyncio
import itertools
from decimal import Decimal

import pytest
from documents import MONEY, Caller, Callers, refusal
from interfaces import (
    EDITION, IN_USD, LIMITS, LISTED, MARKET, MARKET_DATA, NOBODY, ORDERS, ORDER_UPDATE,
    PLACED, POSITION, POSITIONS, PRICE, RISK, RISK_ALERT, STRATEGIES, SYMBOL, SYMBOLS,
    WS_ERROR, place, terms, trade)
from shapes import check
from streams import Talk


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


# ---- 6. Risk ------------------------------------------------------------------------

def nothing_set(caller):
    limits = caller.get(LIMITS, RISK)
    del limits["updated_at"]
    return set(limits.values()) == {None}


def test_risk_limits(fresh, user, other):
    assert nothing_set(fresh)
    sent = {"max_position_value": 5000.5, "max_daily_loss": "1000.25",
            "max_drawdown": 0.2}
    set_to = fresh.ask("PUT", LIMITS, 200, RISK, sent)
    assert set_to["max_position_value"] == Decimal("5000.5")
    assert set_to["max_daily_loss"] == Decimal("1000.25")
    assert set_to["max_drawdown"] == Decimal("0.2") and set_to["updated_at"]
    assert fresh.get(LIMITS, RISK) == set_to
    assert nothing_set(other)
    # It bounds what is bought, in USD: two are worth 5000.5, which is the most.
    trade(other, user, symbol=IN_USD)
    for quantity, good in (("2.001", False), ("2", True), ("0.001", False)):
        order = terms(price=str(PRICE), quantity=quantity, symbol=IN_USD)
        if good:
            fresh.ask("POST", ORDERS, 200, PLACED, order)
        else:
            fresh.refused("POST", ORDERS, 400, "RISK_LIMIT_EXCEEDED", order)
    cleared = fresh.ask("PUT", LIMITS, 200, RISK, dict.fromkeys(sent))
    assert [cleared[name] for name in sent] == [None] * 3


def test_risk_limits_that_are_none(fresh):
    for name, value in [
            *itertools.product(("max_position_value", "max_daily_loss", "max_drawdown"),
                               (-1, "x", "", [], {}, True, "1e99")),
            ("max_drawdown", 1.5), ("max_drawdown", "20%"), ("role", "admin"),
            ("balance", 5), ("status", "x"), ("user_id", NOBODY)]:
        fresh.refused("PUT", LIMITS, 400, "VALIDATION_ERROR", {name: value}, name)
    assert nothing_set(fresh)


# ---- Whose words ------------------------------------------------------------------------

def test_which_edition_answers(stack, user):
    """By host or header; what one document alone has, on both hosts in its words."""
    bots = user.at("botplatform")
    assert isinstance(bots.client.get(LIMITS).json(), list)
    assert isinstance(user.client.get(LIMITS).json(), dict)
    for caller, header in ((bots, "interfaces"), (user, "botplatform")):
        reply = caller.client.request("GET", LIMITS, headers={"X-API-Edition": header})
        assert isinstance(reply.json(), dict if header == "interfaces" else list)
    for path, shape in ((STRATEGIES, {"strategies": [LISTED]}),
                        (POSITIONS, {"positions": [POSITION]}),
                        (SYMBOLS, {"symbols": [MARKET]})):
        check(bots.client.get(path).json(), shape)
        refusal(EDITION, bots.client.get(path, params={"limit": 0}), 400,
                "VALIDATION_ERROR", "limit")
    refusal(EDITION, user.client.get("/api/v1/nothing/here"), 404, "NOT_FOUND")
    refusal("botplatform", bots.client.get("/api/v1/nothing/here"), 404)
    refusal(EDITION, user.client.request("PATCH", ORDERS), 405, "METHOD_NOT_ALLOWED")


# ---- 8. The WebSocket ---------------------------------------------------------------------

def test_the_stream(stack, fresh, other):
    """All three streams over one connection, and out of them again."""
    async def run():
        async with Talk(stack, "/ws/v1") as talk:
            answer = await talk.ask(type="auth", token=fresh.client.token)
            assert answer["type"] != "error", answer
            for more in ({"stream": "market_data", "symbols": [SYMBOL, "BTC/USD"],
                          "exchange": "quantora"}, {"stream": "order_updates"},
                         {"stream": "risk_alerts"}):
                await talk.say(type="subscribe", **more)
                heard = await talk.hear_until(lambda m: m["type"] == "subscribed")
                assert heard[-1]["stream"] == more["stream"]
            ids = await asyncio.to_thread(trade, other, fresh, PRICE, "0.5")
            seen = {}
            heard = []
            while not {"market_data", "order_update"} <= set(seen):
                message = await talk.hear()
                heard.append(message)
                if message["type"] == "order_update" and message["status"] != "filled":
                    continue
                if message["type"] == "market_data" and message["price"] != PRICE:
                    continue
                seen[message["type"]] = message
            check(seen["market_data"], MARKET_DATA)
            check(seen["order_update"], ORDER_UPDATE)
            assert seen["market_data"]["volume"] >= Decimal("0.5")
            update = seen["order_update"]
            assert update["order_id"] == ids[1]
            assert update["filled_quantity"] == Decimal("0.5")
            assert update["avg_fill_price"] == PRICE
            assert ids[0] not in {m.get("order_id") for m in heard}, "another's"
            # A limit that is nearly reached.
            await asyncio.to_thread(trade, other, fresh, symbol=IN_USD)
            await asyncio.to_thread(fresh.ask, "PUT", LIMITS, 200, RISK,
                                    {"max_position_value": 1300})
            alert = await talk.hear_until(lambda m: m["type"] == "risk_alert")
            check(alert[-1], RISK_ALERT)
            # Out of it: nothing comes any more.
            for stream in ("market_data", "order_updates", "risk_alerts"):
                await talk.say(type="unsubscribe", stream=stream)
                await talk.hear_until(lambda m, s=stream: m["type"] == "unsubscribed"
                                      and m["stream"] == s)
            await asyncio.to_thread(place, other, "limit", "sell", price=str(PRICE),
                                    quantity="0.1")
            await talk.nothing_more()
    asyncio.run(run())


def test_the_stream_says_what_is_wrong(stack, user):
    async def run():
        async with Talk(stack, "/ws/v1") as talk:
            await talk.ask(type="auth", token=user.client.token)
            for message in (
                    {"type": "subscribe"}, {"type": "subscribe", "stream": "weather"},
                    {"type": "subscribe", "stream": 5},
                    {"type": "subscribe", "stream": "market_data",
                     "symbols": ["NOSUCH"], "exchange": "quantora"},
                    {"type": "subscribe", "stream": "market_data", "symbols": "BTC/USD"},
                    {"type": "subscribe", "stream": "market_data", "symbols": [SYMBOL],
                     "exchange": "nowhere"},
                    {"type": "unsubscribe", "stream": "weather"}, {"type": 5},
                    {"kind": "subscribe"}, {"type": "\U0001f34b"}):
                answer = await talk.ask(**message)
                check(answer, WS_ERROR)
                assert answer["code"] == "VALIDATION_ERROR", (message, answer)
            for text in ("", "[]", "null", "5", "{", '"subscribe"'):
                await talk.stream.send(text)
                check(await talk.hear(), WS_ERROR)
            # It goes on.
            answer = await talk.ask(type="subscribe", stream="order_updates")
            assert answer["type"] == "subscribed"
    asyncio.run(run())


def test_the_stream_without_a_token(stack):
    async def run():
        for message in ({"type": "auth", "token": "rubbish"},
                        {"type": "subscribe", "stream": "order_updates"}):
            async with Talk(stack, "/ws/v1") as talk:
                answer = await talk.ask(**message)
                check(answer, WS_ERROR)
                assert answer["code"] == "UNAUTHORIZED"
                assert (await talk.end())[0] == 1008
    asyncio.run(run())
