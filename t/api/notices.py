# SPDX-License-Identifier: AGPL-3.0-or-later
"""What is published to users: a subscriber of Redis, out of nothing but a socket."""

import json
import socket

import quantora

CHANNEL = "quantora:notices"


class Listener:
    """Hears all notices from now on; `of(user)` are those of one."""

    def __init__(self, stack):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(stack.sock("redis.sock"))
        self.socket.settimeout(0.05)
        self.bytes = b""
        self.heard = []
        self.subscribed = False
        self.socket.sendall(b"SUBSCRIBE " + CHANNEL.encode() + b"\r\n")
        quantora.wait_until(lambda: self.listen() or self.subscribed,
                            "a subscription")

    def close(self):
        self.socket.close()

    def listen(self):
        """Take what has come so far."""
        try:
            while True:
                more = self.socket.recv(65536)
                assert more, "Redis hung up"
                self.bytes += more
        except TimeoutError:
            pass
        while self.take_one():
            pass

    def take_one(self):
        parts, at = self.parse(self.bytes)
        if at is None:
            return False
        self.bytes = self.bytes[at:]
        if parts[0] == b"subscribe":
            self.subscribed = True
        else:
            assert parts[:2] == [b"message", CHANNEL.encode()]
            self.heard.append(json.loads(parts[2]))
        return True

    @staticmethod
    def parse(data):
        """One array of bulk strings and numbers, and where it ends; or None."""
        at = 0

        def line():
            nonlocal at
            end = data.find(b"\r\n", at)
            if end < 0:
                raise EOFError
            text, at = data[at:end], end + 2
            return text

        try:
            parts = []
            for _ in range(int(line()[1:])):
                head = line()
                if head[:1] == b":":
                    parts.append(int(head[1:]))
                    continue
                size = int(head[1:])
                if len(data) < at + size + 2:
                    raise EOFError
                parts.append(data[at:at + size])
                at += size + 2
            return parts, at
        except (EOFError, ValueError):
            return None, None

    def of(self, user):
        self.listen()
        return [n for n in self.heard if n["user"] == user]

    def wait(self, user, n, what="a notice"):
        """The first N of USER, once they are there."""
        quantora.wait_until(lambda: len(self.of(user)) >= n, what)
        return self.of(user)[:n]


def number_of(person):
    """The core's number of somebody, as notices have it."""
    return person.stack.sql("SELECT id FROM users WHERE email = %s", person.email)[0][0]
