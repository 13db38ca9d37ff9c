# SPDX-License-Identifier: AGPL-3.0-or-later
"""Positions and candles over an hour of a real stock, made anew from the trades.

An hour of AAPL goes through a running matcher; then both tables are held against
what a few lines of Python make of the trades, in whole units of 10^-8.
"""

import datetime
import os

import pytest
from quantora import TOP

DATA = f"{TOP}/../shared/data/orderflow/aapl-2012-06-21-0930-1030.csv.gz"
TRADES_MIN = 4000   # of the hour
BUY = 0
UNITS = 10**8


def units(value):
    whole = value * UNITS
    assert whole == int(whole)
    return int(whole)


@pytest.fixture(scope="module")
def trades(stack):
    """All of them, in order; the hour is played, unless that was done already."""
    if not os.path.exists(DATA):
        pytest.skip(f"{os.path.basename(DATA)} is not here")
    if stack.sql("SELECT COUNT(*) FROM trades t JOIN instruments i "
                 "ON i.id = t.instrument_id WHERE i.symbol LIKE 'AAPL%%'"
                 )[0][0] < TRADES_MIN:
        stack.ctl("flow", "replay", DATA)
    rows = stack.sql("SELECT id, seq, instrument_id, taker_side, maker_user, "
                     "taker_user, price, quantity, quote, executed_at "
                     "FROM trades ORDER BY id", account="auditor")
    assert len(rows) >= TRADES_MIN
    return rows


class Book:
    """The positions of everybody: id -> row, as the table has it."""

    def __init__(self):
        self.rows = {}
        self.open = {}          # (user, instrument) -> id

    def buy(self, user, trade, instrument, quantity, quote):
        key = user, instrument
        if key not in self.open:
            self.open[key] = trade
            self.rows[trade] = {"user": user, "instrument": instrument,
                                "left": 0, "cost": 0, "bought": 0, "paid": 0,
                                "realised": 0, "closed": False}
        row = self.rows[self.open[key]]
        row["left"] += quantity
        row["cost"] += quote
        row["bought"] += quantity
        row["paid"] += quote

    def sell(self, user, instrument, quantity, price):
        if (user, instrument) not in self.open:
            return
        row = self.rows[self.open[user, instrument]]
        quantity = min(quantity, row["left"])
        removed = -(-row["cost"] * quantity // row["left"])     # rounded up
        row["realised"] += price * quantity // UNITS - removed
        row["left"] -= quantity
        row["cost"] -= removed
        if row["left"] == 0:
            row["closed"] = True
            del self.open[user, instrument]


def test_positions(stack, trades):
    book = Book()
    for id_, _, instrument, side, maker, taker, price, quantity, quote, _ in trades:
        price, quantity, quote = units(price), units(quantity), units(quote)
        for user, bought in ((maker, side != BUY), (taker, side == BUY)):
            if bought:
                book.buy(user, id_, instrument, quantity, quote)
            else:
                book.sell(user, instrument, quantity, price)
    rows = stack.sql("SELECT id, user_id, instrument_id, quantity, cost, bought, "
                     "bought_quote, realised, closed_at FROM positions",
                     account="auditor")
    assert {row[0]: {"user": row[1], "instrument": row[2],
                     "left": units(row[3]), "cost": units(row[4]),
                     "bought": units(row[5]), "paid": units(row[6]),
                     "realised": units(row[7]), "closed": row[8] is not None}
            for row in rows} == book.rows
    # The hour had all kinds of them.
    kinds = {(row["closed"], row["realised"] > 0) for row in book.rows.values()}
    assert kinds == {(True, True), (True, False), (False, True), (False, False)}


def begin(time, step):
    """Of the interval of STEP that TIME is in."""
    day = datetime.datetime(time.year, time.month, time.day)
    return day + (time - day) // step * step


@pytest.mark.parametrize("table, column, step", (
    ("candles_1m", "minute", datetime.timedelta(minutes=1)),
    ("candles_1h", "hour", datetime.timedelta(hours=1)),
    ("candles_1d", "day", datetime.timedelta(days=1))))
def test_candles(stack, trades, table, column, step):
    made = {}
    for _, _, instrument, _, _, _, price, quantity, quote, time in trades:
        made.setdefault((instrument, begin(time, step)), []).append(
            (price, quantity, quote))
    # What the tables are called is ours, and no input.
    rows = stack.sql(f"SELECT instrument_id, {column}, open, high, low, close, volume, "
                     f"quote_volume, trades FROM {table}", account="auditor")
    assert {row[:2]: row[2:] for row in rows} == {
        key: (fills[0][0], max(p for p, _, _ in fills), min(p for p, _, _ in fills),
              fills[-1][0], sum(q for _, q, _ in fills), sum(v for _, _, v in fills),
              len(fills))
        for key, fills in made.items()}


def test_our_own_verification_agrees(stack, trades):
    said = stack.ctl("positions", "verify")
    assert f"positions: good, by {len(trades)} trades" in said
    assert "WRONG" not in said
