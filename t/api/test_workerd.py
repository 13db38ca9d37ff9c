# SPDX-License-Identifier: AGPL-3.0-or-later
"""workerd keeps what transactions promised: open intents are sent, once."""

import os
import signal
import struct
import subprocess
import time
import uuid

import pytest
from quantora import Stack, wait_until

DEPOSIT = 9                                  # enum command_type
UNKNOWN_USER, INTENT_OTHER = 5, 14           # enum refusal


@pytest.fixture(scope="module")
def house():
    with Stack.boot_new(demo=False) as running:
        yield running


@pytest.fixture(scope="module")
def user(house):
    house.ctl("user", "create", "carol@example.com", "--password", "correct horse 1")
    return house.sql("SELECT id FROM users WHERE email = 'carol@example.com'")[0][0]


def fresh_id(age_s=0):
    """A version 7 UUID of then."""
    ms = int((time.time() - age_s) * 1000)
    return ((ms << 80 | 7 << 76 | int.from_bytes(os.urandom(9)) & ~(3 << 62))
            & ~(0xc << 60) | 2 << 62).to_bytes(16)


def promise(house, user, amount, age_s=10, asset=0, intent=None):
    """An open intent to deposit, as a transaction would have left it."""
    intent = intent or fresh_id(age_s)
    command = struct.pack("<HHI16sH6xq", 40, DEPOSIT, user, intent, asset, amount)
    row = fresh_id()
    house.sql("INSERT INTO intents (id, source, reference, user_id, command, created_at) "
              "VALUES (%s, 'test', %s, %s, %s, UTC_TIMESTAMP(6) - INTERVAL %s SECOND)",
              row, uuid.uuid4().bytes, user, command, age_s)
    return row


def intent(house, row):
    return house.sql("SELECT state, refusal, seq, attempts FROM intents WHERE id = %s",
                     row)[0]


def ended(house, row):
    """What became of it, once that is in the balances too."""
    became = wait_until(lambda: intent(house, row)[0] != "open" and intent(house, row),
                        "the end of an intent")
    settled(house, became[2])
    return became


def balance(house, user, asset=0):
    rows = house.sql("SELECT available FROM balances WHERE user_id = %s AND asset_id = %s",
                     user, asset)
    return int(rows[0][0] * 10**8) if rows else 0


def settled(house, seq):
    wait_until(lambda: house.sql("SELECT applied_seq FROM settle_state")[0][0] >= seq,
               "settlement")


def test_what_is_open_is_sent(house, user):
    had = balance(house, user)
    row = promise(house, user, 700)
    state, refusal, seq, attempts = ended(house, row)
    assert (state, refusal, attempts) == ("done", 0, 1) and seq > 0
    assert balance(house, user) == had + 700


def test_who_made_it_may_send_it_first(house, user):
    """What was made less than five seconds ago is left alone (here: in an hour)."""
    young = promise(house, user, 1, age_s=-3600)
    ended(house, promise(house, user, 1, age_s=60))
    assert intent(house, young) == ("open", 0, 0, 0)


def test_many_at_once(house, user):
    had = balance(house, user)
    rows = [promise(house, user, 3) for _ in range(150)]
    for row in rows:
        ended(house, row)
    assert balance(house, user) == had + 450


def test_sent_before_but_not_noted(house, user):
    """As after a crash between the core's answer and the note of it."""
    first = promise(house, user, 11)
    seq = ended(house, first)[2]
    had = balance(house, user)
    house.sql("UPDATE intents SET state = 'open', seq = 0, tried_at = NULL WHERE id = %s",
              first)
    assert ended(house, first)[:3] == ("done", 0, seq)
    assert balance(house, user) == had


def test_a_refusal_is_final(house, user):
    row = promise(house, 12345678, 5)
    assert ended(house, row)[:3] == ("refused", UNKNOWN_USER, 0)
    wait_until(lambda: "there is no such user" in house.log("workerd"), "a log line")
    # One that stands for something else by now.
    same = fresh_id()
    ended(house, promise(house, user, 1, intent=same))
    other = promise(house, user, 2, intent=same)
    assert ended(house, other)[:2] == ("refused", INTENT_OTHER)


def test_what_is_too_old_waits_for_an_operator(house, user):
    had = balance(house, user)
    row = promise(house, user, 13, age_s=25 * 3600)
    assert ended(house, row)[:3] == ("stale", 0, 0)
    wait_until(lambda: "wait for an operator" in house.log("workerd"), "a log line")
    assert balance(house, user) == had


def test_a_matcher_that_is_away(house, user):
    had = balance(house, user)
    house.kill("matcherd", signal.SIGSTOP)
    try:
        rows = [promise(house, user, 17) for _ in range(3)]
        said = house.log("workerd").count("task failed task=resend")
        wait_until(lambda: house.log("workerd").count("task failed task=resend") > said,
                   "a failure")
        assert [intent(house, row)[0] for row in rows] == ["open"] * 3
    finally:
        house.kill("matcherd", signal.SIGCONT)
    for row in rows:
        ended(house, row)
    assert balance(house, user) == had + 51


def test_a_database_that_is_away(house, user):
    pid = house.pid("workerd")
    said = house.log("workerd").count("task failed task=resend")
    house.kill("mysql", signal.SIGSTOP)
    try:
        wait_until(lambda: house.log("workerd").count("task failed task=resend") > said,
                   "a failure")
    finally:
        house.kill("mysql", signal.SIGCONT)
    assert ended(house, promise(house, user, 1))[0] == "done"
    assert house.pid("workerd") == pid


def test_killed_in_the_middle(house, user):
    had = balance(house, user)
    rows = [promise(house, user, 19) for _ in range(200)]
    wait_until(lambda: house.sql(
        "SELECT COUNT(*) FROM intents WHERE state = 'done' AND id IN %s", rows)[0][0] > 0,
        "a first one")
    house.kill("workerd")
    for row in rows:
        ended(house, row)
    assert balance(house, user) == had + 200 * 19


def test_it_stops_in_order(house):
    house.kill("workerd", signal.SIGTERM)
    wait_until(lambda: "workerd stopped" in house.log("workerd"), "an orderly stop")
    assert "checks are good" in house.ctl("ledger", "verify")


def test_it_says_why_it_does_not_start(house):
    program = f"{house.env['QUANTORA_BUILD_DIR']}/quantora-workerd"
    for arguments, reason in ((["-x"], "usage"), (["-c", "/nowhere/at.all"], "/nowhere")):
        done = subprocess.run([program, *arguments], capture_output=True, text=True,
                              check=False)
        assert done.returncode == 1
        assert reason in done.stderr
