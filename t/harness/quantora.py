# SPDX-License-Identifier: AGPL-3.0-or-later
"""A running Quantora, for tests: boot one or attach to one, and talk to it.

    with Stack.boot() as stack:
        stack.ctl("user", "create", "a@example.com", "--password", "correct horse")
        client = stack.client()
        client.login("a@example.com", "correct horse")
        assert client.get("/api/orders").status_code == 200
        rows = stack.sql("SELECT COUNT(*) FROM users")

QUANTORA_STACK=DIR attaches to the stack of that run directory and leaves it
running; otherwise boot() starts one in a directory of its own, on free ports,
without demo, and close() ends and removes it.
"""

import configparser
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
DEV = f"{TOP}/dev"
BUILD = os.environ.get("QUANTORA_BUILD_DIR", f"{TOP}/build")


class StackError(Exception):
    pass


# How long what should happen may take.  Who passes never waits that long, however
# slow the machine, and who hangs is found out all the same.
PATIENCE_S = 300


def ports_of_nobody():
    """Those that the kernel gives to no connection of its own accord."""
    with open("/proc/sys/net/ipv4/ip_local_port_range") as f:
        first, last = map(int, f.read().split())
    below, above = range(10240, first), range(last + 1, 65536)
    return max(below, above, key=len)


RESERVED = []     # held while this process lives


def free_ports(n):
    """N ports that nobody listens on, nor will before we end.

    A port of the kernel's own range may be some connection's by the time that
    it is listened on, and one that was free just now another test's.  So they
    are of another range, and taken by a name that lasts as long as we do.
    """
    ports = []
    choice = ports_of_nobody()
    while len(ports) < n:
        port = random.choice(choice)
        name = socket.socket(socket.AF_UNIX)
        try:
            name.bind(f"\0quantora-port-{port}")
            with socket.create_server(("127.0.0.1", port)):
                pass
        except OSError:
            name.close()
            continue
        RESERVED.append(name)
        ports.append(port)
    return ports


def wait_until(condition, what="it", timeout_s=PATIENCE_S):
    """The first true value of CONDITION(); StackError if there is none in time.

    It is asked often at first, and less often the longer it takes: whoever has
    to do the work needs the processor, too.
    """
    end = time.monotonic() + timeout_s
    pause_s = 0.002
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise StackError(f"{what} did not happen within {timeout_s} s")
        time.sleep(pause_s)
        pause_s = min(1.5 * pause_s, 0.1)


class Stack:
    def __init__(self, run_dir, ours, env=None):
        self.run_dir = run_dir
        self.ours = ours
        with open(f"{run_dir}/conf/stack.env") as f:
            recorded = dict(line.rstrip("\n").split("=", 1) for line in f)
        self.env = {**os.environ, "QUANTORA_BUILD": "0", **recorded, **(env or {}),
                    "QUANTORA_RUN_DIR": run_dir}
        self.http_port = int(recorded["QUANTORA_HTTP_PORT"])
        self.https_port = int(recorded["QUANTORA_HTTPS_PORT"])
        self.sock_dir = recorded["QUANTORA_SOCK_DIR"]
        self.url = f"http://127.0.0.1:{self.http_port}"
        self.https_url = f"https://127.0.0.1:{self.https_port}"
        self.conf = configparser.ConfigParser(interpolation=None)
        self.conf.read(f"{run_dir}/conf/quantora.ini")

    # ---- Life -------------------------------------------------------------

    @classmethod
    def boot(cls, demo=False, ip_rate=100000, ip_connections=10000,
             ip_streams=10000, **env):
        """Attach to QUANTORA_STACK, or start a stack with nothing in it.

        nginx's limits for an address would hit the tests, which all come from
        one; a test of those limits boots with the ordinary ones.
        """
        attach = os.environ.get("QUANTORA_STACK")
        if attach:
            return cls(attach, ours=False)
        return cls.boot_new(demo, ip_rate, ip_connections, ip_streams, **env)

    @classmethod
    def boot_new(cls, demo=False, ip_rate=100000, ip_connections=10000,
                 ip_streams=10000, **env):
        """Start a stack of one's own, whatever QUANTORA_STACK says."""
        run_dir = tempfile.mkdtemp(prefix="quantora-t.")
        http, https = free_ports(2)
        settings = {
            "QUANTORA_RUN_DIR": run_dir,
            "QUANTORA_HTTP_PORT": str(http),
            "QUANTORA_HTTPS_PORT": str(https),
            "QUANTORA_DEMO": "1" if demo else "0",
            "QUANTORA_BUILD": "0",
            "QUANTORA_IP_RATE": str(ip_rate),
            "QUANTORA_IP_CONNECTIONS": str(ip_connections),
            "QUANTORA_IP_STREAMS": str(ip_streams),
            # The tests make people by the thousand.
            "QUANTORA_PASSWORD_MIB": "19",
            **env,
        }
        done = subprocess.run([DEV, "run", "--detach"],
                              env={**os.environ, **settings},
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, check=False)
        if done.returncode != 0:
            shutil.rmtree(run_dir, ignore_errors=True)
            raise StackError(done.stdout)
        stack = cls(run_dir, ours=True, env=settings)
        try:
            stack.wait_for_markets()
        except StackError:
            stack.close()
            raise
        return stack

    def dev(self, *arguments, check=True):
        """./dev ARGUMENTS for this stack; its output."""
        done = subprocess.run([DEV, *arguments], env=self.env,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, check=False)
        if check and done.returncode != 0:
            raise StackError(f"./dev {' '.join(arguments)}: {done.stdout}")
        return done.stdout

    def stop(self):
        self.dev("stop")

    def start(self):
        self.dev("run", "--detach")
        self.wait_for_markets()

    def wait_for_markets(self):
        """Until the streams know all of them: they look for new ones once a second."""
        for symbol in re.findall(r"^instrument \d+ (\S+)", self.ctl("instruments", "list"),
                                 re.M):
            wait_until(lambda symbol=symbol: self.upgrades(f"/ws?symbol={symbol}"),
                       f"a stream of {symbol}")

    def upgrades(self, path):
        """Whether streamd makes a WebSocket of PATH."""
        request = (f"GET {path} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
                   "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                   "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(PATIENCE_S)
            try:
                s.connect(self.sock("streamd"))
                s.sendall(request.encode())
                return b" 101 " in s.recv(64)
            except (ConnectionError, FileNotFoundError):
                return False

    def close(self):
        """End and remove what boot() started."""
        if self.ours:
            self.dev("stop", check=False)
            shutil.rmtree(self.run_dir, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    # ---- Its processes ----------------------------------------------------

    def pid(self, name):
        """The pid of mysql, redis, matcherd, settlerd, api-trade, api, ..."""
        with open(f"{self.run_dir}/pid/{name}") as f:
            return int(f.read().split()[0])

    def kill(self, name, signum=signal.SIGKILL):
        """Send a signal; after SIGKILL, wait until it is started again."""
        old = self.pid(name)
        os.kill(old, signum)
        if signum == signal.SIGKILL:
            try:
                wait_until(lambda: self.pid(name) != old, f"a new {name}")
            except StackError as error:
                raise StackError(f"{error}\n{self.log('supervisor')[-2000:]}"
                                 f"\n{self.log(name)[-2000:]}") from None

    def sock(self, name):
        return f"{self.sock_dir}/{name}"

    def log(self, name):
        """All that NAME has said so far."""
        with open(f"{self.run_dir}/log/{name}.log", errors="replace") as f:
            return f.read()

    # ---- What it is asked -------------------------------------------------

    def ctl(self, *arguments, check=True):
        """quantoractl ARGUMENTS; what it printed.  As ./dev ctl, without the shell."""
        done = subprocess.run(
            [f"{self.env['QUANTORA_BUILD_DIR']}/quantoractl",
             "-c", f"{self.run_dir}/conf/quantora.ini", *map(str, arguments)],
            env=self.env,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True, check=False)
        if check and done.returncode != 0:
            raise StackError(f"quantoractl {' '.join(map(str, arguments))}: "
                             f"{done.stderr or done.stdout}")
        return done.stdout if check else done

    def mysql(self, account="auditor"):
        """A connection of pymysql as auditor, root, api, ...; the caller closes."""
        import pymysql
        with open(f"{self.run_dir}/secrets/mysql-{account}") as f:
            password = f.read().strip()
        return pymysql.connect(unix_socket=self.sock("mysqld.sock"),
                               user=f"quantora_{account}", password=password,
                               database="quantora", autocommit=True)

    def sql(self, query, *values, account="root"):
        """All rows of a query."""
        connection = self.mysql(account)
        try:
            with connection.cursor() as cursor:
                cursor.execute(query, values or None)
                return cursor.fetchall()
        finally:
            connection.close()

    def client(self, edition=None, https=False):
        return Client(self.https_url if https else self.url, edition)

    def raw(self, data, timeout_s=PATIENCE_S):
        """Send bytes over a connection of its own; all that came back."""
        with socket.create_connection(("127.0.0.1", self.http_port), timeout_s) as s:
            s.sendall(data)
            reply = b""
            while True:
                try:
                    chunk = s.recv(65536)
                except ConnectionResetError:
                    return reply
                if not chunk:
                    return reply
                reply += chunk


LATE = "the records are being brought up to date; try again shortly"


class Client:
    """A person at the API: requests, with his token.

    Who asks for what the settler does not have yet, on a busy machine, is told
    to ask again, and does.
    """

    def __init__(self, url, edition=None):
        import requests
        self.url = url
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.verify = False
        if edition is not None:
            self.session.headers["X-API-Edition"] = edition
        self.token = None

    def request(self, method, path, **arguments):
        arguments.setdefault("timeout", PATIENCE_S)
        arguments.setdefault("allow_redirects", False)
        end = time.monotonic() + PATIENCE_S
        while True:
            reply = self.session.request(method, self.url + path, **arguments)
            if method != "GET" or reply.status_code != 503 or LATE not in reply.text \
                    or time.monotonic() > end:
                return reply
            time.sleep(0.05)

    def get(self, path, **arguments):
        return self.request("GET", path, **arguments)

    def post(self, path, json=None, **arguments):
        return self.request("POST", path, json=json, **arguments)

    def put(self, path, json=None, **arguments):
        return self.request("PUT", path, json=json, **arguments)

    def patch(self, path, json=None, **arguments):
        return self.request("PATCH", path, json=json, **arguments)

    def delete(self, path, **arguments):
        return self.request("DELETE", path, **arguments)

    def bearer(self, token):
        self.token = token
        self.session.headers["Authorization"] = f"Bearer {token}"

    def login(self, name, password, code=None):
        """Log in by the quantora edition; the token is sent from now on."""
        body = {"email": name, "password": password}
        if code is not None:
            body["totp_code"] = code
        reply = self.post("/api/login", json=body)
        reply.raise_for_status()
        self.bearer(reply.json()["data"])
        return self.token
