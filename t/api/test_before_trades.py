# SPDX-License-Identifier: AGPL-3.0-or-later
"""Markets on which nobody has traded yet, on a stack where nobody has."""

import asyncio
import re

import pytest
from candles import SECONDS, Reader
from people import Person
from quantora import Stack
from streams import Talk

SYMBOL, PLAIN = "USDT/ZAR", "USDTZAR"
OF_SYMBOL = f"/api/v1/market-data/symbols/{PLAIN}"
TIME_MS = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")


@pytest.fixture(scope="module")
def stack():
    with Stack.boot_new() as running:
        yield running


def test_what_it_shows(stack):
    reader, bots, energy = (Reader(stack, edition, people=2) for edition in (
        "interfaces", "botplatform", "quantenergx"))
    ticker = reader.good(f"{OF_SYMBOL}/ticker")
    assert ticker["price"] == 18    # the reference price
    for name in ("bid", "ask", "open_24h", "high_24h", "low_24h", "change_24h",
                 "change_percent_24h", "last_trade_at"):
        assert ticker[name] is None, name
    assert ticker["volume_24h"] == ticker["trades_24h"] == 0
    assert bots.good(f"/api/v1/market/ticker/{PLAIN}")["price"] == "18.00"
    (price,) = energy.good("/v1/market/prices", symbol=SYMBOL)["prices"]
    assert price["price"] == 18 and price["high_24h"] is None
    for interval in SECONDS:
        assert reader.good(f"{OF_SYMBOL}/ohlcv", exchange="quantora",
                           interval=interval)["candles"] == []
    assert reader.good(f"{OF_SYMBOL}/trades")["trades"] == []


def test_a_stream_of_it_has_no_price(stack):
    async def run():
        path = f"/api/v1/ws/market/{PLAIN}?token={Person(stack).client.token}"
        async with Talk(stack, path) as talk:
            message = await talk.hear("ticker")
            assert message["symbol"] == PLAIN and message["price"] is None
            assert TIME_MS.match(message["timestamp"])
    asyncio.run(run())
