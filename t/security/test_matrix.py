# SPDX-License-Identifier: AGPL-3.0-or-later
"""Role × route × method, generated from `quantora-api --routes`.

Every row is called by everybody that a row can tell apart.  Whoever may not
must hear so, in the edition's words; for whoever may, the request itself is
then looked at (an empty body mostly is not enough, which is all right here).
A method that a path does not have is 405.  An {id} of another's is answered
as a random one, and what it names is still there afterwards.
"""

import base64
import collections
import functools
import glob
import hashlib
import hmac
import json
import os
import re
import subprocess
import time
import uuid

import pytest
import quantora
from people import Person

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
HAS_BODY = ("POST", "PUT", "PATCH")
RANKS = {"user": 1, "operator": 2, "admin": 3}
NOT_OWNED = {"symbol"}  # a parameter that names nobody's property

Route = collections.namedtuple("Route", "edition method path auth otp")


@functools.cache
def routes():
    program = f"{quantora.BUILD}/quantora-api"
    text = subprocess.run([program, "--routes"], stdout=subprocess.PIPE,
                          text=True, check=True).stdout
    rows = [line.split("\t") for line in text.splitlines() if line[0] != "#"]
    return [Route(edition, method, path, auth.removesuffix("+otp"),
                  auth.endswith("+otp"))
            for edition, method, path, auth, *_ in rows]


def title(route):
    return f"{route.edition} {route.method} {route.path}"


def each(rows):
    return pytest.mark.parametrize("route", rows, ids=map(title, rows))


# ---- How each edition says no ------------------------------------------------

def code_of(edition, reply):
    """The code of a failure whose body is just as its document has it."""
    body = reply.json()
    if edition == "quantora":
        assert set(body) == {"success", "data", "error", "code"}
        assert body["success"] is False and body["data"] is None
        assert isinstance(body["error"], str) and body["error"]
        return body["code"]
    if edition == "amarktai":
        assert {"success", "error", "error_code", "timestamp"} <= set(body)
        assert body["success"] is False and isinstance(body["error"], str)
        assert body["timestamp"].endswith("Z")
        return body["error_code"]
    if edition == "botplatform":
        assert set(body) == {"detail", "code", "timestamp"}
        if reply.status_code == 422:
            assert all(set(d) == {"loc", "msg", "type"} for d in body["detail"])
        else:
            assert isinstance(body["detail"], str)
        return body["code"]
    assert set(body) == {"error"}
    assert set(body["error"]) == {"code", "message", "details"}
    assert isinstance(body["error"]["details"], dict)
    return body["error"]["code"]


NO_TOKEN = {"quantora": "UNAUTHORIZED", "interfaces": "UNAUTHORIZED",
            "quantenergx": "UNAUTHORIZED", "amarktai": "AUTH_REQUIRED",
            "botplatform": "INVALID_TOKEN"}
BAD_TOKEN = {**NO_TOKEN, "amarktai": "AUTH_INVALID"}
MAY_NOT = dict.fromkeys(NO_TOKEN, "FORBIDDEN") | {"amarktai": "PERMISSION_DENIED"}


# ---- Who calls -----------------------------------------------------------------

def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def mint(stack, token, **changes):
    """A token with the claims of TOKEN but for CHANGES, signed as ours are."""
    path = sorted(glob.glob(f"{stack.run_dir}/secrets/jwt/*.key"))[-1]
    with open(path) as f:
        secret = bytes.fromhex(f.read().strip())
    kid = os.path.basename(path).removesuffix(".key")
    middle = token.split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(middle + "=" * (-len(middle) % 4)))
    head = b64(json.dumps({"alg": "HS256", "typ": "JWT", "kid": kid}).encode())
    text = head + b"." + b64(json.dumps({**claims, **changes}).encode())
    return (text + b"." + b64(hmac.new(secret, text, hashlib.sha256).digest())).decode()


class Caller:
    """Somebody, as one column of the table sees him."""

    def __init__(self, stack, token=None, role=None, otp=False, person=None):
        self.stack = stack
        self.token = token
        self.role = role
        self.otp = otp
        self.person = person

    def call(self, edition, method, path, token=None, body=None):
        client = self.stack.client(edition)
        if token or self.token:
            client.bearer(token or self.token)
        while True:
            reply = client.request(method, path, json=(
                {} if body is None and method in HAS_BODY else body))
            if reply.status_code != 429:
                client.session.close()
                return reply
            time.sleep(float(reply.headers["Retry-After"]))


def member(stack, role, otp):
    person = Person(stack, role=None if role == "user" else role, otp=otp)
    return Caller(stack, person.client.token, role, otp, person)


@pytest.fixture(scope="module")
def callers(stack):
    made = {"nobody": Caller(stack)}
    for role in RANKS:
        made[role] = member(stack, role, otp=False)
        made[role + "+otp"] = member(stack, role, otp=True)
    # Who had every right, and lost it.
    for name in ("locked", "revoked"):
        made[name] = member(stack, "admin", otp=True)
    made["expired"] = Caller(stack, mint(
        stack, made["admin+otp"].token, exp=int(time.time()) - 1))
    reply = made["admin+otp"].person.client.post(
        "/admin/user/lock", json={"user_id": made["locked"].person.id})
    assert reply.status_code == 200, reply.text
    reply = made["revoked"].person.client.post("/api/auth/logout")
    assert reply.status_code == 200
    return made


WHO = ["nobody", "user", "user+otp", "operator", "operator+otp", "admin",
       "admin+otp", "locked", "revoked", "expired"]


def expected(route, name, caller):
    """(status, code) that the row promises NAME; None: he is let in."""
    if route.auth == "public":
        return None
    if name == "nobody":
        return 401, NO_TOKEN[route.edition]
    if name in ("revoked", "expired"):
        return 401, BAD_TOKEN[route.edition]
    if name == "locked":
        return 403, "ACCOUNT_LOCKED"
    if RANKS[caller.role] < RANKS[route.auth]:
        return 403, MAY_NOT[route.edition]
    if route.otp and not caller.otp:
        return 403, "TOTP_REQUIRED"
    return None


def concrete(path):
    """PATH with ids that are nobody's."""
    return re.sub(r"\{(\w+)\}", lambda m: "BTC-USD" if m[1] in NOT_OWNED
                  else str(uuid.uuid4()), path)


def own_session(route, caller):
    """A session for a call that ends it, or refuses all others of its user."""
    if caller.person is None or not route.path.endswith("/logout"):
        return caller
    if caller.otp:  # a code is good once, and the next is half a minute away
        return Caller(caller.stack, mint(caller.stack, caller.token,
                                         sid=str(uuid.uuid4())))
    return Caller(caller.stack, caller.person.login().token)


@pytest.mark.parametrize("who", WHO)
@each(routes())
def test_who_may(callers, route, who):
    caller = callers[who]
    want = expected(route, who, caller)
    if want is None:
        caller = own_session(route, caller)
    reply = caller.call(route.edition, route.method, concrete(route.path))
    assert "X-Request-Id" in reply.headers
    if want is not None:
        assert (reply.status_code, code_of(route.edition, reply)) == want
        return
    assert reply.status_code not in (401, 403, 405, 415), reply.text
    assert reply.status_code < 500, reply.text
    if reply.status_code >= 400:
        code_of(route.edition, reply)


# ---- Methods -------------------------------------------------------------------

def methods_of(path, edition):
    return {r.method for r in routes() if (r.path, r.edition) == (path, edition)}


PATHS = sorted({(r.path, r.edition) for r in routes()})


@pytest.mark.parametrize("path,edition", PATHS)
def test_other_methods(stack, path, edition):
    has = methods_of(path, edition)
    for method in set(METHODS) - has:
        reply = Caller(stack).call(edition, method, concrete(path))
        if reply.status_code != 405:
            # Another row's parameter may stand where this path has a word.
            assert shadowed(method, path), (method, reply.status_code)
            continue
        assert code_of(edition, reply) == "METHOD_NOT_ALLOWED"
        allowed = set(reply.headers["Allow"].replace(" ", "").split(","))
        assert has <= allowed and method not in allowed


def shadowed(method, path):
    return any(r.method == method and
               re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", r.path), path)
               for r in routes())


# ---- What is another's ---------------------------------------------------------

class Owner:
    """One who has one of everything that has an id, and counts it by SQL."""

    def __init__(self, stack):
        self.stack = stack
        self.person = Person(stack, otp=True, kyc="approved",
                             money={"USD": 10000})
        self.client = self.person.client

    def made(self, path, body):
        reply = self.client.post(path, json=body)
        assert reply.status_code in (200, 201), reply.text
        return reply.json()

    def order(self):
        body = self.made("/api/order", {
            "user_id": self.person.id, "side": "buy", "order_type": "limit",
            "symbol": "BTC/USD", "qty": "0.001", "price": 20000})
        assert body["order_status"] == "open"
        return body["order_id"]

    def withdrawal(self):
        return self.made("/api/withdrawal", {
            "asset": "USD", "amount": 10, "address": "somewhere"})["data"]["id"]

    def address(self):
        return self.made("/api/withdrawal/addresses", {
            "asset": "USD", "address": uuid.uuid4().hex})["data"]["id"]

    def access_key(self):
        return self.made("/api/access-keys", {"name": "x"})["data"]["id"]

    def strategy(self):
        return self.made("/api/v1/strategies", {
            "name": "mine", "config": {"type": "dca"}})["id"]

    def alert(self):
        return self.made("/v1/security/alerts", {
            "severity": "info", "message": "a door was open"})["id"]

    def risk_limit(self):
        reply = self.client.post("/api/v1/risk/limits", json={
            "limit_type": "ORDER_SIZE", "limit_value": 1000000},
            headers={"X-API-Edition": "botplatform"})
        assert reply.status_code == 201, reply.text
        return reply.json()["id"]

    def price_alert(self):
        return self.made("/v1/market/alerts", {
            "symbol": "EUA/EUR", "condition": "above", "price": 1000000})["id"]

    def session(self):
        token = self.client.token
        return json.loads(base64.urlsafe_b64decode(
            token.split(".")[1] + "==="))["sid"]


# What each parameter names: how to make one, and the rows that it is kept in.
MAKERS = {
    "/api/order/{order_id}": (Owner.order, "orders"),
    "/api/v1/trading/orders/{order_id}": (Owner.order, "orders"),
    "/api/v1/orders/{order_id}": (Owner.order, "orders"),
    "/v1/trading/orders/{id}": (Owner.order, "orders"),
    "/api/withdrawal/{id}": (Owner.withdrawal, "withdrawals"),
    "/api/withdrawal/addresses/{id}": (Owner.address, "withdrawal_addresses"),
    "/api/auth/sessions/{session_id}": (Owner.session, "sessions"),
    "/api/access-keys/{id}": (Owner.access_key, "access_keys"),
    "/api/v1/strategies/{id}": (Owner.strategy, "strategies"),
    "/v1/security/alerts/{id}/resolve": (Owner.alert, "security_alerts"),
    "/api/v1/risk/limits/{id}": (Owner.risk_limit, "risk_limits"),
    "/v1/market/alerts/{id}": (Owner.price_alert, "price_alerts"),
}
# What an administrator finds, whosever it is.
ADMINS_TOO = {"/v1/security/alerts/{id}/resolve"}
NAMED_BY = {"orders": "id", "sessions": "id"}
IDS = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
TIMES = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
# What ends the owner's session comes last.
OWNED = sorted((r for r in routes()
                if set(re.findall(r"\{(\w+)\}", r.path)) - NOT_OWNED),
               key=lambda r: "{session_id}" in r.path)


@pytest.fixture(scope="module")
def owner(stack):
    return Owner(stack)


def row(stack, table, name):
    """All of it, once the settler has it."""
    return quantora.wait_until(lambda: stack.sql(
        f"SELECT * FROM {table} WHERE {NAMED_BY.get(table, 'public_id')} = UNHEX(%s)",
        name.replace("-", "")), what=f"a row of {table}")


def plain(reply):
    return reply.status_code, TIMES.sub("T", IDS.sub("I", reply.text))


@each(OWNED)
def test_what_is_anothers_is_not_there(stack, callers, owner, route):
    assert route.path in MAKERS, "say in MAKERS how one comes to such an id"
    make, table = MAKERS[route.path]
    name = make(owner)
    before = row(stack, table, name)
    for who in ("user+otp", "operator+otp", "admin+otp"):
        caller = callers[who]
        if expected(route, who, caller) is not None or (
                caller.role == "admin" and route.path in ADMINS_TOO):
            continue
        theirs, nothing, nobodys = (
            caller.call(route.edition, route.method,
                        re.sub(r"\{\w+\}", value, route.path))
            for value in (name, str(uuid.uuid4()), str(uuid.UUID(int=0))))
        assert theirs.status_code == 404
        assert code_of(route.edition, theirs) == "NOT_FOUND"
        assert plain(theirs) == plain(nothing) == plain(nobodys)
    assert row(stack, table, name) == before
    # He who owns it finds it, so it was the name of something.
    path = re.sub(r"\{\w+\}", name, route.path)
    reply = owner.client.request(route.method, path,
                                 json={} if route.method in HAS_BODY else None)
    assert reply.status_code != 404, reply.text
