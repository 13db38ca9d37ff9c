# SPDX-License-Identifier: AGPL-3.0-or-later
"""nginx with the settings of this tree, and an echo behind it.

Instead of the workers stands a FastCGI server that answers its parameters as
JSON, and instead of quantora-streamd one that answers the request it got.  So a
test sees what nginx would have handed on.
"""

import json
import os
import shutil
import socket
import struct
import subprocess
import tempfile
import threading

import quantora

BEGIN, END, PARAMS, STDIN, STDOUT = 1, 3, 4, 5, 6


def read_exactly(connection, n):
    data = b""
    while len(data) < n:
        chunk = connection.recv(n - len(data))
        if not chunk:
            raise EOFError
        data += chunk
    return data


def read_fastcgi(connection):
    """(request id, parameters, body) of one request."""
    params = body = b""
    while True:
        _, kind, request, length, padding, _ = struct.unpack(
            ">BBHHBB", read_exactly(connection, 8))
        data = read_exactly(connection, length)
        read_exactly(connection, padding)
        if kind == PARAMS:
            params += data
        elif kind == STDIN and length > 0:
            body += data
        elif kind == STDIN:
            return request, decode_params(params), body


def decode_params(data):
    """Pairs of lengths, of one byte or four, and texts."""
    found, at = {}, 0
    while at < len(data):
        lengths = []
        for _ in range(2):
            if data[at] & 0x80:
                lengths.append(struct.unpack(">I", data[at:at + 4])[0] & 0x7FFFFFFF)
                at += 4
            else:
                lengths.append(data[at])
                at += 1
        name = data[at:at + lengths[0]].decode("latin-1")
        at += lengths[0]
        found[name] = data[at:at + lengths[1]].decode("latin-1")
        at += lengths[1]
    return found


class Edge:
    """One nginx on two ports of its own; close() ends it."""

    def __init__(self, rate_of="s", **settings):
        self.dir = tempfile.mkdtemp(prefix="quantora-e.")
        self.closing = False
        self.seen = []          # (pool, parameters, body) of each request
        self.servers = []
        for pool in ("trade", "api", "egress"):
            self.listen(pool, lambda c, pool=pool: self.echo_fastcgi(pool, c))
        self.listen("streamd", self.echo_http)
        self.http_port, self.https_port = quantora.free_ports(2)
        self.url = f"http://127.0.0.1:{self.http_port}"
        self.write_settings(settings, rate_of)
        self.nginx = subprocess.Popen(
            ["/usr/sbin/nginx", "-p", self.dir, "-c", f"{self.dir}/nginx/quantora.conf",
             "-e", f"{self.dir}/log/nginx.log", "-g", "daemon off;"],
            env={"PATH": "/usr/bin", "TZ": "UTC"},
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)
        quantora.wait_until(
            lambda: os.path.exists(f"{self.dir}/pid/nginx.pid")
            or self.nginx.poll() is not None, "nginx")
        if self.nginx.poll() is not None:
            raise quantora.StackError(self.log("nginx.log"))

    def write_settings(self, settings, rate_of):
        for name in ("nginx", "log", "pid", "tmp", "secrets/tls"):
            os.makedirs(f"{self.dir}/{name}")
        os.chmod(self.dir, 0o755)
        source = f"{quantora.TOP}/nginx"
        for name in os.listdir(source):
            if name.endswith((".conf", ".map")):
                shutil.copy(f"{source}/{name}", f"{self.dir}/nginx/{name}")
        tls = f"{self.dir}/secrets/tls"
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
             "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj",
             "/CN=localhost", "-keyout", f"{tls}/key.pem", "-out", f"{tls}/cert.pem"],
            check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        values = {
            "SOCK_DIR": self.dir, "LOG_DIR": f"{self.dir}/log",
            "PID_FILE": f"{self.dir}/pid/nginx.pid", "TMP_DIR": f"{self.dir}/tmp",
            "TLS_DIR": f"{self.dir}/secrets/tls", "PAGES_DIR": source,
            "LISTEN": "127.0.0.1:",
            "HTTP_PORT": self.http_port, "HTTPS_PORT": self.https_port,
            "LISTEN6_HTTP": "", "LISTEN6_HTTPS": "",
            "USER_LINE": "user root;" if os.getuid() == 0 else "",
            "MODULES": "/usr/lib/nginx/modules",
            "IP_RATE": 100000, "IP_BURST": 100000, "IP_CONNECTIONS": 1000,
            "IP_STREAMS": 1000, **settings,
        }
        with open(f"{source}/quantora.conf") as f:
            text = f.read()
        # Of few a minute a slow machine asks for too many as well as a quick one.
        text = text.replace("@IP_RATE@r/s", f"@IP_RATE@r/{rate_of}")
        for name, value in values.items():
            text = text.replace(f"@{name}@", str(value))
        with open(f"{self.dir}/nginx/quantora.conf", "w") as f:
            f.write(text)
        with open(f"{self.dir}/nginx/pools.map", "w") as f:
            f.write('"POST /api/order" trade;\n'
                    '"~^GET /api/v1/market/ticker/[^/]+$" trade;\n'
                    '"POST /api/ai/chat" egress;\n')
        with open(f"{self.dir}/nginx/origins.map", "w") as f:
            f.write('"https://desk.example.com" "https://desk.example.com";\n')

    def listen(self, name, serve):
        server = socket.socket(socket.AF_UNIX)
        server.bind(f"{self.dir}/{name}")
        server.listen(512)
        self.servers.append(server)

        def loop():
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                threading.Thread(target=self.serve_one, args=(serve, connection),
                                 daemon=True).start()

        threading.Thread(target=loop, daemon=True).start()

    @staticmethod
    def serve_one(serve, connection):
        with connection:
            try:
                serve(connection)
            except (EOFError, OSError):
                pass

    def echo_fastcgi(self, pool, connection):
        """/nope is a 404 of the workers' own; /slow never answers."""
        request, params, body = read_fastcgi(connection)
        self.seen.append((pool, params, body))
        status = "404 Not Found" if params["REQUEST_URI"] == "/nope" else "200 OK"
        reply = (f"Status: {status}\r\nContent-Type: application/json\r\n"
                 "X-Request-Id: of the worker\r\nCache-Control: public\r\n\r\n"
                 + json.dumps({"pool": pool, "params": params,
                               "body_length": len(body)})).encode()
        for at in range(0, len(reply), 65000):
            part = reply[at:at + 65000]
            connection.sendall(struct.pack(">BBHHBB", 1, STDOUT, request,
                                           len(part), 0, 0) + part)
        connection.sendall(struct.pack(">BBHHBB", 1, END, request, 8, 0, 0)
                           + bytes(8))

    def echo_http(self, connection):
        """An upgrade is answered by 101, and stays open until the client goes."""
        head = b""
        while b"\r\n\r\n" not in head:
            head += read_exactly(connection, 1)
        if b"\r\nUpgrade: websocket" in head:
            connection.sendall(b"HTTP/1.1 101 Switching Protocols\r\n"
                               b"Upgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
                               + head)
            while connection.recv(4096):
                pass
        else:
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
                               b"Content-Length: %d\r\n\r\n" % len(head) + head)

    def log(self, name):
        with open(f"{self.dir}/log/{name}", errors="replace") as f:
            return f.read()

    def raw(self, data, timeout_s=60):
        return quantora.Stack.raw(self, data, timeout_s)

    def close(self):
        self.nginx.terminate()
        self.nginx.wait()
        for server in self.servers:
            server.close()
        shutil.rmtree(self.dir, ignore_errors=True)
