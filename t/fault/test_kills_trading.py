# SPDX-License-Identifier: AGPL-3.0-or-later
"""kill -9 under all that traders do: stops, pairs, switches, limits, alerts.

The traders of crowd.py trade while each daemon, MariaDB, Redis and nginx is
killed again and again, one after the other and then all at once.  What they
were told is then held against MySQL, and that against the streams: one that was
followed through all the kills, and those of the others out of the journal.
QUANTORA_LONG=1 kills each 20 times, else QUANTORA_KILLS or 2.
"""

import collections
import contextlib
import os
import random
import signal
import struct
import time
import uuid
from decimal import Decimal

import pymysql
import pytest
from crowd import LIMITS, ORDERS, SWITCH, SYMBOL, Trader, trading_goes_on
from follower import Follower
from quantora import Stack, StackError, wait_until
from test_kills import state_survives

VICTIMS = ("matcherd", "settlerd", "api-trade", "api", "api-egress", "streamd",
           "workerd", "mysql", "redis", "nginx")
KILLS = int(os.environ.get("QUANTORA_KILLS", 20 if os.environ.get("QUANTORA_LONG") else 2))
TRADERS = 4

# Numbers of wire/order.h
OPEN, WAITING, FILLED, CANCELLED = range(4)
SIDES = {"buy": 0, "sell": 1}
TYPES = {"limit": 0, "market": 1, "stop_loss": 2, "take_profit": 3, "trailing_stop": 4}
REASONS = {0: None, 1: "filled", 2: "user", 3: "remainder", 4: "unfillable",
           5: "self_trade", 7: "amended", 8: "fill_limit", 10: "no_funds", 11: "oco",
           12: "cancel_after", 13: "risk"}
WORDS = {OPEN: ("pending", "partially_filled"), WAITING: ("pending",),
         FILLED: ("filled",), CANCELLED: ("cancelled",)}
# How the core numbers the types of risk_limits
CORE_TYPES = {0: 2, 1: 0, 2: 3, 3: 4, 4: 1, 5: 5}
ANY = 65535
LIMIT_SET, DAILY_LOSS = 8, 3    # of the core

Row = collections.namedtuple(
    "Row", "client_id side type status reason price quantity stop_price filled fee "
    "trail trail_rate pair triggered_at closed_at strategy links")


def text_of(raw):
    return str(uuid.UUID(bytes=raw)) if raw else None


def exactly(number):
    return Decimal(str(number))


def rows_of(stack, trader):
    """All of his orders: id -> Row."""
    found = stack.sql(
        "SELECT o.id, o.client_id, o.side, o.type, o.status, o.reason, o.price, "
        "o.quantity, o.stop_price, o.filled, o.fee, o.trail, o.trail_rate, o.pair_id, "
        "o.triggered_at, o.closed_at, MAX(l.strategy_id), COUNT(l.id) FROM orders o "
        "LEFT JOIN order_links l ON l.order_id = o.id WHERE o.user_id = %s "
        "GROUP BY o.id", trader.number)
    return {text_of(row[0]): Row(*row[1:13], text_of(row[13]), *row[14:16],
                                 text_of(row[16]), row[17]) for row in found}


@pytest.fixture(scope="module")
def stack():
    with Stack.boot_new() as s:
        yield s


# ---- What they were told, and what is there ---------------------------------------


def check_orders(trader, rows):
    for order_id, placed in trader.orders.items():
        assert order_id in rows, "an acknowledged order is gone"
        row, body = rows[order_id], placed.body
        told = (trader.email, order_id, body, row)
        assert (row.side, row.type, row.client_id) == (
            SIDES[body["side"]], TYPES[body["type"]], placed.name), told
        if placed.quantity is not None:    # and so the price
            assert row.quantity == exactly(placed.quantity), told
            assert row.price == exactly(placed.price or 0), told
        assert row.filled >= placed.filled, told
        if "stop_price" in body:
            assert row.stop_price == body["stop_price"], told
        assert (row.trail or 0) == body.get("trail", 0), told
        assert (row.trail_rate or 0) == exactly(body.get("trail_percent", 0)) * 10**4, told
        if placed.cancelled:
            assert row.status == CANCELLED, told
    for row in rows.values():
        assert (row.closed_at is None) == (row.status in (OPEN, WAITING)), row
        assert (row.filled == row.quantity) == (row.status == FILLED), row


def check_names(trader, rows):
    """What was sent once or more was done once, and nothing else."""
    there = collections.Counter(r.client_id for r in rows.values() if r.client_id)
    assert not there or max(there.values()) == 1, there.most_common(1)
    told = {p.name for p in trader.orders.values()} | trader.nameless \
        | {name for name, *_ in trader.pairs}
    assert told <= set(there), "an acknowledged order is gone"
    assert set(there) - told <= trader.doubtful, "an order that nobody was told of"


def check_pairs(trader, rows):
    for name, limit_id, stop_id, body in trader.pairs:
        limit, stop = rows[limit_id], rows[stop_id]
        told = (trader.email, body, limit, stop)
        assert (limit.type, stop.type) == (TYPES["limit"], TYPES["stop_loss"]), told
        assert (limit.pair, stop.pair) == (stop_id, limit_id), told
        assert (limit.client_id, stop.client_id) == (name, None), told
        for row in (limit, stop):
            assert (row.side, row.quantity) == (
                SIDES[body["side"]], exactly(body["quantity"])), told
        assert (limit.price, stop.stop_price) == (body["price"], body["stop_price"]), told
        # One of the two at most has done something.
        assert limit.filled == 0 or (stop.filled == 0 and REASONS[stop.reason] == "oco"), told
        assert not stop.triggered_at or REASONS[limit.reason] == "oco", told
        if stop.status == WAITING:
            assert limit.status == OPEN and limit.filled == 0, told
        elif limit.filled == 0:
            assert limit.status == CANCELLED, told


def check_stops(rows, last):
    """None that waits has been reached by the last price."""
    for row in rows.values():
        if row.status == WAITING and row.type != TYPES["trailing_stop"]:
            falls = (row.side == SIDES["sell"]) == (row.type == TYPES["stop_loss"])
            assert last > row.stop_price if falls else last < row.stop_price, (last, row)


def check_links(trader, rows):
    for order_id, placed in trader.orders.items():
        wanted = placed.body.get("strategy_id")
        row = rows[order_id]
        assert (row.strategy, row.links) == (wanted, 1 if wanted else 0), (order_id, row)


# ---- What the streams told ----------------------------------------------------------


def fills_of(stack, trader):
    found = {}
    for side in ("maker", "taker"):
        for row in stack.sql(
                f"SELECT id, {side}_order, price, quantity, {side}_fee FROM trades "
                f"WHERE {side}_user = %s", trader.number):
            found[text_of(row[0]), side] = (text_of(row[1]), *row[2:])
    return found


def check_stream(stack, trader, rows, heard):
    """Each of his updates, once; and together they are the rows."""
    fills = fills_of(stack, trader)
    told = collections.Counter()
    for m in (m for m in heard if m["fill"]):
        fill = m["fill"]
        key = fill["trade_id"], fill["liquidity"]
        told[key] += 1
        assert key in fills, "a fill that was never made"
        assert fills[key] == (m["order_id"], *(
            Decimal(fill[k]) for k in ("price", "quantity", "fee"))), m
    assert set(told) == set(fills), "a fill was not told"
    assert set(told.values()) <= {1}, "a fill was told twice"

    events = collections.defaultdict(list)
    for m in heard:
        events[m["order_id"]].append(m)
    assert set(events) == set(rows), "an order was not told of, or never was"
    for order_id, row in rows.items():
        check_story(row, events[order_id])


def check_story(row, events):
    names = collections.Counter(m["event"] for m in events)
    last = events[-1]
    told = (row, events)
    assert events[0]["event"] == "opened" and names["opened"] == 1, told
    assert names["triggered"] == (1 if row.triggered_at else 0), told
    # The fill that fills it is its end, and so is its closing.
    ends = [m for m in events if m["status"] in ("filled", "cancelled")]
    assert (ends == [] and row.closed_at is None) or (
        ends[-1] is last and row.closed_at and names["closed"] <= 1), told
    assert last["status"] in WORDS[row.status], told
    assert last["reason"] == REASONS[row.reason], told
    assert Decimal(last["filled_quantity"]) == row.filled, told
    # That a stop fired is told without its quantity, which is as it was.
    assert last["quantity"] is None if last["event"] == "triggered" \
        else Decimal(last["quantity"]) == row.quantity, told
    assert row.fee == 0 or Decimal(last["fees"]) == row.fee, told
    assert sum(Decimal(m["fill"]["quantity"]) for m in events if m["fill"]) == row.filled, told


# ---- What is beside ---------------------------------------------------------------


def check_alerts(stack, traders):
    """Every alert that a trade has reached was triggered, by the first, once."""
    last = stack.sql("SELECT MAX(id) FROM trades")[0][0]
    wait_until(lambda: stack.sql("SELECT trade_id FROM price_alert_mark")[0][0] >= last,
               "a look at the last trades")
    wait_until(lambda: stack.sql(
        "SELECT COUNT(*) FROM notices WHERE published_at IS NULL")[0][0] == 0,
        "all notices' publishing")
    told = collections.Counter(row[0] for row in stack.sql(
        "SELECT JSON_UNQUOTE(JSON_EXTRACT(payload, '$.alert_id')) FROM notices "
        "WHERE kind = 'price_alert'"))
    alerts = {text_of(row[0]): row[1:] for row in stack.sql(
        "SELECT a.public_id, a.above, a.price, a.triggered, a.created_at, "
        "a.triggered_at, a.triggered_price, (SELECT t.price FROM trades t WHERE "
        "t.instrument_id = a.instrument_id AND t.executed_at >= a.created_at AND "
        "IF(a.above, t.price >= a.price, t.price <= a.price) ORDER BY t.id LIMIT 1) "
        "FROM price_alerts a")}
    for alert_id, (above, price, fired, made, at, by, first) in alerts.items():
        assert told[alert_id] == fired, "an alert is told of once, when it has fired"
        assert fired or first is None, "a trade has passed an alert"
        if fired:
            assert by >= price if above else by <= price
            # What was so already when it was made is told at once.
            assert by == first or at <= made, (alert_id, made, at, by, first)
    assert set(told) <= set(alerts)
    for trader in traders:
        for alert_id, body in trader.alerts.items():
            assert alerts[alert_id][:2] == (body["condition"] == "above", body["price"])
    assert sum(told.values()) > 0, "the load was no load"


def wanted_limits(stack, trader):
    """What the core has to enforce, by the rows of risk_limits."""
    bounds = {}
    for kind, instrument, value in stack.sql(
            "SELECT type, instrument_id, MIN(value) FROM risk_limits WHERE enabled "
            "AND user_id = %s GROUP BY type, instrument_id", trader.number):
        bounds[CORE_TYPES[kind], instrument] = value
    return {(kind, instrument): min(value, bounds.get((kind, ANY), value))
            for (kind, instrument), value in bounds.items()}


def core_limits(stack, trader):
    return {row[:2]: row[2] for row in stack.sql(
        "SELECT type, instrument_id, value FROM core_limits WHERE value > 0 "
        "AND user_id = %s", trader.number)}


def check_limits(stack, trader):
    stored = {text_of(row[0]): row[1] for row in stack.sql(
        "SELECT public_id, value FROM risk_limits WHERE enabled AND user_id = %s",
        trader.number)}
    for limit_id, value in trader.size_limits.items():
        assert stored[limit_id] == value, "an acknowledged limit is gone"
    account = trader.tell("GET", LIMITS, edition="interfaces").json()
    for field, value in trader.limits.items():
        assert account[field] == value, (trader.email, field)
    # Two that nobody could be told of may be kept the wrong way round at first.
    wait_until(lambda: stack.sql(
        "SELECT COUNT(*) FROM intents WHERE state = 'open'")[0][0] == 0,
        "the end of all intents")
    wait_until(lambda: core_limits(stack, trader) == wanted_limits(stack, trader),
               f"{wanted_limits(stack, trader)} as the limits of {trader.email}, "
               f"who has {core_limits(stack, trader)}")


def check_switch(stack, trader):
    """It is due while there is no matcher, and done by the next one."""
    ids = [trader.place("sell", 1, type="limit", price=2900),
           trader.place("sell", 1, type="stop_loss", stop_price=2100)]
    due = trader.tell("POST", SWITCH, {"seconds": 1}).json()["cancel_at"]
    stack.kill("matcherd")

    def gone():
        rows = rows_of(stack, trader)
        return all(rows[i].status == CANCELLED for i in ids) and rows
    rows = wait_until(gone, "the dead-man switch")
    for order_id in ids:
        row = rows[order_id]
        assert REASONS[row.reason] == "cancel_after"
        assert row.closed_at.isoformat(timespec="microseconds") >= due.rstrip("Z")
    trader.settled()
    assert trader.tell("GET", SWITCH).json() == {"cancel_at": None}


# ---- The story -----------------------------------------------------------------------


@contextlib.contextmanager
def stalled(stack, name):
    pid = stack.pid(name)
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def kill_all_of_them(stack, traders):
    dice = random.Random()
    for _ in range(KILLS):
        for victim in VICTIMS:
            time.sleep(dice.random() * 0.4)    # at any moment of the load
            stack.kill(victim)
            trading_goes_on(traders)
        before = {victim: stack.pid(victim) for victim in VICTIMS}
        for pid in before.values():
            os.kill(pid, signal.SIGKILL)
        for victim, pid in before.items():
            wait_until(lambda v=victim, p=pid: stack.pid(v) != p, f"a new {victim}")
        trading_goes_on(traders)


def last_order(trader):
    """One more order, which ends at once."""
    order_id = trader.place("sell", 1, type="limit", price=2999)
    trader.tell("DELETE", f"{ORDERS}/{order_id}")
    return order_id


def not_yet(stack, traders, follower):
    """What of all that the checks are about has not happened so far."""
    reasons = {REASONS[row[0]] for row in stack.sql("SELECT DISTINCT reason FROM orders")}
    fired = {row[0] for row in stack.sql(
        "SELECT DISTINCT type FROM orders WHERE triggered_at IS NOT NULL")}
    orders = [p for t in traders for p in list(t.orders.values())]
    happened = {
        **{f"an end by {reason}": reason in reasons
           for reason in ("filled", "user", "remainder", "oco", "cancel_after")},
        **{f"a {kind} that fired": TYPES[kind] in fired
           for kind in ("stop_loss", "take_profit", "trailing_stop")},
        "an order of a strategy": any("strategy_id" in p.body for p in orders),
        "a limit": any(t.limits for t in traders),
        "an amended order": any(p.price != p.body.get("price") for p in orders),
        "a price alert": stack.sql("SELECT 1 FROM price_alerts WHERE triggered LIMIT 1"),
        "a kill that was felt": sum(t.unheard for t in traders),
        "a stream that was cut": follower.connections > KILLS,
    }
    return [what for what, there in happened.items() if not there]


def goes_on_until_all_has_happened(stack, traders, follower):
    """A slow machine has done less by now than a quick one."""
    def whole():
        for thread in (*traders, follower):
            assert thread.error is None, thread.error
        try:
            return not not_yet(stack, traders, follower)
        except pymysql.err.OperationalError:
            return False    # MySQL was just killed
    try:
        wait_until(whole)
    except StackError:
        raise AssertionError(f"there was no {not_yet(stack, traders, follower)}: "
                             "the load was no load") from None


def promise_limit(stack, trader, value):
    """His daily loss, as one leaves it who dies before he tells the core."""
    intent = bytearray(uuid.uuid4().bytes)
    intent[:6] = int(time.time() * 1000).to_bytes(6, "big")
    intent[6] = 0x70 | intent[6] & 15    # version 7
    command = struct.pack("<HHI16sHB5xq", 40, LIMIT_SET, trader.number, bytes(intent),
                          ANY, DAILY_LOSS, value * 10**8)
    stack.sql("INSERT INTO intents (id, source, reference, user_id, command, created_at) "
              "VALUES (%s, 'risk.limit', %s, %s, %s, UTC_TIMESTAMP(6))",
              bytes(intent), bytes(intent), trader.number, command)


def test_the_last_word_on_a_limit_is_the_last(stack):
    """What the core was not told is not told it after what came later."""
    trader = Trader(stack, TRADERS)
    with stalled(stack, "workerd"):
        promise_limit(stack, trader, 1000)
        trader.tell("PUT", LIMITS, {"max_daily_loss": 2000}, "interfaces")
    wait_until(lambda: stack.sql(
        "SELECT COUNT(*) FROM intents WHERE state = 'open'")[0][0] == 0,
        "the end of the first limit's promise")
    trader.settled()
    assert core_limits(stack, trader) == {(DAILY_LOSS, ANY): 2000}


def test_nothing_of_all_that_is_lost_or_doubled(stack):
    traders = [Trader(stack, n) for n in range(TRADERS)]
    follower = Follower(stack, traders[0].client.token, cuts=True)
    follower.start()
    for trader in traders:
        trader.start()
    trading_goes_on(traders)
    kill_all_of_them(stack, traders)
    goes_on_until_all_has_happened(stack, traders, follower)
    for trader in traders:
        trader.ending.set()
    for trader in traders:
        trader.end()
        trader.tell("POST", SWITCH, {"seconds": 0})
        trader.settled()

    check_switch(stack, traders[0])
    with stalled(stack, "workerd"):    # which may have something to tell the core
        state_survives(stack, traders[0].settled)

    lasts = [last_order(trader) for trader in traders]
    others = [Follower(stack, trader.client.token) for trader in traders[1:]]
    for other in others:
        other.start()
    heard = [f.until(last) for f, last in zip((follower, *others), lasts)]
    [(last_price,)] = stack.sql(
        "SELECT t.price FROM trades t JOIN instruments i ON i.id = t.instrument_id "
        "WHERE i.symbol = %s ORDER BY t.id DESC LIMIT 1", SYMBOL)
    for trader, updates in zip(traders, heard):
        trader.settled()
        rows = rows_of(stack, trader)
        check_orders(trader, rows)
        check_names(trader, rows)
        check_pairs(trader, rows)
        check_stops(rows, last_price)
        check_stream(stack, trader, rows, updates)
    check_alerts(stack, traders)
    for trader in traders:
        check_limits(stack, trader)
    # What nobody completes is decided half a minute after its order.
    wait_until(lambda: stack.sql(
        "SELECT COUNT(*) FROM order_links WHERE order_id IS NULL")[0][0] == 0,
        "an end of the open links")
    for trader in traders:
        check_links(trader, rows_of(stack, trader))
    for what in ("ledger", "positions", "journal", "audit"):
        stack.ctl(what, "verify")
