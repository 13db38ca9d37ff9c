# SPDX-License-Identifier: AGPL-3.0-or-later
"""/ws/v1 of the interfaces document: log-in, subscriptions, messages, errors."""

import asyncio
import json
from decimal import Decimal

import pytest
from people import Person
from quantora import Stack, wait_until
from streams import TIME, Talk, leave_no_orders

SYMBOL = "USDT/ZAR"
PRICE = "18.00"
ORDER_UPDATE = {"type", "order_id", "status", "filled_quantity", "avg_fill_price",
                "timestamp", "seq", "event", "symbol", "side", "quantity", "fees",
                "reason", "fill"}


@pytest.fixture
def user(stack):
    person = Person(stack, money={"USDT": 1000, "ZAR": 100000})
    yield person
    leave_no_orders(person)


@pytest.fixture
def other(stack):
    person = Person(stack, money={"USDT": 1000, "ZAR": 100000})
    yield person
    leave_no_orders(person)


def place(person, side, qty, price=PRICE, **more):
    reply = person.client.post("/api/order", {
        "user_id": person.id, "side": side, "qty": qty, "price": price,
        "order_type": "limit", "symbol": SYMBOL, **more})
    assert reply.status_code == 200, reply.text
    return reply.json()


def cancel(person, order):
    assert person.client.delete(f"/api/order/{order}").status_code == 200


class LoggedIn(Talk):
    """async with LoggedIn(stack, person) as talk: "auth" has been answered."""

    def __init__(self, stack, person, **arguments):
        super().__init__(stack, "/ws/v1", **arguments)
        self.token = person.client.token

    async def __aenter__(self):
        await super().__aenter__()
        assert (await self.ask(type="auth", token=self.token))["status"] == "ok"
        return self


# ---- Logging in ---------------------------------------------------------------

def test_auth_is_answered(stack, user):
    async def run():
        async with Talk(stack, "/ws/v1") as talk:
            answer = await talk.ask(type="auth", token=user.client.token)
            assert answer["type"] == "auth" and answer["status"] == "ok"
            assert answer["user_id"] == user.id and TIME.match(answer["expires_at"])
    asyncio.run(run())


@pytest.mark.parametrize("first, code", [
    ({"type": "auth", "token": "rubbish"}, "UNAUTHORIZED"),
    ({"type": "auth"}, "VALIDATION_ERROR"),
    ({"type": "auth", "token": None}, "VALIDATION_ERROR"),
    ({"type": "subscribe", "stream": "risk_alerts"}, "UNAUTHORIZED"),
    ({"type": "ping"}, "UNAUTHORIZED"),
    ({"type": "hello"}, "VALIDATION_ERROR"),
])
def test_anything_but_a_good_token_first_is_an_error_and_the_end(stack, first, code):
    async def run():
        async with Talk(stack, "/ws/v1") as talk:
            answer = await talk.ask(**first)
            assert set(answer) == {"type", "code", "message", "details"}
            assert (answer["type"], answer["code"]) == ("error", code)
            assert (await talk.end())[0] == 1008
    asyncio.run(run())


def test_who_says_nothing_hears_why_he_is_closed(stack):
    async def run():
        async with Talk(stack, "/ws/v1") as talk:
            answer = await talk.hear("error")
            assert answer["code"] == "UNAUTHORIZED"
            assert await talk.end() == (1008, "no token came in time")
    asyncio.run(run())


def test_what_is_said_before_the_answer_is_kept(stack, user):
    """A client need not wait between its first messages."""
    async def run():
        async with Talk(stack, "/ws/v1") as talk:
            await talk.say(type="auth", token=user.client.token)
            await talk.say(type="subscribe", stream="order_updates")
            await talk.say(type="ping")
            assert [(await talk.hear())["type"] for _ in range(3)] == \
                ["auth", "subscribed", "pong"]
    asyncio.run(run())


def test_an_ended_session_is_refused(stack, user):
    async def run():
        token = user.client.token
        stack.ctl("user", "lock", user.email)
        async with Talk(stack, "/ws/v1") as talk:
            assert (await talk.ask(type="auth", token=token))["code"] == "ACCOUNT_LOCKED"
            assert await talk.end() == (1008, "the account is locked")
    asyncio.run(run())


def test_a_fresh_token_takes_the_place_of_the_old_one(stack, user, other):
    async def run():
        async with LoggedIn(stack, user) as talk:
            again = await asyncio.to_thread(user.login)
            answer = await talk.ask(type="auth", token=again.token)
            assert (answer["type"], answer["status"]) == ("auth", "ok")
            # Another's is refused, and all stays as it was.
            answer = await talk.ask(type="auth", token=other.client.token)
            assert (answer["type"], answer["code"]) == ("error", "FORBIDDEN")
            answer = await talk.ask(type="auth", token="rubbish")
            assert (answer["type"], answer["code"]) == ("error", "UNAUTHORIZED")
            # The first session may end now: this is the second one's.
            assert user.client.post("/api/v1/auth/logout").status_code == 200
            assert (await talk.ask(type="ping"))["type"] == "pong"
            again.post("/api/v1/auth/logout").raise_for_status()
            assert await talk.end() == (1008, "the session has ended")
    asyncio.run(run())


# ---- What is wrong ------------------------------------------------------------

@pytest.mark.parametrize("text, code", [
    ("{", "BAD_REQUEST"),
    ("[]", "BAD_REQUEST"),
    ('"auth"', "BAD_REQUEST"),
    ('{"type":"subscribe","type":"subscribe"}', "BAD_REQUEST"),
    ("[" * 20 + "]" * 20, "BAD_REQUEST"),
    ('{}', "VALIDATION_ERROR"),
    ('{"type":"hello"}', "VALIDATION_ERROR"),
    ('{"type":"subscribe"}', "VALIDATION_ERROR"),
    ('{"type":"subscribe","stream":"weather"}', "VALIDATION_ERROR"),
    ('{"type":"subscribe","stream":"market_data"}', "VALIDATION_ERROR"),
    ('{"type":"subscribe","stream":"market_data","symbols":[]}', "VALIDATION_ERROR"),
    ('{"type":"subscribe","stream":"market_data","symbols":"EUA/EUR"}',
     "VALIDATION_ERROR"),
    ('{"type":"subscribe","stream":"market_data","symbols":[1]}', "VALIDATION_ERROR"),
    ('{"type":"subscribe","stream":"market_data","symbols":["NO/SUCH"]}',
     "VALIDATION_ERROR"),
    ('{"type":"subscribe","stream":"market_data","symbols":["EUA/EUR"],'
     '"exchange":"mtgox"}', "VALIDATION_ERROR"),
    ('{"type":"subscribe","stream":"order_updates","after_seq":-1}',
     "VALIDATION_ERROR"),
    ('{"type":"subscribe","stream":"order_updates","after_seq":9007199254740992}',
     "VALIDATION_ERROR"),
    ('{"type":"subscribe","stream":"market_data","symbols":' +
     json.dumps(["EUA/EUR"] * 65) + '}', "VALIDATION_ERROR"),
])
def test_an_error_is_a_message_and_not_the_end(stack, user, text, code):
    async def run():
        async with LoggedIn(stack, user) as talk:
            await talk.stream.send(text)
            answer = await talk.hear("error")
            assert answer["code"] == code and answer["message"]
            assert (await talk.ask(type="ping"))["type"] == "pong"
    asyncio.run(run())


def test_a_message_is_bounded(stack, user):
    async def run():
        async with LoggedIn(stack, user) as talk:
            await talk.stream.send(" " * 5000)
            assert (await talk.end())[0] == 1009
    asyncio.run(run())


# ---- Market data --------------------------------------------------------------

def test_market_data_comes_with_each_trade(stack, user, other):
    async def run():
        async with LoggedIn(stack, user) as talk:
            answer = await talk.ask(type="subscribe", stream="market_data",
                                    symbols=["usdt-zar", "MWHUSD"], exchange="quantora")
            assert answer == {"type": "subscribed", "stream": "market_data",
                              "symbols": [SYMBOL, "MWH/USD"], "exchange": "quantora"}
            for qty in ("2.5", "1"):
                await asyncio.to_thread(place, user, "sell", qty)
                await asyncio.to_thread(place, other, "buy", qty)
                message = await talk.hear("market_data")
                assert TIME.match(message.pop("timestamp"))
                assert message == {"type": "market_data", "symbol": SYMBOL,
                                   "exchange": "quantora", "price": 18,
                                   "volume": Decimal(qty)}
            answer = await talk.ask(type="unsubscribe", stream="market_data",
                                    symbols=[SYMBOL])
            assert answer["type"] == "unsubscribed" and answer["symbols"] == [SYMBOL]
            await asyncio.to_thread(place, user, "sell", 1)
            await asyncio.to_thread(place, other, "buy", 1)
            await talk.nothing_more()
    asyncio.run(run())


def test_the_rest_is_subscribed(stack, user):
    async def run():
        async with LoggedIn(stack, user) as talk:
            await talk.say(type="subscribe", stream="market_data",
                           symbols=["NO/SUCH", SYMBOL, 7, "BTC/USD", SYMBOL])
            assert (await talk.hear("error"))["details"]["field"] == "symbols"
            await talk.hear("error")
            assert (await talk.hear("subscribed"))["symbols"] == \
                [SYMBOL, "BTC/USD", SYMBOL]
            answer = await talk.ask(type="unsubscribe", stream="market_data")
            assert answer["type"] == "unsubscribed"
    asyncio.run(run())


# ---- Orders -------------------------------------------------------------------

def test_order_updates_tell_each_change(stack, user, other):
    async def run():
        async with LoggedIn(stack, user) as talk:
            answer = await talk.ask(type="subscribe", stream="order_updates")
            assert answer["type"] == "subscribed" and answer["stream"] == "order_updates"
            seq = answer["seq"]
            mine = (await asyncio.to_thread(place, user, "sell", 3))["order_id"]
            his = await asyncio.to_thread(place, other, "buy", 1)
            await asyncio.to_thread(place, other, "buy", "0.5", "19.00")
            await asyncio.to_thread(cancel, user, mine)
            heard = [await talk.hear("order_update") for _ in range(4)]
            for message in heard:
                assert set(message) == ORDER_UPDATE
                assert message["order_id"] == mine
                assert TIME.match(message["timestamp"])
                assert seq < message["seq"] < 2 ** 53
                seq = message["seq"]
                assert (message["symbol"], message["side"]) == (SYMBOL, "sell")
                assert message["quantity"] == 3
            assert [(m["status"], m["event"], m["filled_quantity"],
                     m["avg_fill_price"]) for m in heard] == [
                ("placed", "opened", 0, None),
                ("partially_filled", "fill", 1, 18),
                ("partially_filled", "fill", Decimal("1.5"), 18),
                ("cancelled", "closed", Decimal("1.5"), 18)]
            fill = heard[1]["fill"]
            row = his["data"][0]
            assert fill == {"trade_id": row["trade_id"], "price": 18, "quantity": 1,
                            "fee": Decimal("0.018"), "liquidity": "maker"}
            assert heard[0]["fill"] is None and heard[3]["fill"] is None
            assert [m["reason"] for m in heard] == [None, None, None, "user"]
    asyncio.run(run())


def test_a_last_fill_is_told_once(stack, user, other):
    async def run():
        async with LoggedIn(stack, user) as talk:
            await talk.ask(type="subscribe", stream="order_updates")
            await asyncio.to_thread(place, other, "sell", 1, "18.00")
            await asyncio.to_thread(place, other, "sell", 1, "19.00")
            await asyncio.to_thread(place, user, "buy", 2, "19.00")
            heard = [await talk.hear("order_update") for _ in range(3)]
            assert [(m["status"], m["avg_fill_price"]) for m in heard] == [
                ("placed", None), ("partially_filled", 18), ("filled", Decimal("18.5"))]
            assert [m["fill"] and m["fill"]["liquidity"] for m in heard] == \
                [None, "taker", "taker"]
            await talk.nothing_more()
            answer = await talk.ask(type="unsubscribe", stream="order_updates")
            assert answer == {"type": "unsubscribed", "stream": "order_updates"}
            await asyncio.to_thread(place, user, "buy", 1)
            await talk.nothing_more()
    asyncio.run(run())


def test_an_amended_order_keeps_its_average(stack, user, other):
    async def run():
        async with LoggedIn(stack, user) as talk:
            await talk.ask(type="subscribe", stream="order_updates")
            mine = (await asyncio.to_thread(place, user, "sell", 3))["order_id"]
            await asyncio.to_thread(place, other, "buy", 1)
            reply = await asyncio.to_thread(
                user.client.put, f"/api/v1/trading/orders/{mine}", {"quantity": 2})
            assert reply.status_code == 200, reply.text
            heard = [await talk.hear("order_update") for _ in range(3)]
            assert [(m["event"], m["status"], m["quantity"], m["filled_quantity"],
                     m["avg_fill_price"], m["fees"]) for m in heard] == [
                ("opened", "placed", 3, 0, None, 0),
                ("fill", "partially_filled", 3, 1, 18, Decimal("0.018")),
                ("amended", "partially_filled", 2, 1, 18, Decimal("0.018"))]
    asyncio.run(run())


def test_a_stop_is_told_when_it_is_triggered(stack, user, other):
    async def run():
        await asyncio.to_thread(place, other, "sell", 1)
        await asyncio.to_thread(place, user, "buy", 1)    # the last price is 18
        async with LoggedIn(stack, user) as talk:
            await talk.ask(type="subscribe", stream="order_updates")
            reply = await asyncio.to_thread(user.client.post, "/api/v1/trading/orders", {
                "symbol": SYMBOL, "side": "sell", "type": "stop_loss", "quantity": 1,
                "stop_price": 17.5, "price": 17})
            assert reply.status_code in (200, 201), reply.text
            stop = reply.json()["order_id"]
            await asyncio.to_thread(place, other, "buy", 2, "17.50")
            await asyncio.to_thread(place, user, "sell", 1, "17.50")
            heard = await talk.hear_until(
                lambda m: m["order_id"] == stop and m["status"] == "filled")
            assert [(m["event"], m["status"], m["avg_fill_price"]) for m in heard
                    if m["order_id"] == stop] == [
                ("opened", "placed", None), ("triggered", "placed", None),
                ("fill", "filled", Decimal("17.5"))]
    asyncio.run(run())


def test_updates_resume_behind_a_number(stack, user, other):
    async def run():
        async with LoggedIn(stack, user) as talk:
            begin = (await talk.ask(type="subscribe", stream="order_updates"))["seq"]
            for _ in range(3):
                await asyncio.to_thread(place, user, "sell", 1)
                await asyncio.to_thread(place, other, "buy", 1)
            first = [await talk.hear("order_update") for _ in range(6)]
        async with LoggedIn(stack, user) as talk:
            answer = await talk.ask(type="subscribe", stream="order_updates",
                                    after_seq=int(begin))
            assert answer["seq"] == begin
            assert [await talk.hear() for _ in range(6)] == first
            # The same once more, from the middle, and then what comes.
            answer = await talk.ask(type="subscribe", stream="order_updates",
                                    after_seq=int(first[2]["seq"]))
            await asyncio.to_thread(place, user, "sell", 1)
            heard = [await talk.hear("order_update") for _ in range(4)]
            assert heard[:3] == first[3:]
            assert heard[3]["status"] == "placed"
    asyncio.run(run())


def test_a_number_that_never_was_is_told(stack, user):
    async def run():
        async with LoggedIn(stack, user) as talk:
            await talk.ask(type="subscribe", stream="order_updates",
                           after_seq=2 ** 53 - 1)
            message = await talk.hear("resync")
            assert message["after_seq"] == 2 ** 53 - 1
            listed = await asyncio.to_thread(user.client.get, message["orders"])
            assert listed.status_code == 200
            await asyncio.to_thread(place, user, "sell", 1)
            assert (await talk.hear("order_update"))["seq"] > message["seq"]
    asyncio.run(run())


# ---- Notices ------------------------------------------------------------------

def publish(stack, notice):
    """As the programs that watch risk and prices do; how many heard it."""
    import subprocess
    done = subprocess.run(
        ["redis-cli", "-s", stack.sock("redis.sock"), "PUBLISH", "quantora:notices",
         notice if isinstance(notice, str) else json.dumps(notice)],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False)
    return int(done.stdout) if done.returncode == 0 else 0    # Redis is away


def number_of(stack, person):
    return stack.sql("SELECT id FROM users WHERE public_id = UNHEX(%s)",
                     person.id.replace("-", ""))[0][0]


def alert(number, **more):
    return {"user": number, "kind": "risk_alert", "level": "warning",
            "message": "Portfolio drawdown exceeded threshold", "symbol": None,
            "at_us": 1763787600123456, "data": {"value": 0.15}, **more}


def test_risk_alerts_are_delivered(stack, user, other):
    async def run():
        number = number_of(stack, user)
        wait_until(lambda: publish(stack, "no notice") == 1)
        async with LoggedIn(stack, user) as talk, LoggedIn(stack, other) as his:
            publish(stack, alert(number))  # nobody has subscribed
            answer = await talk.ask(type="subscribe", stream="risk_alerts")
            assert answer == {"type": "subscribed", "stream": "risk_alerts"}
            await his.ask(type="subscribe", stream="risk_alerts")
            await talk.nothing_more()
            publish(stack, alert(number))
            assert await talk.hear() == {
                "type": "risk_alert", "id": None, "level": "warning",
                "message": "Portfolio drawdown exceeded threshold", "symbol": None,
                "data": {"value": Decimal("0.15")},
                "timestamp": "2025-11-22T05:00:00.123456Z"}
            for _ in range(2):    # whoever publishes may die before he notes it
                publish(stack, alert(number, kind="price_alert", symbol="BTC/USD",
                                     id=2 ** 52 + number))
            message = await talk.hear("price_alert")
            assert (message["symbol"], message["id"]) == ("BTC/USD", 2 ** 52 + number)
            await his.nothing_more()
            await talk.ask(type="unsubscribe", stream="risk_alerts")
            publish(stack, alert(number))
            await talk.nothing_more()
    asyncio.run(run())


def test_streams_go_on_without_redis(user):
    """On a stack of its own, since all others need Redis."""
    async def run(stack, person):
        async with LoggedIn(stack, person) as talk:
            await talk.ask(type="subscribe", stream="risk_alerts")
            await asyncio.to_thread(stack.kill, "redis")
            assert (await talk.ask(type="ping"))["type"] == "pong"
            await asyncio.to_thread(
                wait_until, lambda: publish(stack, "no notice") == 1)
            publish(stack, alert(number_of(stack, person)))
            await talk.hear("risk_alert")
    with Stack.boot_new() as stack:
        asyncio.run(run(stack, Person(stack)))


# ---- When it ends -------------------------------------------------------------

def test_a_lock_ends_it(stack, user):
    async def run():
        async with LoggedIn(stack, user) as talk:
            await asyncio.to_thread(stack.ctl, "user", "lock", user.email)
            assert await talk.end() == \
                (1008, "the account is locked")
    asyncio.run(run())


def test_a_logout_ends_it(stack, user):
    async def run():
        async with LoggedIn(stack, user) as talk:
            reply = await asyncio.to_thread(user.client.post, "/api/v1/auth/logout")
            assert reply.status_code == 200
            assert await talk.end() == \
                (1008, "the session has ended")
    asyncio.run(run())
