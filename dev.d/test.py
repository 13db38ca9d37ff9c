#!/usr/bin/python3
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Runs the suites of t/ and counts; behind ./dev test [SUITE...] [--long].

A suite is what the Makefile lists for it (C programs), the TAP scripts
t/SUITE/*.t, and the pytest files t/SUITE/test_*.py.  unit, engine and fuzz need
no service and run a second time in a build with ASan and UBSan.  The pytest
files of db, api, browser and security get a stack for each suite, named in
QUANTORA_STACK; the programs of db and the tests of fault start what they need.
QUANTORA_STACK in our own environment is attached to.  The files of api are
dealt to three stacks, which run at the same time.

What mostly waits (for answers, timers, restarts) runs beside what computes, in
the LANES below; within a lane one suite follows the other.  The lane that
computes gives way, so that nobody waits longer than he must.

--long asks for the whole of every test that has a quick form, in C and in
Python: it sets QUANTORA_LONG=1, by which they know, and has hours of patience.

Only failures are shown, and named once more at the end, each with its reason.
The last line is "N passed, N failed".
"""

import concurrent.futures
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import xml.etree.ElementTree

TOP = os.environ["QUANTORA_TOP"]
BUILD = os.environ["QUANTORA_BUILD_DIR"]
ASAN = BUILD + "-asan"
sys.path.insert(0, f"{TOP}/t/harness")

SUITES = ("unit", "engine", "fuzz", "db", "api", "browser", "security", "fault")
QUICK = ("unit", "engine", "fuzz")
WANT_STACK = ("db", "api", "browser", "security")
SHARES = {"api": 3}   # that many, beside one another: they mostly wait
LANES = (("api",), ("security", "browser", "fault"), ("unit", "engine", "fuzz", "db"))
COMPUTING = LANES[-1]
UNIT_CHECKS = ("t/layers.sh", "t/tidy.sh", "t/units.sh")
LONG = "--long" in sys.argv[1:] or os.environ.get("QUANTORA_LONG", "") not in ("", "0")
PROGRAM_S, SUITE_S = (6 * 3600, 12 * 3600) if LONG else (900, 2400)
# Line tables are all that a report needs, and half the work of the linker.
ASAN_CONFIGURE = "--enable-sanitizers CFLAGS='-O1 -g1'"
GIVE_WAY = ("nice", "-n", "10")
REASONS_SHOWN = 40
REASON_CHARS = 300


class Tally:
    """What became of a suite's checks; of all suites when added up."""

    def __init__(self):
        self.passed = self.failed = self.skipped = 0
        self.reasons = []     # of each that failed, one line
        self.lock = threading.Lock()

    def count(self, good, bad, left_out=0, reasons=(), otherwise="it failed"):
        """REASONS has those of the BAD; OTHERWISE is said of any beyond them."""
        reasons = list(reasons)[:bad]
        reasons += [otherwise] * (bad - len(reasons))
        with self.lock:
            self.passed += good
            self.failed += bad
            self.skipped += left_out
            self.reasons += [one_line(r) for r in reasons]

    def add(self, other):
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped
        self.reasons += other.reasons

    def __str__(self):
        return f"{self.passed} passed, {self.failed} failed"


class Running:
    """The process groups of what runs, to be ended when we are."""

    groups = set()
    ending = threading.Event()

    @classmethod
    def end(cls, *_):
        cls.ending.set()
        for group in list(cls.groups):
            try:
                os.killpg(group, signal.SIGINT)
            except ProcessLookupError:
                pass


def one_line(text):
    return " ".join(text.split())[:REASON_CHARS]


def last_line(text):
    return (text.strip().splitlines() or ["it said nothing"])[-1]


def show(title, text):
    """The output of what failed."""
    print(f"--- {title}\n{text.rstrip()[-20000:]}", flush=True)


def build(tally, directory, configure, targets, nice=()):
    """Build by way of ./dev; whether it succeeded."""
    env = dict(os.environ, QUANTORA_BUILD_DIR=directory)
    if configure is not None:
        env["QUANTORA_CONFIGURE"] = \
            f"{os.environ.get('QUANTORA_CONFIGURE', '')} {configure}".strip()
    code, output = run([*nice, f"{TOP}/dev", "build", *targets], env, TOP, SUITE_S)
    if code != 0:
        show(f"build in {directory}", output)
        errors = re.findall(r"^.*(?:\berror: |undefined reference|\*\*\* ).*$", output, re.M)
        tally.count(0, 1, reasons=[f"build: {(errors or [last_line(output)])[0]}"])
    else:
        print(output, end="", flush=True)
    return code == 0


def programs(directory):
    """What the Makefile says: suite -> programs."""
    listed = subprocess.run(["make", "-s", "-C", directory, "list-tests"],
                            stdout=subprocess.PIPE, text=True, check=True)
    return {words[0]: words[1:] for words in map(str.split, listed.stdout.splitlines())}


def tap_counts(text):
    """(passed, failed, skipped) of TAP, and what is said of each that failed."""
    good = bad = left_out = 0
    reasons = []
    for line in text.splitlines():
        if re.match(r"ok\b.*# *skip", line, re.I):
            left_out += 1
        elif re.match(r"ok\b", line):
            good += 1
        elif re.match(r"not ok\b", line):
            bad += 1
            reasons.append(re.sub(r"^not ok\b[\s\d-]*", "", line))
    return (good, bad, left_out), reasons


def run(command, env, cwd, limit_s):
    """(exit code, output); everything that it started ends with it."""
    if Running.ending.is_set():
        return -signal.SIGINT, "not started any more"
    with subprocess.Popen(command, env=env, cwd=cwd, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          start_new_session=True) as process:
        Running.groups.add(process.pid)
        try:
            output, _ = process.communicate(timeout=limit_s)
            code = process.returncode
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, 9)
            output, _ = process.communicate()
            output += f"\nended after {limit_s} s".encode()
            code = -9
        finally:
            Running.groups.discard(process.pid)
    return code, output.decode("utf-8", "replace")


def run_program(directory, program, env, nice):
    """A Check program, or a replay of a fuzz corpus."""
    with tempfile.TemporaryDirectory() as tmp:
        env = dict(env, srcdir=TOP, CK_TAP_LOG_FILE_NAME=f"{tmp}/tap",
                   CK_VERBOSITY="normal", UBSAN_OPTIONS="print_stacktrace=1")
        # A machine may be slow, and so is ASan; who passes never waits that long.
        env.setdefault("CK_TIMEOUT_MULTIPLIER", "6")
        code, output = run([*nice, f"{directory}/{program}"], env, directory, PROGRAM_S)
        try:
            with open(f"{tmp}/tap", encoding="utf-8", errors="replace") as f:
                (good, bad, left_out), reasons = tap_counts(f.read())
        except FileNotFoundError:
            good = bad = left_out = 0
            reasons = []
    if code == 77:
        left_out += 1
    elif code != 0 and bad == 0:
        bad = 1
        found = re.search(r"^.*(ERROR: \w*Sanitizer|runtime error): .*$", output, re.M)
        reasons = [found[0] if found else f"exit code {code}: {last_line(output)}"]
    elif code == 0 and good + bad + left_out == 0:
        good = 1
    return program, (good, bad, left_out), reasons, output


def run_programs(tally, label, directory, names, env, nice):
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for name, counts, reasons, output in pool.map(
                lambda name: run_program(directory, name, env, nice), names):
            tally.count(*counts, [f"{label} {name}: {r}" for r in reasons])
            if counts[1] > 0:
                show(f"{label} {name}", output)


def run_script(tally, script, env, nice):
    code, output = run([*nice, f"{TOP}/{script}"], env, TOP, PROGRAM_S)
    (good, bad, left_out), reasons = tap_counts(output)
    if code == 77 and good + bad + left_out == 0:
        left_out = 1
    elif (code not in (0, 77) and bad == 0) or good + bad + left_out == 0:
        bad += 1
    tally.count(good, bad, left_out, [f"{script}: {r}" for r in reasons],
                f"{script}: exit code {code}: {last_line(output)}")
    if bad > 0:
        show(script, re.sub(r"^ok .*\n", "", output, flags=re.M))


def junit_counts(path):
    """(passed, failed, skipped) of what pytest wrote, and why each failed."""
    good = bad = left_out = 0
    reasons = []
    try:
        root = xml.etree.ElementTree.parse(path).getroot()
    except (FileNotFoundError, xml.etree.ElementTree.ParseError):
        return (0, 0, 0), []
    for case in root.iter("testcase"):
        wrong = [w for w in (case.find("failure"), case.find("error")) if w is not None]
        if wrong:
            bad += 1
            message = wrong[0].get("message") or ""
            said = re.findall(r"^E +(\S.*)$", wrong[0].text or "", re.M)
            if said and said[-1] not in message:
                message += f": {said[-1]}"
            reasons.append(f"{case.get('file')}::{case.get('name')}: {message}")
        elif case.find("skipped") is not None:
            left_out += 1
        else:
            good += 1
    return (good, bad, left_out), reasons


def run_pytest(tally, suite, files, env, arguments):
    with tempfile.TemporaryDirectory() as tmp:
        code, output = run(
            ["/usr/bin/python3", "-B", "-m", "pytest", "-q", "--tb=short", "-W", "ignore",
             "-p", "no:cacheprovider", "-o", "junit_family=xunit1",
             f"--rootdir={TOP}/t", f"--junit-xml={tmp}/xml", *arguments, *files],
            dict(env, PYTHONPATH=f"{TOP}/t/harness"), f"{TOP}/t", SUITE_S)
        (good, bad, left_out), reasons = junit_counts(f"{tmp}/xml")
    # 5: no test was found, which would else look like success.
    if code != 0 and bad == 0:
        bad = 1
    tally.count(good, bad, left_out, reasons,
                f"{suite}: exit code {code}: {last_line(output)}")
    if bad > 0:
        show(suite, output)


def suite_files(suite):
    folder = f"{TOP}/t/{suite}"
    names = sorted(os.listdir(folder)) if os.path.isdir(folder) else []
    scripts = [f"t/{suite}/{n}" for n in names if n.endswith(".t")]
    tests = [f"{folder}/{n}" for n in names
             if n.startswith("test_") and n.endswith(".py")]
    return scripts, tests


def deal(tests, n):
    """N shares of about the same size; in each the files keep their order."""
    shares = [[] for _ in range(n)]
    sizes = [0] * n
    for test in sorted(tests, key=os.path.getsize, reverse=True):
        least = sizes.index(min(sizes))
        shares[least].append(test)
        sizes[least] += os.path.getsize(test)
    return [sorted(share) for share in shares if share]


def boot_stacks(tally, suite, n):
    """N stacks, made at the same time; fewer when one does not start."""
    import quantora
    stacks = []
    with concurrent.futures.ThreadPoolExecutor(n) as pool:
        for booting in [pool.submit(quantora.Stack.boot) for _ in range(n)]:
            try:
                stacks.append(booting.result())
            except quantora.StackError as error:
                tally.count(0, 1, reasons=[
                    f"{suite}: no stack: {last_line(str(error))}"])
                show(f"{suite}: no stack", str(error))
    return stacks


def run_shares(tally, suite, tests, stacks, env, arguments):
    shares = deal(tests, len(stacks))
    with concurrent.futures.ThreadPoolExecutor(len(stacks)) as pool:
        for done in [pool.submit(run_pytest, tally, suite, share,
                                 dict(env, QUANTORA_STACK=stack.run_dir), arguments)
                     for share, stack in zip(shares, stacks)]:
            done.result()


def run_suite(tally, suite, names, arguments, nice, sanitized):
    """Everything of SUITE; a stack only if there is something to run on it."""
    scripts, tests = suite_files(suite)
    env = dict(os.environ, QUANTORA_BUILD="0",
               QUANTORA_EMPTY_DATABASE=f"{BUILD}/db-empty")
    if suite == "db":
        shutil.rmtree(env["QUANTORA_EMPTY_DATABASE"], ignore_errors=True)
    stacks = []
    if suite in WANT_STACK and (scripts or tests) \
            and "QUANTORA_STACK" not in os.environ:
        n = min(SHARES.get(suite, 1), len(tests)) if os.cpu_count() > 1 else 1
        stacks = boot_stacks(tally, suite, max(n, 1))
        if not stacks:
            return
        env["QUANTORA_STACK"] = stacks[0].run_dir
    try:
        if suite == "unit":
            for script in UNIT_CHECKS:
                if os.path.exists(f"{TOP}/{script}"):
                    run_script(tally, script, env, nice)
        run_programs(tally, suite, BUILD, names, env, nice)
        if sanitized:
            run_programs(tally, f"{suite} (ASan)", ASAN, names, env, nice)
        for script in scripts:
            run_script(tally, script, env, nice)
        if len(stacks) > 1:
            run_shares(tally, suite, tests, stacks, env, arguments)
        elif tests:
            run_pytest(tally, suite, tests, env, arguments)
    finally:
        for stack in stacks:
            stack.close()


def run_lane(suites, listed, arguments, nice):
    """The tallies of SUITES, one after the other."""
    built = True
    tallies = []
    if any(s in QUICK for s in suites):
        tallies.append(Tally())
        built = build(tallies[0], ASAN, ASAN_CONFIGURE, ["quick-programs"], nice)
    for suite in suites:
        if Running.ending.is_set():
            break
        tally = Tally()
        began = time.monotonic()
        run_suite(tally, suite, listed.get(suite, []), arguments, nice,
                  suite in QUICK and built)
        print(f"{suite}: {tally}, {tally.skipped} skipped, "
              f"{time.monotonic() - began:.0f} s", flush=True)
        tallies.append(tally)
    return tallies


def finish(tallies):
    """What failed, and the closing line, exactly so: it is read by machines."""
    total = Tally()
    for tally in tallies:
        total.add(tally)
    if Running.ending.is_set():
        total.count(0, 1, reasons=["it was ended before its end"])
    if total.reasons:
        print("--- What failed, and why", flush=True)
        for reason in total.reasons[:REASONS_SHOWN]:
            print(reason, flush=True)
        if len(total.reasons) > REASONS_SHOWN:
            print(f"and {len(total.reasons) - REASONS_SHOWN} more", flush=True)
    print(f"{total}, {total.skipped} skipped" if total.skipped else total, flush=True)
    sys.exit(1 if total.failed else 0)


def main():
    # Under `make check` those of that make are in the environment.
    for name in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL"):
        os.environ.pop(name, None)
    os.environ.pop("QUANTORA_LONG", None)
    if LONG:
        os.environ["QUANTORA_LONG"] = "1"
    arguments = [a for a in sys.argv[1:] if a.startswith("-") and a != "--long"]
    wanted = [a for a in sys.argv[1:] if not a.startswith("-")] or list(SUITES)
    unknown = [s for s in wanted if s not in SUITES]
    if unknown:
        print(f"There is no suite '{unknown[0]}': {' '.join(SUITES)}.", file=sys.stderr)
        sys.exit(2)
    for signum in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signum, Running.end)
    first = Tally()
    if os.environ["QUANTORA_BUILD"] != "0" and \
            not build(first, BUILD, None, ["all", "check-programs"]):
        finish([first])    # no test means anything without it
    listed = programs(BUILD)
    lanes = [mine for lane in LANES if (mine := [s for s in lane if s in wanted])]
    with concurrent.futures.ThreadPoolExecutor(len(lanes)) as pool:
        done = [pool.submit(run_lane, lane, listed, arguments,
                            GIVE_WAY if len(lanes) > 1 and lane[0] in COMPUTING else ())
                for lane in lanes]
    finish([first, *(tally for lane in done for tally in lane.result())])


if __name__ == "__main__":
    main()
