# SPDX-License-Identifier: AGPL-3.0-or-later
"""A matcherd without the rest of the stack, and who trades at its socket.

What it is asked is what the programs ask it (src/wire); what it answers is
kept, byte for byte, to be compared with what it says after a fault.
"""

import os
import re
import select
import signal
import socket
import struct
import subprocess
import time
import uuid

from quantora import BUILD, TOP, StackError, wait_until

ONE = 10**8
PATIENCE_S = 60
STEADY_S = 0.6
COMMAND, HASH, STATS, SNAPSHOT = 1, 3, 4, 5
DONE, REFUSED, HASHED, STATISTICS, SNAPPED = 16, 17, 19, 20, 21
ASSET_SET, INSTRUMENT_SET, USER_CREATE, DEPOSIT, PLACE, CANCEL_ALL = 2, 3, 5, 9, 14, 16
BUY, SELL = 0, 1
with open(f"{TOP}/src/wire/refusal.h") as header:
    REFUSALS = re.findall(r"^\tX\((\w+),", header.read(), re.M)
LATE, DISK_LOW = map(REFUSALS.index, ("LATE", "DISK_LOW"))
SEGMENT_BYTES = 8 << 20

CONF = """[paths]
run = {dir}
journal = {dir}/journal
archive = {dir}/archive
book_page = {dir}/book.page
meters = {dir}
[sockets]
matcher = {dir}/matcher
doorbell_dir = {dir}
[matcher]
segment_bytes = {segment}
batch_bytes = 2097152
snapshot_every = {every}
"""


def message(kind, user, body):
    """A command of src/wire/command.h."""
    return struct.pack("<HHI", 8 + len(body), kind, user) + body


def new_intent():
    """A version 7 UUID of now."""
    ms = time.time_ns() // 10**6
    tail = bytearray(os.urandom(10))
    tail[0] = 0x70 | tail[0] & 0x0f
    tail[2] = 0x80 | tail[2] & 0x3f
    return ms.to_bytes(6, "big") + bytes(tail)


def asset_set(asset, code):
    return message(ASSET_SET, 0, struct.pack("<16sH12s2x", new_intent(), asset, code))


def instrument_set():
    """Number 0: asset 0 for asset 1, with no band."""
    return message(INSTRUMENT_SET, 0, struct.pack(
        "<16sHHHH24sqqqIIIIIB3x", new_intent(), 0, 0, 1, 1, b"ETH/USD",
        ONE // 100, ONE // 100, 0, 1000, 2000, 0, 0, 50000, 0))


def user_create(number):
    return message(USER_CREATE, number, struct.pack(
        "<16s16sB7x", new_intent(), uuid.uuid4().bytes, 0))


def deposit_units(user, asset, units):
    return message(DEPOSIT, user, struct.pack("<16sH6xq", new_intent(), asset, units))


def deposit(user, asset, amount):
    return deposit_units(user, asset, amount * ONE)


def place(user, side, price, quantity, name):
    """A limit order; NAME, its client order id, makes it safe to send again."""
    name = name.encode()
    return message(PLACE, user, struct.pack(
        "<HBBBBBxqqqqB47sqII", 0, side, 0, 0, 1, 0, price * ONE, quantity * ONE // 100,
        0, 0, len(name), name, 0, 0, 0))


def cancel_all(user):
    return message(CANCEL_ALL, user, struct.pack("<HBB4x", 0xffff, 2, 0))


class Gone(Exception):
    """The connection ended before the answer."""


class Answer:
    """What came back: (kind, refusal, body)."""

    def __init__(self, kind, refusal, body):
        self.kind, self.refusal, self.body = kind, refusal, body

    @property
    def done(self):
        return self.kind == DONE

    @property
    def duplicate(self):
        return struct.unpack_from("<QI", self.body)[1] == 1

    @property
    def record(self):
        return self.body[16:]

    @property
    def seq(self):
        return struct.unpack_from("<Q", self.body)[0]

    @property
    def time_us(self):
        return struct.unpack_from("<q", self.body, 16 + 16)[0]


class Talker:
    """A connection to a matcher's socket; requests may go in heaps."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(PATIENCE_S)
        try:
            self.socket.connect(path)
        except OSError as error:
            self.socket.close()
            raise Gone(str(error)) from None
        self.buffer = b""
        self.heard = 0

    def close(self):
        self.socket.close()

    def more(self):
        try:
            chunk = self.socket.recv(1 << 20)
        except ConnectionError as error:
            raise Gone(str(error)) from None
        if not chunk:
            raise Gone("closed")
        self.buffer += chunk

    def answer(self):
        while len(self.buffer) < 16 or \
                len(self.buffer) < struct.unpack_from("<I", self.buffer)[0]:
            self.more()
        length, kind, refusal, _ = struct.unpack_from("<IHHQ", self.buffer)
        body, self.buffer = self.buffer[16:length], self.buffer[length:]
        self.heard += 1
        return Answer(kind, refusal, body)

    def send(self, data):
        try:
            self.socket.sendall(data)
        except ConnectionError as error:
            raise Gone(str(error)) from None

    def ask(self, kind):
        """A question that is its header alone."""
        self.send(struct.pack("<IHHQ", 16, kind, 0, 0))
        return self.answer()

    def tell(self, *commands, not_after_us=0):
        """One batch of a daemon's own commands; an answer for each."""
        heap = [struct.pack("<IHHQ16xIIq", 48 + len(c), COMMAND, 0, n, 0, 0, not_after_us) + c
                for n, c in enumerate(commands)]
        self.send(b"".join(heap))
        return [self.answer() for _ in heap]


class Matcher:
    """A matcherd in DIR: started, killed, and asked."""

    def __init__(self, directory, segment=SEGMENT_BYTES, every=1000):
        self.dir = directory
        self.process = None
        self.log_path = f"{directory}/log"
        os.makedirs(directory, exist_ok=True)
        with open(f"{directory}/quantora.ini", "w") as f:
            f.write(CONF.format(dir=directory, segment=segment, every=every))

    def command(self):
        return [f"{BUILD}/quantora-matcherd", "-c", f"{self.dir}/quantora.ini"]

    def start(self, before=(), env=None):
        """Whether it answers; otherwise it has ended.  BEFORE: strace and such."""
        notify = f"{self.dir}/notify"
        if os.path.exists(notify):
            os.unlink(notify)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ear, \
                open(self.log_path, "wb") as log:
            ear.bind(notify)
            self.process = subprocess.Popen(
                [*before, *self.command()], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env={**os.environ, **(env or {}), "NOTIFY_SOCKET": notify})
            end = os.pidfd_open(self.process.pid)
            try:
                ready, _, _ = select.select([ear, end], [], [], PATIENCE_S)
            finally:
                os.close(end)
            if ear in ready:
                return True
        if not ready:
            raise StackError(f"matcherd neither starts nor ends: {self.log()}")
        self.process.wait()
        return False

    def log(self):
        with open(self.log_path, errors="replace") as f:
            return f.read()

    def started(self):
        """Start, and it must work."""
        assert self.start(), f"it does not start: {self.log()}"
        return Talker(f"{self.dir}/matcher")

    def pid(self):
        """matcherd's own, whatever it runs under."""
        try:
            with open(f"/proc/{self.process.pid}/comm") as f:
                if f.read().startswith("strace"):
                    return children(self.process.pid)[0]
        except (FileNotFoundError, IndexError):
            pass
        return self.process.pid

    def ended(self):
        """Its exit code; it is waited for."""
        return self.process.wait(PATIENCE_S)

    def stop(self):
        """An orderly end."""
        os.kill(self.pid(), signal.SIGTERM)
        return self.ended()

    def kill(self):
        if self.process is not None and self.process.poll() is None:
            try:
                os.kill(self.pid(), signal.SIGKILL)
            except ProcessLookupError:
                pass
            self.ended()

    def ctl(self, *arguments):
        return subprocess.run([f"{BUILD}/quantoractl", "-c", f"{self.dir}/quantora.ini",
                               *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, check=False)

    def verify(self):
        done = self.ctl("journal", "verify")
        assert done.returncode == 0, done.stdout

    def segments(self):
        return sorted(n for n in os.listdir(f"{self.dir}/journal") if n.endswith(".seg"))


def spares(directory):
    """The names of those that are whole."""
    return [n for n in os.listdir(f"{directory}/journal")
            if n.startswith("spare-") and not n.endswith(".tmp")]


def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children") as f:
        return [int(word) for word in f.read().split()]


def attached(pid, *options):
    """strace OPTIONS on the running process PID, once it has it."""
    tracer = subprocess.Popen(["strace", *options, "-p", str(pid)], stdin=subprocess.DEVNULL,
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def traced():
        if tracer.poll() is not None:
            return True
        try:
            with open(f"/proc/{pid}/status") as f:
                return f"TracerPid:\t{tracer.pid}\n" in f.read()
        except FileNotFoundError:
            return True
    wait_until(traced, f"strace at {pid}")
    return tracer


def live_steadily(stack, name):
    """Wait until NAME has lived for a while: then, killed, it is started again at
    once, and else ever later; see dev.d/service.py."""
    def old_enough():
        try:
            with open(f"/proc/{stack.pid(name)}/stat") as f, open("/proc/uptime") as uptime:
                began = int(f.read().rpartition(")")[2].split()[19]) / os.sysconf("SC_CLK_TCK")
                return float(uptime.read().split()[0]) - began > STEADY_S
        except (FileNotFoundError, ProcessLookupError):
            return False
    wait_until(old_enough, f"a steady {name}")
