# SPDX-License-Identifier: AGPL-3.0-or-later
"""Imported candles, and those of an hour of real trading, made a second time."""

import csv
import gzip
import os
import re
import subprocess
import threading
from decimal import ROUND_HALF_UP, Decimal

import pytest
from candles import (SECONDS, Reader, candles, in_one_minute, of_trades, second_of,
                     text_of)
from quantora import DEV, TOP, wait_until

HOURS = f"{TOP}/../shared/data/candles/btcusdt-1h-2017-2021.csv.gz"
FLOW = f"{TOP}/../shared/data/orderflow/aapl-2012-06-21-0930-1030.csv.gz"
OHLCV = "/api/v1/market-data/symbols/{}/ohlcv"
HEADER = "timestamp,open,high,low,close,volume\n"


@pytest.fixture(scope="module")
def reader(stack):
    return Reader(stack, "interfaces")


@pytest.fixture(scope="module")
def bots(stack):
    return Reader(stack, "botplatform")


@pytest.fixture(scope="module")
def energy(stack):
    return Reader(stack, "quantenergx")


def load(stack, path, exchange="kucoin", symbol="BTC/USDT", interval="1h"):
    """(exit code, the counts, what it complained of)."""
    done = stack.ctl("candles", "import", path, "--exchange", exchange, "--symbol",
                     symbol, "--interval", interval, check=False)
    counts = {k: int(v) for k, v in re.findall(r"\b(new|replaced|bad)=(\d+)",
                                               done.stdout)}
    return done.returncode, counts, done.stderr


def pages(reader, symbol, **query):
    """All candles there are, a thousand at a time, from the first on."""
    out, start = [], "1970-01-01"
    while True:
        page = reader.good(OHLCV.format(symbol), start_time=start, limit=1000, **query)[
            "candles"]
        out += page
        if len(page) < 1000:
            return out
        start = second_of(page[-1]["timestamp"]) + 1


# ---- A whole file ---------------------------------------------------------------

@pytest.fixture(scope="module")
def hours():
    """The rows of the file, read by Python."""
    if not os.path.exists(HOURS):
        pytest.skip(f"{os.path.basename(HOURS)} is not here")

    def exact(text):
        return Decimal(text).quantize(Decimal("1e-8"), ROUND_HALF_UP)
    with gzip.open(HOURS, "rt") as f:
        return [(second_of(r["timestamp"]), *(exact(r[c]) for c in (
            "open", "high", "low", "close", "volume"))) for r in csv.DictReader(f)]


@pytest.fixture(scope="module")
def imported(stack, hours):
    code, counts, said = load(stack, HOURS, "binance", "BTCUSDT")
    assert (code, counts) == (0, {"new": len(hours), "replaced": 0, "bad": 0}), said
    assert re.search(r"^100 %, \d+ lines$", said, re.M) and "\r" not in said


def test_what_is_imported_again_is_replaced(stack, hours, imported):
    before = stack.sql("SELECT COUNT(*) FROM audit_log WHERE action = 'candles.imported'")
    code, counts, _ = load(stack, HOURS, "binance", "btc-usdt")
    assert (code, counts) == (0, {"new": 0, "replaced": len(hours), "bad": 0})
    listed = stack.ctl("candles", "list").splitlines()
    assert (f"binance BTC/USDT 1h candles={len(hours)} first={text_of(hours[0][0])} "
            f"last={text_of(hours[-1][0])}") in listed
    after = stack.sql("SELECT COUNT(*) FROM audit_log WHERE action = 'candles.imported'")
    assert after[0][0] == before[0][0] + 1


@pytest.mark.parametrize("interval", ["1h", "4h", "1d", "1w"])
def test_all_of_it_at_every_interval(reader, hours, imported, interval):
    got = pages(reader, "BTC-USDT", exchange="binance", interval=interval)
    assert got == candles(hours, interval)


@pytest.mark.parametrize("interval", ["1m", "5m", "15m"])
def test_what_is_finer_than_the_file_is_not_there(reader, imported, interval):
    assert pages(reader, "BTC-USDT", exchange="binance", interval=interval) == []


def test_known_candles(reader, bots, energy, imported):
    """Figures that anybody can look up in the file."""
    (hour,) = reader.good(OHLCV.format("BTC/USDT"), exchange="binance", interval="1h",
                          start_time="2017-08-17T04:00:00Z", limit=1)["candles"]
    assert hour == {"timestamp": "2017-08-17T04:00:00Z", "open": Decimal("4261.48"),
                    "high": Decimal("4313.62"), "low": Decimal("4261.32"),
                    "close": Decimal("4308.83"), "volume": Decimal("47.181009")}
    (kline,) = bots.good("/api/v1/market/klines/BTCUSDT", exchange="binance",
                         interval="1h", start_time=1502942400000, limit=1)["data"]
    assert kline == {"timestamp": "2017-08-17T04:00:00Z", "open": "4261.48",
                     "high": "4313.62", "low": "4261.32", "close": "4308.83",
                     "volume": "47.181009"}
    (row,) = energy.good("/v1/market/history/BTCUSDT", exchange="binance",
                         start_time=1502942400, limit=1)["history"]
    assert row == hour
    last = reader.good(OHLCV.format("BTC/USDT"), exchange="BINANCE", interval="1w",
                       limit=1)
    assert last["exchange"] == "binance"
    assert last["candles"][0]["timestamp"] == "2021-12-27T00:00:00Z"
    # The house's own are others.
    assert reader.good(OHLCV.format("BTC/USDT"), exchange="quantora", interval="1h",
                       end_time="2021-12-31")["candles"] == []


@pytest.mark.parametrize("interval", ["1h", "4h", "1d", "1w"])
def test_ranges_and_limits(reader, hours, imported, interval):
    every = candles(hours, interval)

    def ask(**query):
        return reader.good(OHLCV.format("BTCUSDT"), exchange="binance",
                           interval=interval, **query)["candles"]
    assert ask() == every[-100:]
    assert ask(limit=1000) == every[-1000:]
    start, end = "2019-02-28", "2019-03-04T00:00:00Z"
    inside = [c for c in every if f"{start}T00:00:00Z" <= c["timestamp"] <= end]
    assert ask(start_time=start, end_time=end, limit=1000) == inside
    assert ask(start_time=start, end_time=end, limit=2) == inside[:2]
    until = [c for c in every if c["timestamp"] <= end]
    assert ask(end_time=end, limit=7) == until[-7:]
    later = [c for c in every if c["timestamp"] >= f"{start}T00:00:00Z"]
    assert ask(start_time=start, limit=7) == later[:7]
    assert ask(start_time="2022-06-01") == ask(end_time="2017-01-01") == []


def test_its_symbol_is_listed(reader, imported):
    (listed,) = [s for s in reader.good(
        "/api/v1/market-data/symbols", exchange="binance")["symbols"]
        if s["symbol"] == "BTC/USDT"]
    assert listed == {"symbol": "BTC/USDT", "exchange": "binance",
                      "base_currency": "BTC", "quote_currency": "USDT",
                      "status": "inactive"}


# ---- Small files ----------------------------------------------------------------

def test_bad_lines_are_named_and_left_out(stack, reader, tmp_path):
    path = tmp_path / "c.csv"
    path.write_text(HEADER + "2020-01-01T00:00:00Z,5,6,4,5.5,10\n"
                    "2020-01-01T01:00:00Z,5,4,6,5,10\n"
                    "1577844000,5.5,NaN,5,5.5,1\n\n"
                    "1577847600000,5.5,7,5,6,1\n")
    code, counts, said = load(stack, path, symbol="SOL/USD")
    assert (code, counts) == (1, {"new": 2, "replaced": 0, "bad": 2})
    assert f"{path}: line 3: high is below low" in said
    assert f'{path}: line 4: high "NaN" is no number' in said
    got = reader.good(OHLCV.format("SOL-USD"), exchange="kucoin", interval="1h")
    assert got["symbol"] == "SOL/USD"
    # What is between is flat.
    assert [(c["timestamp"][11:13], c["close"], c["volume"]) for c in got["candles"]] \
        == [("00", Decimal("5.5"), 10), ("01", Decimal("5.5"), 0),
            ("02", Decimal("5.5"), 0), ("03", 6, 1)]
    path.write_text("1577836800,5,9,4,5.5,11\n1577840400,5,5,5,5,1\n")
    assert load(stack, path, symbol="SOL-USD")[:2] == (
        0, {"new": 1, "replaced": 1, "bad": 0})
    (day,) = reader.good(OHLCV.format("SOLUSD"), exchange="kucoin", interval="1d")[
        "candles"]
    assert (day["open"], day["high"], day["low"], day["close"], day["volume"]) == (
        5, 9, 4, 6, 13)
    # Only twenty are named.
    path.write_text("x\n" * 30)
    code, counts, said = load(stack, path, symbol="SOL-USD")
    assert (code, counts["bad"], said.count("line ")) == (1, 30, 20)


def test_an_outside_venue_of_ones_own(stack, reader, tmp_path):
    path = tmp_path / "c.csv"
    path.write_text("2020-01-06,5,6,4,5.5,10\n")
    assert reader.get(OHLCV.format("BTCUSDT"), exchange="my-venue",
                      interval="1w").status_code == 400
    assert load(stack, path, exchange="my-venue", interval="1w")[0] == 0
    (week,) = reader.good(OHLCV.format("BTCUSDT"), exchange="my-venue", interval="1w")[
        "candles"]
    assert week["timestamp"] == "2020-01-06T00:00:00Z"
    assert [s["exchange"] for s in reader.good(
        "/api/v1/market-data/symbols", exchange="my-venue")["symbols"]] == ["my-venue"]


def test_an_import_that_is_killed(stack, reader, tmp_path):
    """Left whole batches, hours and days in step with them; and may go on."""
    path, pipe = tmp_path / "c.csv", tmp_path / "pipe"
    minutes = 40000
    lines = [f"{1577836800 + 60 * i},{5 + i % 7},{15 + i % 3},{1 + i % 4},"
             f"{5 + i % 5},{1 + i % 11}\n" for i in range(minutes)]
    path.write_text("".join(lines))
    os.mkfifo(pipe)
    terms = ("--exchange", "luno", "--symbol", "KIL/LED", "--interval", "1m")

    def there():
        return stack.sql(
            "SELECT TIMESTAMPDIFF(SECOND, '1970-01-01', opened_at), c.open, high, low, "
            "close, volume FROM imported_candles c JOIN candle_series s "
            "ON s.id = c.series_id WHERE s.symbol = 'KIL/LED' AND step_s = 0 "
            "ORDER BY opened_at")

    def compare():
        for interval in ("1h", "4h", "1d", "1w"):
            assert pages(reader, "KILLED", exchange="luno", interval=interval) \
                == candles(there(), interval)

    # A pipe that half of it comes out of: so it is killed before its end.
    feed = os.open(pipe, os.O_RDWR)
    half = "".join(lines[:minutes // 2]).encode()
    threading.Thread(target=os.write, args=(feed, half), daemon=True).start()
    with subprocess.Popen([DEV, "ctl", "candles", "import", pipe, *terms],
                          env=stack.env, stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL) as running:
        wait_until(there, "the first batch")
        running.kill()
    # What was sent before is done or undone before the next one may begin.
    left = wait_until(lambda: not stack.sql(
        "SELECT 1 FROM information_schema.processlist WHERE user = 'quantora_worker' "
        "AND info LIKE '%%imported_candles%%'") and there(), "its end")
    assert 0 < len(left) < minutes and len(left) % 4096 == 0
    compare()
    code, counts, _ = load(stack, path, "luno", "KIL/LED", "1m")
    assert code == 0 and len(there()) == minutes
    assert counts == {"new": minutes - len(left), "replaced": len(left), "bad": 0}
    compare()


@pytest.mark.parametrize("change, said", [
    ({"exchange": "quantora"}, "no name of an outside venue"),
    ({"exchange": "A B"}, "no name of an outside venue"),
    ({"symbol": "SOLUSD2"}, "write it as BASE/QUOTE"),
    ({"interval": "2h"}, "no interval"),
    ({"path": "/nowhere/c.csv"}, "No such file"),
    ({"path": "/"}, "Is a directory"),
])
def test_what_is_refused(stack, tmp_path, change, said):
    path = tmp_path / "c.csv"
    path.write_text("1577836800,5,6,4,5.5,10\n")
    code, counts, error = load(stack, **{"path": path, **change})
    assert code == 1 and said in error and not counts


def test_files_that_are_none(stack, tmp_path):
    path = tmp_path / "c.csv"
    path.write_text("timestamp,open,high,low,volume\n1577836800,5,6,4,10\n")
    code, _, said = load(stack, path)
    assert code == 1 and "names no column close" in said
    path.write_text("")
    assert load(stack, path)[:2] == (0, {"new": 0, "replaced": 0, "bad": 0})
    packed = tmp_path / "c.csv.gz"
    packed.write_bytes(gzip.compress(b"1577836800,5,6,4,5.5,10\n" * 10000)[:-20])
    code, _, said = load(stack, packed, exchange="valr")
    assert code == 1 and "cannot be unpacked" in said
    packed.write_bytes(b"1577836800,5,6,4,5.5,10\n")
    assert load(stack, packed, exchange="valr")[0] == 1
    for arguments in ((), (str(path),), (str(path), "--exchange", "x")):
        assert stack.ctl("candles", "import", *arguments, check=False).returncode == 2


# ---- An hour of real trading ----------------------------------------------------

@pytest.fixture(scope="module")
def replayed(stack):
    if not os.path.exists(FLOW):
        pytest.skip(f"{os.path.basename(FLOW)} is not here")
    stack.ctl("flow", "replay", FLOW)


@pytest.mark.parametrize("interval", ["1m", "5m", "1h", "1w"])
def test_an_hour_of_apple(stack, reader, replayed, interval):
    got, now = in_one_minute(lambda: reader.good(
        OHLCV.format("AAPL-USD"), exchange="quantora", interval=interval,
        limit=1000)["candles"])
    want = of_trades(stack, "AAPL/USD", interval, now)[-1000:]
    assert sum(c["volume"] for c in want) > 10000
    assert got == want


def test_the_day_of_apple(stack, reader, replayed):
    (high, low, volume, n), = stack.sql(
        "SELECT MAX(price), MIN(price), SUM(quantity), COUNT(*) FROM trades t "
        "JOIN instruments i ON i.id = t.instrument_id WHERE i.symbol = 'AAPL/USD'")
    day = reader.good("/api/v1/market-data/symbols/AAPL-USD/ticker")
    assert (day["high_24h"], day["low_24h"], day["volume_24h"], day["trades_24h"]) == (
        high, low, volume, n)


def test_intervals_are_all(reader):
    reply = reader.get(OHLCV.format("BTC-USD"), exchange="quantora", interval="?")
    assert reply.json()["error"]["message"].endswith(", ".join(SECONDS))
