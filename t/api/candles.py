# SPDX-License-Identifier: AGPL-3.0-or-later
"""Candles made naively, and a reader of market data who asks a lot."""

import datetime
import itertools
import json
import time
from decimal import Decimal

import quantora
from people import Person
from signing import patient

SECONDS = {"1m": 60, "5m": 300, "15m": 900, "1h": 3600, "4h": 14400, "1d": 86400,
           "1w": 604800}
A_MONDAY = 4 * 86400    # 1970-01-05


def opening(interval, second):
    """When the candle opens that SECOND is in."""
    return second - (second - A_MONDAY) % SECONDS[interval]


def in_one_minute(act):
    """What ACT returns, and when; once more if a minute went by meanwhile."""
    def tried():
        before = int(time.time())
        value = act()
        after = int(time.time())
        return opening("1m", before) == opening("1m", after) and (value, after)
    return quantora.wait_until(tried, "all of it in one minute")


def text_of(second):
    return datetime.datetime.utcfromtimestamp(second).strftime("%Y-%m-%dT%H:%M:%SZ")


def second_of(text):
    """Of our own times, which are UTC."""
    return int(datetime.datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(
        tzinfo=datetime.timezone.utc).timestamp())


def candles(rows, interval, until=None):
    """Of (second, open, high, low, close, volume), in order; flat to UNTIL."""
    made = {}
    for second, o, h, l, c, v in rows:
        at = opening(interval, second)
        if at in made:
            old = made[at]
            made[at] = (old[0], max(old[1], h), min(old[2], l), c, old[4] + v)
        else:
            made[at] = (o, h, l, c, v)
    if not made:
        return []
    last = max(made) if until is None else opening(interval, until)
    out, close = [], None
    for at in range(min(made), last + 1, SECONDS[interval]):
        o, h, l, c, v = made.get(at, (close, close, close, close, Decimal(0)))
        out.append({"timestamp": text_of(at), "open": o, "high": h, "low": l,
                    "close": c, "volume": v})
        close = c
    return out


def of_trades(stack, symbol, interval, until):
    """The candles of the trades that the settler wrote."""
    rows = stack.sql(
        "SELECT TIMESTAMPDIFF(SECOND, '1970-01-01', t.executed_at), t.price, "
        "t.quantity FROM trades t JOIN instruments i ON i.id = t.instrument_id "
        "WHERE i.symbol = %s ORDER BY t.id", symbol)
    return candles([(s, p, p, p, p, q) for s, p, q in rows], interval, until)


class Reader:
    """People who take turns, because each may ask only so often."""

    def __init__(self, stack, edition, people=4):
        people = [Person(stack) for _ in range(people)]
        for person in people:
            person.client.session.headers["X-API-Edition"] = edition
            patient(person.client)
        self.turns = itertools.cycle(people)

    def get(self, path, **query):
        return next(self.turns).client.get(path, params=query)

    def good(self, path, **query):
        reply = self.get(path, **query)
        assert reply.status_code == 200, reply.text
        return json.loads(reply.text, parse_float=Decimal, parse_int=Decimal)
