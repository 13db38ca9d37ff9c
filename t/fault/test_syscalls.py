# SPDX-License-Identifier: AGPL-3.0-or-later
"""matcherd is killed at, or is refused, the N-th call that changes the disk.

One life is: a start, orders one by one, a snapshot, a heap of orders with which
a new segment begins, orders, two snapshots, an end.  strace kills it at the N-th
call of a kind, or has that call fail, with EIO or ENOSPC, once or from then on.
Traced are matcherd from its first moment on; matcherd and the child that writes
a snapshot; and the helper that makes spare segments and archives.

Whatever became of it: the next start works; what was answered is there,
unchanged; what was not can be sent again, and is there once; the journal
verifies, and gives the same state without any snapshot.  After a call for the
journal itself has failed nothing is answered any more, and it says why it ends.

QUANTORA_LONG=1 takes every N; else those where something else begins.
"""

import os
import re
import shutil
import signal
import subprocess
import tempfile

import lone
import pytest
from lone import (BUY, DISK_LOW, HASH, HASHED, SELL, SNAPPED, SNAPSHOT, STATS, Gone, Matcher,
                  attached, cancel_all, children, deposit, place, spares)
from quantora import StackError, wait_until

LONG = os.environ.get("QUANTORA_LONG", "") not in ("", "0")
CALLS = ("pwrite64", "fdatasync", "fsync", "rename", "unlink", "fallocate", "openat")
TRACED = ",".join((*CALLS, "pwritev", "write", "ftruncate", "sendto"))
ERRORS = ("EIO", "ENOSPC")
USERS = (1, 2)
QUICK_POINTS = 24          # of each test; spread over all that there are
SMALL_FILES = "/dev/shm"   # a kill needs no real disk, and that is faster
ROOM_BYTES = 512 << 20


def can_trace():
    done = subprocess.run(["strace", "-qq", "-o", "/dev/null", "true"], check=False,
                          stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL)
    return done.returncode == 0


pytestmark = pytest.mark.skipif(not can_trace(), reason="strace may not trace here")


def order(name, side=None):
    number = int(name.rsplit("-", 1)[1])
    if side is None:
        side = (BUY, SELL)[number // 2 % 2]
    return place(USERS[number % 2], side, 2500 + number % 3, number % 7 + 1, name)


class Kept:
    """What was sent, and what became of it."""

    def __init__(self):
        self.sent = []           # all commands that can be sent again
        self.told = {}           # command -> its record, as answered
        self.snapshots = 0

    def tell(self, talker, *commands):
        self.sent += commands
        for command, answer in zip(commands, talker.tell(*commands)):
            if answer.done:
                self.told[command] = answer.record
            else:
                assert answer.refusal == DISK_LOW, answer.refusal


def live(talker, kept):
    """What a matcherd does in its life; Gone when it has ended."""
    def one_by_one(name, n):
        for i in range(n):
            kept.tell(talker, order(f"{name}-{i}"))

    def snapshot():
        kept.snapshots += talker.ask(SNAPSHOT).kind == SNAPPED
    one_by_one("first", 3)
    snapshot()
    kept.tell(talker, deposit(1, 1, 7))
    kept.tell(talker, *(order(f"heap-{i}") for i in range(900)))
    one_by_one("then", 3)
    snapshot()
    talker.tell(cancel_all(1))
    snapshot()                   # the second in this segment: the first one is archived
    one_by_one("last", 2)


@pytest.fixture(scope="module")
def template():
    """A journal whose first segment is nearly full."""
    base = None
    if os.path.isdir(SMALL_FILES) and shutil.disk_usage(SMALL_FILES).free > ROOM_BYTES:
        base = SMALL_FILES
    with tempfile.TemporaryDirectory(prefix="q-calls.", dir=base) as top:
        matcher = Matcher(f"{top}/template", every=10**9)
        talker = matcher.started()
        talker.tell(lone.asset_set(0, b"ETH"), lone.asset_set(1, b"USD"),
                    lone.instrument_set(), *map(lone.user_create, USERS),
                    *(deposit(u, a, 10**8) for u in USERS for a in (0, 1)))
        n = 0
        while journal_bytes(talker) < lone.SEGMENT_BYTES - 256 * 1024:
            answers = talker.tell(*(order(f"old-{n + i}") for i in range(300)))
            assert all(a.done for a in answers)
            n += 300
        assert talker.ask(SNAPSHOT).kind == SNAPPED
        wait_until(lambda: len(spares(matcher.dir)) >= 2, "two spare segments")
        assert matcher.stop() == 0
        # matcherd and its helper may both have made some; a life shall make one.
        for name in spares(matcher.dir)[2:]:
            os.unlink(f"{matcher.dir}/journal/{name}")
        yield matcher


def journal_bytes(talker):
    return int.from_bytes(talker.ask(STATS).body[88:96], "little")


def archived(directory):
    return [n for n in os.listdir(f"{directory}/archive") if n.endswith(".zst")]


class Life:
    """One copy of the template, and one fault in it."""

    def __init__(self, template, mode, rule):
        self.dir = f"{os.path.dirname(template.dir)}/life"
        shutil.rmtree(self.dir, ignore_errors=True)
        os.makedirs(self.dir)
        for name in ("journal", "archive"):
            subprocess.run(["cp", "-r", "--sparse=always", f"{template.dir}/{name}",
                            f"{self.dir}/{name}"], check=True)
        self.matcher = Matcher(self.dir, every=10**9)
        self.trace_path = f"{self.dir}/trace"
        self.mode, self.rule = mode, rule
        self.kept = Kept()
        self.main = None
        self.tracer = None
        self.code = None         # exit code of matcherd

    def strace(self):
        options = ["-qq", "-y", "-s", "200", "-o", self.trace_path, "-e", f"trace={TRACED}"]
        return options + (["-e", f"inject={self.rule}"] if self.rule else [])

    def go(self):
        try:
            self.begin()
        finally:
            self.matcher.kill()
            if self.tracer is not None:
                self.tracer.wait(60)
        return self

    def begin(self):
        matcher = self.matcher
        if self.mode == "matcherd":
            ready = matcher.start(before=["strace", *self.strace()])
        else:
            ready = matcher.start()
            assert ready, matcher.log()
        if ready:
            self.main = matcher.pid()
            if self.mode == "snapshot":
                self.tracer = attached(self.main, "-f", *self.strace())
            elif self.mode == "helper":
                self.tracer = attached(children(self.main)[0], *self.strace())
            try:
                talker = lone.Talker(f"{self.dir}/matcher")
                live(talker, self.kept)
                if self.mode == "helper":
                    self.let_helper_finish()
                talker.close()
                matcher.stop()
            except (Gone, ProcessLookupError):
                pass
        self.code = matcher.ended()

    def let_helper_finish(self):
        """It has archived, or died, or was refused something."""
        def finished():
            return len(spares(self.dir)) >= 2 and archived(self.dir) or \
                self.matcher.process.poll() is not None or self.injected()
        wait_until(finished, "the helper's work")

    def trace(self):
        """[(pid or None, call, its first path, whether it was the fault)]"""
        with open(self.trace_path, errors="replace") as f:
            lines = f.read().splitlines()
        calls = []
        for line in lines:
            found = re.match(r"(?:(\d+) +)?(\w+)\((.*)", line)
            if found:
                path = re.search(r"<([^>]*)>" if found[2] not in ("openat", "rename", "unlink")
                                 else r'"([^"]*)"', found[3])
                if found[2] == "openat":
                    path = re.search(r'"([^"]*)"|<(/[^>]*)>$', found[3])
                calls.append((found[1] and int(found[1]), found[2],
                              path[1] or "" if path else "", "(INJECTED)" in line))
        return calls

    def injected(self):
        return any(call[3] for call in self.trace())


def kind_of(path):
    """What sort of file it is."""
    name = os.path.basename(path)
    for kind in ("spare", "snapshot", "superblock", "lock", "socket", "quantora.ini"):
        if name.startswith(kind):
            return kind
    for kind in (".seg", ".seg.zst", ".so", ".tmp"):
        if name.endswith(kind):
            return kind
    return name


def points(template, mode):
    """{call: the N at which something else begins or ends} of a whole life."""
    life = Life(template, mode, None).go()
    assert life.code == 0 and life.kept.snapshots == 3, (life.code, life.matcher.log())
    assert len(life.matcher.segments()) + len(archived(life.dir)) > 1, \
        "the life has a new segment in it"
    counts, last, found = {}, {}, {}
    ours = mode != "matcherd"    # until it has its settings, the loader is at work
    for pid, call, path, _ in life.trace():
        key = (pid, call)
        counts[key] = counts.get(key, 0) + 1
        ours = ours or kind_of(path) == "quantora.ini"
        if ours and call in CALLS and (LONG or last.get(key) != kind_of(path)):
            found.setdefault(call, set()).update((counts[key], max(1, counts[key] - 1)))
        last[key] = kind_of(path)
    for (pid, call), n in counts.items():
        if call in CALLS:
            found.setdefault(call, set()).update((n, n + 1))   # the last, and none
    return {call: sorted(numbers) for call, numbers in found.items()}


MODES = ("matcherd", "snapshot", "helper")


def survives(life, template):
    """The next start, from what is there and from the journal alone."""
    matcher, kept = Matcher(life.dir, every=10**9), life.kept
    try:
        talker = matcher.started()
        answers = talker.tell(*kept.sent)
        seqs = set()
        for command, answer in zip(kept.sent, answers):
            assert answer.done, f"sent again it is refused: {answer.refusal}"
            if command in kept.told:
                assert answer.duplicate, "what was answered is not there"
                assert answer.record == kept.told[command], "it is there with other events"
            seqs.add(answer.seq)
        assert len(seqs) == len(kept.sent), "two orders are one"
        again = talker.tell(*(order(f"old-{i}") for i in range(0, 3000, 300)))
        assert all(a.done and a.duplicate for a in again), "an older order is gone"
        state = talker.ask(HASH)
        assert state.kind == HASHED
        matcher.kill()
        matcher.verify()
        for name in os.listdir(f"{life.dir}/journal"):
            if name.endswith(".snap"):
                os.unlink(f"{life.dir}/journal/{name}")
        assert matcher.started().ask(HASH).body == state.body, \
            "the journal alone gives another state"
    finally:
        matcher.kill()


def of_journal(call, path):
    """Does this call of matcherd itself keep what was promised?"""
    return call in ("pwrite64", "fdatasync", "fsync") and \
        kind_of(path) in (".seg", "spare", "superblock")


def ends_as_it_should(life):
    """After an error: it lives on, or it says why not, and answers nothing more."""
    log = life.matcher.log()
    said = [line for line in log.splitlines() if line.startswith(("error", "fatal"))
            and not re.search(r" a (snapshot|state hash) failed$", line)]
    assert life.code in (0, 1), f"it ended with {life.code}: {log}"
    if life.code == 1:
        assert len(said) == 1 and ": " in said[0], f"no clear sentence: {log}"
    else:
        assert not said, log
    if life.mode == "helper":
        return
    trace = life.trace()
    for i, (pid, call, path, fault) in enumerate(trace):
        if fault and pid in (None, life.main) and of_journal(call, path):
            assert life.code == 1, f"it went on after {call} of {path} has failed"
            later = [c for c in trace[i + 1:] if c[1] == "sendto" and c[0] in (None, life.main)]
            assert not later, "it answered after the fault"


def spread(all_points):
    if LONG or len(all_points) <= QUICK_POINTS:
        return all_points
    step = len(all_points) / QUICK_POINTS
    return [all_points[int(i * step)] for i in range(QUICK_POINTS)]


def everywhere(template):
    return [(mode, call, n) for mode in MODES
            for call, numbers in points(template, mode).items() for n in numbers]


def test_killed_at_the_nth_call(template):
    killed = 0
    for mode, call, n in spread(everywhere(template)):
        life = Life(template, mode, f"{call}:signal=SIGKILL:when={n}").go()
        try:
            assert life.code in (0, 1, -signal.SIGKILL), life.code
            killed += life.code != 0
            survives(life, template)
        except (AssertionError, StackError) as error:
            raise AssertionError(f"{mode} killed at {call} {n}: {error}") from error
    assert killed > QUICK_POINTS / 2


def test_refused_the_nth_call(template):
    variants = [(e, more) for e in ERRORS for more in ("", "+")]
    failed = 0
    for i, (mode, call, n) in enumerate(spread(everywhere(template))):
        for error, more in variants if LONG else [variants[i % len(variants)]]:
            rule = f"{call}:error={error}:when={n}{more}"
            life = Life(template, mode, rule).go()
            try:
                ends_as_it_should(life)
                failed += life.injected()
                survives(life, template)
            except (AssertionError, StackError) as problem:
                raise AssertionError(f"{mode} {rule}: {problem}") from problem
    assert failed > QUICK_POINTS / 2
