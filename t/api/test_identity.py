# SPDX-License-Identifier: AGPL-3.0-or-later
"""Who one is, as each of the other four documents spells it."""

import concurrent.futures
import os
import re
import signal
import uuid

import pytest
import quantora
from people import PASSWORD, Person, new_email

Z_TIME = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")
PATH = "/api/withdrawals"    # any that needs a session


def works(stack, token):
    client = stack.client()
    client.bearer(token)
    return client.get(PATH).status_code == 200


# ---- interfaces -----------------------------------------------------------


@pytest.fixture
def interfaces(stack):
    return stack.client("interfaces")


def log_in(client, person, **fields):
    return client.post("/api/v1/auth/login", json={
        "username": person.email, "password": person.password, **fields})


def test_interfaces_login(stack, interfaces):
    person = Person(stack)
    reply = log_in(interfaces, person)
    assert reply.status_code == 200
    body = reply.json()
    assert works(stack, body["access_token"])
    assert isinstance(body["refresh_token"], str) and "." not in body["refresh_token"]
    assert body["expires_in"] == 3600
    assert isinstance(body["user"]["id"], int)
    assert body["user"]["email"] == person.email
    assert body["user"]["username"] == person.email


def test_interfaces_wrong_password(stack, interfaces):
    person = Person(stack)
    person.password = "wrong horse battery"
    reply = log_in(interfaces, person)
    assert reply.status_code == 401
    assert reply.json()["error"]["code"] == "UNAUTHORIZED"
    assert isinstance(reply.json()["error"]["details"], dict)


def test_interfaces_mfa(stack, interfaces):
    person = Person(stack, otp=True)
    reply = log_in(interfaces, person)
    assert reply.status_code == 401
    assert reply.json()["error"]["code"] == "TOTP_REQUIRED"
    assert log_in(interfaces, person, mfa_token=person.code(1)).status_code == 200


def test_interfaces_refresh_and_logout(stack, interfaces):
    person = Person(stack)
    first = log_in(interfaces, person).json()
    reply = interfaces.post("/api/v1/auth/refresh",
                            json={"refresh_token": first["refresh_token"]})
    assert reply.status_code == 200
    second = reply.json()
    assert second["expires_in"] == 3600 and works(stack, second["access_token"])
    assert second["refresh_token"] != first["refresh_token"]
    interfaces.bearer(second["access_token"])
    reply = interfaces.post("/api/v1/auth/logout",
                            json={"refresh_token": second["refresh_token"]})
    assert reply.status_code == 200
    assert reply.json() == {"message": "Successfully logged out"}
    for token in (first["access_token"], second["access_token"]):
        assert not works(stack, token)
    assert interfaces.post("/api/v1/auth/refresh", json={
        "refresh_token": second["refresh_token"]}).status_code == 401


def test_logout_needs_no_body(stack, interfaces):
    interfaces.bearer(log_in(interfaces, Person(stack)).json()["access_token"])
    assert interfaces.post("/api/v1/auth/logout").status_code == 200
    assert interfaces.post("/api/v1/auth/logout").status_code == 401


def test_logout_ends_only_ones_own(stack, interfaces):
    """Another's refresh token in the body does nothing to him."""
    person, other = Person(stack), Person(stack)
    theirs = log_in(interfaces, other).json()
    interfaces.bearer(log_in(interfaces, person).json()["access_token"])
    assert interfaces.post("/api/v1/auth/logout", json={
        "refresh_token": theirs["refresh_token"]}).status_code == 200
    assert works(stack, theirs["access_token"])


@pytest.mark.parametrize("body", [
    {}, {"refresh_token": None}, {"refresh_token": ""}, {"refresh_token": 5},
    {"refresh_token": "x" * 300}])
def test_refresh_bad_body(interfaces, body):
    assert interfaces.post("/api/v1/auth/refresh", json=body).status_code == 400


@pytest.mark.parametrize("token", ["x", "a.b.c", "A" * 43, "' OR 1=1 --"])
def test_refresh_unknown(interfaces, token):
    reply = interfaces.post("/api/v1/auth/refresh", json={"refresh_token": token})
    assert reply.status_code == 401


def test_an_access_token_refreshes_nothing(stack, interfaces):
    token = log_in(interfaces, Person(stack)).json()["access_token"]
    assert interfaces.post("/api/v1/auth/refresh",
                           json={"refresh_token": token}).status_code in (400, 401)
    assert not works(stack, log_in(interfaces, Person(stack)).json()["refresh_token"])


def test_reuse_ends_the_family(stack, interfaces):
    person = Person(stack)
    first = log_in(interfaces, person).json()

    def refresh(token):
        return interfaces.post("/api/v1/auth/refresh", json={"refresh_token": token})

    second = refresh(first["refresh_token"]).json()
    assert refresh(first["refresh_token"]).status_code == 401
    assert refresh(second["refresh_token"]).status_code == 401
    assert not works(stack, second["access_token"])
    assert person.client.get(PATH).status_code == 200    # another session
    rows = stack.sql("SELECT COUNT(*) FROM audit_log a JOIN users u "
                     "ON u.id = a.user_id WHERE u.email = %s "
                     "AND a.action = 'auth.refresh_reused'", person.email)
    assert rows == ((1, ), )


def workers(stack):
    """Those who refresh: they sleep on it, and so have a pool of their own."""
    parent = stack.pid("api-egress")
    with open(f"/proc/{parent}/task/{parent}/children") as f:
        return [int(pid) for pid in f.read().split()]


def queued(stack):
    """How many requests wait for a worker of the pool."""
    path = stack.conf.get("sockets", "api_egress")
    with open("/proc/net/unix") as f:
        return sum(line.split()[-1] == path for line in f) - 1    # who listens


def test_of_32_parallel_refreshes_one_chain_lives(stack):
    """Whenever a worker comes to them: each had arrived before any was answered."""
    person = Person(stack)
    token = log_in(stack.client("interfaces"), person).json()["refresh_token"]
    clients = [stack.client("interfaces") for _ in range(32)]

    def refresh(client):
        return client.post("/api/v1/auth/refresh", json={"refresh_token": token})

    slow, *others = workers(stack)
    for pid in (slow, *others):
        os.kill(pid, signal.SIGSTOP)
    try:
        with concurrent.futures.ThreadPoolExecutor(32) as pool:
            asked = [pool.submit(refresh, client) for client in clients]
            quantora.wait_until(lambda: queued(stack) >= 32, "all of them in the queue")
            os.kill(slow, signal.SIGCONT)
            replies = [one.result() for one in asked]
    finally:
        for pid in (slow, *others):
            os.kill(pid, signal.SIGCONT)
    winners = [r for r in replies if r.status_code == 200]
    assert len(winners) == 1
    assert {r.status_code for r in replies} == {200, 401}
    body = winners[0].json()
    assert works(stack, body["access_token"])
    again = clients[0].post("/api/v1/auth/refresh",
                            json={"refresh_token": body["refresh_token"]})
    assert again.status_code == 200


def test_refresh_after_a_lock(stack, interfaces):
    person = Person(stack)
    tokens = log_in(interfaces, person).json()
    stack.ctl("user", "lock", person.email)
    stack.ctl("user", "unlock", person.email)
    assert interfaces.post("/api/v1/auth/refresh", json={
        "refresh_token": tokens["refresh_token"]}).status_code == 401


def test_refresh_keeps_the_second_factor(stack, interfaces):
    person = Person(stack, otp=True, kyc="approved", money={"USD": "10"})
    first = log_in(interfaces, person, mfa_token=person.code(1)).json()
    second = interfaces.post("/api/v1/auth/refresh", json={
        "refresh_token": first["refresh_token"]}).json()
    client = stack.client()
    client.bearer(second["access_token"])
    assert client.post("/api/withdrawal", json={
        "asset": "USD", "amount": 1, "address": "x"}).status_code == 200


# ---- botplatform ----------------------------------------------------------


@pytest.fixture
def botplatform(stack):
    return stack.client("botplatform")


def bot_register(client, **fields):
    name = "trader" + uuid.uuid4().hex[:10]
    return client.post("/api/v1/auth/register", json={
        "username": name, "email": f"{name}@example.com", "password": PASSWORD,
        "full_name": "John Trader", **fields})


def test_botplatform_register(stack, botplatform):
    reply = bot_register(botplatform)
    assert reply.status_code == 201
    body = reply.json()
    assert body["token_type"] == "bearer" and works(stack, body["access_token"])
    user = body["user"]
    assert uuid.UUID(user["id"])
    assert user["email"] == user["username"] + "@example.com"
    assert user["full_name"] == "John Trader" and user["is_active"] is True


@pytest.mark.parametrize("field", ["username", "email", "password"])
def test_botplatform_register_missing(botplatform, field):
    reply = bot_register(botplatform, **{field: None})
    assert reply.status_code == 422
    detail = reply.json()["detail"][0]
    assert detail == {"loc": ["body", field], "msg": "field required",
                      "type": "value_error.missing"}


@pytest.mark.parametrize("fields", [
    {"email": "x"}, {"password": "short"}, {"username": "a b"}, {"full_name": 5},
    {"role": "admin"}])
def test_botplatform_register_bad(botplatform, fields):
    reply = bot_register(botplatform, **fields)
    assert reply.status_code == 422
    detail = reply.json()["detail"]
    assert detail[0]["loc"] == ["body", next(iter(fields))]


def test_botplatform_taken(botplatform):
    body = bot_register(botplatform).json()
    reply = bot_register(botplatform, username=body["user"]["username"])
    assert reply.status_code == 409 and isinstance(reply.json()["detail"], str)


def test_botplatform_login_and_refresh(stack, botplatform):
    user = bot_register(botplatform).json()["user"]
    reply = botplatform.post("/api/v1/auth/login", json={
        "username": user["username"], "password": PASSWORD})
    assert reply.status_code == 200
    body = reply.json()
    assert body["user"] == user and body["expires_in"] == 1800
    reply = botplatform.post("/api/v1/auth/refresh",
                             json={"refresh_token": body["refresh_token"]})
    assert reply.status_code == 200
    assert reply.json()["token_type"] == "bearer"
    assert works(stack, reply.json()["access_token"])
    bad = botplatform.post("/api/v1/auth/login", json={
        "username": user["username"], "password": "wrong horse battery"})
    assert bad.status_code == 401
    assert isinstance(bad.json()["detail"], str) and Z_TIME.match(
        bad.json()["timestamp"])


def test_botplatform_me(botplatform):
    body = bot_register(botplatform).json()
    assert botplatform.get("/api/v1/users/me").status_code == 401
    botplatform.bearer(body["access_token"])
    me = botplatform.get("/api/v1/users/me").json()
    assert {k: me[k] for k in body["user"]} == body["user"]
    assert me["preferences"] == {} and Z_TIME.match(me["created_at"])
    reply = botplatform.patch("/api/v1/users/me", json={
        "full_name": "John Updated",
        "preferences": {"theme": "dark", "language": "en", "size": 0.1}})
    assert reply.status_code == 200
    reply = botplatform.patch("/api/v1/users/me",
                              json={"preferences": {"theme": "light", "size": None}})
    assert reply.status_code == 200
    me = botplatform.get("/api/v1/users/me").json()
    assert me == reply.json()
    assert me["full_name"] == "John Updated"
    assert me["preferences"] == {"theme": "light", "language": "en"}


@pytest.mark.parametrize("body", [
    {"full_name": ""}, {"full_name": 5}, {"full_name": "x" * 129},
    {"preferences": "dark"}, {"preferences": []}, {"preferences": {"x": "y" * 5000}},
    {"role": "admin"}, {"balance": 1}])
def test_botplatform_me_bad(botplatform, body):
    botplatform.bearer(bot_register(botplatform).json()["access_token"])
    assert botplatform.patch("/api/v1/users/me", json=body).status_code == 422


def test_botplatform_health(botplatform):
    body = botplatform.get("/health").json()
    assert body["status"] == "healthy" and body["version"] == "1.0.0"
    assert isinstance(body["environment"], str)
    body = botplatform.get("/api/v1/health").json()
    assert body["status"] == "healthy" and Z_TIME.match(body["timestamp"])


# ---- amarktai -------------------------------------------------------------


def test_amarktai_register_and_login(stack, client):
    email = new_email()
    reply = client.post("/api/auth/register", json={
        "email": email, "password": PASSWORD, "first_name": "John"})
    assert reply.status_code == 200
    body = reply.json()
    assert works(stack, body["token"])
    assert body["user"] == {
        "id": body["user"]["id"], "email": email, "first_name": "John",
        "currency": "ZAR", "system_mode": "testing", "two_factor_enabled": False}
    reply = client.post("/api/auth/login", json={"email": email, "password": PASSWORD})
    assert reply.status_code == 200
    assert reply.json()["user"] == {"id": body["user"]["id"], "email": email,
                                    "first_name": "John"}
    bad = client.post("/api/auth/login", json={"email": email, "password": "x" * 12})
    assert bad.status_code == 401
    assert bad.json()["success"] is False and Z_TIME.match(bad.json()["timestamp"])


@pytest.mark.parametrize("field", ["email", "password", "first_name"])
def test_amarktai_register_missing(client, field):
    body = {"email": new_email(), "password": PASSWORD, "first_name": "John"}
    del body[field]
    reply = client.post("/api/auth/register", json=body)
    assert reply.status_code == 400
    assert reply.json()["error_code"] == "VALIDATION_ERROR"


def test_invite_codes(stack, client):
    def register(code):
        return client.post("/api/auth/register", json={
            "email": new_email(), "password": PASSWORD, "first_name": "John",
            "invite_code": code}).status_code

    code = stack.ctl("invite", "create", "--uses", "2").strip()
    assert [register(code) for _ in range(3)] == [200, 200, 403]
    assert register("no such code") == 403


def test_amarktai_ping(client):
    body = client.get("/api/system/ping").json()
    assert body["status"] == "ok" and Z_TIME.match(body["timestamp"])


def test_amarktai_admin_users(stack, client):
    person, admin = Person(stack), Person(stack, role="admin")
    assert client.get("/api/admin/users").status_code == 401
    assert person.client.get("/api/admin/users").status_code == 403
    assert Person(stack, role="operator").client.get(
        "/api/admin/users").status_code == 403
    body = admin.client.get("/api/admin/users").json()
    assert body["success"] is True
    rows = {row["email"]: row for row in body["users"]}
    assert rows[person.email]["is_admin"] is False
    assert rows[admin.email]["is_admin"] is True
    assert rows[person.email]["id"] == person.id
    assert Z_TIME.match(rows[person.email]["created_at"])
    assert "argon2" not in str(body)


# ---- quantenergx ----------------------------------------------------------


def energy_register(client, **fields):
    return client.post("/v1/auth/register", json={
        "email": new_email(), "password": PASSWORD, **fields})


def test_quantenergx_register_login(stack, client):
    reply = energy_register(client, name="Ada Lovelace")
    assert reply.status_code == 201
    body = reply.json()
    assert works(stack, body["access_token"]) and body["expires_in"] == 3600
    user = body["user"]
    assert user["name"] == "Ada Lovelace" and user["role"] == "user"
    assert Z_TIME.match(user["created_at"])
    reply = client.post("/v1/auth/login", json={"email": user["email"],
                                                "password": PASSWORD})
    assert reply.status_code == 200
    assert reply.json()["user"]["id"] == user["id"]
    assert Z_TIME.match(reply.json()["user"]["last_login"])
    assert energy_register(client, email=user["email"]).status_code == 409
    assert energy_register(client, email="x").json()["error"]["code"] == \
        "VALIDATION_ERROR"


def test_quantenergx_name_is_never_null(client):
    body = energy_register(client).json()
    assert body["user"]["name"] == body["user"]["email"]


def test_quantenergx_refresh_logout(stack, client):
    body = energy_register(client).json()
    reply = client.post("/v1/auth/refresh",
                        json={"refresh_token": body["refresh_token"]})
    assert reply.status_code == 200
    client.bearer(reply.json()["access_token"])
    assert client.post("/v1/auth/logout").status_code == 200
    assert not works(stack, body["access_token"])


def test_quantenergx_logs(stack, client):
    body = energy_register(client).json()
    assert client.get("/v1/security/logs").status_code == 401
    client.bearer(body["access_token"])
    logs = client.get("/v1/security/logs").json()
    assert [row["action"] for row in logs["logs"]] == ["auth.login", "user.registered"]
    assert logs["total"] == 2 and logs["limit"] == 50 and logs["offset"] == 0
    assert {row["user_id"] for row in logs["logs"]} == {body["user"]["id"]}
    page = client.get("/v1/security/logs?limit=1&offset=1").json()
    assert [row["action"] for row in page["logs"]] == ["user.registered"]
    assert client.get("/v1/security/logs?limit=0").status_code == 400
    admin = Person(stack, role="admin")
    everybody = admin.client.get("/v1/security/logs?limit=100").json()
    assert everybody["total"] > 2
    assert len({row["user_id"] for row in everybody["logs"]}) > 1
