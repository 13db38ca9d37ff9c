# SPDX-License-Identifier: AGPL-3.0-or-later
"""Market data in three documents: symbols, candles, tickers, book, trades, feeds."""

import asyncio
import re
import time
from decimal import Decimal

import pytest
import websockets
from candles import (SECONDS, Reader, in_one_minute, of_trades, opening, second_of,
                     text_of)
from quantora import wait_until
from trading import Trader, good

SYMBOL = "MWH/USD"
PLAIN = "MWHUSD"
OTHER = "USDT/ZAR"

TIME = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?Z$")
SECOND = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")
SYMBOLS = "/api/v1/market-data/symbols"
OHLCV = f"/api/v1/market-data/symbols/{PLAIN}/ohlcv"
TICKER = f"/api/v1/market-data/symbols/{PLAIN}/ticker"
DEPTH = f"/api/v1/market-data/symbols/{PLAIN}/depth"
TRADES = f"/api/v1/market-data/symbols/{PLAIN}/trades"
KLINES = f"/api/v1/market/klines/{PLAIN}"
HISTORY = f"/v1/market/history/{PLAIN}"
SPELLINGS = ["MWH-USD", "MWHUSD", "MWH%2FUSD", "MWH%2fUSD", "mwh/usd", "MWH/USD",
             "mwh-usd"]


@pytest.fixture(scope="module")
def reader(stack):
    return Reader(stack, "interfaces")


@pytest.fixture(scope="module")
def bots(stack):
    return Reader(stack, "botplatform")


@pytest.fixture(scope="module")
def energy(stack):
    return Reader(stack, "quantenergx")


def deal(seller, buyer, price, quantity):
    """One trade; the buyer takes."""
    seller.place("sell", str(quantity), str(price))
    taken = good(buyer.send("buy", str(quantity), str(price)))
    assert taken["avg_fill_price"] == price


@pytest.fixture(scope="module")
def traders(stack):
    return [Trader(stack, SYMBOL) for _ in range(2)]


@pytest.fixture(scope="module")
def traded(stack, traders):
    """A few trades; the prices in order."""
    prices = ["60", "61.5", "58.25", "60.07", "60.07"]
    for i, price in enumerate(prices):
        deal(*traders, Decimal(price), Decimal(1 + i) / 8)
    return [Decimal(p) for p in prices]


# ---- Symbols -------------------------------------------------------------------

def test_symbols(stack, reader):
    listed = reader.good(SYMBOLS)["symbols"]
    ours = [s for s in listed if s["exchange"] == "quantora"]
    assert all(set(s) == {"symbol", "exchange", "base_currency", "quote_currency",
                          "status"} for s in listed)
    there = stack.sql("SELECT symbol FROM instruments WHERE status <> 3 ORDER BY id")
    assert [s["symbol"] for s in ours] == [row[0] for row in there]
    assert all(s["symbol"] == f"{s['base_currency']}/{s['quote_currency']}"
               for s in listed)
    assert reader.good(SYMBOLS, exchange="quantora")["symbols"] == ours
    assert reader.good(SYMBOLS, exchange="Quantora", limit=1000)["symbols"] == ours
    assert reader.good(SYMBOLS, exchange="kraken")["symbols"] == []
    assert reader.good(SYMBOLS, limit=3)["symbols"] == listed[:3]


def test_a_market_that_is_halted_is_inactive(stack, reader):
    def status():
        # The workers' table of markets is up to a second old.
        return next(s["status"] for s in reader.good(SYMBOLS)["symbols"]
                    if (s["symbol"], s["exchange"]) == (OTHER, "quantora"))

    def until(word):
        wait_until(lambda: status() == word, f"{OTHER} {word}")
    until("active")
    try:
        for word in ("halted", "cancel-only"):
            stack.ctl("instruments", "status", OTHER, word)
            until("inactive")
    finally:
        stack.ctl("instruments", "status", OTHER, "trading")
    until("active")


# ---- What is refused -----------------------------------------------------------

REFUSED = [
    ({"limit": "0"}, "limit"), ({"limit": "1001"}, "limit"), ({"limit": "-1"}, "limit"),
    ({"limit": "x"}, "limit"), ({"limit": "1.5"}, "limit"),
    ({"interval": "2m"}, "interval"), ({"interval": "1M"}, "interval"),
    ({"interval": ""}, "interval"), ({"interval": None}, "interval"),
    ({"start_time": "yesterday"}, "start_time"), ({"end_time": "2020-13-01"}, "end_time"),
    ({"start_time": "2020-01-02", "end_time": "2020-01-01"}, "end_time"),
    ({"exchange": "nowhere"}, "exchange"), ({"exchange": None}, "exchange"),
]


def refusal(edition, reply):
    """(status, code, the field at fault) of a refusal in the document's shape."""
    body = reply.json()
    if edition == "botplatform":
        assert set(body) == {"detail", "code", "timestamp"}
        if reply.status_code == 422:
            (detail,) = body["detail"]
            assert set(detail) == {"loc", "msg", "type"} and detail["loc"][0] == "query"
            return 422, body["code"], detail["loc"][1]
        return reply.status_code, body["code"], None
    assert set(body) == {"error"}
    assert set(body["error"]) == {"code", "message", "details"}
    return (reply.status_code, body["error"]["code"],
            body["error"]["details"].get("field"))


@pytest.mark.parametrize("change, field", REFUSED)
def test_what_is_refused(reader, bots, energy, change, field):
    query = {"exchange": "quantora", "interval": "1h", **change}
    assert refusal("interfaces", reader.get(OHLCV, **query)) == (
        400, "VALIDATION_ERROR", field)
    kline, history = bots.get(KLINES, **query), energy.get(HISTORY, **query)
    if change == {"exchange": None}:
        assert kline.status_code == history.status_code == 200
        return
    assert refusal("botplatform", kline) == (422, "VALIDATION_ERROR", field)
    if not change.get("interval", "1h"):
        assert history.json()["interval"] == "1h"
        return
    assert refusal("quantenergx", history) == (400, "VALIDATION_ERROR", field)


@pytest.mark.parametrize("path, query", [
    (SYMBOLS, {"limit": "1001"}), (SYMBOLS, {"limit": "0"}),
    (SYMBOLS, {"exchange": "nowhere"}),
    (DEPTH, {"limit": "51"}),
    (DEPTH, {"limit": "0"}),
    (TRADES, {"limit": "1001"}),
    (TRADES, {"exchange": "nowhere"}),
    (TICKER, {"exchange": "nowhere"}),
    ("/api/v1/market-data/tickers", {"limit": "1001"}),
    ("/api/v1/market-data/tickers", {"exchange": "nowhere"}),
])
def test_what_else_is_refused(reader, path, query):
    assert refusal("interfaces", reader.get(path, **query)) == (
        400, "VALIDATION_ERROR", next(iter(query)))


def test_what_is_not_there(reader, bots, energy):
    for symbol in ("NOPE-USD", "NOPE", "NOPE/USD", "%20", "BTC%2FUSD%2FX"):
        for name in ("ohlcv", "ticker", "depth", "trades"):
            reply = reader.get(f"{SYMBOLS}/{symbol}/{name}", exchange="quantora",
                               interval="1h")
            assert refusal("interfaces", reply)[:2] == (404, "NOT_FOUND"), symbol
        assert reader.get(f"{SYMBOLS}/{symbol}/ohlcv", exchange="kraken",
                          interval="1h").status_code == 404
        for reply in (bots.get(f"/api/v1/market/ticker/{symbol}"),
                      bots.get(f"/api/v1/market/klines/{symbol}", interval="1h")):
            assert refusal("botplatform", reply)[:2] == (404, "NOT_FOUND")
        reply = energy.get(f"/v1/market/history/{symbol}")
        assert refusal("quantenergx", reply)[:2] == (404, "NOT_FOUND")
    assert refusal("quantenergx", energy.get("/v1/market/prices", symbol="NOPE")) == (
        400, "VALIDATION_ERROR", "symbol")
    # Of another venue there are only candles, and here not even those.
    for name in ("ticker", "depth", "trades"):
        assert reader.get(f"{SYMBOLS}/{PLAIN}/{name}",
                          exchange="kraken").status_code == 404
    assert reader.good(OHLCV, exchange="kraken", interval="1d")["candles"] == []
    assert reader.good("/api/v1/market-data/tickers", exchange="luno") == {"tickers": []}


# ---- Candles of the house's own trades -----------------------------------------

@pytest.mark.parametrize("interval", SECONDS)
def test_candles_are_those_of_the_trades(stack, reader, bots, energy, traded, interval):
    query = {"interval": interval, "limit": 1000}

    (ohlcv, klines, history), now = in_one_minute(lambda: (
        reader.good(OHLCV, exchange="quantora", **query),
        bots.good(KLINES, **query), energy.good(HISTORY, **query)))
    want = of_trades(stack, SYMBOL, interval, now)[-1000:]
    assert ohlcv == {"symbol": SYMBOL, "exchange": "quantora", "interval": interval,
                     "candles": want}
    assert history == {"symbol": SYMBOL, "interval": interval, "history": want}
    assert (klines["symbol"], klines["interval"]) == (PLAIN, interval)
    for got, candle in zip(klines["data"], want, strict=True):
        assert got["timestamp"] == candle["timestamp"]
        for name in ("open", "high", "low", "close"):
            assert re.fullmatch(r"\d+\.\d\d", got[name])
            assert Decimal(got[name]) == candle[name]
        assert re.fullmatch(r"\d+(\.\d*[1-9])?", got["volume"])
        assert Decimal(got["volume"]) == candle["volume"]


def test_a_trade_is_in_the_candle_that_one_reads_next(traders, reader):
    """Also for him who was only told of it."""
    seller, buyer = traders
    for i in range(10):
        price = Decimal(60) + Decimal(i) / 100
        deal(seller, buyer, price, Decimal("0.5"))
        for client in (buyer.client, seller.client, next(reader.turns).client):
            candle = good(client.get(OHLCV, params={
                "exchange": "quantora", "interval": "1w", "limit": 1}))["candles"][0]
            assert candle["close"] == price
        assert reader.good(TRADES, limit=1)["trades"][0][
            "price"] == price


def test_ranges(stack, reader, traded):
    def at(**query):
        return [second_of(c["timestamp"]) for c in reader.good(
            OHLCV, exchange="quantora", interval="1m", **query)["candles"]]

    now = opening("1m", int(time.time()))
    (first,) = stack.sql(
        "SELECT TIMESTAMPDIFF(SECOND, '1970-01-01', MIN(minute)) FROM candles_1m c "
        "JOIN instruments i ON i.id = c.instrument_id WHERE i.symbol = %s", SYMBOL)[0]
    assert at(end_time=first - 60) == []
    assert at(end_time=first) == at(end_time=first + 59) == [first]
    assert at(start_time=first, limit=1) == at(start_time=first - 86400, limit=1)
    assert at(start_time=first, end_time=first) == [first]
    assert at(start_time=now + 3600) == []
    # All ways to write a time.
    for same in (first, first * 1000, text_of(first), text_of(first)[:-1] + "+00:00"):
        assert at(start_time=same, end_time=same) == [first], same
    day = text_of(first)[:10]
    assert at(start_time=day, limit=1) == [first]
    # A day begins with its midnight, at which there may have been a trade.
    assert at(end_time=text_of(first - 86400)[:10], limit=1) == []
    assert at(limit=1)[0] >= now


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_every_spelling_of_a_symbol(reader, bots, energy, traded, spelling):
    for name in ("ohlcv", "ticker", "depth", "trades"):
        got = reader.good(f"{SYMBOLS}/{spelling}/{name}", exchange="quantora",
                          interval="1h")
        assert (got["symbol"], got["exchange"]) == (SYMBOL, "quantora")
    assert bots.good(f"/api/v1/market/ticker/{spelling}")["symbol"] == PLAIN
    assert bots.good(f"/api/v1/market/klines/{spelling}", interval="1h")[
        "symbol"] == PLAIN
    assert energy.good(f"/v1/market/history/{spelling}")["symbol"] == SYMBOL
    (price,) = energy.good(f"/v1/market/prices?symbol={spelling}")["prices"]
    assert price["symbol"] == SYMBOL


# ---- Tickers, the book, trades --------------------------------------------------

def test_tickers(stack, reader, bots, energy, traders, traded):
    seller, buyer = traders
    seller.place("sell", 2, "60.5")
    buyer.place("buy", 3, "59.5")
    (price, high, low, volume, quote, n), = stack.sql(
        "SELECT (SELECT price FROM trades x WHERE x.instrument_id = i.id ORDER BY id "
        "DESC LIMIT 1), MAX(t.price), MIN(t.price), SUM(t.quantity), SUM(t.quote), "
        "COUNT(*) FROM trades t JOIN instruments i ON i.id = t.instrument_id "
        "WHERE i.symbol = %s GROUP BY i.id", SYMBOL)
    (first,), = stack.sql(
        "SELECT t.price FROM trades t JOIN instruments i ON i.id = t.instrument_id "
        "WHERE i.symbol = %s ORDER BY t.id LIMIT 1", SYMBOL)
    ticker = reader.good(TICKER)
    assert SECOND.match(ticker.pop("timestamp"))
    assert TIME.match(ticker.pop("last_trade_at"))
    percent = (100 * (price - first) / first).quantize(Decimal("0.0001"))
    want = {"symbol": SYMBOL, "exchange": "quantora", "price": price,
            "bid": Decimal("59.5"), "ask": Decimal("60.5"), "open_24h": first,
            "high_24h": high, "low_24h": low, "change_24h": price - first,
            "change_percent_24h": percent, "volume_24h": volume,
            "quote_volume_24h": quote, "trades_24h": n}
    assert ticker == want
    row = next(t for t in reader.good("/api/v1/market-data/tickers")["tickers"]
               if t["symbol"] == SYMBOL)
    assert {k: row[k] for k in want} == want
    row = energy.good("/v1/market/prices", symbol=PLAIN)["prices"][0]
    for name in ("price", "bid", "ask", "change_24h", "change_percent_24h", "high_24h",
                 "low_24h", "volume_24h", "quote_volume_24h"):
        assert row[name] == want[name]
    bot = bots.get(f"/api/v1/market/ticker/{PLAIN}").json()
    assert SECOND.match(bot.pop("timestamp"))
    assert bot == {"symbol": PLAIN, "price": f"{price:.2f}", "bid": "59.50",
                   "ask": "60.50"}


def test_all_prices(stack, reader, energy):
    symbols = [row[0] for row in stack.sql(
        "SELECT symbol FROM instruments WHERE status <> 3 ORDER BY id")]
    prices = energy.good("/v1/market/prices")["prices"]
    assert [p["symbol"] for p in prices] == symbols
    assert all({"symbol", "price", "bid", "ask", "change_24h", "change_percent_24h",
                "high_24h", "low_24h", "volume_24h", "quote_volume_24h",
                "timestamp"} <= set(p) for p in prices)
    tickers = reader.good("/api/v1/market-data/tickers")["tickers"]
    assert [t["symbol"] for t in tickers] == symbols
    assert [t["symbol"] for t in reader.good("/api/v1/market-data/tickers", limit=2)[
        "tickers"]] == symbols[:2]


def test_depth(reader, traders):
    seller, buyer = traders
    for trader in traders:
        trader.cancel_all()
    for i in range(3):
        seller.place("sell", i + 1, 64 + i)
        buyer.place("buy", i + 1, 56 - i)
    depth = reader.good(DEPTH)
    assert depth["asks"] == [[64, 1], [65, 2], [66, 3]]
    assert depth["bids"] == [[56, 1], [55, 2], [54, 3]]
    assert depth["sequence"] > 0 and SECOND.match(depth["timestamp"])
    depth = reader.good(DEPTH, limit=1)
    assert (depth["asks"], depth["bids"]) == ([[64, 1]], [[56, 1]])
    for trader in traders:
        trader.cancel_all()
    depth = reader.good(DEPTH, limit=50)
    assert depth["asks"] == depth["bids"] == []


def test_trades(stack, reader, traded):
    rows = stack.sql(
        "SELECT LOWER(HEX(t.id)), t.price, t.quantity, t.taker_side FROM trades t "
        "JOIN instruments i ON i.id = t.instrument_id WHERE i.symbol = %s "
        "ORDER BY t.id DESC", SYMBOL)
    got = reader.good(TRADES, limit=1000)["trades"]
    assert [(t["id"].replace("-", ""), t["price"], t["quantity"],
             ["buy", "sell"].index(t["side"])) for t in got] == list(rows)
    assert all(TIME.match(t["timestamp"]) for t in got)
    assert reader.good(TRADES, limit=2)["trades"] == got[:2]
    # Of whom a trade was, nobody is told.
    assert all(set(t) == {"id", "price", "quantity", "side", "timestamp"} for t in got)


# ---- Feeds ----------------------------------------------------------------------

def test_feeds(stack, energy):
    symbols = {row[0] for row in stack.sql(
        "SELECT symbol FROM instruments WHERE status <> 3")}
    feeds = energy.good("/v1/market/feeds")["feeds"]
    host = stack.conf["http"]["public_host"]
    assert all(set(f) == {"name", "url", "symbols", "login"} for f in feeds)
    assert all(f["url"].startswith(f"ws://{host}/") for f in feeds)
    assert len({f["url"] for f in feeds}) == len({f["name"] for f in feeds}) == len(feeds)
    for edition in ("quantora", "interfaces", "botplatform"):
        named = [f for f in feeds if f["name"].split()[0] == edition]
        assert {s for f in named for s in f["symbols"]} == symbols


def test_feeds_over_tls(stack, energy):
    token = next(energy.turns).client.token
    client = stack.client(https=True)
    client.bearer(token)
    feeds = good(client.get("/v1/market/feeds"))["feeds"]
    assert all(f["url"].startswith("wss://") for f in feeds)
    host = stack.conf["http"]["public_host"].split(":")[0]
    # By the name that the settings have, at the port that was asked.
    client.session.headers["Host"] = f"{host}:{stack.https_port}"
    feeds = good(client.get("/v1/market/feeds"))["feeds"]
    assert all(f["url"].startswith(f"wss://{host}:{stack.https_port}/") for f in feeds)
    for host in ("evil.example:1", f"{host}:1@evil.example", f"{host}.evil.example:80"):
        client.session.headers["Host"] = host
        reply = client.get("/v1/market/feeds")
        assert "evil" not in reply.text


def test_feeds_are_there(stack, energy):
    """Each address takes a WebSocket, logged in as it says."""
    token = next(energy.turns).client.token
    feeds = [f for f in energy.good("/v1/market/feeds")["feeds"]
             if SYMBOL in f["symbols"]]
    assert len(feeds) == 3

    async def connect(feed):
        url = feed["url"].replace("localhost", "127.0.0.1")
        if feed["login"] == "token":
            url += f"?token={token}"
        async with websockets.connect(url):
            pass

    for feed in feeds:
        asyncio.run(connect(feed))
