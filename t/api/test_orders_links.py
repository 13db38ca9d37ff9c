# SPDX-License-Identifier: AGPL-3.0-or-later
"""Which strategy or bot an order is of: kept beside it, whatever fails."""

import concurrent.futures
import contextlib
import os
import signal
import uuid

import pytest
import quantora
from trading import INTERFACES as PATH
from trading import Trader, good

SYMBOL = "BTC/ZAR"
PRICE = 900000


@pytest.fixture(scope="module")
def owner(stack):
    return Trader(stack, SYMBOL)


def strategy_of(person):
    reply = person.client.post("/api/v1/strategies", json={
        "name": "mine", "config": {"type": "dca"}})
    assert reply.status_code in (200, 201), reply.text
    return reply.json()["id"]


def links(stack, client_id):
    return stack.sql("SELECT COUNT(*) FROM order_links WHERE client_id = %s",
                     client_id)[0][0]


def test_a_strategys_orders(owner, stack):
    mine, other = strategy_of(owner), strategy_of(owner)
    placed = good(owner.send("sell", 1, PRICE, strategy_id=mine))
    assert placed["strategy_id"] == mine
    order_id = placed["order_id"]
    assert owner.get(order_id)["strategy_id"] == mine
    # It has a client id, to be found again by.
    assert uuid.UUID(owner.get(order_id)["client_order_id"])
    named = owner.place("sell", 1, PRICE, strategy_id=mine, client_order_id="named")
    assert owner.get(named)["client_order_id"] == "named"
    bot = str(uuid.uuid4())
    both = owner.place("sell", 1, PRICE, strategy_id=mine, bot_id=bot)
    plain = owner.place("sell", 1, PRICE)
    assert owner.get(plain)["strategy_id"] is None

    def listed(query):
        found = good(owner.client.get(f"{PATH}?{query}"))
        assert found["total"] == len(found["orders"])
        return [o["order_id"] for o in found["orders"]]

    assert listed(f"strategy_id={mine}") == [both, named, order_id]
    assert listed(f"strategy_id={other}") == []
    assert listed(f"strategy_id={mine}&bot_id={bot}") == [both]
    assert listed(f"strategy_id={mine}&status=open&symbol=BTCZAR") == [
        both, named, order_id]
    seen = owner.client.get(f"/api/v1/orders/{both}").json()
    assert (seen["bot_id"], seen["strategy_id"]) == (bot, mine)
    seen = owner.client.get(f"/v1/trading/orders/{both}").json()
    assert (seen["bot_id"], seen["strategy_id"]) == (bot, mine)
    assert owner.cancel_all() == 4
    assert owner.get(both)["strategy_id"] == mine


def test_only_ones_own(owner, stack):
    theirs = strategy_of(Trader(stack, SYMBOL))
    for strategy in (theirs, str(uuid.uuid4())):
        reply = owner.send("sell", 1, PRICE, strategy_id=strategy)
        assert reply.status_code == 400, reply.text
        error = reply.json()["error"]
        assert (error["code"], error["details"]["field"]) == (
            "VALIDATION_ERROR", "strategy_id")
    assert owner.cancel_all() == 0


def test_another_strategy_is_another_order(owner):
    name, mine = uuid.uuid4().hex, strategy_of(owner)
    order_id = owner.place("sell", 1, PRICE, strategy_id=mine, client_order_id=name)
    assert owner.place("sell", 1, PRICE, strategy_id=mine,
                       client_order_id=name) == order_id
    reply = owner.send("sell", 1, PRICE, strategy_id=strategy_of(owner),
                       client_order_id=name)
    assert reply.status_code == 409
    assert owner.get(order_id)["strategy_id"] == mine
    assert owner.cancel_all() == 1


def test_a_strategy_is_not_given_later(owner, stack):
    name, mine = uuid.uuid4().hex, strategy_of(owner)
    order_id = owner.place("sell", 1, PRICE, client_order_id=name)
    reply = owner.send("sell", 1, PRICE, strategy_id=mine, client_order_id=name)
    assert reply.status_code == 409, reply.text
    assert links(stack, name) == 0
    assert owner.get(order_id)["strategy_id"] is None
    assert owner.cancel_all() == 1


def test_without_its_strategy_it_is_the_same_order(owner):
    """Which it still has, though this reply does not know."""
    name, mine = uuid.uuid4().hex, strategy_of(owner)
    order_id = owner.place("sell", 1, PRICE, strategy_id=mine, client_order_id=name)
    again = good(owner.send("sell", 1, PRICE, client_order_id=name))
    assert (again["order_id"], again["strategy_id"]) == (order_id, None)
    assert owner.get(order_id)["strategy_id"] == mine
    assert owner.cancel_all() == 1


def test_a_refused_order_has_no_link(owner, stack):
    name = uuid.uuid4().hex
    reply = owner.send("sell", 100000, PRICE, client_order_id=name,
                       strategy_id=strategy_of(owner))
    assert reply.json()["error"]["code"] == "INSUFFICIENT_FUNDS"
    assert links(stack, name) == 0


def test_a_session_that_ended_leaves_nothing(owner, stack):
    mine, name = strategy_of(owner), uuid.uuid4().hex
    client = owner.login()
    assert client.post("/api/auth/logout").status_code == 200
    reply = client.post(PATH, json={
        "symbol": SYMBOL, "side": "sell", "type": "limit", "quantity": 1,
        "price": PRICE, "strategy_id": mine, "client_order_id": name})
    assert reply.status_code == 401
    assert links(stack, name) == 0


@contextlib.contextmanager
def stalled(stack, name):
    pid = stack.pid(name)
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def test_a_stalled_database_stops_only_these():
    with quantora.Stack.boot_new() as stack:
        owner = Trader(stack, SYMBOL)
        mine = strategy_of(owner)
        names = [uuid.uuid4().hex for _ in range(12)]

        def linked(name):
            client = stack.client("interfaces")
            client.bearer(owner.client.token)
            return client.post(PATH, json={
                "symbol": SYMBOL, "side": "sell", "type": "limit", "quantity": 1,
                "price": PRICE, "strategy_id": mine, "client_order_id": name})

        assert linked("first").status_code == 200
        with concurrent.futures.ThreadPoolExecutor(len(names)) as pool:
            with stalled(stack, "mysql"):
                waiting = [pool.submit(linked, name) for name in names]
                for _ in range(40):
                    order_id = owner.place("sell", 1, PRICE)
                    good(owner.client.delete(f"{PATH}/{order_id}"))
                replies = [w.result() for w in waiting]
        assert {r.status_code for r in replies} == {503}, [r.text for r in replies]
        # Nothing was placed, and it works again.
        again = quantora.wait_until(lambda: (r := linked("again")).status_code == 200
                                    and r, "a database")
        found = quantora.wait_until(
            lambda: (r := owner.client.get(f"{PATH}?strategy_id={mine}")).status_code
            == 200 and r.json(), "a list")
        assert found["total"] == 2
        assert found["orders"][0]["order_id"] == again.json()["order_id"]


def test_workerd_drops_a_link_without_an_order(stack):
    stack.sql("INSERT INTO order_links VALUES (UNHEX(%s), 1, 'orphan', NULL, NULL, "
              "NULL, UTC_TIMESTAMP(6) - INTERVAL 1 HOUR)", uuid.uuid4().hex)
    connection = stack.mysql("root")
    connection.commit()
    connection.close()
    quantora.wait_until(lambda: links(stack, "orphan") == 0, "its end")
