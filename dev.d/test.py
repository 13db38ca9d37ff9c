#!/usr/bin/python3
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Runs the suites of t/ and counts; behind ./dev test [SUITE...] [--long].

A suite is what the Makefile lists for it (C programs), the TAP scripts
t/SUITE/*.t, and the pytest files t/SUITE/test_*.py.  unit, engine and fuzz need
no service and run a second time in a build with ASan and UBSan.  The pytest
files of db, api, browser and security get a stack for each suite, named in
QUANTORA_STACK; the programs of db and the tests of fault start what they need.
QUANTORA_STACK in our own environment is attached to.  The files of api are
dealt to two stacks, which run at the same time.

--long asks for the whole of every test that has a quick form, in C and in
Python: it sets QUANTORA_LONG=1, by which they know, and has hours of patience.

Only failures are shown.  The last line is "N passed, N failed".
"""

import concurrent.futures
import os
import re
import subprocess
import sys
import tempfile
import threading
import xml.etree.ElementTree

TOP = os.environ["QUANTORA_TOP"]
BUILD = os.environ["QUANTORA_BUILD_DIR"]
ASAN = BUILD + "-asan"
sys.path.insert(0, f"{TOP}/t/harness")

SUITES = ("unit", "engine", "fuzz", "db", "api", "browser", "security", "fault")
QUICK = ("unit", "engine", "fuzz")
WANT_STACK = ("db", "api", "browser", "security")
WAITING = ("api",)    # mostly waits: half of it runs beside the other half
UNIT_CHECKS = ("t/layers.sh", "t/tidy.sh", "t/units.sh")
LONG = "--long" in sys.argv[1:] or os.environ.get("QUANTORA_LONG", "") not in ("", "0")
PROGRAM_S, SUITE_S = (6 * 3600, 12 * 3600) if LONG else (300, 2400)
ASAN_CONFIGURE = "--enable-sanitizers CFLAGS='-O1 -g'"

passed = failed = skipped = 0
counting = threading.Lock()


def count(good, bad, left_out=0):
    global passed, failed, skipped
    with counting:
        passed += good
        failed += bad
        skipped += left_out


def show(title, text):
    """The output of what failed."""
    print(f"--- {title}", flush=True)
    print(text.rstrip()[-20000:], flush=True)


def build(directory, configure, *targets):
    """Build by way of ./dev; no test means anything when this fails."""
    env = dict(os.environ, QUANTORA_BUILD_DIR=directory)
    if configure is not None:
        env["QUANTORA_CONFIGURE"] = \
            f"{os.environ.get('QUANTORA_CONFIGURE', '')} {configure}".strip()
    done = subprocess.run([f"{TOP}/dev", "build", *targets], env=env,
                          stdin=subprocess.DEVNULL, check=False)
    if done.returncode != 0:
        count(0, 1)
        finish()


def programs(directory):
    """What the Makefile says: suite -> programs."""
    listed = subprocess.run(["make", "-s", "-C", directory, "list-tests"],
                            stdout=subprocess.PIPE, text=True, check=True)
    return {words[0]: words[1:] for words in map(str.split, listed.stdout.splitlines())}


def tap_counts(text):
    """(passed, failed, skipped) of TAP."""
    good = bad = left_out = 0
    for line in text.splitlines():
        if re.match(r"ok\b.*# *skip", line, re.I):
            left_out += 1
        elif re.match(r"ok\b", line):
            good += 1
        elif re.match(r"not ok\b", line):
            bad += 1
    return good, bad, left_out


def run(command, env, cwd, limit_s):
    """(exit code, output); everything that it started ends with it."""
    with subprocess.Popen(command, env=env, cwd=cwd, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          start_new_session=True) as process:
        try:
            output, _ = process.communicate(timeout=limit_s)
            code = process.returncode
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, 9)
            output, _ = process.communicate()
            output += f"\nended after {limit_s} s".encode()
            code = -9
    return code, output.decode("utf-8", "replace")


def run_program(directory, program, env):
    """A Check program, or a replay of a fuzz corpus."""
    with tempfile.TemporaryDirectory() as tmp:
        env = dict(env, srcdir=TOP, CK_TAP_LOG_FILE_NAME=f"{tmp}/tap",
                   CK_VERBOSITY="normal", UBSAN_OPTIONS="print_stacktrace=1")
        if LONG:
            env.setdefault("CK_TIMEOUT_MULTIPLIER", "6")    # as slow as ASan is
        code, output = run([f"{directory}/{program}"], env, directory, PROGRAM_S)
        try:
            with open(f"{tmp}/tap", encoding="utf-8", errors="replace") as f:
                good, bad, left_out = tap_counts(f.read())
        except FileNotFoundError:
            good = bad = left_out = 0
    if code == 77:
        left_out += 1
    elif code != 0 and bad == 0:
        bad = 1
    elif code == 0 and good + bad + left_out == 0:
        good = 1
    return program, (good, bad, left_out), output


def run_programs(label, directory, names, env):
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for name, counts, output in pool.map(
                lambda name: run_program(directory, name, env), names):
            count(*counts)
            if counts[1] > 0:
                show(f"{label} {name}", output)


def run_script(script, env):
    code, output = run([f"{TOP}/{script}"], env, TOP, PROGRAM_S)
    good, bad, left_out = tap_counts(output)
    if code == 77 and good + bad + left_out == 0:
        left_out = 1
    elif (code not in (0, 77) and bad == 0) or good + bad + left_out == 0:
        bad += 1
    count(good, bad, left_out)
    if bad > 0:
        show(script, re.sub(r"^ok .*\n", "", output, flags=re.M))


def run_pytest(suite, files, env, arguments):
    with tempfile.TemporaryDirectory() as tmp:
        code, output = run(
            ["/usr/bin/python3", "-B", "-m", "pytest", "-q", "--tb=short", "-W", "ignore",
             "-p", "no:cacheprovider", "-o", "junit_family=xunit1",
             f"--rootdir={TOP}/t", f"--junit-xml={tmp}/xml", *arguments, *files],
            dict(env, PYTHONPATH=f"{TOP}/t/harness"), f"{TOP}/t", SUITE_S)
        good = bad = left_out = 0
        try:
            root = xml.etree.ElementTree.parse(f"{tmp}/xml").getroot()
            for case in root.iter("testcase"):
                if case.find("failure") is not None or case.find("error") is not None:
                    bad += 1
                elif case.find("skipped") is not None:
                    left_out += 1
                else:
                    good += 1
        except (FileNotFoundError, xml.etree.ElementTree.ParseError):
            pass
    # 5: no test was found, which would else look like success.
    if code != 0 and bad == 0:
        bad = 1
    count(good, bad, left_out)
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


def boot_stacks(suite, n):
    """N stacks, one after the other; fewer when one does not start."""
    import quantora
    stacks = []
    try:
        for _ in range(n):
            stacks.append(quantora.Stack.boot())
    except quantora.StackError as error:
        count(0, 1)
        show(f"{suite}: no stack", str(error))
    return stacks


def run_shares(suite, tests, stacks, env, arguments):
    shares = deal(tests, len(stacks))
    with concurrent.futures.ThreadPoolExecutor(len(stacks)) as pool:
        for done in [pool.submit(run_pytest, suite, share,
                                 dict(env, QUANTORA_STACK=stack.run_dir), arguments)
                     for share, stack in zip(shares, stacks)]:
            done.result()


def run_suite(suite, listed, arguments):
    """Everything of SUITE; a stack only if there is something to run on it."""
    scripts, tests = suite_files(suite)
    names = listed.get(suite, [])
    env = dict(os.environ, QUANTORA_BUILD="0")
    stacks = []
    if suite in WANT_STACK and (scripts or tests) \
            and "QUANTORA_STACK" not in os.environ:
        n = 2 if suite in WAITING and len(tests) > 1 and os.cpu_count() > 1 else 1
        stacks = boot_stacks(suite, n)
        if not stacks:
            return
        env["QUANTORA_STACK"] = stacks[0].run_dir
    try:
        if suite == "unit":
            for script in UNIT_CHECKS:
                if os.path.exists(f"{TOP}/{script}"):
                    run_script(script, env)
        run_programs(suite, BUILD, names, env)
        if suite in QUICK:
            run_programs(f"{suite} (ASan)", ASAN, names, env)
        for script in scripts:
            run_script(script, env)
        if len(stacks) > 1:
            run_shares(suite, tests, stacks, env, arguments)
        elif tests:
            run_pytest(suite, tests, env, arguments)
    finally:
        for stack in stacks:
            stack.close()


def finish():
    """The closing line, exactly so: it is read by machines."""
    line = f"{passed} passed, {failed} failed"
    if skipped:
        line += f", {skipped} skipped"
    print(line, flush=True)
    sys.exit(1 if failed else 0)


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
    if os.environ["QUANTORA_BUILD"] != "0":
        build(BUILD, None, "all", "check-programs")
    if any(s in QUICK for s in wanted):
        build(ASAN, ASAN_CONFIGURE, "quick-programs")
    listed = programs(BUILD)
    for suite in (s for s in SUITES if s in wanted):
        before = passed, failed, skipped
        run_suite(suite, listed, arguments)
        print(f"{suite}: {passed - before[0]} passed, {failed - before[1]} failed, "
              f"{skipped - before[2]} skipped", flush=True)
    finish()


if __name__ == "__main__":
    main()
