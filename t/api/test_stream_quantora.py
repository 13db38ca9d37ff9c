# SPDX-License-Identifier: AGPL-3.0-or-later
"""Quantora's /ws: the snapshot, what follows it, and who is closed why."""

import asyncio
import concurrent.futures
import random
import signal
from decimal import Decimal

import pytest
import websockets
from people import Person
from quantora import Stack, wait_until
from requests.adapters import HTTPAdapter
from streams import Closed, Frames, Watching, exact
from urllib3.util.retry import Retry

# Quiet markets: a price of a few dollars, far from the default one.
SYMBOL = "REC/USD"
PATH = "/ws?symbol=REC/USD"
OTHER_SYMBOL = "MWH/USD"


@pytest.fixture(scope="module")
def stack():
    """One of its own: these tests say what the whole of a book is."""
    with Stack.boot_new() as running:
        yield running


@pytest.fixture(scope="module")
def trader(stack):
    person = Person(stack, money={"USD": 10000000, "REC": 1000000, "MWH": 1000})
    patience = Retry(total=50, status_forcelist=[429], allowed_methods=None)
    person.client.session.mount("http://", HTTPAdapter(max_retries=patience))
    return person


@pytest.fixture(scope="module")
def taker(stack):
    """Another: nobody trades with himself."""
    person = Person(stack, money={"USD": 10000000, "REC": 1000000})
    patience = Retry(total=50, status_forcelist=[429], allowed_methods=None)
    person.client.session.mount("http://", HTTPAdapter(max_retries=patience))
    return person


@pytest.fixture(autouse=True)
def empty_book(stack, trader, taker):
    yield
    if any(book(stack)) or any(book(stack, OTHER_SYMBOL)):
        cancel_all(trader)
        cancel_all(taker)


def place(person, side, qty, price=None, symbol=SYMBOL, **more):
    reply = person.client.post("/api/order", {
        "user_id": person.id, "side": side, "qty": qty, "price": price,
        "order_type": "market" if price is None else "limit", "symbol": symbol, **more})
    assert reply.status_code == 200, reply.text
    return exact(reply.text)


def cancel(person, order_id):
    return person.client.delete(f"/api/order/{order_id}").status_code


def cancel_all(person):
    while True:
        live = person.client.get("/api/orders?status=open&limit=100").json()["data"]
        if not live:
            return
        for order in live:
            cancel(person, order["order_id"])


def book(stack, symbol=SYMBOL):
    reply = stack.client().get(f"/api/orderbook?symbol={symbol}")
    assert reply.status_code == 200
    return exact(reply.text)["data"]


# ---- The book --------------------------------------------------------------

def test_the_snapshot_comes_first_and_is_exact(stack, trader):
    place(trader, "buy", "1.250", "4.10")
    place(trader, "sell", 2, "6.07")

    async def run():
        async with Watching(stack, PATH) as watcher:
            return watcher
    watcher = asyncio.run(run())
    assert watcher.book == book(stack)
    assert '"bids":[[4.1,1.25]],"asks":[[6.07,2]]}}' in watcher.texts[0]
    assert watcher.texts[0].startswith('{"type":"OrderBookSnapshot","payload":{"seq":')


def test_whoever_was_answered_finds_it_in_his_snapshot(stack, trader):
    """Also when the book has just been shown to others."""
    async def run():
        async with Watching(stack, PATH):
            for i in range(1, 16):
                await asyncio.to_thread(place, trader, "buy", i, "3.00")
                async with Watching(stack, PATH) as late:
                    assert late.bids[3] == sum(range(1, i + 1))
    asyncio.run(run())


def shuffle(trader, taker, seed, n):
    """Orders, cancels and trades by chance; returns the number of trades."""
    dice = random.Random(seed)
    live, fills = [], 0
    for _ in range(n):
        what = dice.random()
        price = Decimal(dice.randrange(400, 500)) / 100
        if what < 0.5:
            live.append(place(trader, "buy", dice.randrange(1, 9), str(price))["order_id"])
        elif what < 0.7:
            live.append(place(trader, "sell", dice.randrange(1, 9),
                              str(price + 1), post_only=True)["order_id"])
        elif what < 0.85 and live:
            cancel(trader, live.pop(dice.randrange(len(live))))
        else:
            fills += len(place(taker, "sell", dice.randrange(1, 20), "4.00",
                               time_in_force="ioc")["data"])
    return fills


def test_updates_lead_where_the_book_is(stack, trader, taker):
    async def run():
        async with Watching(stack, PATH) as first, Watching(stack, PATH) as second:
            fills = 0
            for seed in range(8):
                fills += await asyncio.to_thread(shuffle, trader, taker, seed, 40)
                now = book(stack)
                for watcher in (first, second):
                    await watcher.until(
                        lambda w: w.book == now and len(w.trades) == fills)
            assert fills > 10 and first.updates >= 8
            assert first.texts == second.texts
    asyncio.run(run())


def test_more_levels_than_are_shown(stack, trader):
    """Of the levels the best fifty are shown, and the next one moves up."""
    async def run():
        async with Watching(stack, PATH) as watcher:
            orders = [(await asyncio.to_thread(place, trader, "buy", 1, f"4.{i:02}"))[
                "order_id"] for i in range(60)]
            now = book(stack)
            await watcher.until(lambda w: w.book == now)
            assert len(watcher.bids) == 50
            for order in orders[-15:]:
                await asyncio.to_thread(cancel, trader, order)
            now = book(stack)
            await watcher.until(lambda w: w.book == now)
            assert len(watcher.bids) == 45
    asyncio.run(run())


# ---- Trades ----------------------------------------------------------------

def test_trades_are_told_one_by_one_and_before_their_levels(stack, trader, taker):
    async def run():
        for price in ("4.50", "4.51", "4.52"):
            place(trader, "sell", "0.5", price)
            place(trader, "sell", "0.5", price)
        async with Watching(stack, PATH) as watcher:
            done = await asyncio.to_thread(place, taker, "buy", "2.7", "4.52")
            await watcher.until(lambda w: w.updates == 1)
            assert watcher.traded_before == 6
            told = [(t["price"], t["qty"], t["side"]) for t in watcher.trades]
            assert told == [(f["price"], f["qty"], "buy") for f in done["data"]]
            assert [t["executed_at"] for t in watcher.trades] == \
                [f["executed_at"] for f in done["data"]]
            assert watcher.book == [[], [[Decimal("4.52"), Decimal("0.3")]]]
            await asyncio.to_thread(place, taker, "sell", 1, "4.4")
            await asyncio.to_thread(place, trader, "buy", 1, "4.4")
            await watcher.until(lambda w: len(w.trades) == 7)
            assert watcher.trades[-1]["side"] == "buy"
    asyncio.run(run())


# ---- Which market ----------------------------------------------------------

def test_without_a_symbol_the_default_market_is_meant(stack):
    async def run():
        async with Watching(stack, "/ws") as watcher:
            return watcher.book
    assert asyncio.run(run()) == book(stack, "BTC/USD")


@pytest.mark.parametrize("symbol", ["REC/USD", "REC-USD", "RECUSD", "rec/usd", "REC%2FUSD"])
def test_a_symbol_has_many_spellings(stack, trader, symbol):
    order = place(trader, "buy", 3, "2.22")["order_id"]

    async def run():
        async with Watching(stack, f"/ws?symbol={symbol}") as watcher:
            assert watcher.bids[Decimal("2.22")] == 3
    asyncio.run(run())
    cancel(trader, order)


def test_one_market_says_nothing_of_another(stack, trader):
    async def run():
        async with Watching(stack, PATH) as watcher, \
                Watching(stack, f"/ws?symbol={OTHER_SYMBOL}") as other:
            await asyncio.to_thread(place, trader, "buy", 1, "55", OTHER_SYMBOL)
            await other.until(lambda w: w.updates == 1)
            await watcher.drain()
            assert len(watcher.texts) == 1
    asyncio.run(run())


# ---- What is refused -------------------------------------------------------

UPGRADE = {"Connection": "Upgrade", "Upgrade": "websocket",
           "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
           "Sec-WebSocket-Version": "13"}


def quantora_error(reply, status, code):
    assert reply.status_code == status, reply.text
    body = reply.json()
    assert body["success"] is False and body["data"] is None
    assert isinstance(body["error"], str) and body["code"] == code
    assert reply.headers["Content-Type"].startswith("application/json")
    assert reply.headers["X-Request-Id"]
    return body


@pytest.mark.parametrize("symbol", ["DOGE/USD", "", "%00", "REC%20USD", "x" * 500, "%c3%84"])
def test_an_unknown_symbol(client, symbol):
    reply = client.get(f"/ws?symbol={symbol}", headers=UPGRADE)
    if "%00" in symbol and reply.status_code == 502:
        return    # libwebsockets hangs up on a NUL
    quantora_error(reply, 400, "VALIDATION_ERROR")


@pytest.mark.parametrize("query", ["&symbol=DOGE", "a=1&&b=&symbol=DOGE",
                                   "symbol=DOGE;x=1", "x&symbol=DOGE&symbol=BTCUSD"])
def test_the_query_is_read_whole(client, query):
    quantora_error(client.get(f"/ws?{query}", headers=UPGRADE), 400, "VALIDATION_ERROR")


def test_it_wants_an_upgrade(client):
    reply = client.get("/ws")
    quantora_error(reply, 426, "UPGRADE_REQUIRED")
    assert reply.headers["Upgrade"] == "websocket"
    reply = client.get("/ws", headers={**UPGRADE, "Upgrade": "h2c"})
    quantora_error(reply, 426, "UPGRADE_REQUIRED")
    reply = client.post("/ws", json={})
    quantora_error(reply, 405, "METHOD_NOT_ALLOWED")
    assert reply.headers["Allow"] == "GET"


@pytest.mark.parametrize("missing", ["Sec-WebSocket-Key", "Sec-WebSocket-Version"])
def test_an_upgrade_that_is_none(client, missing):
    headers = {k: v for k, v in UPGRADE.items() if k != missing}
    quantora_error(client.get("/ws", headers=headers), 426, "UPGRADE_REQUIRED")
    headers[missing] = "8"
    quantora_error(client.get("/ws", headers=headers), 426, "UPGRADE_REQUIRED")


def test_pages_of_other_origins(stack, client):
    for origin in ("https://evil.example", "null", f"https://127.0.0.1:{stack.http_port}"):
        quantora_error(client.get("/ws", headers={**UPGRADE, "Origin": origin}),
                       403, "FORBIDDEN")

    async def run():
        async with Watching(stack, "/ws", origin=stack.url):
            pass
    asyncio.run(run())


def test_unknown_streams_speak_their_documents(client):
    body = client.get("/api/v1/ws/nothing").json()
    assert body["detail"] and body["code"] == "NOT_FOUND" and body["timestamp"]
    body = client.get("/api/v1/ws/nothing", headers={"X-API-Edition": "interfaces"}).json()
    assert body["error"]["code"] == "NOT_FOUND"
    body = client.get("/api/realtime/nothing").json()
    assert body["success"] is False and body["error_code"] == "NOT_FOUND"


# ---- Signs of life ---------------------------------------------------------

def test_pings_and_silence(stack):
    """Who answers pings stays; who does not is told why he goes."""
    address = ("127.0.0.1", stack.http_port)
    with Frames(address, PATH) as silent, Frames(address, PATH) as alive:
        pings = []
        done = concurrent.futures.ThreadPoolExecutor(1).submit(silent.close_reason)
        while not done.done():
            opcode, payload = alive.frame()
            if opcode == Frames.PING:
                pings.append(payload)
                alive.send(Frames.PONG, payload)
        assert done.result() == (1008, "silent for 15 seconds")
        assert len(pings) >= 2
        # It is still served.
        alive.send(Frames.PING, b"still there?")
        while alive.frame() != (Frames.PONG, b"still there?"):
            pass


def test_a_clients_messages_are_ignored_in_measure(stack):
    address = ("127.0.0.1", stack.http_port)
    with Frames(address, PATH) as stream:
        stream.send(Frames.TEXT, b'{"type":"subscribe"}')
        stream.send(Frames.TEXT, b"half ", final=False)
        stream.send(0, b"and half")
        stream.send(Frames.PING, b"x")
        while stream.frame() != (Frames.PONG, b"x"):
            pass
        stream.send(Frames.TEXT, b"x" * 5000)
        assert stream.close_reason()[0] == 1009
    with Frames(address, PATH) as stream:
        stream.send(2, b"\x00\x01")
        assert stream.close_reason()[0] == 1003
    with Frames(address, PATH) as stream:
        stream.send(Frames.TEXT, b"\xff\xfe")
        assert stream.close_reason()[0] == 1007
    with Frames(address, PATH) as stream:
        for _ in range(101):
            stream.send(Frames.TEXT, b"x")
        assert stream.close_reason() == (1008, "too many messages")


def test_a_closing_client_is_answered(stack):
    with Frames(("127.0.0.1", stack.http_port), PATH) as stream:
        stream.send(Frames.CLOSE, b"\x03\xe8bye")
        assert stream.close_reason()[0] == 1000
        with pytest.raises(Closed):
            stream.frame()


# ---- Slow readers ----------------------------------------------------------

FLOW_SYMBOL = "AAPL/USD"
PAIRS, PART = 12000, 3000
TOO_SLOW = "too slow: more was waiting to be read than is kept"


@pytest.fixture(scope="module")
def flow(stack, tmp_path_factory):
    """Orders that meet in pairs, for "flow replay", in parts; and its market is there."""
    folder = tmp_path_factory.mktemp("flow")
    price = 5850000
    lines = [f"34200.0,1,{2 * i + 1 + side},10,{price},{2 * side - 1}\n"
             for i in range(PAIRS) for side in (0, 1)]
    first = folder / "first.csv"
    first.write_text("".join(lines[:2]))
    stack.ctl("flow", "replay", first)
    parts = [folder / f"{at}.csv" for at in range(0, PAIRS, PART)]
    for i, part in enumerate(parts):
        part.write_text("".join(lines[2 * i * PART:2 * (i + 1) * PART]))
    return parts


def test_a_slow_reader_is_closed_and_the_others_go_on(stack, flow):
    """By streamd's own socket, which holds less than TCP and nginx do."""
    path = f"/ws?symbol={FLOW_SYMBOL}"
    said = stack.log("streamd").count(TOO_SLOW)

    async def run():
        with Frames(stack.sock("streamd"), path) as slow:
            async with Watching(stack, path) as quick:
                def given_up():
                    """It gives signs of life, but it does not read."""
                    slow.send(Frames.PONG, b"?")
                    return stack.log("streamd").count(TOO_SLOW) > said
                closed = asyncio.create_task(asyncio.to_thread(
                    lambda: wait_until(given_up) and slow.close_reason()))
                # Not more at once than is kept for him who does read.
                for i, part in enumerate(flow):
                    await asyncio.to_thread(stack.ctl, "flow", "replay", part)
                    await quick.until(lambda w, n=i + 1: len(w.trades) == n * PART)
                assert await closed == (1013, TOO_SLOW)
                now = book(stack, FLOW_SYMBOL)
                await quick.until(lambda w: w.book == now)
                return quick
    quick = asyncio.run(run())
    assert quick.updates < PAIRS / 10    # conflated, as the trades are not


# ---- Coming back -----------------------------------------------------------

def test_after_a_restart_everybody_comes_back(stack, trader):
    async def run():
        async with Watching(stack, PATH) as watcher:
            await asyncio.to_thread(place, trader, "buy", 1, "2.50")
            await watcher.until(lambda w: w.updates == 1)
            stack.kill("streamd", signal.SIGTERM)
            with pytest.raises(websockets.ConnectionClosed) as closed:
                while True:
                    await watcher.next()
            assert closed.value.code == 1001
            seq = watcher.seq
        await asyncio.to_thread(wait_until, lambda: stack.client().get(
            "/ws").status_code == 426, "a new streamd")
        async with Watching(stack, PATH) as again:
            assert again.seq >= seq
            assert again.book == book(stack)
            await asyncio.to_thread(place, trader, "buy", 1, "2.51")
            await again.until(lambda w: w.updates == 1)
    asyncio.run(run())


def test_the_matcher_may_be_killed_and_the_stream_goes_on(stack, trader):
    async def run():
        async with Watching(stack, PATH) as watcher:
            await asyncio.to_thread(place, trader, "buy", 1, "2.50")
            await watcher.until(lambda w: w.updates == 1)
            await asyncio.to_thread(stack.kill, "matcherd")
            await asyncio.to_thread(wait_until, lambda: trader.client.post(
                "/api/order", {"user_id": trader.id, "side": "buy", "qty": 2,
                               "price": "2.60", "order_type": "limit",
                               "symbol": SYMBOL}).status_code == 200, "an order")
            now = book(stack)
            await watcher.until(lambda w: w.book == now)
    asyncio.run(run())
