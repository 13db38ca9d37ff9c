# SPDX-License-Identifier: AGPL-3.0-or-later
"""The clock is set by an hour, forth and back, under our programs.

libfaketime gives them the wall clock that a file says; the clock that nobody
sets goes on.  matcherd is started anew at each of these times, too.  Trading
goes on, in order; no time in the journal goes back; a token is good from when
it was made until it ends, by the clock as it is, and a code in its half minute.
"""

import base64
import glob
import hashlib
import hmac
import os
import re
import struct
import time

import pytest
from lone import live_steadily
from quantora import BUILD, Stack, wait_until
from test_kills import PASSWORD, state_survives

LIBRARY = (glob.glob("/usr/lib/*/faketime/libfaketime.so.1") or [None])[0]
HOUR = 3600
# To where the clock is set, and whether the first token is good there: it was
# made at 0, and ends after an hour.
JUMPS = ((0, True), (HOUR - 300, True), (0, True), (-HOUR, False), (0, True),
         (HOUR, False), (-HOUR, False))
SECRET_STEP_S = 30

pytestmark = pytest.mark.skipif(LIBRARY is None, reason="there is no libfaketime")


class Clock:
    """What time it is for the programs."""

    def __init__(self, top):
        self.top = top
        self.file = f"{top}/clock"
        self.offset_s = 0
        self.set(0)
        self.programs = f"{top}/programs"
        os.mkdir(self.programs)
        for name in os.listdir(BUILD):
            path = f"{BUILD}/{name}"
            if name.startswith("quantora-") and os.access(path, os.X_OK):
                self.wrap(name, path)
        os.symlink(f"{BUILD}/quantoractl", f"{self.programs}/quantoractl")

    def wrap(self, name, path):
        with open(f"{self.programs}/{name}", "w") as f:
            f.write("#!/bin/sh\n"
                    f"LD_PRELOAD={LIBRARY} FAKETIME_TIMESTAMP_FILE={self.file} "
                    "FAKETIME_NO_CACHE=1 FAKETIME_DONT_FAKE_MONOTONIC=1 NO_FAKE_STAT=1 "
                    f'exec {path} "$@"\n')
        os.chmod(f"{self.programs}/{name}", 0o755)

    def set(self, offset_s):
        with open(f"{self.file}.new", "w") as f:
            f.write(f"{offset_s:+d}s\n")
        os.rename(f"{self.file}.new", self.file)
        self.offset_s = offset_s

    def code(self, secret, offset_s=None):
        """The one-time code of that clock's now."""
        now_s = time.time() + (self.offset_s if offset_s is None else offset_s)
        mac = hmac.digest(base64.b32decode(secret), struct.pack(
            ">Q", int(now_s) // SECRET_STEP_S), hashlib.sha1)
        at = mac[-1] & 15
        return f"{(struct.unpack_from('>I', mac, at)[0] & 0x7fffffff) % 10**6:06d}"


@pytest.fixture(scope="module")
def clock(tmp_path_factory):
    return Clock(str(tmp_path_factory.mktemp("clock")))


@pytest.fixture(scope="module")
def stack(clock):
    with Stack.boot_new(QUANTORA_BUILD_DIR=clock.programs) as s:
        yield s


def person(stack, name):
    client = stack.client()
    email = f"{name}@example.com"
    reply = client.post("/api/register", {"email": email, "password": PASSWORD})
    assert reply.status_code == 200, reply.text
    client.email, client.user_id = email, reply.json()["data"]["id"]
    client.login(email, PASSWORD)
    for asset, amount in (("USD", 10_000_000), ("BTC", 1000)):
        stack.ctl("deposit", email, asset, amount, "--ref", f"{email}-{asset}")
    return client


def order(client, side, quantity):
    return client.post("/api/order", {
        "user_id": client.user_id, "side": side, "price": 50000, "qty": quantity,
        "order_type": "limit"})


def test_trading_goes_on_in_order(stack, clock):
    maker, taker = person(stack, "maker"), person(stack, "taker")
    first = maker.token
    ids = []

    def trade(offset_s, what):
        maker.login(maker.email, PASSWORD)
        reply = order(maker, "buy", 0.1)
        assert reply.status_code == 200, f"{what} {offset_s}: {reply.text}"
        ids.append(reply.json()["order_id"])
        mine = maker.get("/api/orders")
        assert mine.status_code == 200 and ids[-1] in mine.text, f"{what} {offset_s}"

    for offset_s, good in JUMPS:
        clock.set(offset_s)
        trade(offset_s, "the clock is set to")
        maker.bearer(first)
        assert maker.get("/api/orders").status_code == (200 if good else 401), \
            f"the first token at {offset_s}"
        live_steadily(stack, "matcherd")
        stack.kill("matcherd")
        wait_until(lambda: maker.request("GET", "/health").status_code == 200, "health")
        wait_until(lambda: stack.ctl("matcher", "stats", check=False).returncode == 0,
                   "the matcher")
        trade(offset_s, "started at")
        # What nobody waits for is settled by a clock that was set, too.
        stack.ctl("deposit", maker.email, "USD", 1, "--ref", f"at {len(ids)}")

    assert ids == sorted(ids) and len(set(ids)) == len(ids), "an order's id went back"
    clock.set(0)
    taker.login(taker.email, PASSWORD)
    reply = order(taker, "sell", round(0.1 * len(ids), 1))
    assert reply.status_code == 200 and reply.json()["order_status"] == "filled", reply.text
    assert taker.get("/api/orders").status_code == 200
    rows = stack.sql("SELECT LOWER(HEX(maker_order)) FROM trades ORDER BY id")
    assert [row[0] for row in rows] == [i.replace("-", "") for i in ids], \
        "who was there first did not trade first"


def test_no_time_goes_back(stack):
    lines = re.findall(r"^(\d+) (\S+Z) ", stack.ctl("journal", "dump", 1), re.M)
    seqs, times = [int(line[0]) for line in lines], [line[1] for line in lines]
    assert seqs == list(range(1, len(seqs) + 1)) and len(seqs) > 4 * len(JUMPS)
    assert times == sorted(times)
    hours = [int(ms) for ms in re.findall(r"settlement lags lag_ms=(\d+)", stack.log("settlerd"))
             if int(ms) > HOUR * 500]
    assert not hours, "a clock that was set is no lag"
    stack.ctl("ledger", "verify")
    stack.ctl("journal", "verify")


def test_codes_follow_the_clock(stack, clock):
    owner = person(stack, "owner")
    secret = re.search(r"[A-Z2-7]{32}", stack.ctl("user", "totp", owner.email))[0]

    def login(code):
        return stack.client().post("/api/login", {
            "email": owner.email, "password": PASSWORD, "totp_code": code}).status_code

    clock.set(-HOUR)
    assert login(clock.code(secret, 0)) == 401, "a code of an hour ahead"
    assert login(clock.code(secret)) == 200
    clock.set(HOUR)
    assert login(clock.code(secret, 0)) == 401, "a code of an hour ago"
    used = clock.code(secret)
    assert login(used) == 200
    assert login(used) == 401, "a code works once"
    clock.set(0)
    # Not to let one work twice, none works again that is older than the last.
    assert login(clock.code(secret)) == 401


def test_the_state_survives(stack, clock):
    clock.set(0)
    state_survives(stack, lambda: wait_until(
        lambda: stack.ctl("matcher", "stats", check=False).returncode == 0, "the matcher"))
