# SPDX-License-Identifier: AGPL-3.0-or-later
"""Whose process is it?  What was started in this run directory, and still runs.

pid/NAME holds a pid with its start time and the boot id, so that a pid that was
used again is never taken for ours.  Each process leads a session of its own, by
which what it forked is found.
"""

import os
import time

RUN = os.environ["QUANTORA_RUN_DIR"]


def boot_id():
    with open("/proc/sys/kernel/random/boot_id") as f:
        return f.read().strip()


def proc_stat(pid):
    """(state, process group, session, start time) or None."""
    try:
        with open(f"/proc/{pid}/stat") as f:
            fields = f.read().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return fields[0], int(fields[2]), int(fields[3]), fields[19]


def pid_write(name, pid):
    stat = proc_stat(pid)
    if stat is None:
        return
    path = f"{RUN}/pid/{name}"
    line = f"{pid} {stat[3]} {boot_id()}\n"
    try:
        with open(path + ".new", "w") as f:
            f.write(line)
        os.rename(path + ".new", path)
    except OSError:
        # A full disk has no room for a new file, but for what is there already.
        with open(path, "r+") as f:
            f.write(line)
            f.truncate()


def pid_forget(name):
    try:
        os.unlink(f"{RUN}/pid/{name}")
    except FileNotFoundError:
        pass


def pid_recorded(name):
    """(pid, start time) as recorded since this boot, or None."""
    try:
        with open(f"{RUN}/pid/{name}") as f:
            pid, started, boot = f.read().split()
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return None
    return (int(pid), started) if boot == boot_id() else None


def pid_alive(name):
    """The pid of NAME if that very process still runs, or None."""
    recorded = pid_recorded(name)
    if recorded is None:
        return None
    stat = proc_stat(recorded[0])
    if stat is None or stat[0] == "Z" or stat[3] != recorded[1]:
        return None
    return recorded[0]


def session_members(name):
    """The processes that NAME started and that outlived it, or live with it.

    A pid isn't given away while a session bears its number.  So if the number
    belongs to another process by now, no member of the old session is left.
    """
    recorded = pid_recorded(name)
    if recorded is None:
        return []
    leader = proc_stat(recorded[0])
    if leader is not None and leader[3] != recorded[1]:
        return []
    members = []
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            stat = proc_stat(entry)
            if stat and stat[0] != "Z" and stat[2] == recorded[0]:
                members.append(int(entry))
    return members


def kill(pid, signum):
    try:
        os.kill(pid, signum)
    except ProcessLookupError:
        pass


def wait_gone(name, timeout_s):
    """Whether every process of NAME has ended within TIMEOUT_S."""
    end = time.monotonic() + timeout_s
    while session_members(name):
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True
