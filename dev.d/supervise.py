#!/usr/bin/python3
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Starts, watches and ends the processes of one run directory.

./dev calls it once the programs are built and the run directory is prepared:

    supervise.py run [--detach]    start everything, then keep it running
    supervise.py stop              end exactly what was started here
    supervise.py sweep             end what an earlier run left behind
    supervise.py status            what runs, where, since when

What is started is the list SERVICES of service.py.  Each process leads a session
of its own, so that Ctrl-C reaches only the supervisor, which then ends them in
order.  A process that dies is started again.  One that dies before it first answers
ends the start, with its last line as the reason.
"""

import asyncio
import fcntl
import os
import re
import resource
import signal
import socket
import sys
import time

from owned import (RUN, kill, pid_alive, pid_forget, pid_write, proc_stat,
                   session_members, wait_gone)
from service import (CTL, DEMO, HTTP_PORT, HTTPS_PORT, SERVICES, START_REST,
                     START_STORES, STOP_ORDER, STOP_S, Service, StartError, Talk, say, step)

LOG_KEPT_BYTES = 16 << 20
OPEN_FILES = 65536
# They end us; ./dev run blocks them until we are ready for them.
SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def end_leftovers():
    """End what an earlier run left behind: its supervisor is dead."""
    for names in STOP_ORDER:
        alive = [name for name in names if session_members(name)]
        for name in alive:
            for pid in session_members(name):
                kill(pid, signal.SIGTERM)
        for name in alive:
            if not wait_gone(name, STOP_S):
                print(f"{name} did not end in time, so it is killed", flush=True)
                for pid in session_members(name):
                    kill(pid, signal.SIGKILL)
                wait_gone(name, 5)
        for name in names:
            pid_forget(name)


async def gather(*awaitables):
    """Wait for all; the first failure ends the others."""
    tasks = [asyncio.create_task(a) for a in awaitables]
    try:
        await asyncio.gather(*tasks)
    except BaseException:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        raise


def port_check(port, variable):
    for family, address in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
        with socket.socket(family, socket.SOCK_STREAM) as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                s.bind((address, int(port)))
            except PermissionError:
                raise StartError(f"Port {port} may only be used by root: "
                                 f"set {variable} to a higher one.") from None
            except OSError as error:
                if error.errno == 98:
                    raise StartError(
                        f"Port {port} is taken by another program: end it, "
                        f"or set {variable} to a free one.") from None


def recorded_ports():
    """Those of what runs, not those of this call's environment."""
    try:
        with open(f"{RUN}/conf/stack.env") as f:
            env = dict(line.rstrip("\n").split("=", 1) for line in f)
        return env["QUANTORA_HTTP_PORT"], env["QUANTORA_HTTPS_PORT"]
    except (FileNotFoundError, KeyError):
        return HTTP_PORT, HTTPS_PORT


def addresses():
    http, https = recorded_ports()
    lines = [f"Quantora answers at http://localhost:{http}/ and "
             f"https://localhost:{https}/ (self-signed)."]
    for name, page in (("Console", "console/"), ("API documents", "docs")):
        if os.path.isdir(f"{os.environ['QUANTORA_TOP']}/nginx/{page.rstrip('/')}"):
            lines.append(f"{name}: http://localhost:{http}/{page}")
    return "\n".join(lines)


async def start(services):
    started = time.monotonic()

    async def up(*names):
        await gather(*(services[name].up() for name in names))

    async def stores_then_schema():
        await services["mysql"].up()
        await step("Migrating the database", CTL + ["migrate"])

    await gather(up(*(n for n in START_STORES if n != "mysql")),
                 stores_then_schema())
    await up(*START_REST)
    await step("Loading the instruments", CTL + ["instruments", "load"])
    if DEMO:
        logins = await step("Setting up the demo", CTL + ["demo", "setup"])
        if logins:
            say(logins)
    say(addresses())
    say(f"Started in {time.monotonic() - started:.1f} s.")


async def run(detach):
    """Start, report, keep; return the exit code."""
    loop = asyncio.get_running_loop()
    services = {name: Service(name) for name in SERVICES}
    starting = asyncio.create_task(start(services))
    asked_to_stop = asyncio.Event()

    def stop():
        asked_to_stop.set()
        starting.cancel()

    for signum in SIGNALS:
        if signum != signal.SIGHUP or signal.getsignal(signum) != signal.SIG_IGN:
            loop.add_signal_handler(signum, stop)    # nohup ignores SIGHUP
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
    code = 0
    try:
        await starting
        if detach:
            os.write(Talk.to_caller, b"\0")
            os.close(Talk.to_caller)
            Talk.to_caller = None
        else:
            say("Ctrl-C ends it.")
        await asked_to_stop.wait()
    except asyncio.CancelledError:
        pass
    except StartError as error:
        say(str(error))
        code = 1
    Talk.stopping = True
    if code == 0:
        say("Stopping ...")
    for names in STOP_ORDER:
        await asyncio.gather(*(services[name].down() for name in names))
    for name, service in services.items():
        pid_forget(name)
        if service.notify is not None:
            loop.remove_reader(service.notify)
            service.notify.close()
            os.unlink(service.notify_path)
    if code == 0:
        say("Stopped.")
    return code


def rotate_logs():
    for name in os.listdir(f"{RUN}/log"):
        path = f"{RUN}/log/{name}"
        if not name.endswith(".1") and os.path.getsize(path) > LOG_KEPT_BYTES:
            os.rename(path, path + ".1")


def lock(blocking=False):
    """The lock that the supervisor holds while it lives, or None."""
    fd = os.open(f"{RUN}/pid/supervisor.lock", os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | (0 if blocking else fcntl.LOCK_NB))
    except BlockingIOError:
        os.close(fd)
        return None
    return fd


def raise_open_files():
    """10,000 streams are 10,000 descriptors in streamd, and twice that in nginx."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, OPEN_FILES)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))


def supervise(detach):
    """./dev holds the lock by then, in a descriptor that we inherit and keep."""
    end_leftovers()
    rotate_logs()
    raise_open_files()
    pid_write("supervisor", os.getpid())
    try:
        try:
            port_check(HTTP_PORT, "QUANTORA_HTTP_PORT")
            port_check(HTTPS_PORT, "QUANTORA_HTTPS_PORT")
        except StartError as error:
            say(str(error))
            return 1
        return asyncio.run(run(detach))
    finally:
        pid_forget("supervisor")


def supervise_detached():
    """Fork; relay what the supervisor says until everything answers."""
    reader, writer = os.pipe()
    held = int(os.environ["QUANTORA_LOCK"])
    child = os.fork()
    if child == 0:
        os.setsid()
        null = os.open("/dev/null", os.O_RDWR)
        log = os.open(f"{RUN}/log/supervisor.log",
                      os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(writer, 3)
        os.dup2(held, 4)
        os.dup2(null, 0)
        os.dup2(log, 1)
        os.dup2(log, 2)
        os.closerange(5, os.sysconf("SC_OPEN_MAX"))
        os.set_inheritable(3, False)
        os.set_inheritable(4, False)
        os.chdir("/")
        Talk.to_caller = 3
        os._exit(supervise(True))
    os.close(writer)
    os.close(held)
    for signum in SIGNALS:
        signal.signal(signum, lambda *_: kill(child, signal.SIGTERM))
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
    started = False
    while chunk := os.read(reader, 4096):
        started = started or b"\0" in chunk
        sys.stdout.write(chunk.replace(b"\0", b"").decode())
        sys.stdout.flush()
    return 0 if started else 1


def stop():
    if not os.path.isdir(f"{RUN}/pid"):
        print(f"Nothing runs in {RUN}.")
        return 0
    pid = pid_alive("supervisor")
    if pid is not None:
        kill(pid, signal.SIGTERM)
        held = lock(blocking=True)
    else:
        held = lock()
        if held is None:
            print(f"Another ./dev is at work in {RUN}.")
            return 1
        if not any(session_members(name) for name in SERVICES):
            print(f"Nothing runs in {RUN}.")
            return 0
    end_leftovers()
    os.close(held)
    print("Stopped.")
    return 0


def since(pid):
    ticks = int(proc_stat(pid)[3]) / os.sysconf("SC_CLK_TCK")
    with open("/proc/stat") as f:
        boot = int(re.search(r"^btime (\d+)", f.read(), re.M)[1])
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(boot + ticks))


def status():
    """Exit code 0 when all of it runs, 3 otherwise."""
    names = ("supervisor", *SERVICES)
    pids = {name: pid_alive(name) for name in names}
    if not any(pids.values()):
        print(f"Nothing runs in {RUN}.")
        return 3
    for name in names:
        pid = pids[name]
        print(f"{name:<11} " + ("not running" if pid is None
                                else f"pid {pid:<8} since {since(pid)}"))
    print(addresses())
    print(f"Run directory: {RUN}")
    return 0 if all(pids.values()) else 3


def main():
    command = sys.argv[1:]
    if command in (["status"], ["stop"]):
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)    # as in ./dev status | head
    if command == ["run"]:
        return supervise(False)
    if command == ["run", "--detach"]:
        return supervise_detached()
    if command == ["stop"]:
        return stop()
    if command == ["status"]:
        return status()
    if command == ["sweep"]:
        end_leftovers()
        return 0
    if command == ["running"]:
        return 0 if pid_alive("supervisor") else 1
    print(__doc__, file=sys.stderr)
    return 2


if __name__ == "__main__":
    try:
        sys.exit(main())
    except OSError as failed:
        sys.exit(f"{failed.filename or RUN}: {failed.strerror}.")
