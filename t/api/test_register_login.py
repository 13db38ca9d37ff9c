# SPDX-License-Identifier: AGPL-3.0-or-later
"""Quantora "Authentication": POST /api/register, POST /api/login."""

import concurrent.futures
import re
import signal
import uuid

import pytest
from people import PASSWORD, Person, hold, new_email, same_answer
from requests.adapters import HTTPAdapter

Z_TIME = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")


def register(client, **fields):
    return client.post("/api/register",
                       json={"email": new_email(), "password": PASSWORD, **fields})


def login(client, name, password, **fields):
    return client.post("/api/login",
                       json={"email": name, "password": password, **fields})


# ---- Registering ----------------------------------------------------------


def test_register_shape(client):
    email = new_email()
    reply = register(client, email=email)
    assert reply.status_code == 200
    body = reply.json()
    assert body["success"] is True and body["error"] is None
    data = body["data"]
    assert uuid.UUID(data["id"])
    assert data["email"] == email
    assert Z_TIME.match(data["registered_at"])
    assert data["role"] == "user" and data["kyc_status"] == "none"
    assert "password" not in reply.text and "argon2" not in reply.text


BAD_EMAILS = ["", "x", "a@", "@example.com", "a@b", "a@@example.com", "a b@example.com",
              "a@exa mple.com", "a@-example.com", "a@example..com", "a@.com",
              ".a@example.com", "a..b@example.com", "a@example.com\n",
              "a" * 65 + "@example.com", "a@" + "b" * 260 + ".com", "robot:x"]


@pytest.mark.parametrize("email", BAD_EMAILS)
def test_register_bad_email(client, email):
    reply = register(client, email=email)
    assert reply.status_code == 400
    assert reply.json()["code"] == "VALIDATION_ERROR"


BAD_PASSWORDS = ["", "short77", "password", "PASSWORD", "12345678", "qwertyuiop",
                 "x" * 129, "ääää"]


@pytest.mark.parametrize("password", BAD_PASSWORDS)
def test_register_bad_password(client, password):
    assert register(client, password=password).status_code == 400


@pytest.mark.parametrize("fields", [
    {"email": None}, {"email": 1}, {"email": ["a@example.com"]}, {"email": True},
    {"password": None}, {"password": 12345678}, {"password": {}},
    {"role": "admin"}, {"balance": 5}, {"status": "active"},
    {"user_id": str(uuid.uuid4())}])
def test_register_refuses(client, fields):
    reply = register(client, **fields)
    assert reply.status_code == 400
    assert reply.json()["success"] is False and reply.json()["data"] is None


def test_register_ignores_other_fields(client):
    assert register(client, favourite="blue").status_code == 200


@pytest.mark.parametrize("body", [
    "", "{", "[]", "null", '"x"', '{"email": "a@example.com"', "{'a': 1}",
    '{"email":"a@example.com","email":"b@example.com","password":"0123456789x"}'])
def test_register_no_json(client, body):
    reply = client.request("POST", "/api/register", data=body,
                           headers={"Content-Type": "application/json"})
    assert reply.status_code == 400


def test_register_other_type_and_method(client):
    reply = client.request("POST", "/api/register", data="email=a",
                           headers={"Content-Type": "text/plain"})
    assert reply.status_code == 415
    reply = client.get("/api/register")
    assert reply.status_code == 405
    assert "POST" in reply.headers["Allow"] and "GET" not in reply.headers["Allow"]


def test_register_taken(client):
    email = new_email()
    assert register(client, email=email).status_code == 200
    for again in (email, email.upper(), email.capitalize()):
        reply = register(client, email=again)
        assert reply.status_code == 409 and reply.json()["code"] == "CONFLICT"


def test_register_username_taken(client):
    name = "trader" + uuid.uuid4().hex[:8]
    assert register(client, username=name).status_code == 200
    assert register(client, username=name.upper()).status_code == 409
    assert register(client, username="a name").status_code == 400


def test_nobody_takes_anothers_address_for_a_name(client):
    email = new_email()
    assert register(client, email=email).status_code == 200
    assert register(client, username=email).status_code == 400


def test_register_race(stack):
    email = new_email()

    def one(_):
        return register(stack.client(), email=email).status_code

    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        codes = list(pool.map(one, range(16)))
    assert codes.count(200) == 1
    assert set(codes) <= {200, 409, 429}


# ---- Logging in -----------------------------------------------------------


def test_login_shape(client):
    email = new_email()
    register(client, email=email)
    body = login(client, email, PASSWORD).json()
    assert body["success"] is True and body["error"] is None
    assert body["data"].count(".") == 2
    client.bearer(body["data"])
    assert client.get("/api/withdrawals").status_code == 200


def test_login_by_either_name(client):
    email, name = new_email(), "name" + uuid.uuid4().hex[:8]
    register(client, email=email, username=name)
    for field in ("email", "username"):
        for value in (email, name, email.upper(), name.upper()):
            reply = client.post("/api/login",
                                json={field: value, "password": PASSWORD})
            assert reply.status_code == 200, (field, value)


def test_long_password_is_not_cut(client):
    email, password = new_email(), "ä" * 127 + "b"
    assert register(client, email=email, password=password).status_code == 200
    assert login(client, email, password).status_code == 200
    assert login(client, email, "ä" * 127 + "c").status_code == 401
    assert login(client, email, "ä" * 127).status_code == 401


def test_failures_look_alike(stack, client):
    locked = Person(stack)
    stack.ctl("user", "lock", locked.email)
    email = new_email()
    register(client, email=email)
    wrong = login(client, email, "wrong horse battery")
    unknown = login(client, new_email(), "wrong horse battery")
    shut = login(client, locked.email, PASSWORD)
    assert wrong.status_code == 401
    assert wrong.json()["code"] == "UNAUTHORIZED"
    assert same_answer(wrong, unknown)
    assert same_answer(wrong, shut)


@pytest.mark.parametrize("fields", [
    {"email": None}, {"password": None}, {"email": 5}, {"password": 5},
    {"password": ""}])
def test_login_bad_fields(client, fields):
    reply = client.post("/api/login", json={"email": "a@example.com",
                                            "password": PASSWORD, **fields})
    assert reply.status_code == 400


@pytest.mark.parametrize("known", [True, False])
def test_failures_delay(stack, known):
    """From the tenth failure on nothing is tried for a while, whoever asks."""
    client = stack.client()
    person = Person(stack) if known else None
    email = person.email if known else new_email()
    codes = [login(client, email, f"wrong {i} horse").status_code for i in range(10)]
    assert codes == [401] * 10
    hold(stack)
    reply = login(client, email, PASSWORD)
    assert reply.status_code == 429
    assert int(reply.headers["Retry-After"]) >= 1
    if known:  # who is in stays in
        assert person.client.get("/api/withdrawals").status_code == 200
        # Counted for the account, whichever name was tried.
        assert login(client, email.upper(), PASSWORD).status_code == 429


def from_address(stack, address):
    """A client whose requests come from ADDRESS, one of this machine's."""
    client = stack.client()

    class Bound(HTTPAdapter):
        def init_poolmanager(self, *args, **named):
            super().init_poolmanager(*args, source_address=(address, 0), **named)
    client.session.mount("http://", Bound())
    return client


def test_strangers_do_not_keep_the_owner_out(stack):
    """Where he has logged in before, only what goes wrong there is counted."""
    owner = Person(stack)  # who logs in from 127.0.0.1
    home, away = stack.client(), from_address(stack, "127.0.0.2")
    other = from_address(stack, "127.0.0.3")
    codes = [login(away, owner.email, f"wrong {i} horse").status_code
             for i in range(10)]
    assert codes == [401] * 10
    hold(stack)
    assert login(away, owner.email, PASSWORD).status_code == 429
    assert login(other, owner.email, PASSWORD).status_code == 429
    assert login(home, owner.email, PASSWORD).status_code == 200
    # That he was right does not give the strangers new tries.
    assert login(away, owner.email, PASSWORD).status_code == 429
    # Neither are those without end who come from where he is.
    codes = [login(home, owner.email, f"wrong {i} horse").status_code
             for i in range(10)]
    assert codes == [401] * 10
    hold(stack)
    assert login(home, owner.email, PASSWORD).status_code == 429
    # Who is in can prove that he is it all the same.
    reply = owner.client.post("/api/auth/password", json={
        "old_password": "not this one", "new_password": "a new password of mine"})
    assert reply.status_code == 403


def test_a_new_address_becomes_known(stack):
    owner = Person(stack)
    away = from_address(stack, "127.0.0.2")
    assert login(away, owner.email, PASSWORD).status_code == 200
    stranger = from_address(stack, "127.0.0.3")
    for i in range(10):
        login(stranger, owner.email, f"wrong {i} horse")
    hold(stack)
    assert login(stranger, owner.email, PASSWORD).status_code == 429
    assert login(away, owner.email, PASSWORD).status_code == 200
    # But not for ever.
    stack.sql("UPDATE sessions SET created_at = created_at - INTERVAL 91 DAY "
              "WHERE ip = '127.0.0.2' AND user_id = (SELECT id FROM users "
              "WHERE email = %s)", owner.email)
    assert login(away, owner.email, PASSWORD).status_code == 429


def test_registering_and_failing_is_audited(stack, client):
    email = new_email()
    user = register(client, email=email).json()["data"]["id"].replace("-", "")
    login(client, email, "wrong horse battery")
    login(client, email, PASSWORD)
    rows = stack.sql(
        "SELECT a.action, a.outcome FROM audit_log a JOIN users u ON u.id = a.user_id "
        "WHERE u.public_id = UNHEX(%s) ORDER BY a.id", user)
    assert rows == (("user.registered", "ok"), ("auth.login", "refused"),
                    ("auth.login", "ok"))


def test_register_without_the_matcher(stack, client):
    """He is registered, and becomes known to the core when it is back."""
    email = new_email()
    stack.kill("matcherd", signal.SIGSTOP)
    try:
        reply = register(client, email=email)
        assert reply.status_code == 200
        assert login(client, email, PASSWORD).status_code == 503
    finally:
        stack.kill("matcherd", signal.SIGCONT)
    reply = login(client, email, PASSWORD)
    assert reply.status_code == 200
    client.bearer(reply.json()["data"])
    assert client.get("/api/withdrawals").status_code == 200
