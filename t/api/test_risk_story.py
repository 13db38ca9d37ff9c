# SPDX-License-Identifier: AGPL-3.0-or-later
"""Limits between orders: warnings, critical alerts, refusals, and accounts that may
only sell, as their owner meets them."""

import asyncio
import time

import pytest
import quantora
from notices import Listener, number_of
from people import Person
from signing import patient
from streams import TIME, Talk

LIMITS = "/api/v1/risk/limits"
ALERTS = "/api/v1/risk/alerts"
INTERFACES = {"X-API-Edition": "interfaces"}
BOTPLATFORM = {"X-API-Edition": "botplatform"}
REDUCE = "/admin/user/reduce-only"


@pytest.fixture(scope="module")
def house():
    """Prices here are ours alone."""
    with quantora.Stack.boot_new() as running:
        yield running


@pytest.fixture(scope="module")
def listener(house):
    heard = Listener(house)
    yield heard
    heard.close()


@pytest.fixture(scope="module")
def maker(house):
    return trader(house, {"MWH": "10000", "REC": "10000", "EUA": "10000",
                          "USD": "1000000", "EUR": "1000000"})


@pytest.fixture(scope="module")
def operator(house):
    return Person(house, role="operator", otp=True)


def trader(house, money):
    person = Person(house, money=money)
    patient(person.client)
    return person


def send(person, symbol, side, qty, price):
    return person.client.post("/api/order", json={
        "user_id": person.id, "symbol": symbol, "side": side, "order_type": "limit",
        "price": price, "qty": qty})


def place(person, symbol, side, qty, price):
    reply = send(person, symbol, side, qty, price)
    assert reply.status_code == 200, reply.text
    return reply.json()


def trade(seller, buyer, symbol, qty, price):
    place(seller, symbol, "sell", qty, price)
    assert place(buyer, symbol, "buy", qty, price)["order_status"] == "filled"


def limit(person, **body):
    reply = person.client.post(LIMITS, json=body, headers=BOTPLATFORM)
    assert reply.status_code == 201, reply.text
    return reply.json()


def alerts(person):
    reply = person.client.get(ALERTS)
    assert reply.status_code == 200
    return reply.json()["alerts"]


def kinds(person):
    """Of the active ones, without asking the API, which counts the questions."""
    return {kind for kind, in person.stack.sql(
        "SELECT alert_type FROM risk_alerts a JOIN users u ON u.id = a.user_id "
        "WHERE u.email = %s AND resolved_at IS NULL", person.email)}


def wait_for(person, *wanted):
    quantora.wait_until(lambda: kinds(person) == set(wanted), str(wanted))
    found = {a["alert_type"]: a for a in alerts(person)}
    assert set(found) == set(wanted)
    return found


def refused(reply):
    assert reply.status_code == 400, reply.text
    assert reply.json()["code"] == "RISK_LIMIT_EXCEEDED"


def reduce_only(person):
    [(value,)] = person.stack.sql(
        "SELECT c.reduce_only FROM core_users c JOIN users u ON u.id = c.user_id "
        "WHERE u.email = %s", person.email)
    return value


# ---- A position --------------------------------------------------------------


def test_a_position_grows_into_its_limit(house, maker, listener):
    user = trader(house, {"USD": "10000"})
    number = number_of(user)
    bound = limit(user, limit_type="POSITION_SIZE", limit_value=1000, symbol="MWHUSD",
                  warning_threshold=50, critical_threshold=80)

    trade(maker, user, "MWH/USD", 10, 60)            # 600 of 1000
    warning = wait_for(user, "POSITION_SIZE_WARNING")["POSITION_SIZE_WARNING"]
    assert set(warning) >= {"id", "alert_type", "severity", "message", "current_value",
                            "limit_value", "triggered_at"}
    assert (warning["severity"], warning["current_value"], warning["limit_value"],
            warning["symbol"], warning["limit_id"]) == (
        "warning", "600.00", "1000.00", "MWHUSD", bound["id"])
    [notice] = listener.wait(number, 1)
    assert (notice["kind"], notice["level"], notice["symbol"]) == (
        "risk_alert", "warning", "MWH/USD")
    assert notice["message"] == warning["message"] and notice["at_us"] > 0
    assert notice["data"]["alert_id"] == warning["id"]
    assert notice["data"]["current_value"] == "600.00"

    # An order that waits to be filled counts too.
    waiting = place(user, "MWH/USD", "buy", 5, 50)   # 850
    found = wait_for(user, "POSITION_SIZE_WARNING", "POSITION_SIZE_CRITICAL")
    assert found["POSITION_SIZE_CRITICAL"]["severity"] == "critical"
    assert found["POSITION_SIZE_CRITICAL"]["current_value"] == "850.00"
    assert listener.wait(number, 2)[1]["level"] == "critical"

    refused(send(user, "MWH/USD", "buy", 3, 51))     # 1003
    rest = place(user, "MWH/USD", "buy", 3, 50)      # 1000: just so
    found = wait_for(user, "POSITION_SIZE_WARNING", "POSITION_SIZE_CRITICAL",
                     "POSITION_SIZE_BREACH")
    assert found["POSITION_SIZE_BREACH"]["current_value"] == "1000.00"
    # The limit is this market's alone.
    trade(maker, user, "REC/USD", 500, 5)

    # What falls below is over, and what it was told of is not told again.
    for order in (waiting, rest):
        reply = user.client.delete("/api/order/" + order["order_id"])
        assert reply.status_code == 200
    wait_for(user, "POSITION_SIZE_WARNING")
    trade(user, maker, "MWH/USD", 8, 60)
    wait_for(user)
    assert [n["level"] for n in listener.of(number)] == [
        "warning", "critical", "critical"]


def test_a_price_alone_can_do_it(house, maker, listener):
    user = trader(house, {"EUR": "10000"})
    limit(user, limit_type="POSITION_SIZE", limit_value=1000)
    trade(maker, user, "EUA/EUR", 10, 70)            # 700
    other = trader(house, {"EUR": "10000"})
    trade(maker, other, "EUA/EUR", 1, 97)            # 970
    found = wait_for(user, "POSITION_SIZE_WARNING", "POSITION_SIZE_CRITICAL")
    assert found["POSITION_SIZE_CRITICAL"]["current_value"] == "970.00"
    # Of a leap he is told once, at its gravest.
    assert [n["level"] for n in listener.wait(number_of(user), 1)] == ["critical"]
    trade(maker, other, "EUA/EUR", 1, 70)
    wait_for(user)
    assert len(listener.of(number_of(user))) == 1


def test_a_limit_over_a_position_that_is_there(house, maker, listener):
    user = trader(house, {"USD": "10000"})
    trade(maker, user, "MWH/USD", 10, 60)
    reply = user.client.put(LIMITS, json={"max_position_value": 620},
                            headers=INTERFACES)
    assert reply.status_code == 200
    found = wait_for(user, "POSITION_SIZE_WARNING", "POSITION_SIZE_CRITICAL")
    assert found["POSITION_SIZE_WARNING"]["symbol"] == "MWHUSD"
    refused(send(user, "MWH/USD", "buy", 1, 60))
    user.client.put(LIMITS, json={"max_position_value": None}, headers=INTERFACES)
    assert kinds(user) == set()                      # at once
    place(user, "MWH/USD", "buy", 1, 25)


def test_a_position_in_another_currency_is_worth_dollars(house, maker):
    user = trader(house, {"EUR": "10000"})
    user.client.put(LIMITS, json={"max_position_value": 1000}, headers=INTERFACES)
    quantora.wait_until(lambda: house.sql(
        "SELECT usd_rate FROM assets WHERE code = 'EUR'")[0][0], "a rate")
    trade(maker, user, "EUA/EUR", 12, 70)            # 840 EUR are 907.20 USD
    found = wait_for(user, "POSITION_SIZE_WARNING")
    assert found["POSITION_SIZE_WARNING"]["current_value"] == "907.20"
    refused(send(user, "EUA/EUR", "buy", 2, 70))


def test_open_orders(house, maker, listener):
    user = trader(house, {"USD": "10000"})
    limit(user, limit_type="OPEN_ORDERS", limit_value=2, warning_threshold=50)
    first = place(user, "MWH/USD", "buy", 1, 20)
    found = wait_for(user, "OPEN_ORDERS_WARNING")
    assert (found["OPEN_ORDERS_WARNING"]["current_value"],
            found["OPEN_ORDERS_WARNING"]["limit_value"]) == ("1", "2")
    [notice] = listener.wait(number_of(user), 1)     # a count is no money
    assert (notice["data"]["current_value"], notice["data"]["limit_value"]) == ("1", "2")
    place(user, "MWH/USD", "buy", 1, 21)
    refused(send(user, "MWH/USD", "buy", 1, 22))
    wait_for(user, "OPEN_ORDERS_WARNING", "OPEN_ORDERS_CRITICAL", "OPEN_ORDERS_BREACH")
    user.client.delete("/api/order/" + first["order_id"])
    wait_for(user, "OPEN_ORDERS_WARNING")


def test_order_size(house, maker):
    user = trader(house, {"USD": "10000"})
    limit(user, limit_type="ORDER_SIZE", limit_value=100, symbol="MWH/USD")
    refused(send(user, "MWH/USD", "buy", 5, 20.01))
    place(user, "MWH/USD", "buy", 5, 20)
    assert kinds(user) == set()                      # it has no standing value


def test_what_flaps_is_not_told_each_time(house, maker, listener):
    user = trader(house, {"USD": "10000"})
    limit(user, limit_type="OPEN_ORDERS", limit_value=2, warning_threshold=50)
    for n in range(5):
        order = place(user, "MWH/USD", "buy", 1, 20)
        wait_for(user, "OPEN_ORDERS_WARNING")
        user.client.delete("/api/order/" + order["order_id"])
        wait_for(user)
    assert len(listener.of(number_of(user))) == 3


def test_it_is_heard_on_the_stream(house, maker):
    user = trader(house, {"USD": "10000"})

    async def run():
        async with Talk(house, "/ws/v1") as talk:
            assert (await talk.ask(type="auth", token=user.client.token))["status"] == "ok"
            await talk.ask(type="subscribe", stream="risk_alerts")
            await asyncio.to_thread(limit, user, limit_type="OPEN_ORDERS", limit_value=2,
                                    warning_threshold=50)
            await asyncio.to_thread(place, user, "MWH/USD", "buy", 1, 20)
            alert = await talk.hear("risk_alert")
            assert alert["level"] == "warning" and TIME.match(alert["timestamp"])
            assert alert["message"] == alerts(user)[0]["message"]
            reply = await asyncio.to_thread(
                user.client.post, "/v1/market/alerts", json={
                    "symbol": "MWH/USD", "condition": "above", "price": 1})
            assert reply.json()["status"] == "triggered"
            assert (await talk.hear("price_alert"))["symbol"] == "MWH/USD"
    asyncio.run(run())


# ---- A loss ----------------------------------------------------------------------


@pytest.fixture
def loser(house, maker):
    """One who bought 10 at 60 and will see them fall."""
    user = trader(house, {"USD": "1000"})
    trade(maker, user, "MWH/USD", 10, 60)
    return user


def fall(house, maker, price):
    """The market trades at PRICE without him."""
    other = trader(house, {"USD": "1000"})
    trade(maker, other, "MWH/USD", 1, price)


def back(house, maker):
    fall(house, maker, 60)


def test_a_days_loss(house, maker, loser, operator, listener):
    # A day begins without one.
    quantora.wait_until(lambda: time.time() % 86400 < 86400 - 120, "another day")
    number = number_of(loser)
    reply = loser.client.put(LIMITS, json={"max_daily_loss": 100}, headers=INTERFACES)
    assert reply.status_code == 200
    try:
        fall(house, maker, 51)                       # -90
        found = wait_for(loser, "DAILY_LOSS_WARNING")
        assert found["DAILY_LOSS_WARNING"]["current_value"] == "90.00"
        fall(house, maker, 49)                       # -110
        found = wait_for(loser, "DAILY_LOSS_WARNING", "DAILY_LOSS_CRITICAL",
                         "DAILY_LOSS_BREACH", "REDUCE_ONLY")
        assert found["REDUCE_ONLY"]["severity"] == "critical"
        assert (found["REDUCE_ONLY"]["current_value"],
                found["REDUCE_ONLY"]["limit_value"]) == ("110.00", "100.00")
        assert reduce_only(loser) == 2
        levels = [n["level"] for n in listener.wait(number, 3)]
        assert levels == ["warning", "critical", "critical"]

        # He may sell, and not buy; also not when the price comes back.
        refused(send(loser, "MWH/USD", "buy", 1, 30))
        place(maker, "MWH/USD", "buy", 2, 49)
        assert place(loser, "MWH/USD", "sell", 2, 49)["order_status"] == "filled"
        back(house, maker)
        wait_for(loser, "REDUCE_ONLY")
        refused(send(loser, "MWH/USD", "buy", 1, 30))

        # An operator's word.
        body = {"user_id": loser.id, "reduce_only": False}
        reply = operator.client.post(REDUCE, json=body)
        assert reply.status_code == 200, reply.text
        assert reply.json()["data"]["reduce_only"] is False
        place(loser, "MWH/USD", "buy", 1, 25)
        wait_for(loser)
        assert reduce_only(loser) == 0
    finally:
        back(house, maker)


def test_a_drawdown(house, maker, loser, listener):
    reply = loser.client.put(LIMITS, json={"max_drawdown": 0.1}, headers=INTERFACES)
    assert reply.status_code == 200
    try:
        fall(house, maker, 51.5)                     # 85 of about 999
        found = wait_for(loser, "MAX_DRAWDOWN_WARNING")
        assert found["MAX_DRAWDOWN_WARNING"]["limit_value"] == "0.1"
        assert 0.08 <= float(found["MAX_DRAWDOWN_WARNING"]["current_value"]) < 0.095
        # What comes from outside is no gain, and lessens no loss.
        house.ctl("deposit", loser.email, "USD", "1000")
        loser.balance("USD")
        found = wait_for(loser, "MAX_DRAWDOWN_WARNING")
        assert 0.08 <= float(found["MAX_DRAWDOWN_WARNING"]["current_value"]) < 0.095
        fall(house, maker, 30)
        wait_for(loser, "MAX_DRAWDOWN_WARNING", "MAX_DRAWDOWN_CRITICAL",
                 "MAX_DRAWDOWN_BREACH", "REDUCE_ONLY")
        refused(send(loser, "MWH/USD", "buy", 1, 30))
    finally:
        back(house, maker)


# ---- An operator's word -------------------------------------------------------------


def test_an_operator_can_order_it(house, maker, operator):
    user = trader(house, {"USD": "1000"})
    body = {"user_id": user.id, "reduce_only": True}
    assert operator.client.post(REDUCE, json=body).json()["data"]["reduce_only"] is True
    refused(send(user, "MWH/USD", "buy", 1, 20))
    shown = operator.client.post("/admin/user", json={"user_id": user.id}).json()
    assert shown["data"]["reduce_only"] is True
    operator.client.post(REDUCE, json={**body, "reduce_only": False})
    place(user, "MWH/USD", "buy", 1, 20)
    rows = house.sql(
        "SELECT a.action, b.email FROM audit_log a JOIN users u ON u.id = a.user_id "
        "JOIN users b ON b.id = a.actor_id WHERE u.email = %s AND b.email <> u.email "
        "ORDER BY a.id", user.email)
    assert rows == (("user.reduce_only", operator.email),
                    ("user.reduce_only_lifted", operator.email))


def test_who_may_say_so(house, operator):
    user = Person(house)
    body = {"user_id": user.id, "reduce_only": True}
    assert house.client().post(REDUCE, json=body).status_code == 401
    assert user.client.post(REDUCE, json=body).status_code == 403
    looker = Person(house, role="admin")
    reply = looker.client.post(REDUCE, json=body)
    assert reply.status_code == 403 and reply.json()["code"] == "TOTP_REQUIRED"
    assert operator.client.post(
        REDUCE, json={"user_id": operator.id, "reduce_only": True}).status_code == 403
    for bad in ({}, {"user_id": user.id}, {"user_id": user.id, "reduce_only": 1},
                {"user_id": user.id, "reduce_only": None}):
        assert operator.client.post(REDUCE, json=bad).status_code == 400
    assert reduce_only(user) == 0


# ---- With parts of the house away ----------------------------------------------------


def test_nothing_is_lost_while_redis_is_away(house, maker):
    user = trader(house, {"USD": "10000"})
    number = number_of(user)
    limit(user, limit_type="OPEN_ORDERS", limit_value=2, warning_threshold=50)
    house.kill("redis")
    place(user, "MWH/USD", "buy", 1, 20)
    wait_for(user, "OPEN_ORDERS_WARNING")            # that needs no Redis
    quantora.wait_until(lambda: house.sql(
        "SELECT published_at FROM notices WHERE user_id = %s", number)[0][0],
        "the notice")
    heard = Listener(house)
    try:
        place(user, "MWH/USD", "buy", 1, 20)
        [notice] = heard.wait(number, 1)
        assert notice["level"] == "critical"
    finally:
        heard.close()


def test_the_limits_of_the_core_are_put_right(house):
    """Whatever a lost or late promise has left there."""
    user = trader(house, {"USD": "10000"})
    limit(user, limit_type="OPEN_ORDERS", limit_value=2)
    # As if the row had changed and its promise had been kept before another's.
    house.sql("UPDATE risk_limits l JOIN users u ON u.id = l.user_id SET l.value = 1 "
              "WHERE u.email = %s", user.email)
    house.sql("UPDATE intents i JOIN users u ON u.id = i.user_id SET i.created_at = "
              "i.created_at - INTERVAL 5 MINUTE WHERE u.email = %s "
              "AND i.source = 'risk.limit'", user.email)
    quantora.wait_until(lambda: house.sql(
        "SELECT c.value FROM core_limits c JOIN users u ON u.id = c.user_id "
        "WHERE u.email = %s AND c.type = 1", user.email)[0][0] == 1, "the limit")
    place(user, "MWH/USD", "buy", 1, 20)
    refused(send(user, "MWH/USD", "buy", 1, 20))


def test_the_books_are_whole(house):
    assert "checks are good" in house.ctl("ledger", "verify")
