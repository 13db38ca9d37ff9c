#!/usr/bin/python3
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Starts, watches and ends the processes of one run directory.

./dev calls it once the programs are built and the run directory is prepared:

    supervise.py run [--detach]    start everything, then keep it running
    supervise.py stop              end exactly what was started here
    supervise.py status            what runs, where, since when

What is started is the list SERVICES.  Each process leads a session of its own,
so that Ctrl-C reaches only the supervisor, which then ends them in order, and
so that the children of a killed daemon can be found.  pid/NAME holds the pid
with its start time and the boot id: a pid that was used again is never touched.

A process that dies is started again.  One that dies before it first answers
ends the start, with its last line as the reason.
"""

import asyncio
import fcntl
import os
import re
import resource
import signal
import socket
import subprocess
import sys
import time

RUN = os.environ["QUANTORA_RUN_DIR"]
SOCK = os.environ["QUANTORA_SOCK_DIR"]
BUILD = os.environ["QUANTORA_BUILD_DIR"]
HTTP_PORT = os.environ["QUANTORA_HTTP_PORT"]
HTTPS_PORT = os.environ["QUANTORA_HTTPS_PORT"]
DEMO = os.environ.get("QUANTORA_DEMO", "1") != "0"

CONF = f"{RUN}/conf/quantora.ini"
CTL = [f"{BUILD}/quantoractl", "-c", CONF]


def daemon(program, *args):
    return [f"{BUILD}/quantora-{program}", "-c", CONF, *args]


# name: (command, how it says that it answers, seconds it may take to end).
# "notify" is sd_notify's READY=1, "pidfile" a file that names the process.
SERVICES = {
    "mysql": (
        ["mariadbd", f"--defaults-file={RUN}/conf/my.cnf"]
        + (["--user=root"] if os.getuid() == 0 else []),
        "notify", 60),
    "redis": (["redis-server", f"{RUN}/conf/redis.conf"], "notify", 10),
    "matcherd": (daemon("matcherd"), "notify", 60),
    "settlerd": (daemon("settlerd"), "notify", 30),
    "api-trade": (daemon("api", "--pool", "trade"), "notify", 15),
    "api": (daemon("api", "--pool", "api"), "notify", 15),
    "api-egress": (daemon("api", "--pool", "egress"), "notify", 15),
    "streamd": (daemon("streamd"), "notify", 15),
    "workerd": (daemon("workerd"), "notify", 30),
    "nginx": (
        ["nginx", "-p", RUN, "-c", f"{RUN}/nginx/quantora.conf",
         "-e", f"{RUN}/log/nginx.log", "-g", "daemon off;"],
        "pidfile", 10),
}

# Whatever stands on one line is started, or ended, at once.
START_STORES = ("mysql", "redis", "matcherd")
START_REST = ("settlerd", "api-trade", "api", "api-egress", "streamd",
              "workerd", "nginx")
STOP_ORDER = (
    ("nginx",),
    ("workerd", "streamd", "api-trade", "api", "api-egress"),
    ("settlerd",),
    ("matcherd",),
    ("redis", "mysql"),
)

READY_S = 600          # the replay of a long journal takes its time
SAY_WAITING_S = 10
STEADY_S = 0.5         # who lived this long starts its back-off anew
BACKOFF_S = (0.05, 0.5, 1, 2, 5, 10)
LOG_KEPT_BYTES = 16 << 20
OPEN_FILES = 65536


class StartError(Exception):
    """One sentence for the person who typed ./dev run."""


# ---- Whose process is it? -------------------------------------------------

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
    with open(path + ".new", "w") as f:
        f.write(f"{pid} {stat[3]} {boot_id()}\n")
    os.rename(path + ".new", path)


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
    except (FileNotFoundError, ValueError):
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


def end_leftovers():
    """End what an earlier run left behind: its supervisor is dead."""
    for names in STOP_ORDER:
        alive = [name for name in names if session_members(name)]
        for name in alive:
            for pid in session_members(name):
                kill(pid, signal.SIGTERM)
        for name in alive:
            if not wait_gone(name, SERVICES[name][2]):
                print(f"{name} did not end in time, so it is killed", flush=True)
                for pid in session_members(name):
                    kill(pid, signal.SIGKILL)
                wait_gone(name, 5)
        for name in names:
            pid_forget(name)


# ---- One process ----------------------------------------------------------

def last_line(path, offset):
    """The last line that says something, written behind OFFSET."""
    with open(path, "rb") as f:
        f.seek(offset)
        lines = f.read()[-65536:].decode("utf-8", "replace").splitlines()
    said = [line.strip() for line in lines if line.strip()]
    return said[-1] if said else "it said nothing"


class Service:
    def __init__(self, name):
        self.name = name
        self.command, self.ready_by, self.stop_s = SERVICES[name]
        self.log_path = f"{RUN}/log/{name}.log"
        self.ready = asyncio.Event()
        self.answered = False   # at least once
        self.process = None
        self.notify_path = f"{SOCK}/notify.{name}"
        self.notify = None
        self.task = None

    def listen(self):
        if os.path.exists(self.notify_path):
            os.unlink(self.notify_path)
        self.notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notify.bind(self.notify_path)
        self.notify.setblocking(False)
        asyncio.get_running_loop().add_reader(self.notify, self.notified)

    def notified(self):
        if "READY=1" in self.notify.recv(4096).decode().split("\n"):
            self.ready.set()

    async def watch_pidfile(self):
        while self.process is not None:
            try:
                with open(f"{RUN}/pid/{self.name}.pid") as f:
                    if f.read().strip() == str(self.process.pid):
                        self.ready.set()
                        return
            except FileNotFoundError:
                pass
            await asyncio.sleep(0.01)

    async def spawn(self):
        env = dict(os.environ, PATH=os.environ["PATH"] + ":/usr/sbin:/sbin",
                   TZ="UTC", NOTIFY_SOCKET=self.notify_path)
        with open(self.log_path, "ab") as log:
            self.log_offset = log.tell()
            self.process = await asyncio.create_subprocess_exec(
                *self.command, cwd=RUN, env=env, start_new_session=True,
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        pid_write(self.name, self.process.pid)
        if self.ready_by == "pidfile":
            asyncio.create_task(self.watch_pidfile())

    async def ended(self):
        """Wait for the end, and end its children too; who they served is gone."""
        code = await self.process.wait()
        for pid in session_members(self.name):
            kill(pid, signal.SIGKILL)
        self.process = None
        self.ready.clear()
        return f"was ended by {signal.Signals(-code).name}" if code < 0 \
            else f"ended with code {code}"

    async def up(self):
        """The first start: return once it answers, or raise StartError."""
        self.listen()
        try:
            await self.spawn()
        except OSError as error:
            raise StartError(
                f"{self.command[0]} cannot be started: {error.strerror}.") from None
        end = asyncio.create_task(self.ended())
        answer = asyncio.create_task(self.ready.wait())
        waited_s = 0
        while True:
            done, _ = await asyncio.wait(
                (end, answer), timeout=SAY_WAITING_S,
                return_when=asyncio.FIRST_COMPLETED)
            if end in done:
                answer.cancel()
                reason = last_line(self.log_path, self.log_offset)
                raise StartError(f"{self.name} did not start: {reason} "
                                 f"(see {self.log_path})")
            if answer in done:
                break
            waited_s += SAY_WAITING_S
            if waited_s >= READY_S:
                raise StartError(f"{self.name} did not answer within "
                                 f"{READY_S} s (see {self.log_path})")
            say(f"waiting for {self.name} ({waited_s} s) ...")
        self.answered = True
        self.task = asyncio.create_task(self.keep(end))

    async def keep(self, end):
        """Start it again whenever it ends, slower and slower if it keeps at it."""
        failures = 0
        while True:
            started = time.monotonic()
            how = await end
            if stopping:
                return
            failures = 0 if time.monotonic() - started > STEADY_S else failures
            delay = BACKOFF_S[min(failures, len(BACKOFF_S) - 1)]
            failures += 1
            say(f"{self.name} {how}, and is started again"
                + (f" in {delay} s, the {failures}th time in a row: "
                   f"{last_line(self.log_path, self.log_offset)}"
                   if failures > 2 else ""))
            await asyncio.sleep(delay)
            if stopping:
                return
            try:
                await self.spawn()
            except OSError as error:
                say(f"{self.name} cannot be started: {error.strerror}")
                end = asyncio.create_task(asyncio.sleep(0, "could not start"))
                continue
            end = asyncio.create_task(self.ended())

    async def down(self):
        process = self.process
        if process is None:
            return
        kill(process.pid, signal.SIGTERM)
        end = time.monotonic() + self.stop_s
        while self.process is not None and time.monotonic() < end:
            await asyncio.sleep(0.01)
        if self.process is not None:
            say(f"{self.name} did not end within {self.stop_s} s, "
                "so it is killed")
            for pid in session_members(self.name):
                kill(pid, signal.SIGKILL)
            while self.process is not None:
                await asyncio.sleep(0.01)


# ---- The run --------------------------------------------------------------

stopping = False
to_caller = 1          # where progress is said; None once nobody listens


def say(text):
    """To whoever typed ./dev run, while he listens, and to the log."""
    line = text + "\n"
    stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ ", time.gmtime())
    with open(f"{RUN}/log/supervisor.log", "a") as log:
        log.write(stamp + line)
    if to_caller is not None:
        try:
            os.write(to_caller, line.encode())
        except OSError:
            pass


async def step(what, command):
    """Run a command of the setting-up to its end; return what it printed."""
    path = f"{RUN}/log/setup.log"
    with open(path, "ab") as log:
        offset = log.tell()
        process = await asyncio.create_subprocess_exec(
            *command, cwd=RUN, start_new_session=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log)
        pid_write("setup", process.pid)
        try:
            output, _ = await process.communicate()
        except asyncio.CancelledError:
            kill(process.pid, signal.SIGTERM)
            raise
        finally:
            pid_forget("setup")
        log.write(output)
    if process.returncode != 0:
        raise StartError(f"{what} failed: {last_line(path, offset)} (see {path})")
    return output.decode("utf-8", "replace").rstrip()


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
    return (f"Quantora answers at http://localhost:{http}/ and "
            f"https://localhost:{https}/ (self-signed).\n"
            f"Console: http://localhost:{http}/console/   "
            f"API documents: http://localhost:{http}/docs")


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
    global stopping, to_caller
    loop = asyncio.get_running_loop()
    services = {name: Service(name) for name in SERVICES}
    starting = asyncio.create_task(start(services))
    asked_to_stop = asyncio.Event()

    def stop():
        asked_to_stop.set()
        starting.cancel()

    for signum in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        if signum != signal.SIGHUP or signal.getsignal(signum) != signal.SIG_IGN:
            loop.add_signal_handler(signum, stop)    # nohup ignores SIGHUP
    code = 0
    try:
        await starting
        if detach:
            os.write(to_caller, b"\0")
            os.close(to_caller)
            to_caller = None
        else:
            say("Ctrl-C ends it.")
        await asked_to_stop.wait()
    except asyncio.CancelledError:
        pass
    except StartError as error:
        say(str(error))
        code = 1
    stopping = True
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
    fd = os.open(f"{RUN}/pid/supervisor.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC)
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
    held = lock()
    if held is None:
        print(f"This run directory has its supervisor already: {RUN}")
        return 1
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
    global to_caller
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.setsid()
        null = os.open("/dev/null", os.O_RDWR)
        log = os.open(f"{RUN}/log/supervisor.log",
                      os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(writer, 3)
        os.dup2(null, 0)
        os.dup2(log, 1)
        os.dup2(log, 2)
        os.closerange(4, os.sysconf("SC_OPEN_MAX"))
        os.set_inheritable(3, False)
        os.chdir("/")
        to_caller = 3
        os._exit(supervise(True))
    os.close(writer)
    for signum in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(signum, lambda *_: kill(child, signal.SIGTERM))
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
    if command == ["running"]:
        return 0 if pid_alive("supervisor") else 1
    print(__doc__, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
