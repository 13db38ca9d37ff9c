# SPDX-License-Identifier: AGPL-3.0-or-later
"""Figures of every component, alerts, and /metrics for a Prometheus here."""

import asyncio
import contextlib
import json
import os
import re
import signal
import socket
import stat
import subprocess
from datetime import datetime, timedelta, timezone
from decimal import Decimal

import prometheus
import pytest
import websockets
from people import Person
from quantora import PATIENCE_S, StackError, Stack, free_ports, wait_until
from signing import too_often

COMPONENTS = ("matcher", "settler", "api", "streams", "database", "cache", "workers")
TIME = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?Z$")
POOLS = ("trade", "api", "egress")
METRICS = "/api/v1/monitoring/metrics"
ALERTS = "/api/v1/monitoring/alerts"


@pytest.fixture(scope="module")
def stack():
    """With its settings as they come."""
    with Stack.boot_new() as running:
        yield running


@pytest.fixture(scope="module")
def reader(stack):
    return Person(stack)


def restart(stack, name="workerd"):
    said = stack.log(name).count(" ready ")
    os.kill(stack.pid(name), signal.SIGTERM)
    wait_until(lambda: stack.log(name).count(" ready ") > said, f"{name}'s start")


def configure(stack, **settings):
    """Write settings ("section_key" as section=…) and let all read them."""
    for section, values in settings.items():
        if not stack.conf.has_section(section):
            stack.conf.add_section(section)
        for key, value in values.items():
            stack.conf.set(section, key, str(value))
    with open(f"{stack.run_dir}/conf/quantora.ini", "w") as f:
        stack.conf.write(f)
    restart(stack)


@pytest.fixture(scope="module")
def fast(stack, reader):
    """With a second for a minute, and without a user's budget."""
    configure(stack,
              # What a slow machine may well do is no alert here.
              monitor={"period_seconds": 1, "look_seconds": 1, "away_seconds": 1,
                       "raise_seconds": 1, "resolve_seconds": 1,
                       "disk_free_percent": 0, "settler_lag_seconds": 0,
                       "sync_ms": 0, "error_percent": 0},
              rate={"interfaces_minute": 0, "interfaces_second": 0})
    pids = {pool: children(stack, pool) for pool in ("api", "api-trade")}
    for pool in pids:
        os.kill(stack.pid(pool), signal.SIGHUP)
    for pool, old in pids.items():
        wait_until(lambda: children(stack, pool) and not children(stack, pool) & old,
                   "new workers")
    return stack


def children(stack, name):
    pid = stack.pid(name)
    with open(f"/proc/{pid}/task/{pid}/children") as f:
        return set(f.read().split())


def ask(person, path=METRICS, **query):
    reply = person.client.get(path, params=query,
                              headers={"X-API-Edition": "interfaces"})
    assert reply.status_code == 200, reply.text
    return json.loads(reply.text, parse_float=Decimal)


def figures(person, component=None):
    query = {"component": component} if component else {}
    return {(row["component"], row["metric"]): row["value"]
            for row in ask(person, **query)["metrics"]}


def figure(person, component, metric):
    rows = ask(person, component=component, metric=metric)["metrics"]
    return rows[0]["value"] if rows else None


def unix_get(path, target="/metrics", method="GET", host="localhost"):
    """(status, headers, body) over the Unix socket PATH."""
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(PATIENCE_S)
        s.connect(path)
        s.sendall(f"{method} {target} HTTP/1.1\r\nHost: {host}\r\n"
                  "Connection: close\r\n\r\n".encode())
        data = b""
        while chunk := s.recv(65536):
            data += chunk
    head, _, body = data.partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in lines[1:])
    return int(lines[0].split()[1]), headers, body.decode()


def scrape(stack):
    status, headers, body = unix_get(stack.sock("metrics"))
    assert status == 200
    assert headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    return prometheus.parse(body)


def sample(families, name, **labels):
    family = families[name]
    return family.samples[name, frozenset(labels.items())]


# ---- The figures of now --------------------------------------------------------

def test_from_the_start(stack, reader):
    """Nothing has to pass before there are figures, with any settings."""
    body = ask(reader)
    assert set(body) == {"metrics", "resolution", "limit", "truncated"}
    assert body["resolution"] == "now" and body["truncated"] is False
    seen = set()
    for row in body["metrics"]:
        assert set(row) == {"component", "metric", "value", "timestamp"}
        assert row["component"] in COMPONENTS
        assert re.fullmatch(r"[a-z0-9_]+", row["metric"])
        assert isinstance(row["value"], (int, Decimal))
        assert TIME.match(row["timestamp"])
        assert (row["component"], row["metric"]) not in seen
        seen.add((row["component"], row["metric"]))
    assert len(seen) < body["limit"]
    now = datetime.now(timezone.utc)
    at = datetime.fromisoformat(body["metrics"][0]["timestamp"].replace("Z", "+00:00"))
    assert abs(now - at) < timedelta(minutes=1)


@pytest.mark.parametrize("component", COMPONENTS)
def test_every_component_lives(stack, reader, component):
    found = wait_until(lambda: (f := figures(reader, component)) and
                       f[component, "up"] == 1 and f, "all of it up")
    assert found[component, "uptime_seconds"] >= 0
    assert found[component, "memory_bytes"] > 100000
    assert found[component, "cpu_percent"] >= 0


def test_what_each_tells(fast, reader):
    # The instruments have come after the very first look.
    books = len(fast.sql("SELECT 1 FROM instruments"))
    found = wait_until(lambda: (f := figures(reader))["matcher", "books"] == books and
                       ("api", "latency_p50_ms") in f and f, "the books")
    for component, names in {
        "matcher": "commands_total batch_size sync_ms books open_orders lag_commands "
                   "refused_total connections journal_bytes disk_low disk_free_bytes "
                   "disk_free_percent ping_ms trades_total",
        "settler": "lag_commands lag_seconds batches_total rows_per_second halted "
                   "commands_per_second ping_ms",
        "api": "requests_total requests_per_second errors_4xx_total errors_5xx_total "
               "error_percent rate_limited_total workers workers_busy latency_p50_ms "
               "latency_p95_ms latency_p99_ms trade_workers egress_workers api_up",
        "streams": "connections subscriptions queue_bytes messages_total "
                   "slow_closes_total closes_total",
        "database": "connections queries_per_second slow_queries_total ping_ms "
                    "buffer_pool_bytes buffer_pool_hit_percent threads_running",
        "cache": "data_bytes keys hits_total misses_total ping_ms connections",
        "workers": "tasks tasks_failing runs_total failures_total lateness_ms "
                   "task_monitor_runs_total task_resend_runs_total disk_free_bytes",
    }.items():
        for name in names.split():
            assert (component, name) in found, f"{component} {name}"
    assert found["api", "workers"] == sum(
        int(fast.ctl("config", "check").split(f"http.workers_{pool} = ")[1].split()[0])
        for pool in POOLS)
    assert found["matcher", "disk_free_bytes"] > 0
    assert 0 < found["matcher", "disk_free_percent"] <= 100
    assert 0 < found["database", "buffer_pool_hit_percent"] <= 100


def test_memory_is_the_kernels(stack, reader):
    def alike():
        """Once its growing is over, and seen."""
        with open(f"/proc/{stack.pid('matcherd')}/statm") as f:
            real = int(f.read().split()[1]) * os.sysconf("SC_PAGESIZE")
        return abs(figure(reader, "matcher", "memory_bytes") - real) < real / 2
    wait_until(alike)


# ---- Who may, and what is refused -----------------------------------------------

def test_only_who_is_logged_in(stack):
    for path in (METRICS, ALERTS):
        reply = stack.client("interfaces").get(path)
        assert reply.status_code == 401
        assert reply.json()["error"]["code"] == "UNAUTHORIZED"


def test_it_speaks_its_documents_language_on_every_host(stack, reader):
    """Only the interfaces document has this path."""
    reply = reader.client.get(METRICS, params={"component": "x"})
    assert reply.json()["error"]["code"] == "VALIDATION_ERROR"


@pytest.mark.parametrize("path,query,field", [
    (METRICS, {"component": "engine"}, "component"),
    (METRICS, {"component": "API"}, "component"),
    (METRICS, {"start_time": "yesterday"}, "start_time"),
    (METRICS, {"end_time": "1e99"}, "end_time"),
    (METRICS, {"start_time": "1700000001", "end_time": "1700000000"}, "end_time"),
    (ALERTS, {"status": "open"}, "status"),
    (ALERTS, {"severity": "fatal"}, "severity"),
])
def test_what_is_refused(stack, path, query, field):
    reply = Person(stack).client.get(path, params=query)
    assert reply.status_code == 400
    error = reply.json()["error"]
    assert error["code"] == "VALIDATION_ERROR"
    assert error["details"]["field"] == field
    if field == "component":
        assert all(name in error["message"] for name in COMPONENTS)


def test_filters(fast, reader):
    for component in COMPONENTS:
        def its_own():
            """Each look may have figures that the last one had not."""
            before, found, after = (figures(reader, which)
                                    for which in (None, component, None))
            assert {name for name, _ in found} == {component}
            return set(before) == set(after) and set(found) == {
                key for key in after if key[0] == component}
        wait_until(its_own, f"one look at all and at {component}")
    rows = ask(reader, metric="up")["metrics"]
    assert sorted(row["component"] for row in rows) == sorted(COMPONENTS)
    rows = ask(reader, metric="up", component="cache")["metrics"]
    assert [(row["component"], row["metric"]) for row in rows] == [("cache", "up")]
    assert ask(reader, metric="nothing_of_that_name")["metrics"] == []


# ---- They move --------------------------------------------------------------------

def grows(person, component, metric, by, act):
    """ACT, after which the counter is at least BY higher."""
    before = figure(person, component, metric)
    act()
    wait_until(lambda: figure(person, component, metric) >= before + by,
               f"{component} {metric}")


def test_requests_are_counted(fast, reader):
    client = reader.client
    grows(reader, "api", "trade_requests_total", 20,
          lambda: [client.get("/api/orderbook") for _ in range(20)])
    grows(reader, "api", "errors_4xx_total", 5,
          lambda: [client.get("/api/withdrawals", headers={"Authorization": "Bearer x"})
                   for _ in range(5)])
    found = wait_until(lambda: (f := figures(reader, "api")).get(
        ("api", "requests_per_second"), 0) > 0 and ("api", "latency_p99_ms") in f and f,
        "a rate")
    assert 0 < found["api", "latency_p50_ms"] <= found["api", "latency_p95_ms"] \
        <= found["api", "latency_p99_ms"]
    assert found["api", "requests_total"] == sum(
        found["api", f"{pool}_requests_total"] for pool in POOLS)


def test_a_busy_worker_is_seen(fast, reader):
    """A request that is under way while the matcher sleeps."""
    fast.kill("matcherd", signal.SIGSTOP)
    process = None
    try:
        token = reader.client.session.headers["Authorization"]
        process = subprocess.Popen(
            ["curl", "-s", "-o", "/dev/null", "-H", f"Authorization: {token}",
             f"{fast.url}/api/withdrawals"])
        wait_until(lambda: sample(scrape(fast), "quantora_api_workers_busy") >= 1,
                   "a busy worker")
    finally:
        fast.kill("matcherd", signal.SIGCONT)
        if process:
            process.wait(PATIENCE_S)
    wait_until(lambda: figure(reader, "matcher", "up") == 1, "the matcher's return")


def test_who_asks_too_often_is_counted(fast, reader):
    person = Person(fast)
    headers = {"X-API-Edition": "botplatform"}

    refused = []

    def ask_too_often():
        while len(refused) < 10:
            refused.extend(r for r in too_often(
                person.client, "/api/v1/users/me", headers=headers)
                if r.status_code == 429)
    grows(reader, "api", "rate_limited_total", 10, ask_too_often)


def test_trading_is_counted(fast, reader):
    before = figures(reader)
    seller = Person(fast, money={"BTC": 1})
    buyer = Person(fast, money={"USD": 100000})

    def order(person, side):
        reply = person.client.post("/api/order", json={
            "user_id": person.id, "side": side, "price": 50000, "qty": 0.01,
            "order_type": "limit"})
        assert reply.status_code == 200, reply.text

    grows(reader, "matcher", "trades_total", 1,
          lambda: (order(seller, "sell"), order(buyer, "buy")))
    grows(reader, "settler", "rows_total", 5,
          lambda: (order(seller, "sell"), order(buyer, "buy")))
    after = figures(reader)
    for component, metric in (("matcher", "commands_total"), ("matcher", "batches_total"),
                              ("matcher", "users"), ("matcher", "journal_bytes"),
                              ("settler", "commands_total"), ("settler", "batches_total"),
                              ("database", "queries_total")):
        assert after[component, metric] > before[component, metric], metric

    def synced():
        """Of a period in which something was written."""
        order(seller, "sell")
        order(buyer, "buy")
        found = figures(reader, "matcher")
        return found.get(("matcher", "sync_ms"), 0) > 0 and found
    assert wait_until(synced, "a sync")["matcher", "batch_size"] >= 1
    found = wait_until(lambda: (f := figures(reader, "settler"))[
        "settler", "lag_commands"] == 0 and f, "no lag")
    assert found["settler", "lag_seconds"] == 0


def test_streams_are_counted(fast, reader):
    async def listen():
        async with contextlib.AsyncExitStack() as all_open:
            for _ in range(3):
                stream = await all_open.enter_async_context(websockets.connect(
                    f"ws://127.0.0.1:{fast.http_port}/ws"))
                await stream.recv()
            loop = asyncio.get_running_loop()
            await loop.run_in_executor(None, lambda: wait_until(
                lambda: figure(reader, "streams", "connections") == 3, "three"))
            assert figure(reader, "streams", "subscriptions") == 3
            assert figure(reader, "streams", "messages_total") >= before + 3
    before = figure(reader, "streams", "messages_total")
    asyncio.run(listen())
    wait_until(lambda: figure(reader, "streams", "connections") == 0, "none")
    assert figure(reader, "streams", "subscriptions") == 0
    assert figure(reader, "streams", "queue_bytes") == 0


def test_tasks_are_counted(fast, reader):
    grows(reader, "workers", "task_monitor_runs_total", 2, lambda: None)
    grows(reader, "workers", "runs_total", 2, lambda: None)


# ---- What was ---------------------------------------------------------------------

def parsed(text):
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def test_history_by_the_minute(fast, reader):
    """Here of a second each."""
    start = datetime.now(timezone.utc) - timedelta(seconds=1)
    query = {"component": "api", "metric": "requests_total",
             "start_time": int(start.timestamp())}
    body = wait_until(lambda: (b := ask(reader, **query)) and
                      len(b["metrics"]) >= 3 and b, "three rows")
    assert body["resolution"] == "minute"
    times = [parsed(row["timestamp"]) for row in body["metrics"]]
    assert times == sorted(set(times)) and all(t.microsecond == 0 for t in times)
    values = [row["value"] for row in body["metrics"]]
    assert values == sorted(values) and values[-1] > values[0]
    # Both ends, in each way to say a time.
    middle = times[1]
    for text in (int(middle.timestamp()), int(middle.timestamp() * 1000),
                 middle.strftime("%Y-%m-%dT%H:%M:%SZ")):
        query.update(start_time=text, end_time=text)
        rows = ask(reader, **query)["metrics"]
        assert [row["value"] for row in rows] == [values[1]]
    rows = ask(reader, start_time=int(middle.timestamp()),
               end_time=int(middle.timestamp()))["metrics"]
    assert {row["component"] for row in rows} == set(COMPONENTS)
    # An end alone.
    rows = ask(reader, component="api", metric="requests_total",
               end_time=int(middle.timestamp()))["metrics"]
    assert rows and parsed(rows[-1]["timestamp"]) == middle


def test_history_by_the_hour(fast, reader):
    then = datetime.now(timezone.utc).replace(minute=0, second=0, microsecond=0) \
        - timedelta(days=3)
    fast.sql("INSERT INTO metrics_hour VALUES (%s, 'cache', 'keys', 12.345)",
             then.strftime("%Y-%m-%d %H:%M:%S"))
    body = ask(reader, component="cache", start_time=int(then.timestamp()),
               end_time=int(then.timestamp()))
    assert body["resolution"] == "hour"
    assert body["metrics"] == [{
        "component": "cache", "metric": "keys", "value": Decimal("12.345"),
        "timestamp": then.strftime("%Y-%m-%dT%H:%M:%SZ")}]


# ---- Alerts -----------------------------------------------------------------------

def alerts(person, **query):
    rows = ask(person, ALERTS, **query)["alerts"]
    for row in rows:
        assert {"id", "component", "severity", "message", "status", "triggered_at",
                "resolved_at"} <= set(row)
        assert isinstance(row["id"], str) and row["message"]
        assert row["component"] in COMPONENTS
        assert row["severity"] in ("info", "warning", "critical")
        assert TIME.match(row["triggered_at"])
        assert (row["status"] == "active") == (row["resolved_at"] is None)
    return rows


@contextlib.contextmanager
def not_started_again(stack):
    """Who is killed in here stays so until the end."""
    supervisor = stack.pid("supervisor")
    os.kill(supervisor, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(supervisor, signal.SIGCONT)


def said(stack, what, rule, component):
    return stack.log("workerd").count(
        f"alert {what} rule={rule} component={component}")


def waits_for(stack, what, rule, component, before):
    wait_until(lambda: said(stack, what, rule, component) > before,
               f"{rule} of {component} to be {what}")


def test_a_killed_settler(fast, reader):
    raised = said(fast, "raised", "away", "settler")
    resolved = said(fast, "resolved", "away", "settler")
    with not_started_again(fast):
        os.kill(fast.pid("settlerd"), signal.SIGKILL)
        waits_for(fast, "raised", "away", "settler", raised)
        assert figure(reader, "settler", "up") == 0
        rows = [row for row in alerts(reader, status="active", severity="critical")
                if row["component"] == "settler"]
        assert len(rows) == 1
        assert alerts(reader, status="active", severity="info") == []
        assert 'component="settler"' in unix_get(fast.sock("metrics"))[2]
        done = fast.ctl("monitor", check=False)
        assert done.returncode == 1
        assert "ALERT critical settler" in done.stdout
    waits_for(fast, "resolved", "away", "settler", resolved)
    wait_until(lambda: figure(reader, "settler", "up") == 1, "a look at it")
    found = {row["id"]: row for row in alerts(reader, status="resolved")}
    assert parsed(found[rows[0]["id"]]["resolved_at"]) \
        > parsed(rows[0]["triggered_at"])
    assert rows[0]["id"] not in [row["id"] for row in alerts(reader, status="active")]
    assert rows[0]["id"] in [row["id"] for row in alerts(reader)]


def test_a_cache_that_is_away(fast, reader):
    """Its being away is a figure, and nothing else stops."""
    raised = said(fast, "raised", "away", "cache")
    resolved = said(fast, "resolved", "away", "cache")
    fast.kill("redis", signal.SIGSTOP)
    try:
        waits_for(fast, "raised", "away", "cache", raised)
        found = figures(reader, "cache")
        assert found == {("cache", "up"): 0}
        assert [row["severity"] for row in alerts(reader, status="active")
                if row["component"] == "cache"] == ["warning"]
    finally:
        fast.kill("redis", signal.SIGCONT)
    waits_for(fast, "resolved", "away", "cache", resolved)
    wait_until(lambda: figure(reader, "cache", "up") == 1, "a look at it")


def test_an_alert_outlives_the_monitor(fast, reader):
    """Killed with an alert active, workerd goes on with that very one."""
    raised = said(fast, "raised", "away", "cache")
    resolved = said(fast, "resolved", "away", "cache")
    fast.kill("redis", signal.SIGSTOP)
    try:
        waits_for(fast, "raised", "away", "cache", raised)
        first = [row["id"] for row in alerts(reader, status="active")
                 if row["component"] == "cache"]
        assert len(first) == 1
        fast.kill("workerd")
    finally:
        fast.kill("redis", signal.SIGCONT)
    waits_for(fast, "resolved", "away", "cache", resolved)
    rows = [row["id"] for row in alerts(reader, status="resolved")
            if row["component"] == "cache"]
    assert rows.count(first[0]) == 1
    assert said(fast, "raised", "away", "cache") == raised + 1


def test_a_monitor_that_is_away(fast, reader):
    fast.kill("workerd", signal.SIGSTOP)
    try:
        wait_until(lambda: figure(reader, "workers", "up") == 0, "old figures")
        done = fast.ctl("monitor", check=False)
        assert done.returncode == 1 and "workerd is away" in done.stderr
    finally:
        fast.kill("workerd", signal.SIGCONT)
    wait_until(lambda: figure(reader, "workers", "up") == 1, "new figures")


# ---- /metrics ---------------------------------------------------------------------

def test_the_page_is_good(fast, reader):
    families = wait_until(lambda: (f := scrape(fast)) and all(
        sample(f, f"quantora_{component}_up") == 1 for component in COMPONENTS) and f,
        "all of it up")
    for component in COMPONENTS:
        assert families[f"quantora_{component}_up"].type == "gauge"
    assert families["quantora_matcher_commands_total"].type == "counter"
    histogram = families["quantora_api_request_duration_seconds"]
    assert histogram.type == "histogram"
    name = "quantora_api_request_duration_seconds_count"
    for pool in POOLS:
        assert (name, frozenset({("pool", pool)})) in histogram.samples
    assert sample(families, "quantora_workers_task_runs_total", task="monitor") > 0
    assert sample(families, "quantora_look_age_seconds") < 60
    counted = histogram.samples[name, frozenset({("pool", "trade")})]
    reader.client.get("/api/orderbook")
    wait_until(lambda: scrape(fast)["quantora_api_request_duration_seconds"].samples[
        name, frozenset({("pool", "trade")})] > counted, "a request in the histogram")


def test_the_reader_is_strict():
    """What the pages are checked by finds what it is there to find."""
    good = "# HELP a_total b\n# TYPE a_total counter\na_total 1\n"
    prometheus.parse(good)
    histogram = ("# HELP h x\n# TYPE h histogram\nh_bucket{le=\"1\"} 1\n"
                 "h_bucket{le=\"+Inf\"} 2\nh_sum 3\nh_count 2\n")
    prometheus.parse(histogram)
    for bad in (good[:-1], good + "a_total 2\n", good.replace("# TYPE", "#TYPE"),
                good.replace("a_total", "a"), good.replace(" 1\n", " one\n"),
                good.replace("counter", "gauge"), good + good,
                good.replace("a_total 1", 'a_total{x=1} 1'),
                good.replace("a_total 1\n", ""), good + "b 1\n",
                histogram.replace("+Inf", "0.5"), histogram.replace("_count 2", "_count 3"),
                histogram.replace('le="1"} 1', 'le="1"} 5')):
        with pytest.raises((AssertionError, ValueError)):
            prometheus.parse(bad)


def test_the_page_is_all_there_is(fast):
    path = fast.sock("metrics")
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o660
    assert unix_get(path, "/")[0] == 404
    assert unix_get(path, "/metrics/../etc/passwd")[0] == 404
    status, headers, _ = unix_get(path, method="DELETE")
    assert status == 405 and headers["allow"] == "get, head"
    status, headers, body = unix_get(path, method="HEAD")
    assert status == 200 and int(headers["content-length"]) > 1000 and body == ""


@pytest.mark.parametrize("host,status", [
    ("localhost", 200), ("127.0.0.1:9464", 200), ("LOCALHOST:1", 200),
    ("rebound.example.com", 403), ("localhost.example.com", 403), ("10.0.0.1", 403)])
def test_it_answers_to_local_names_only(fast, host, status):
    assert unix_get(fast.sock("metrics"), host=host)[0] == status


def test_not_through_the_public_door(fast, reader):
    for client in (fast.client(), fast.client(https=True), reader.client):
        for path in ("/metrics", "/api/metrics", "/v1/metrics", "/metrics/"):
            reply = client.get(path)
            assert reply.status_code in (401, 404)
            assert "quantora_matcher_up" not in reply.text
    assert fast.client().get("/metrics").status_code == 404


def test_a_port_is_of_this_machine_alone(fast):
    port, = free_ports(1)
    listens = f"0100007F:{port:04X}"
    configure(fast, monitor={"listen": port})
    try:
        with open("/proc/net/tcp") as f:
            local = [line.split()[1] for line in f if line.split()[3] == "0A"]
        assert [at for at in local if at.endswith(f":{port:04X}")] == [listens]
        done = subprocess.run(["curl", "-sf", f"http://127.0.0.1:{port}/metrics"],
                              capture_output=True, text=True, check=True)
        prometheus.parse(done.stdout)
        assert not os.path.exists(fast.sock("metrics"))
    finally:
        configure(fast, monitor={"listen": ""})
    with pytest.raises(OSError):
        socket.create_connection(("127.0.0.1", port), 5)
    # Nor is a bad one the end of the worker.
    configure(fast, monitor={"listen": "0.0.0.0:99"})
    wait_until(lambda: "metrics cannot be shown at 0.0.0.0:99" in fast.log("workerd"),
               "a complaint")
    configure(fast, monitor={"listen": fast.sock("metrics")})
    scrape(fast)


# ---- quantoractl ------------------------------------------------------------------

def test_the_operators_table(fast, reader):
    wait_until(lambda: not alerts(reader, status="active"), "no alert")
    text = wait_until(lambda: (d := fast.ctl("monitor", check=False)).returncode == 0
                      and d.stdout, "no alarm")
    for component in COMPONENTS:
        assert f"\n{component}\n  up 1 " in text
    one = fast.ctl("monitor", "matcher", check=False).stdout
    assert "\nmatcher\n" in one and "\nsettler\n" not in one
    done = fast.ctl("monitor", "engine", check=False)
    assert done.returncode == 1 and "matcher, settler" in done.stderr


def test_without_figures(fast, reader):
    """A file that is not there, or is cut, is said to be none."""
    path = fast.sock("figures")
    fast.kill("workerd", signal.SIGSTOP)
    try:
        with open(path, "rb") as f:
            whole = f.read()
        for left in (whole[:100], b"x" * len(whole)):
            with open(path + ".cut", "wb") as f:
                f.write(left)
            os.rename(path + ".cut", path)
            reply = reader.client.get(METRICS)
            assert reply.status_code == 503
            assert reply.json()["error"]["message"] == "there are no figures yet"
            with pytest.raises(StackError):
                fast.ctl("monitor")
    finally:
        fast.kill("workerd", signal.SIGCONT)
    wait_until(lambda: reader.client.get(METRICS).status_code == 200, "new ones")
