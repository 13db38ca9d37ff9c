# SPDX-License-Identifier: AGPL-3.0-or-later
"""settlerd is killed at the N-th thing that it says to MySQL, or hears from it.

N counts from the start of the process: the connection, what it prepares, the
statements of a batch, COMMIT, and the answer to COMMIT, which is then lost.
Traders go on meanwhile.  The next settlerd finds out what was done, and goes on
from there: nothing is missing in MySQL, and nothing is there twice.

QUANTORA_LONG=1 takes every N of a life; else some, and those about a COMMIT.
"""

import os
import subprocess

import pytest
from lone import live_steadily
from quantora import BUILD, Stack, wait_until
from test_kills import Trader, check_fills, check_orders, settled

LONG = os.environ.get("QUANTORA_LONG", "") not in ("", "0")
CALLS = ("sendto", "recvfrom")
SPREAD = 5                 # how many in the quick form, beside those of COMMIT
NEVER = 60000
STEPS_OF_A_LIFE = 4


def can_trace():
    return subprocess.run(["strace", "-qq", "-o", "/dev/null", "true"], check=False,
                          stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL).returncode == 0


pytestmark = pytest.mark.skipif(not can_trace(), reason="strace may not trace here")


@pytest.fixture(scope="module", name="programs")
def programs_with_a_rule(tmp_path_factory):
    """Where settlerd runs under strace when there is a rule for it, once."""
    top = str(tmp_path_factory.mktemp("programs"))
    for name in os.listdir(BUILD):
        if name.startswith("quantora") and name != "quantora-settlerd":
            os.symlink(f"{BUILD}/{name}", f"{top}/{name}")
    with open(f"{top}/quantora-settlerd", "w") as f:
        # -D: the process that is watched is settlerd's own.
        f.write("#!/bin/sh\n"
                f"mv {top}/rule {top}/used 2>/dev/null || "
                f'exec {BUILD}/quantora-settlerd "$@"\n'
                f"exec strace -D -f -qq -o {top}/trace -e trace={','.join(CALLS)} "
                f'-e inject="$(cat {top}/used)" {BUILD}/quantora-settlerd "$@"\n')
    os.chmod(f"{top}/quantora-settlerd", 0o755)
    return top


@pytest.fixture(scope="module")
def stack(programs):
    with Stack.boot_new(QUANTORA_BUILD_DIR=programs) as s:
        yield s


def is_killed(programs):
    try:
        with open(f"{programs}/trace", errors="replace") as f:
            return "killed by SIGKILL" in f.read()
    except FileNotFoundError:
        return False


def one_life(stack, programs, traders, rule):
    """Whether it was killed by the rule before all its work was done."""
    live_steadily(stack, "settlerd")
    if os.path.exists(f"{programs}/trace"):
        os.unlink(f"{programs}/trace")
    with open(f"{programs}/rule.new", "w") as f:
        f.write(rule)
    os.rename(f"{programs}/rule.new", f"{programs}/rule")
    stack.kill("settlerd")
    wait_until(lambda: not os.path.exists(f"{programs}/rule"), "a settlerd with a rule")
    for i in range(STEPS_OF_A_LIFE):
        traders[i % len(traders)].step()
    for trader in traders:
        settled(trader)
    return is_killed(programs)


def points(programs, call):
    """Of the last life, the N of CALL: in the thread that makes the most of them."""
    counts, commits, after_commit = {}, {}, set()
    with open(f"{programs}/trace", errors="replace") as f:
        for line in f:
            thread, _, rest = line.partition(" ")
            name = rest.strip().partition("(")[0]
            if name not in CALLS:
                continue
            key = (thread, name)
            counts[key] = counts.get(key, 0) + 1
            if "COMMIT" in rest or thread in after_commit:
                commits.setdefault(key, []).append(counts[key])
            after_commit.discard(thread)
            if "COMMIT" in rest:
                after_commit.add(thread)
    most, key = max((n, key) for key, n in counts.items() if key[1] == call)
    if LONG:
        return range(1, most + 2)
    spread = {1 + i * most // SPREAD for i in range(SPREAD)}
    about = {max(1, n + d) for n in commits.get(key, [])[:2] for d in (-1, 0, 1)}
    return sorted(spread | about)


@pytest.mark.parametrize("call", CALLS)
def test_killed_at_the_nth(stack, programs, call):
    first = CALLS.index(call) * 2
    traders = [Trader(stack, first + n) for n in range(2)]
    assert not one_life(stack, programs, traders, f"{call}:signal=SIGKILL:when={NEVER}")
    wanted = points(programs, call)
    kills = sum(one_life(stack, programs, traders, f"{call}:signal=SIGKILL:when={n}")
                for n in wanted)
    # A life has more or fewer of them, as its work comes in one batch or in two.
    assert kills > len(wanted) / 3, f"{kills} kills at {wanted}"
    for trader in traders:
        assert trader.orders and not trader.unknown, "trading does not need settlerd"
        check_orders(stack, trader)
        check_fills(stack, trader)
    assert any(trader.fills for trader in traders)
    assert "halted" not in stack.log("settlerd")
    stack.ctl("ledger", "verify")
