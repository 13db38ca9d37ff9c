# SPDX-License-Identifier: AGPL-3.0-or-later
"""Clients of the streams: one that keeps Quantora's book, and one of bare frames."""

import asyncio
import base64
import json
import os
import re
import socket
import struct
from decimal import Decimal
from http import HTTPStatus

import websockets
from quantora import PATIENCE_S

TIME = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z$")


def exact(text):
    return json.loads(text, parse_float=Decimal, parse_int=Decimal)


def ws_url(stack, path):
    return f"ws://127.0.0.1:{stack.http_port}{path}"


class Watcher:
    """Follows one market by /ws; checks each message against the document."""

    def __init__(self, stream):
        self.stream = stream
        self.texts = []
        self.seq = None
        self.bids = {}
        self.asks = {}
        self.trades = []
        self.updates = 0
        self.traded_before = 0    # trades that came before the last change

    def take(self, text):
        self.texts.append(text)
        message = exact(text)
        assert set(message) == {"type", "payload"}
        kind, payload = message["type"], message["payload"]
        if kind == "Trade":
            assert self.seq is not None
            assert set(payload) == {"price", "qty", "side", "executed_at"}
            assert payload["side"] in ("buy", "sell")
            assert TIME.match(payload["executed_at"])
            self.trades.append(payload)
            return
        assert set(payload) == {"seq", "bids", "asks"}
        if kind == "OrderBookSnapshot":
            assert self.seq is None, "one snapshot, before all else"
        else:
            assert kind == "OrderBookUpdate"
            assert payload["seq"] == self.seq + 1
            self.updates += 1
            self.traded_before = len(self.trades)
        self.seq = payload["seq"]
        for levels, side in ((payload["bids"], self.bids), (payload["asks"], self.asks)):
            for price, qty in levels:
                if qty == 0:
                    del side[price]    # it must have been there
                else:
                    assert side.get(price) != qty, "what did not change is not sent"
                    side[price] = qty

    @property
    def book(self):
        """As GET /api/orderbook has it."""
        return [[[p, self.bids[p]] for p in sorted(self.bids, reverse=True)],
                [[p, self.asks[p]] for p in sorted(self.asks)]]

    async def next(self):
        self.take(await asyncio.wait_for(self.stream.recv(), PATIENCE_S))

    async def until(self, condition):
        while not condition(self):
            await self.next()

    async def drain(self):
        """What has come so far, by the round trip of a ping."""
        await asyncio.wait_for(await self.stream.ping(), PATIENCE_S)
        while self.stream.messages:
            await self.next()


class Watching:
    """async with Watching(stack, "/ws") as watcher: the snapshot has come."""

    def __init__(self, stack, path="/ws", **arguments):
        self.connection = websockets.connect(
            ws_url(stack, path), max_queue=None, ping_interval=None, **arguments)

    async def __aenter__(self):
        watcher = Watcher(await self.connection.__aenter__())
        await watcher.next()
        return watcher

    async def __aexit__(self, *error):
        return await self.connection.__aexit__(*error)


class Closed(Exception):
    """The other side has hung up."""


class Frames:
    """A WebSocket whose frames we see, and which we need not read or answer."""

    TEXT, CLOSE, PING, PONG = 1, 8, 9, 10

    def __init__(self, target, path, headers=""):
        family = socket.AF_UNIX if isinstance(target, str) else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_STREAM)
        self.socket.settimeout(PATIENCE_S)
        self.socket.connect(target)
        key = base64.b64encode(os.urandom(16)).decode()
        self.socket.sendall(
            f"GET {path} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\n"
            f"Sec-WebSocket-Version: 13\r\n{headers}\r\n".encode())
        self.buffer = b""
        while b"\r\n\r\n" not in self.buffer:
            self.more()
        self.head, _, self.buffer = self.buffer.partition(b"\r\n\r\n")

    def more(self):
        try:
            data = self.socket.recv(65536)
        except ConnectionResetError:
            data = b""
        if not data:
            raise Closed
        self.buffer += data

    def need(self, n):
        while len(self.buffer) < n:
            self.more()

    def frame(self):
        """The next (opcode, payload)."""
        self.need(2)
        opcode, length, at = self.buffer[0] & 15, self.buffer[1], 2
        assert self.buffer[0] & 0x70 == 0 and length < 128, "no extension, no mask"
        if length == 126:
            self.need(4)
            (length,), at = struct.unpack_from(">H", self.buffer, 2), 4
        elif length == 127:
            self.need(10)
            (length,), at = struct.unpack_from(">Q", self.buffer, 2), 10
        self.need(at + length)
        payload = self.buffer[at:at + length]
        self.buffer = self.buffer[at + length:]
        return opcode, payload

    def send(self, opcode, payload=b"", final=True):
        mask = os.urandom(4)
        head = bytes([opcode | (0x80 if final else 0)])
        if len(payload) < 126:
            head += bytes([0x80 | len(payload)])
        else:
            head += bytes([0x80 | 126]) + struct.pack(">H", len(payload))
        self.socket.sendall(head + mask + bytes(
            c ^ mask[i % 4] for i, c in enumerate(payload)))

    def close_reason(self):
        """Read on, to the close frame: (code, reason)."""
        while True:
            opcode, payload = self.frame()
            if opcode == self.CLOSE:
                return struct.unpack(">H", payload[:2])[0], payload[2:].decode()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()


# ---- Streams of users ---------------------------------------------------------

class Talk:
    """A WebSocket of a user: what it says and hears, message by message."""

    def __init__(self, stack, path, **arguments):
        arguments.setdefault("max_queue", None)
        self.connection = websockets.connect(ws_url(stack, path), ping_interval=None,
                                             **arguments)

    async def __aenter__(self):
        self.stream = await self.connection.__aenter__()
        return self

    async def __aexit__(self, *error):
        return await self.connection.__aexit__(*error)

    async def say(self, **message):
        await self.stream.send(json.dumps(message))

    async def hear(self, kind=None):
        """The next message, which must be of KIND if that is given."""
        message = exact(await asyncio.wait_for(self.stream.recv(), PATIENCE_S))
        assert kind is None or message["type"] == kind, message
        return message

    async def ask(self, **message):
        await self.say(**message)
        return await self.hear()

    async def hear_until(self, condition):
        """All messages up to the first for which CONDITION holds."""
        heard = []
        while not heard or not condition(heard[-1]):
            heard.append(await self.hear())
        return heard

    async def nothing_more(self):
        """Whatever was on its way has come: there was nothing."""
        await asyncio.wait_for(await self.stream.ping(), PATIENCE_S)
        assert not self.stream.messages, self.stream.messages

    async def end(self):
        """(code, reason) of the close, whatever comes before it."""
        try:
            while True:
                await self.hear()
        except websockets.ConnectionClosed as closed:
            return closed.rcvd.code, closed.rcvd.reason


def leave_no_orders(person):
    """So that the next test finds an empty book; who is shut out has none."""
    reply = person.client.delete("/api/v1/trading/orders")
    assert reply.status_code in (200, 401, 403), reply.text


async def refusal(stack, path, **arguments):
    """(status, body, headers) of an upgrade that is refused."""
    reader, writer = await asyncio.open_connection("127.0.0.1", stack.http_port)
    headers = {"Host": f"localhost:{stack.http_port}", "Upgrade": "websocket",
               "Connection": "Upgrade", "Sec-WebSocket-Version": "13",
               "Sec-WebSocket-Key": base64.b64encode(os.urandom(16)).decode(),
               **arguments}
    writer.write(f"GET {path} HTTP/1.1\r\n".encode() + b"".join(
        f"{k}: {v}\r\n".encode() for k, v in headers.items()) + b"\r\n")
    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), PATIENCE_S)
    lines = head.decode().split("\r\n")
    status = int(lines[0].split()[1])
    found = {k.lower(): v.strip() for k, _, v in (x.partition(":") for x in lines[1:])}
    body = None
    if status != 101:
        assert lines[0].split(" ", 2)[2] == HTTPStatus(status).phrase
        body = await asyncio.wait_for(
            reader.readexactly(int(found["content-length"])), PATIENCE_S)
        body = json.loads(body)
    writer.close()
    return status, body, found
