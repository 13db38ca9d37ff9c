# SPDX-License-Identifier: AGPL-3.0-or-later
"""Tickets for streams, and what streams must withstand."""

import asyncio
import base64
import json
import re
import struct
import time

import pytest
from people import Person
from quantora import Stack, wait_until
from streams import Closed, Frames, PATIENCE_S, Talk, refusal
from trading import Trader, trade_at

STREAMS = ["/api/v1/ws/market/BTCUSDT", "/api/v1/ws/orders"]


@pytest.fixture
def user(stack):
    return Person(stack)


def ticket_of(person, **arguments):
    reply = person.client.post("/api/ws/ticket", **arguments)
    assert reply.status_code == 200, reply.text
    body = reply.json()
    assert body["success"] is True and body["error"] is None
    assert set(body["data"]) == {"ticket", "expires_in", "expires_at"}
    assert body["data"]["expires_in"] == 30
    return body["data"]["ticket"]


def claims(token):
    part = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


def knock(stack, path, **headers):
    return asyncio.run(refusal(stack, path, **headers))[0]


# ---- Tickets ------------------------------------------------------------------

@pytest.mark.parametrize("path", STREAMS)
def test_a_ticket_is_good_once(stack, user, path):
    ticket = ticket_of(user)
    assert knock(stack, f"{path}?ticket={ticket}") == 101
    assert knock(stack, f"{path}?ticket={ticket}") == 401
    for other in STREAMS:
        assert knock(stack, f"{other}?ticket={ticket}") == 401


def test_tickets_of_one_second_differ(user):
    assert len({ticket_of(user) for _ in range(10)}) == 10


def test_a_ticket_is_no_token_and_a_token_no_ticket(stack, user):
    ticket = ticket_of(user)
    assert knock(stack, f"{STREAMS[1]}?token={ticket}") == 401
    assert knock(stack, f"{STREAMS[1]}?ticket={user.client.token}") == 401
    reply = user.client.get("/api/orders", headers={"Authorization": f"Bearer {ticket}"})
    assert reply.status_code == 401

    async def run():
        async with Talk(stack, "/ws/v1") as talk:
            assert (await talk.ask(type="auth", token=ticket))["code"] == "UNAUTHORIZED"
    asyncio.run(run())


def test_a_ticket_lasts_half_a_minute_and_its_stream_as_long_as_the_token(user):
    now = time.time()
    told, token = claims(ticket_of(user)), claims(user.client.token)
    assert now + 25 < told["exp"] <= time.time() + 30
    assert told["upto"] == token["exp"]
    assert (told["use"], token["use"]) == ("stream", "access")


def test_a_ticket_of_before_a_restart_is_none(stack, user):
    """It may have been used; nobody remembers."""
    ticket = ticket_of(user)
    assert knock(stack, f"{STREAMS[1]}?ticket={ticket}") == 101
    stack.kill("streamd")
    wait_until(lambda: knock(stack, STREAMS[1]) == 401, "streamd")
    assert knock(stack, f"{STREAMS[1]}?ticket={ticket}") == 401


def test_who_is_not_logged_in_gets_none(stack):
    reply = stack.client().post("/api/ws/ticket")
    assert reply.status_code == 401
    assert set(reply.json()) == {"success", "data", "error", "code"}


# ---- What ends a stream -------------------------------------------------------

def enter(stack, person, path):
    """A stream that is known to be admitted."""
    stream = Frames(("127.0.0.1", stack.http_port), f"{path}?ticket={ticket_of(person)}")
    assert stream.head.startswith(b"HTTP/1.1 101")
    return stream


ENDS = {
    "lock": (lambda stack, p: stack.ctl("user", "lock", p.email),
             "the account is locked"),
    "log-out": (lambda stack, p: p.client.post("/api/v1/auth/logout").raise_for_status(),
                "the session has ended"),
    "role": (lambda stack, p: stack.ctl("user", "create", p.email, "--password",
                                        p.password, "--role", "operator"),
             "the session has ended"),
}


@pytest.fixture(scope="module")
def others(stack):
    return [Trader(stack, "BTC/USDT") for _ in range(2)]


@pytest.mark.parametrize("path", STREAMS)
@pytest.mark.parametrize("how", ENDS)
def test_what_ends_a_session_ends_its_streams(stack, user, others, path, how):
    """At once: of what happens after it nothing is told any more."""
    act, reason = ENDS[how]
    trade_at(*others, 50000.25)
    with enter(stack, user, path) as stream:
        act(stack, user)
        trade_at(*others, 50000.75)
        heard = []
        while (frame := stream.frame())[0] != Frames.CLOSE:
            heard.append(frame)
        assert struct.unpack(">H", frame[1][:2])[0] == 1008
        assert frame[1][2:].decode() == reason
        assert not any(b"50000.75" in payload for _, payload in heard)


def test_a_ticket_outlives_no_session(stack, user):
    ticket = ticket_of(user)
    stack.ctl("user", "lock", user.email)
    with Frames(("127.0.0.1", stack.http_port),
                f"{STREAMS[1]}?ticket={ticket}") as stream:
        assert stream.close_reason() == (1008, "the account is locked")


# ---- Bounds -------------------------------------------------------------------

def test_connections_of_a_user_are_bounded(stack, user):
    streams = [enter(stack, user, STREAMS[i % 2]) for i in range(20)]
    status, body, headers = asyncio.run(refusal(
        stack, f"{STREAMS[1]}?token={user.client.token}"))
    assert status == 429 and headers["retry-after"] and body["code"]

    async def run():
        async with Talk(stack, "/ws/v1") as talk:
            answer = await talk.ask(type="auth", token=user.client.token)
            assert answer["code"] == "RATE_LIMIT"
            assert (await talk.end())[0] == 1008
    asyncio.run(run())
    for stream in streams:
        stream.socket.close()


@pytest.mark.parametrize("origin, status", [
    (None, 101),
    ("http://localhost:{port}", 101),
    ("https://localhost:{port}", 403),
    ("http://evil.example.com", 403),
    ("null", 403),
    ("http://localhost:{port}.evil.example.com", 403),
])
@pytest.mark.parametrize("path", STREAMS + ["/ws/v1", "/ws"])
def test_pages_of_other_origins_may_not(stack, user, path, origin, status):
    headers = {"Authorization": f"Bearer {user.client.token}"}
    if origin:
        headers["Origin"] = origin.format(port=stack.http_port)
    assert knock(stack, path, **headers) == status


@pytest.mark.parametrize("path", STREAMS)
def test_messages_are_bounded(stack, user, path):
    with enter(stack, user, path) as stream:
        stream.send(Frames.TEXT, b"x" * 4097)
        assert stream.close_reason()[0] == 1009
    with enter(stack, user, path) as stream:
        try:
            for _ in range(150):
                stream.send(Frames.TEXT, b"x")
        except OSError:
            pass
        try:
            assert stream.close_reason() == (1008, "too many messages")
        except Closed:
            pass  # it was closed while we were still sending


# ---- Secrets ------------------------------------------------------------------

def test_no_log_has_a_token_or_a_ticket(user):
    """On a stack of its own, whose logs are complete when it has stopped."""
    with Stack.boot_new() as stack:
        person = Person(stack)
        ticket = ticket_of(person)
        token = person.client.token
        # A market that has just been made is shown within a second.
        wait_until(lambda: knock(stack, f"{STREAMS[0]}?token={token}") == 101)
        for path in STREAMS:
            assert knock(stack, f"{path}?token={token}") == 101
            assert knock(stack, f"{path}?%74oken={token}x") == 401
        assert knock(stack, f"{STREAMS[1]}?after_seq=1&ticket={ticket}") == 101
        assert knock(stack, f"{STREAMS[1]}?ticket={ticket}") == 401
        stack.stop()
        for name in ("access", "nginx", "streamd", "api"):
            text = stack.log(name)
            for secret in (token, ticket):
                assert secret.rsplit(".", 1)[1] not in text, name
                assert secret.split(".")[1] not in text, name
        assert re.search(r"GET /api/v1/ws/orders\?\(masked\) ", stack.log("access"))
