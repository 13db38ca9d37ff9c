# SPDX-License-Identifier: AGPL-3.0-or-later
"""The processes of a stack: how each is started, answers, and is kept alive."""

import asyncio
import os
import signal
import socket
import subprocess
import time

from owned import RUN, kill, pid_forget, pid_write, session_members

SOCK = os.environ["QUANTORA_SOCK_DIR"]
BUILD = os.environ["QUANTORA_BUILD_DIR"]
HTTP_PORT = os.environ["QUANTORA_HTTP_PORT"]
HTTPS_PORT = os.environ["QUANTORA_HTTPS_PORT"]
DEMO = os.environ.get("QUANTORA_DEMO", "1") != "0"

CONF = f"{RUN}/conf/quantora.ini"
CTL = [f"{BUILD}/quantoractl", "-c", CONF]


def daemon(program, *args):
    return [f"{BUILD}/quantora-{program}", "-c", CONF, *args]


# name: (command, how it says that it answers).
# "notify" is sd_notify's READY=1, "pidfile" a file that names the process.
SERVICES = {
    "mysql": (
        ["mariadbd", f"--defaults-file={RUN}/conf/my.cnf"]
        + (["--user=root"] if os.getuid() == 0 else []),
        "notify"),
    "redis": (["redis-server", f"{RUN}/conf/redis.conf"], "notify"),
    "matcherd": (daemon("matcherd"), "notify"),
    "settlerd": (daemon("settlerd"), "notify"),
    "api-trade": (daemon("api", "--pool", "trade"), "notify"),
    "api": (daemon("api", "--pool", "api"), "notify"),
    "api-egress": (daemon("api", "--pool", "egress"), "notify"),
    "streamd": (daemon("streamd"), "notify"),
    "workerd": (daemon("workerd"), "notify"),
    "nginx": (
        ["nginx", "-p", RUN, "-c", f"{RUN}/nginx/quantora.conf",
         "-e", f"{RUN}/log/nginx.log", "-g", "daemon off;"],
        "pidfile"),
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

# Told to end while it starts, MariaDB may do neither.
STARTS_FIRST = ("mysql",)

READY_S = 600          # the replay of a long journal takes its time
STOP_S = 60            # and so does the end, on a machine that has much to do
SAY_WAITING_S = 10
STEADY_S = 0.5         # who lived this long starts its back-off anew
BACKOFF_S = (0.05, 0.5, 1, 2, 5, 10)


class StartError(Exception):
    """One sentence for the person who typed ./dev run."""


class Talk:
    """Where progress is said, and whether an end is what was asked for."""

    to_caller = 1          # a descriptor; None once nobody listens
    stopping = False


def say(text):
    """To whoever typed ./dev run, while he listens, and to the log."""
    line = text + "\n"
    stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ ", time.gmtime())
    try:
        with open(f"{RUN}/log/supervisor.log", "a") as log:
            log.write(stamp + line)
    except OSError:
        pass               # a full disk keeps us from no more than this
    if Talk.to_caller is not None:
        try:
            os.write(Talk.to_caller, line.encode())
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
        self.command, self.ready_by = SERVICES[name]
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
        try:
            pid_write(self.name, self.process.pid)
        except OSError:
            # Who is not written down would not be found again.
            kill(-self.process.pid, signal.SIGKILL)
            await self.process.wait()
            self.process = None
            raise
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
            if Talk.stopping:
                return
            failures = 0 if time.monotonic() - started > STEADY_S else failures
            delay = BACKOFF_S[min(failures, len(BACKOFF_S) - 1)]
            failures += 1
            say(f"{self.name} {how}, and is started again"
                + (f" in {delay} s, the {failures}th time in a row: "
                   f"{last_line(self.log_path, self.log_offset)}"
                   if failures > 2 else ""))
            await asyncio.sleep(delay)
            if Talk.stopping:
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
        if self.name in STARTS_FIRST:
            end = time.monotonic() + STOP_S
            while self.process is process and not self.ready.is_set() \
                    and time.monotonic() < end:
                await asyncio.sleep(0.01)
        kill(process.pid, signal.SIGTERM)
        end = time.monotonic() + STOP_S
        while self.process is not None and time.monotonic() < end:
            await asyncio.sleep(0.01)
        if self.process is not None:
            say(f"{self.name} did not end within {STOP_S} s, "
                "so it is killed")
            for pid in session_members(self.name):
                kill(pid, signal.SIGKILL)
            while self.process is not None:
                await asyncio.sleep(0.01)
