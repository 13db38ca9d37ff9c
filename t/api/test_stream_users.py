# SPDX-License-Identifier: AGPL-3.0-or-later
"""Streams of users: how one says who he is, what he hears, and when it ends.

By a streamd with addresses of its own (streamd_test.c), at the stack's matcher.
"""

import asyncio
import configparser
import os
import signal
import socket
import subprocess

import pytest
import websockets
from people import Person
from quantora import wait_until
from streams import PATIENCE_S, exact

SYMBOL = "EUA/EUR"
PRICE = "71.00"


def listens(path):
    with socket.socket(socket.AF_UNIX) as s:
        try:
            s.connect(path)
        except OSError:
            return False
    return True


@pytest.fixture(scope="module")
def door(stack, tmp_path_factory):
    """The socket of a streamd of our own."""
    program = os.path.join(stack.env["QUANTORA_BUILD_DIR"], "t/api/streamd-test")
    path = f"{stack.sock_dir}/streamd-t"
    ini = tmp_path_factory.mktemp("streamd") / "quantora.ini"
    conf = configparser.ConfigParser(interpolation=None)
    conf.read(f"{stack.run_dir}/conf/quantora.ini")
    conf.set("sockets", "streamd", path)
    with open(ini, "w") as f:
        conf.write(f)
    with subprocess.Popen([program, "-c", str(ini)]) as process:
        wait_until(lambda: process.poll() is not None or listens(path), "streamd")
        assert process.poll() is None
        yield path
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE_S) == 0


@pytest.fixture
def user(stack):
    return Person(stack, money={"EUA": 1000, "EUR": 100000})


def connect(door, path, **arguments):
    return websockets.unix_connect(door, f"ws://localhost{path}",
                                   ping_interval=None, **arguments)


def market(person, token=None):
    return f"/t/market/{SYMBOL}?token={token or person.client.token}"


async def hear(stream):
    return exact(await asyncio.wait_for(stream.recv(), PATIENCE_S))


async def hear_all(stream, n):
    return [await hear(stream) for _ in range(n)]


async def end_of(stream):
    """(code, reason) of the close, whatever came before."""
    with pytest.raises(websockets.ConnectionClosed) as closed:
        while True:
            await hear(stream)
    return closed.value.rcvd.code, closed.value.rcvd.reason


async def welcome(stream):
    assert await hear(stream) == {"type": "welcome"}


def place(person, side, qty, price=PRICE):
    reply = person.client.post("/api/order", {
        "user_id": person.id, "side": side, "qty": qty, "price": price,
        "order_type": "limit", "symbol": SYMBOL})
    assert reply.status_code == 200, reply.text
    return reply.json()


# ---- Who one is ------------------------------------------------------------

def test_a_token_in_the_query_or_the_header(door, user):
    async def run():
        async with connect(door, market(user)) as stream:
            await welcome(stream)
        async with connect(door, f"/t/market/{SYMBOL}", extra_headers={
                "Authorization": f"Bearer {user.client.token}"}) as stream:
            await welcome(stream)
    asyncio.run(run())


@pytest.mark.parametrize("query", ["", "?token=", "?token=abc", "?ticket=abc",
                                   "?token={token}x", "?ticket={token}"])
def test_a_bad_token_is_refused_before_the_upgrade(door, user, query):
    path = f"/t/market/{SYMBOL}" + query.format(token=user.client.token)
    async def run():
        with pytest.raises(websockets.InvalidStatusCode) as refused:
            await connect(door, path)
        assert refused.value.status_code == 401
    asyncio.run(run())


def test_an_ended_session_is_told_so(stack, door, user):
    """Its token is as good as before, so it is the core that knows."""
    token = user.client.token
    stack.ctl("user", "lock", user.email)
    async def run():
        async with connect(door, market(user, token)) as stream:
            assert await end_of(stream) == (1008, "the account is locked")
        stack.ctl("user", "unlock", user.email)
        async with connect(door, market(user, token)) as stream:
            assert await end_of(stream) == (1008, "the session has ended")
    asyncio.run(run())


def test_the_first_message_may_be_the_token(door, user):
    async def run():
        async with connect(door, "/t/say") as stream:
            await stream.send("token rubbish")
            assert (await hear(stream))["type"] == "UNAUTHENTICATED"
            await stream.send(f"token {user.client.token}")
            assert {(await hear(stream))["type"], (await hear(stream))["type"]} == \
                {"OK", "welcome"}
    asyncio.run(run())


def test_who_says_nothing_is_closed(door):
    async def run():
        async with connect(door, "/t/say") as stream:
            assert await end_of(stream) == (1008, "no token came in time")
    asyncio.run(run())


def test_a_user_has_twenty_connections(door, user):
    async def run():
        streams = [await connect(door, market(user)) for _ in range(20)]
        for stream in streams:
            await welcome(stream)
        with pytest.raises(websockets.InvalidStatusCode) as refused:
            await connect(door, market(user))
        assert refused.value.status_code == 429
        assert refused.value.headers["Retry-After"]
        await streams.pop().close()
        # The one that has gone makes room as soon as it is known to be gone.
        while True:
            try:
                streams.append(await connect(door, market(user)))
                break
            except websockets.InvalidStatusCode as refused:
                assert refused.status_code == 429
        await welcome(streams[-1])
        for stream in streams:
            await stream.close()
    asyncio.run(run())


# ---- What one hears --------------------------------------------------------

def test_own_events_and_nobody_elses(stack, door, user):
    other = Person(stack, money={"EUA": 1000, "EUR": 100000})

    async def run():
        async with connect(door, market(user)) as mine, \
                connect(door, market(other)) as his:
            await welcome(mine)
            await welcome(his)
            await asyncio.to_thread(place, user, "sell", 2)
            opened = await hear_all(mine, 2)
            assert [(m["type"], m["event"]) for m in opened] == \
                [("orders", "ORDER_OPENED"), ("balances", "ORDER_OPENED")]
            assert opened[0]["symbol"] == SYMBOL
            await asyncio.to_thread(place, other, "buy", 2)
            # His order, the trade of both, and that both orders are done.
            heard = await hear_all(his, 7)
            assert [m.get("event") for m in heard if m["type"] == "orders"] == \
                ["ORDER_OPENED", "TRADE", "ORDER_CLOSED"]
            assert [m for m in heard if m["type"] == "trade"] == \
                [{"type": "trade", "price": 71}]
            heard = await hear_all(mine, 5)
            assert [m.get("event") for m in heard if m["type"] == "orders"] == \
                ["TRADE", "ORDER_CLOSED"]
            await asyncio.to_thread(stack.ctl, "deposit", user.email, "EUR", 5)
            assert (await hear(mine))["event"] == "POSTING"
            # Nothing more had come to the other before this.
            await asyncio.to_thread(stack.ctl, "deposit", other.email, "EUR", 5)
            assert (await hear(his))["event"] == "POSTING"
    asyncio.run(run())


# ---- When it ends ----------------------------------------------------------

def test_a_lock_closes_all_of_the_users_streams(stack, door, user):
    other = Person(stack)

    async def run():
        async with connect(door, market(user)) as first, \
                connect(door, "/t/say") as second, \
                connect(door, market(other)) as another:
            await second.send(f"token {user.client.token}")
            await hear_all(second, 2)
            await welcome(first)
            await welcome(another)
            await asyncio.to_thread(stack.ctl, "user", "lock", user.email)
            assert await end_of(first) == (1008, "the account is locked")
            assert await end_of(second) == (1008, "the account is locked")
            await asyncio.to_thread(stack.ctl, "deposit", other.email, "EUR", 5)
            assert (await hear(another))["event"] == "POSTING"
    asyncio.run(run())


def test_a_new_role_ends_the_sessions(stack, door, user):
    async def run():
        async with connect(door, market(user)) as stream:
            await welcome(stream)
            await asyncio.to_thread(stack.ctl, "user", "create", user.email,
                                    "--password", user.password, "--role", "operator")
            assert await end_of(stream) == (1008, "the session has ended")
    asyncio.run(run())


def test_without_the_matcher_a_token_is_not_believed(stack, door, user):
    async def run():
        matcher = stack.pid("matcherd")
        os.kill(matcher, signal.SIGSTOP)
        try:
            async with connect(door, market(user)) as stream:
                assert await end_of(stream) == \
                    (1013, "the session cannot be checked now")
        finally:
            os.kill(matcher, signal.SIGCONT)
        async with connect(door, market(user)) as stream:
            await welcome(stream)
    asyncio.run(run())


def test_the_matchers_restart_is_not_noticed(stack, door, user):
    async def run():
        async with connect(door, market(user)) as stream:
            await welcome(stream)
            await asyncio.to_thread(stack.kill, "matcherd")
            # Asked while it is away, answered when it is back.
            async with connect(door, market(user)) as late:
                await welcome(late)
                await asyncio.to_thread(stack.ctl, "deposit", user.email, "EUR", 5)
                assert (await hear(late))["event"] == "POSTING"
                assert (await hear(stream))["event"] == "POSTING"
    asyncio.run(run())
