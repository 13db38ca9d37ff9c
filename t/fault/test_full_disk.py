# SPDX-License-Identifier: AGPL-3.0-or-later
"""The disk is full: that of the journal, of MySQL's data, of the logs.

Each is a small file system of its own, which a file of ballast fills.  Nothing
that was acknowledged is lost by it, what cannot be done says so, and when there
is room again all goes on without anybody's help.
"""

import contextlib
import errno
import os
import subprocess
import tempfile

import lone
import pytest
import requests
from lone import BUY, DISK_LOW, HASH, Matcher, cancel_all, deposit, place, spares
from quantora import Stack, wait_until
from test_kills import PASSWORD, recovered

MIB = 1 << 20
USERS = (1, 2)


def run(*command):
    return subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False)


def can_mount():
    with tempfile.TemporaryDirectory(prefix="q-mount.") as top:
        if run("mount", "-t", "tmpfs", "-o", "size=1m", "quantora-test", top).returncode != 0:
            return False
        return run("umount", top).returncode == 0


pytestmark = pytest.mark.skipif(not can_mount(), reason="nothing may be mounted here")


class SmallDisk:
    """A file system of its own at PATH, with what was there."""

    def __init__(self, path, room_bytes):
        """ROOM_BYTES more than what is there."""
        self.path = path
        used = sum(os.path.getsize(os.path.join(folder, name))
                   for folder, _, names in os.walk(path) for name in names)
        with tempfile.TemporaryDirectory(prefix="q-kept.") as kept:
            subprocess.run(["cp", "-a", f"{path}/.", kept], check=True)
            done = run("mount", "-t", "tmpfs", "-o", f"size={used + room_bytes}",
                       "quantora-test", path)
            assert done.returncode == 0, done.stdout
            subprocess.run(["cp", "-a", "--sparse=never", f"{kept}/.", path], check=True)

    def fill(self, left_bytes=0):
        """Until there is no room but LEFT_BYTES."""
        with open(f"{self.path}/ballast", "ab") as ballast:
            with contextlib.suppress(OSError):
                while self.free() > left_bytes:
                    os.write(ballast.fileno(), bytes(min(MIB, self.free() - left_bytes)))

    def free(self):
        disk = os.statvfs(self.path)
        return disk.f_bavail * disk.f_frsize

    def is_full(self):
        try:
            with open(f"{self.path}/probe", "wb", buffering=0) as probe:
                return probe.write(bytes(4096)) < 4096
        except OSError as error:
            return error.errno == errno.ENOSPC
        finally:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(f"{self.path}/probe")

    def make_room(self):
        os.unlink(f"{self.path}/ballast")

    def close(self):
        run("umount", "-l", self.path)


# ---- The journal, to its last byte ---------------------------------------------


@pytest.fixture(name="matcher")
def lone_matcher():
    with tempfile.TemporaryDirectory(prefix="q-full.") as top:
        disk = SmallDisk(top, 64 * MIB)
        matcher = Matcher(f"{top}/m", every=10**9)
        matcher.disk = disk
        try:
            yield matcher
        finally:
            matcher.kill()
            disk.close()


def test_journal_to_its_last_byte(matcher):
    talker = matcher.started()
    talker.tell(lone.asset_set(0, b"ETH"), lone.asset_set(1, b"USD"), lone.instrument_set(),
                *map(lone.user_create, USERS),
                *(deposit(u, a, 10**9) for u in USERS for a in (0, 1)))
    told = []

    def heap(n, start):
        commands = [place(USERS[i % 2], BUY, 2000 + i % 9, 1, f"{start}-{i}") for i in range(n)]
        answers = talker.tell(*commands)
        told.extend((c, a) for c, a in zip(commands, answers) if a.done)
        return [a for a in answers if not a.done]

    assert not heap(1000, "open")
    wait_until(lambda: len(spares(matcher.dir)) >= 2, "two spare segments")
    matcher.disk.fill()
    assert matcher.disk.is_full()
    # Orders that come and go, until there is no room for another.
    refused, n = [], 0
    while not refused:
        n += 1
        refused = heap(400, f"round{n}")
        talker.tell(*map(cancel_all, USERS))
        assert n < 300, "the disk never gets full"
    assert {a.refusal for a in refused} == {DISK_LOW}
    assert len(spares(matcher.dir)) < 2, "refused while there are both spares"
    # What frees room is done as long as there is any, and that is long.
    cancels = 0
    for _ in range(20):
        answers = talker.tell(*map(cancel_all, USERS))
        assert all(a.done for a in answers)
        cancels += len(answers)
    assert cancels == 40 and talker.tell(deposit(1, 1, 1))[0].refusal == DISK_LOW
    # The state is asked for by a child that needs no room.
    state = talker.ask(HASH).body
    matcher.kill()
    talker = matcher.started()
    assert talker.ask(HASH).body == state
    assert heap(1, "still")[0].refusal == DISK_LOW
    matcher.disk.make_room()
    wait_until(lambda: not heap(1, "again"), "an order after there is room")
    answers = talker.tell(*(c for c, _ in told))
    assert all(b.done and b.duplicate and b.record == a.record
               for (_, a), b in zip(told, answers)), "what was answered is not there"
    assert matcher.stop() == 0
    matcher.verify()


# ---- The whole house --------------------------------------------------------------


@pytest.fixture(scope="module", name="house")
def stack_on_small_disks():
    with Stack.boot_new() as stack, contextlib.ExitStack() as disks:
        stack.stop()
        disks.callback(stack.dev, "stop", check=False)
        stack.disks = {}
        for name, room in (("journal", 8 * MIB), ("mysql", 40 * MIB), ("log", 4 * MIB)):
            disk = SmallDisk(f"{stack.run_dir}/{name}", room)
            disks.callback(disk.close)
            stack.disks[name] = disk
        disks.callback(stack.dev, "stop", check=False)   # the disks go after it
        stack.start()
        client = stack.client()
        reply = client.post("/api/register", {"email": "a@example.com", "password": PASSWORD})
        assert reply.status_code == 200, reply.text
        client.user_id = reply.json()["data"]["id"]
        client.login("a@example.com", PASSWORD)
        stack.ctl("deposit", "a@example.com", "USD", 10_000_000, "--ref", "first")
        stack.number = stack.sql("SELECT id FROM users WHERE email = 'a@example.com'")[0][0]
        stack.trader = client
        stack.orders = []
        yield stack


def enter(stack):
    client = stack.trader
    reply = client.post("/api/order", {
        "user_id": client.user_id, "side": "buy", "price": 50000, "qty": 0.01,
        "order_type": "limit"})
    if reply.status_code == 200:
        stack.orders.append(reply.json()["order_id"])
    return reply


def reads(stack):
    """What a read is answered at once; the client of the harness would wait."""
    client = stack.trader
    return client.session.get(f"{client.url}/api/orders", timeout=30)


def all_is_there(stack):
    wait_until(lambda: reads(stack).status_code == 200, "a read")
    stored = {row[0] for row in stack.sql("SELECT LOWER(HEX(id)) FROM orders")}
    assert {o.replace("-", "") for o in stack.orders} <= stored, "an acknowledged order is gone"
    stack.ctl("ledger", "verify")
    stack.ctl("journal", "verify")


def test_journal(house):
    assert enter(house).status_code == 200
    disk = house.disks["journal"]
    disk.fill()
    # The spares are there; only a start that finds too few of them has none.
    for name in os.listdir(disk.path):
        if name.startswith("spare"):
            os.unlink(f"{disk.path}/{name}")
    disk.fill()
    wait_until(lambda: enter(house).status_code == 503, "a refusal")
    reply = enter(house)
    assert reply.status_code == 503 and "disk space" in reply.json()["error"], reply.text
    done = house.trader.delete(f"/api/order/{house.orders[-1]}")
    assert done.status_code == 200, done.text
    assert house.ctl("deposit", "a@example.com", "USD", 1, "--ref", "no", check=False).returncode
    assert reads(house).status_code == 200
    house.kill("matcherd")
    wait_until(lambda: "disk space" in enter(house).text, "the same after a start")
    disk.make_room()
    wait_until(lambda: enter(house).status_code == 200, "an order")
    all_is_there(house)


def test_database(house):
    disk = house.disks["mysql"]
    disk.fill()
    talker = lone.Talker(house.sock("matcher"))
    first = len(house.log("settlerd"))

    def waits():
        answers = talker.tell(*(lone.deposit_units(house.number, 0, 1) for _ in range(2000)))
        assert all(a.done for a in answers)
        return "settlement waits" in house.log("settlerd")[first:]
    wait_until(waits, "a database without room")
    assert enter(house).status_code == 200, "trading needs no database"
    reply = reads(house)
    assert reply.status_code == 503 and reply.json()["error"], "what is not there is not read"
    assert house.trader.delete(f"/api/order/{house.orders[-1]}").status_code == 200
    assert "halted" not in house.log("settlerd"), house.log("settlerd")
    disk.make_room()
    all_is_there(house)
    talker.close()


def test_logs(house):
    disk = house.disks["log"]
    disk.fill()
    assert disk.is_full()
    for victim in ("matcherd", "settlerd", "api-trade", "api", "workerd", "streamd"):
        house.kill(victim)
        wait_until(lambda: answers(house, enter), f"an order after {victim}'s end")
    wait_until(lambda: answers(house, reads), "a read")
    disk.make_room()
    house.kill("matcherd")
    wait_until(lambda: answers(house, enter), "an order")
    assert recovered(house)[0] >= 0, "there is a log again"
    all_is_there(house)


def answers(house, what):
    try:
        return what(house).status_code == 200
    except requests.RequestException:
        return False
