#!/usr/bin/python3
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Watch a public stream: watch.py URL, and each message is a line."""

import asyncio
import sys

import websockets


async def watch(url):
    if url.startswith("http"):
        url = "ws" + url[4:]
    async with websockets.connect(url) as stream:
        async for text in stream:
            print(text, flush=True)


if __name__ == "__main__":
    try:
        asyncio.run(watch(sys.argv[1]))
    except (KeyboardInterrupt, websockets.ConnectionClosed):
        pass
