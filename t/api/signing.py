# SPDX-License-Identifier: AGPL-3.0-or-later
"""A program that signs its requests, as docs/api-keys.md says."""

import concurrent.futures
import hashlib
import hmac
import json
import time

import quantora
from requests.adapters import HTTPAdapter
from urllib3.util.retry import Retry


WINDOW_MS = 60000    # the longest: a machine may be slow


def now_ms():
    return int(time.time() * 1000)


def too_often(client, path, **arguments):
    """Ask for PATH from many sides until that is too much: all the replies.

    One after the other a slow machine may never ask too often.
    """
    replies = []
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        def more():
            replies.extend(pool.map(lambda _: client.get(path, **arguments), range(64)))
            return any(reply.status_code == 429 for reply in replies)
        quantora.wait_until(more, "a 429")
    return replies


def patient(client):
    """CLIENT, which when told that it asks too often waits and asks again."""
    client.session.mount("http://", HTTPAdapter(max_retries=Retry(
        total=30, status_forcelist=[429], allowed_methods=None)))
    return client


class Program:
    """Signs with a key of POST /api/access-keys."""

    def __init__(self, stack, key):
        self.client = patient(stack.client())
        self.id = key["id"]
        self.secret = key["secret"]
        self.last = 0  # two requests alike in a millisecond are one signature

    def headers(self, method, path, body="", at=None, window=WINDOW_MS):
        if at is None:
            at = self.last = max(now_ms(), self.last + 1)
        at = str(at)
        text = at + method + path + body
        found = {"X-Key": self.id, "X-Timestamp": at,
                 "X-Signature": hmac.new(self.secret.encode(), text.encode(),
                                         hashlib.sha256).hexdigest()}
        if window is not None:
            found["X-Recv-Window"] = str(window)
        if body:
            found["Content-Type"] = "application/json"
        return found

    def call(self, method, path, body=None, **how):
        text = "" if body is None else json.dumps(body)
        return self.send(method, path, text, self.headers(method, path, text, **how))

    def send(self, method, path, text, headers):
        return self.client.request(method, path, data=text or None, headers=headers)


def make_key(person, **terms):
    reply = person.client.post("/api/access-keys", json={"name": "a bot", **terms})
    assert reply.status_code == 200, reply.text
    return reply.json()["data"]
