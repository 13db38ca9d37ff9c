# SPDX-License-Identifier: AGPL-3.0-or-later
"""Who follows a trader's order updates, over however many connections."""

import asyncio
import json
import random
import threading
from decimal import Decimal

import websockets
from quantora import PATIENCE_S


class Follower(threading.Thread):
    """Hears all from the first on; cut off, it comes back with its last number."""

    def __init__(self, stack, token, cuts=False):
        super().__init__(daemon=True)
        self.url = f"ws://127.0.0.1:{stack.http_port}/api/v1/ws/orders?token={token}"
        self.heard = []
        self.connections = 0
        self.cuts = cuts             # whether it hangs up itself, too
        self.dice = random.Random(5)
        self.last_order = None       # whose end is the end
        self.error = None

    def take(self, message):
        assert message["type"] == "order_update", message
        assert not self.heard or message["seq"] > self.heard[-1]["seq"], \
            (self.heard[-1], message)
        self.heard.append(message)

    def is_over(self):
        return self.last_order is not None and any(
            m["order_id"] == self.last_order and m["event"] == "closed"
            for m in self.heard[-200:])

    async def listen(self, stream):
        """Until the connection ends, or all was heard."""
        stay = self.dice.randint(1, 300) if self.cuts else 10**9
        while not self.is_over() and stay > 0:
            try:
                text = await asyncio.wait_for(stream.recv(), 0.2)
            except asyncio.TimeoutError:
                continue
            self.take(json.loads(text, parse_float=Decimal, parse_int=Decimal))
            stay -= 1
        if self.dice.random() < 0.5:
            stream.transport.abort()

    async def follow(self):
        while not self.is_over():
            after = self.heard[-1]["seq"] if self.heard else 0
            try:
                async with websockets.connect(
                        f"{self.url}&after_seq={after}", ping_interval=None,
                        open_timeout=PATIENCE_S, close_timeout=1,
                        max_queue=None) as stream:
                    self.connections += 1
                    await self.listen(stream)
            except (websockets.ConnectionClosed, websockets.InvalidStatusCode,
                    websockets.InvalidMessage, asyncio.TimeoutError, OSError):
                await asyncio.sleep(0.05)

    def run(self):
        try:
            asyncio.run(self.follow())
        except Exception as error:  # pylint: disable=broad-except
            self.error = error

    def until(self, order_id):
        """All updates, up to the end of the order ORDER_ID."""
        self.last_order = order_id
        self.join(PATIENCE_S)
        assert self.error is None, self.error
        assert not self.is_alive(), f"{self.url} tells of no end of {order_id}"
        return self.heard
