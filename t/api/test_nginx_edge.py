# SPDX-License-Identifier: AGPL-3.0-or-later
"""What nginx does before anybody else is asked: paths, errors, limits, logs."""

import json
import pathlib
import re
import socket
import time

import pytest
import quantora
from edge import Edge


@pytest.fixture(scope="module")
def edge():
    running = Edge()
    yield running
    running.close()


@pytest.fixture(scope="module")
def http(edge):
    return quantora.Client(edge.url)


def parse(reply):
    """(status, headers in lower case, body) of a raw reply."""
    head, _, body = reply.partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    headers = {}
    for line in lines[1:]:
        name, _, value = line.partition(": ")
        headers.setdefault(name.lower(), []).append(value)
    return int(lines[0].split()[1]), headers, body


def raw_get(edge, path, *headers, method="GET"):
    lines = "".join(f"{h}\r\n" for h in headers)
    return parse(edge.raw(
        f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n{lines}"
        "Connection: close\r\n\r\n".encode("latin-1")))


Z_TIME = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")


def check_shape(edition, code, body):
    """BODY is an error as EDITION's document writes it."""
    error = json.loads(body)
    if edition == "quantora":
        assert error["success"] is False and error["data"] is None
        assert isinstance(error["error"], str) and error["code"] == code
    elif edition == "amarktai":
        assert error["success"] is False and error["error_code"] == code
        assert isinstance(error["error"], str) and Z_TIME.match(error["timestamp"])
    elif edition == "botplatform":
        assert isinstance(error["detail"], str) and error["code"] == code
        assert Z_TIME.match(error["timestamp"])
    else:
        assert error["error"]["code"] == code
        assert isinstance(error["error"]["message"], str)
        assert error["error"]["details"] == {}


# ---- What is handed on ----------------------------------------------------

def test_the_workers_get_few_and_true_parameters(edge, http):
    begin = time.time()
    reply = http.post("/api/order?x=1", json={"a": 1}, headers={
        "X-Forwarded-For": "6.6.6.6", "X-Forwarded-Proto": "https",
        "X-Forwarded-Host": "evil", "Forwarded": "for=6.6.6.6", "X-Real-IP": "6.6.6.6",
        "Proxy": "http://evil/", "X-Request-Id": "mine", "X-Original-URL": "/admin",
        "X-HTTP-Method-Override": "DELETE", "Idempotency-Key": "k",
        "Authorization": "Bearer t", "X-Key": "pk", "X-Timestamp": "1",
        "X-Recv-Window": "2", "X-Signature": "s", "X-Device-Token": "d",
        "User-Agent": "test", "Cookie": "a=b", "X-Whatever": "else"})
    assert reply.status_code == 200
    assert reply.json()["pool"] == "trade"
    params = reply.json()["params"]
    arrived = float(params.pop("QUANTORA_ARRIVED"))
    assert begin <= arrived + 0.001 and arrived <= time.time()
    # These and no others: what is not known is not handed on.
    assert params == {
        "REQUEST_METHOD": "POST", "REQUEST_URI": "/api/order?x=1",
        "CONTENT_TYPE": "application/json", "CONTENT_LENGTH": "8",
        "REMOTE_ADDR": "127.0.0.1", "REQUEST_ID": reply.headers["X-Request-Id"],
        "QUANTORA_EDITION": "botplatform",
        "HTTP_HOST": f"127.0.0.1:{edge.http_port}", "HTTP_X_FORWARDED_PROTO": "http",
        "HTTP_IDEMPOTENCY_KEY": "k", "HTTP_AUTHORIZATION": "Bearer t",
        "HTTP_X_KEY": "pk", "HTTP_X_TIMESTAMP": "1", "HTTP_X_RECV_WINDOW": "2",
        "HTTP_X_SIGNATURE": "s", "HTTP_X_DEVICE_TOKEN": "d",
        "HTTP_USER_AGENT": "test"}


def test_every_header_that_is_read_is_handed_on():
    """A header that is not in the list would silently be missing."""
    read = set()
    for folder in ("src", "handlers"):
        for path in pathlib.Path(quantora.TOP, folder).rglob("*.c"):
            read |= set(re.findall(r'(?:req|incoming)_header\([^;]*?"([A-Za-z-]+)"',
                                   path.read_text()))
    assert {"Idempotency-Key", "X-Signature", "User-Agent"} < read
    read.remove("X-Request-Id")     # the edge makes it
    settings = pathlib.Path(quantora.TOP, "nginx/fastcgi.conf").read_text()
    for name in read:
        assert f"fastcgi_param HTTP_{name.upper().replace('-', '_')} " in settings


def test_what_was_not_sent_is_no_parameter(edge):
    assert raw_get(edge, "/what-was-sent")[0] == 200
    assert set(edge.seen[-1][1]) == {
        "REQUEST_METHOD", "REQUEST_URI", "REMOTE_ADDR", "REQUEST_ID",
        "QUANTORA_ARRIVED", "QUANTORA_EDITION", "HTTP_HOST", "HTTP_X_FORWARDED_PROTO"}


def test_https_serves_the_same(edge):
    client = quantora.Client(f"https://127.0.0.1:{edge.https_port}")
    reply = client.get("/api/orders")
    assert reply.json()["params"]["HTTP_X_FORWARDED_PROTO"] == "https"
    assert reply.headers["Strict-Transport-Security"].startswith("max-age=")
    assert "Strict-Transport-Security" not in quantora.Client(edge.url).get("/x").headers


@pytest.mark.parametrize("method, path, pool", [
    ("POST", "/api/order", "trade"),
    ("GET", "/api/order", "api"),
    ("POST", "/api/order/", "api"),
    ("POST", "/api/order?a=b", "trade"),
    ("GET", "/api/v1/market/ticker/BTC%2FUSD", "trade"),
    ("POST", "/api/ai/chat", "egress"),
    ("POST", "/api/ws/ticket", "api"),
    ("GET", "/whatever", "api"),
])
def test_the_route_chooses_the_pool(http, method, path, pool):
    assert http.request(method, path).json()["pool"] == pool


@pytest.mark.parametrize("host, header, edition", [
    ("localhost", None, "botplatform"),
    ("api.example.com", None, "interfaces"),
    ("API.localhost:8000", None, "interfaces"),
    ("xapi.example.com", None, "botplatform"),
    ("api.example.com", "botplatform", "botplatform"),
    ("localhost", "interfaces", "interfaces"),
    ("localhost", "Interfaces", "botplatform"),
    ("localhost", "interfaces2", "botplatform"),
])
def test_host_and_header_choose_the_edition(http, host, header, edition):
    headers = {"Host": host, "X-API-Edition": header}
    assert http.get("/api/v1/x", headers=headers).json()["params"][
        "QUANTORA_EDITION"] == edition


@pytest.mark.parametrize("path", [
    "/ws", "/ws/v1", "/api/ws", "/api/v1/ws/market/BTCUSDT",
    "/api/v1/ws/market/BTC%2FUSDT", "/api/v1/ws/orders", "/api/realtime/events"])
def test_streams_go_to_streamd(edge, path):
    status, headers, body = raw_get(
        edge, path + "?token=abc", "X-Forwarded-For: 6.6.6.6", "Proxy: x",
        "X-Request-Id: mine")
    sent = body.decode()
    assert status == 200
    assert sent.startswith(f"GET {path}?token=abc HTTP/1.1\r\n")
    assert "X-Forwarded-For: 127.0.0.1\r\n" in sent and "6.6.6.6" not in sent
    assert "Proxy:" not in sent and "mine" not in sent
    assert f"X-Request-Id: {headers['x-request-id'][0]}\r\n" in sent


def test_an_upgrade_passes(edge):
    with socket.create_connection(("127.0.0.1", edge.http_port), quantora.PATIENCE_S) as s:
        s.sendall(b"GET /ws HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\n"
                  b"Upgrade: websocket\r\n\r\n")
        assert s.recv(4096).startswith(b"HTTP/1.1 101 ")


# ---- Paths ----------------------------------------------------------------

@pytest.mark.parametrize("path", [
    "/api//order", "//api/order", "/api/order//", "/api/./order", "/x/../api/order",
    "/api/%2e%2e/api/order", "/api/%2E/order", "/admin/..;/api/order", "/admin/..%3b/x",
    "/api%2forder", "/api%2Forder", "/api/order%2f", "/admin%2f..%2fapi/order",
    "/api\\order", "/api%5corder", "/console/%2e%2e/quantora.conf",
    "/docs/..%2fsecrets/tls/key.pem", "/ws/../api/order", "/api/v1/ws/../order",
    "/api/v1/market/ticker/..%2f..%2forders", "/api/v1/market/ticker/%2e%2e/x",
])
def test_a_path_that_means_another_is_unknown(edge, path):
    before = len(edge.seen)
    status, headers, body = raw_get(edge, path, method="POST")
    assert status == 404
    assert headers["content-type"] == ["application/json"]
    json.loads(body)
    assert len(edge.seen) == before


@pytest.mark.parametrize("path", [
    "/x.y/a..b/~c", "/a.", "/a..", "/-_/b-c", "/x/", "/a%20b", "/a;b", "/a,b=c@d:e",
    "/x?a=//../b", "/x?a=%00%2f"])
def test_a_path_that_only_looks_odd_is_handed_on_as_sent(edge, path):
    assert raw_get(edge, path)[0] == 200
    assert edge.seen[-1][1]["REQUEST_URI"] == path


@pytest.mark.parametrize("path", ["/api/order%00", "/api/%0d%0aX", "/api/%7f", "/%1F",
                                  "/../x", "/docs/..%2f..%2fsecrets/tls/key.pem"])
def test_control_characters_and_what_is_above_the_root_cannot_be_read(edge, path):
    before = len(edge.seen)
    status, _, body = raw_get(edge, path)
    assert status == 400
    json.loads(body)
    assert len(edge.seen) == before


@pytest.mark.parametrize("path, words", [
    ("/v1/market/history/%00", "error details"), ("/api/v1/orders/%00", "detail code"),
    ("/api/v1/strategies/%00", "error details"), ("/api/auth/%00", "error_code"),
    ("/api/order/%00", "data error code")])
def test_what_cannot_be_read_is_refused_in_its_documents_shape(edge, path, words):
    status, _, body = raw_get(edge, path)
    assert status == 400
    for word in words.split():
        assert f'"{word}":' in body.decode()


@pytest.mark.parametrize("path", ["/api/v1/ws", "/api/realtime"])
def test_no_redirect_to_the_streams(http, path):
    reply = http.get(path, allow_redirects=False)
    assert reply.status_code == 200 and reply.json()["pool"] == "api"


def test_a_slash_in_a_symbol_is_handed_on_as_sent(http):
    params = http.get("/api/v1/market-data/symbols/BTC%2FUSD/ohlcv").json()["params"]
    assert params["REQUEST_URI"] == "/api/v1/market-data/symbols/BTC%2FUSD/ohlcv"


# ---- Requests that can be read in two ways --------------------------------

@pytest.mark.parametrize("request_bytes", [
    b"POST /api/order HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"POST /api/order HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n"
    b"Content-Length: 5\r\n\r\nabcde",
    b"POST /api/order HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n"
    b"Content-Length: 4\r\n\r\nabcd",
    b"POST /api/order HTTP/1.1\r\nHost: a\r\nContent-Length: 4, 4\r\n\r\nabcd",
    b"POST /api/order HTTP/1.1\r\nHost: a\r\nContent-Length: +4\r\n\r\nabcd",
    b"POST /api/order HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
    b"POST /api/order HTTP/1.1\r\nHost: a\nContent-Length: 4\r\n\r\nabcd",
    b"POST /api/order HTTP/1.1\nHost: a\r\nContent-Length: 4\r\n\r\nabcd",
    b"POST /api/order HTTP/1.1\r\nHost: a\r\nContent-Length: 4\n\r\nabcd",
    b"POST /api/order HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\nabcd",
    b"POST /api/order HTTP/1.1\nHost: a\nContent-Length: 4\n\nabcd",
    b"GET /api/order HTTP/1.1\n\n",
    b"GET /api/order HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    b"GET /api/order HTTP/1.1\r\n\r\n",
    b"GET /api/order HTTP/9.1\r\nHost: a\r\n\r\n",
    b"GE\x01T /api/order HTTP/1.1\r\nHost: a\r\n\r\n",
    b"\x16\x03\x01\x00\x00\r\n\r\n",
])
def test_two_readings_are_refused(edge, request_bytes):
    before = len(edge.seen)
    status, headers, body = parse(edge.raw(request_bytes))
    assert status in (400, 505)
    assert status == 400 or b"HTTP/9" in request_bytes
    assert headers["content-type"] == ["application/json"]
    assert len(headers["x-request-id"]) == 1
    json.loads(body)
    assert len(edge.seen) == before


def test_spaces_around_a_header_are_one_reading(edge):
    for header in ("X: y ", "X: y  \t", "X:y", "X:   y"):
        assert raw_get(edge, "/x", header)[0] == 200


def test_other_transfer_encodings_are_not_implemented(edge):
    status, _, body = parse(edge.raw(
        b"POST /api/order HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n"))
    assert status == 501
    check_shape("quantora", "NOT_IMPLEMENTED", body)


# ---- nginx's own errors ---------------------------------------------------

EDITIONS = [
    ("/api/order", "localhost", "quantora"),
    ("/api/orders", "localhost", "quantora"),
    ("/api/withdrawals", "localhost", "quantora"),
    ("/api/ws/ticket", "localhost", "quantora"),
    ("/admin/user", "localhost", "quantora"),
    ("/unknown", "localhost", "quantora"),
    ("/api/auth/login", "localhost", "amarktai"),
    ("/api/unknown", "localhost", "amarktai"),
    ("/v1/trading/orders", "localhost", "quantenergx"),
    ("/v1", "localhost", "quantenergx"),
    ("/api/v1/unknown", "localhost", "botplatform"),
    ("/api/v1/unknown", "api.example.com", "interfaces"),
    ("/api/v1/risk/limits", "api.example.com", "interfaces"),
    ("/api/v1/risk/limits", "localhost", "botplatform"),
    ("/api/v1/bots", "api.example.com", "botplatform"),
    ("/api/v1/trading/orders", "localhost", "interfaces"),
    ("/health", "api.example.com", "botplatform"),
]


@pytest.mark.parametrize("path, host, edition", EDITIONS)
def test_too_large_in_each_shape(http, path, host, edition):
    reply = http.post(path, data=b"x" * (64 * 1024 + 1), headers={"Host": host})
    assert reply.status_code == 413
    check_shape(edition, "PAYLOAD_TOO_LARGE", reply.content)


@pytest.mark.parametrize("path, host, edition", EDITIONS)
def test_headers_too_large_in_each_shape(edge, path, host, edition):
    status, _, body = parse(edge.raw(
        f"GET {path} HTTP/1.1\r\nHost: {host}\r\nX: {'x' * 9000}\r\n\r\n".encode()))
    assert status == 431
    # The host comes before what is too large, and is known.
    check_shape(edition, "HEADERS_TOO_LARGE", body)


def test_a_long_address_is_414(edge):
    status, headers, body = raw_get(edge, "/api/" + "x" * 9000)
    assert status == 414
    assert headers["content-type"] == ["application/json"]
    check_shape("amarktai", "URI_TOO_LONG", body)


def test_trace_is_no_method(edge):
    status, headers, body = raw_get(edge, "/api/auth/login", method="TRACE")
    assert status == 405
    assert "POST" in headers["allow"][0]
    check_shape("amarktai", "METHOD_NOT_ALLOWED", body)


def test_plain_http_on_the_https_port_is_400(edge):
    with socket.create_connection(("127.0.0.1", edge.https_port), quantora.PATIENCE_S) as s:
        s.sendall(b"GET /v1/x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        reply = b""
        while chunk := s.recv(65536):
            reply += chunk
    status, _, body = parse(reply)
    assert status == 400
    check_shape("quantenergx", "BAD_REQUEST", body)


@pytest.mark.parametrize("path, edition", [
    ("/api/order", "quantora"), ("/api/bots", "amarktai"), ("/v1/x", "quantenergx"),
    ("/api/v1/bots", "botplatform"), ("/api/v1/trading/x", "interfaces"),
    ("/ws/v1", "interfaces"), ("/ws", "quantora"), ("/api/ws", "amarktai")])
def test_without_workers_it_is_502(path, edition):
    edge = Edge()
    try:
        for server in edge.servers:
            server.shutdown(socket.SHUT_RDWR)
            server.close()
        reply = quantora.Client(edge.url).post(path, json={})
        assert reply.status_code == 502
        assert reply.headers["Retry-After"] == "1"
        check_shape(edition, "SERVICE_UNAVAILABLE", reply.content)
    finally:
        edge.close()


def test_an_error_of_the_workers_is_left_alone(http):
    reply = http.get("/nope")
    assert reply.status_code == 404
    assert reply.json()["pool"] == "api"


@pytest.mark.parametrize("size, status", [(64 * 1024, 200), (64 * 1024 + 1, 413)])
def test_bodies_up_to_64_kib(http, size, status):
    assert http.post("/api/order", data=b"x" * size).status_code == status


@pytest.mark.parametrize("path, size, status", [
    ("/v1/iot/devices/x/data", 256 * 1024, 200),
    ("/v1/iot/devices/x/data", 256 * 1024 + 1, 413),
    ("/v1/iot/devices/x/data/y", 64 * 1024 + 1, 413),
    ("/v1/iot/devices/x", 64 * 1024 + 1, 413)])
def test_telemetry_up_to_256_kib(http, path, size, status):
    assert http.post(path, data=b"x" * size).status_code == status


def test_a_chunked_body_is_measured_too(http):
    chunks = (b"x" * 1000 for _ in range(100))
    assert http.post("/api/order", data=chunks).status_code == 413
    few = (b"x" * 1000 for _ in range(10))
    assert http.post("/api/order", data=few).json()["body_length"] == 10000


# ---- The first page -------------------------------------------------------

def test_the_address_that_is_printed_leads_somewhere(http):
    """To the console where there is one; nobody is sent to what is not there."""
    reply = http.get("/", allow_redirects=False)
    if reply.status_code == 302:
        assert http.get(reply.headers["Location"]).status_code == 200
    else:
        assert reply.status_code == 200 and reply.json()["success"] is True
        assert reply.headers["Content-Type"].startswith("application/json")
        assert http.get("/console", allow_redirects=False).status_code == 404


# ---- Headers --------------------------------------------------------------

def test_every_reply_has_its_headers_once(edge):
    for path in ("/api/orders", "/nope", "/api//x", "/ws", "/console/none", "/%00"):
        _, headers, _ = raw_get(edge, path)
        for name in ("x-request-id", "x-content-type-options", "referrer-policy",
                     "x-frame-options", "content-security-policy", "cache-control"):
            assert len(headers[name]) == 1, (path, name)
        assert re.fullmatch("[0-9a-f]{32}", headers["x-request-id"][0])
        assert "frame-ancestors 'none'" in headers["content-security-policy"][0]
        assert "script-src 'unsafe" not in headers["content-security-policy"][0]
        assert headers["server"] == ["nginx"]
    _, headers, _ = raw_get(edge, "/api/orders")
    assert headers["cache-control"] == ["no-store"]


def test_only_listed_origins_may_read(http):
    good = http.get("/api/orders", headers={"Origin": "https://desk.example.com"})
    assert good.headers["Access-Control-Allow-Origin"] == "https://desk.example.com"
    assert good.headers["Vary"] == "Origin"
    for origin in ("https://desk.example.com.evil.com", "https://evil.com", "null",
                   "http://desk.example.com"):
        bad = http.get("/api/orders", headers={"Origin": origin})
        assert "Access-Control-Allow-Origin" not in bad.headers
    preflight = {"Origin": "https://desk.example.com",
                 "Access-Control-Request-Method": "POST"}
    leave = http.request("OPTIONS", "/api/order", headers=preflight)
    assert leave.status_code == 204
    assert leave.headers["Access-Control-Allow-Origin"] == "https://desk.example.com"
    assert "POST" in leave.headers["Access-Control-Allow-Methods"]
    assert "Idempotency-Key" in leave.headers["Access-Control-Allow-Headers"]
    assert leave.headers["Access-Control-Max-Age"] == "600"
    assert leave.headers["Vary"] == "Origin" and leave.headers["X-Request-Id"]
    # Others' preflights are an ordinary request, for the workers to refuse.
    preflight["Origin"] = "https://evil.com"
    assert http.request("OPTIONS", "/api/order", headers=preflight).status_code == 200


# ---- Logs -----------------------------------------------------------------

def test_no_token_gets_into_a_log(edge):
    paths = ("/api/ws?token=SECRET", "/ws/v1?a=b&ticket=SECRET&c=d",
             "/api/realtime/events?%74oken=SECRET", "/api/x?TOKEN=SECRET",
             "/api/x?token=a&token=SECRET", "/api//x?token=SECRET",
             "/api/v1/ws/orders?x=%26token=SECRET")
    for path in paths:
        raw_get(edge, path, "Referer: http://localhost/?token=SECRET")
    raw_get(edge, "/api/kept?limit=5")
    quantora.wait_until(lambda: "/api/kept?limit=5" in edge.log("access.log"),
                        "the log's line")
    assert "/api/ws?(masked)" in edge.log("access.log")
    assert "SECRET" not in edge.log("access.log")
    assert "SECRET" not in edge.log("nginx.log")


def test_a_request_cannot_forge_a_line(edge):
    raw_get(edge, "/api/x\"\x7f%0aforged", "User-Agent: a\" 200")
    raw_get(edge, "/api/seen")
    quantora.wait_until(lambda: "/api/seen" in edge.log("access.log"),
                        "the log's line")
    for line in edge.log("access.log").splitlines():
        assert re.match(r'^127\.0\.0\.1 \S+T\S+\+00:00 "', line)


# ---- Limits ---------------------------------------------------------------

def test_an_address_has_its_rate():
    edge = Edge(rate_of="m", IP_RATE=1, IP_BURST=5)
    try:
        client = quantora.Client(edge.url)
        replies = [client.get("/api/v1/bots") for _ in range(8)]
        statuses = [r.status_code for r in replies]
        assert statuses[:6] == [200] * 6 and 429 in statuses
        refused = replies[statuses.index(429)]
        assert refused.headers["Retry-After"] == "1"
        assert refused.headers["X-RateLimit-Remaining"] == "0"
        assert refused.headers["X-RateLimit-Reset"].isdigit()
        check_shape("botplatform", "RATE_LIMIT", refused.content)
        # What a client claims to be is no other address.
        for n in range(3):
            client.get("/api/v1/bots", headers={"X-Forwarded-For": f"9.9.9.{n}"})
        assert client.get("/api/v1/bots", headers={
            "X-Forwarded-For": "9.9.9.9"}).status_code == 429
    finally:
        edge.close()


def test_an_address_has_so_many_public_streams():
    edge = Edge(IP_STREAMS=3)
    upgrade = (b"GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\n"
               b"Upgrade: websocket\r\n\r\n")
    open_streams = []
    try:
        for _ in range(3):
            s = socket.create_connection(("127.0.0.1", edge.http_port), quantora.PATIENCE_S)
            s.sendall(upgrade)
            assert s.recv(64).startswith(b"HTTP/1.1 101 ")
            open_streams.append(s)
        status, headers, body = parse(edge.raw(
            upgrade.replace(b"Connection: Upgrade", b"Connection: Upgrade, close")))
        assert status == 429 and headers["retry-after"] == ["1"]
        check_shape("quantora", "RATE_LIMIT", body)
        # The others are not counted here.
        status, _, _ = raw_get(edge, "/ws/v1")
        assert status == 200
    finally:
        for s in open_streams:
            s.close()
        edge.close()


# ---- Before the real workers ----------------------------------------------

@pytest.mark.parametrize("path, host, edition", [
    ("/no/such", "localhost", "quantora"),
    ("/api/no/such", "localhost", "amarktai"),
    ("/v1/no/such", "localhost", "quantenergx"),
    ("/api/v1/no/such", "localhost", "botplatform"),
    ("/api/v1/no/such", "api.localhost", "interfaces"),
])
def test_unknown_paths_look_alike(stack, path, host, edition):
    """A 404 of nginx and one of the workers: same shape, fields and words."""
    client = stack.client()
    known = client.get(path, headers={"Host": host})
    odd = client.get(path.replace("/such", "/%2e%2e/such"), headers={"Host": host})
    assert known.status_code == odd.status_code == 404
    check_shape(edition, "NOT_FOUND", odd.content)
    check_shape(edition, "NOT_FOUND", known.content)
    same = [{k: v for k, v in r.json().items() if k != "timestamp"}
            for r in (known, odd)]
    assert same[0] == same[1]
