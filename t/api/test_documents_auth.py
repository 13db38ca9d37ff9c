# SPDX-License-Identifier: AGPL-3.0-or-later
"""Each document's authentication, by a client that knows the document alone.

What stands in a document's example is sent and expected as it stands there:
names, types, status; and every way to be refused, in that document's words.
"""

import uuid

import pytest
from people import PASSWORD, Person, new_email, totp
from shapes import BOOL, FULL, INT, JWT, OBJECT, TEXT, TIME, UUID, Maybe, check

# ---- What each document says ----------------------------------------------------

ERRORS = {
    "quantora": {"success": False, "data": None, "error": FULL},
    "interfaces": {"error": {"code": FULL, "message": FULL, "details": OBJECT}},
    "amarktai": {"success": False, "error": FULL, "error_code": FULL,
                 "timestamp": TIME},
    "quantenergx": {"error": {"code": FULL, "message": FULL, "details": OBJECT}},
    "botplatform": {"detail": FULL, "code": FULL, "timestamp": TIME},
}
ERROR_422 = {"detail": [{"loc": [TEXT], "msg": FULL, "type": FULL}]}

BOT_USER = {"id": UUID, "username": FULL, "email": FULL, "full_name": TEXT,
            "is_active": BOOL}
BOT_LOGIN = {"access_token": JWT, "refresh_token": FULL, "token_type": "bearer",
             "user": BOT_USER}
ENERGY_LOGIN = {"access_token": JWT, "refresh_token": FULL, "expires_in": 3600,
                "user": {"id": UUID, "email": FULL, "name": FULL, "role": "user",
                         "created_at": TIME, "last_login": Maybe(TIME)}}

REGISTER = {
    "quantora": ("/api/register", lambda name: {
        "email": f"{name}@example.com", "password": PASSWORD}, 200,
        {"success": True, "error": None, "data": {
            "id": UUID, "email": FULL, "registered_at": TIME}}),
    "amarktai": ("/api/auth/register", lambda name: {
        "email": f"{name}@example.com", "password": PASSWORD,
        "first_name": "John"}, 200,
        {"token": JWT, "user": {
            "id": UUID, "email": FULL, "first_name": "John", "currency": "ZAR",
            "system_mode": "testing", "two_factor_enabled": False}}),
    "quantenergx": ("/v1/auth/register", lambda name: {
        "email": f"{name}@example.com", "password": PASSWORD}, 201, ENERGY_LOGIN),
    "botplatform": ("/api/v1/auth/register", lambda name: {
        "username": name, "email": f"{name}@example.com", "password": PASSWORD,
        "full_name": "John Trader"}, 201, BOT_LOGIN),
}

# path, the field for a name, the field for a code, the reply
LOGIN = {
    "quantora": ("/api/login", "email", "totp_code",
                 {"success": True, "data": JWT, "error": None}),
    "interfaces": ("/api/v1/auth/login", "username", "mfa_token", {
        "access_token": JWT, "refresh_token": FULL, "expires_in": 3600,
        "user": {"id": INT, "username": FULL, "email": FULL}}),
    "amarktai": ("/api/auth/login", "email", "totp_code", {
        "token": JWT, "user": {"id": UUID, "email": FULL, "first_name": TEXT}}),
    "quantenergx": ("/v1/auth/login", "email", "totp_code", ENERGY_LOGIN),
    "botplatform": ("/api/v1/auth/login", "username", "totp_code", BOT_LOGIN),
}

REFRESH = {
    "interfaces": ("/api/v1/auth/refresh", {"access_token": JWT, "expires_in": 3600}),
    "quantenergx": ("/v1/auth/refresh", {"access_token": JWT, "refresh_token": FULL,
                                         "expires_in": 3600}),
    "botplatform": ("/api/v1/auth/refresh", {"access_token": JWT,
                                             "token_type": "bearer"}),
}

LOGOUT = {"interfaces": "/api/v1/auth/logout", "quantenergx": "/v1/auth/logout"}

# Any path of the document that needs a token.
OWN = {"quantora": "/api/orders", "interfaces": "/api/v1/strategies",
       "amarktai": "/api/auth/sessions", "quantenergx": "/v1/security/logs",
       "botplatform": "/api/v1/users/me"}
NO_TOKEN = {"amarktai": "AUTH_REQUIRED", "botplatform": "INVALID_TOKEN"}
BAD_TOKEN = {"amarktai": "AUTH_INVALID", "botplatform": "INVALID_TOKEN"}

EDITIONS = sorted(LOGIN)
# The two that share a prefix are told apart by the host, or by this header.
SHARED = {"interfaces", "botplatform"}


def client_of(stack, edition):
    return stack.client(edition if edition in SHARED else None)


def code_of(edition, body):
    if edition in ("quantora", "botplatform"):
        return body["code"]
    return body["error_code"] if edition == "amarktai" else body["error"]["code"]


def answers(reply, status, shape):
    assert reply.status_code == status, reply.text
    assert reply.headers["Content-Type"].split(";")[0] == "application/json"
    assert reply.headers["X-Request-Id"]
    assert reply.headers["Cache-Control"] == "no-store"
    check(reply.json(), shape)
    return reply.json()


def refuses(edition, reply, status, code=None):
    body = answers(reply, status, ERRORS[edition] if status != 422 else ERROR_422)
    if code:
        assert code_of(edition, body) == code
    return body


def log_in(client, edition, person, **fields):
    path, name, _, _ = LOGIN[edition]
    return client.post(path, json={name: person.email, "password": person.password,
                                   **fields})


def token_of(edition, body):
    return body["data" if edition == "quantora" else
                "token" if edition == "amarktai" else "access_token"]


# ---- Registering ------------------------------------------------------------------

@pytest.mark.parametrize("edition", sorted(REGISTER))
def test_register(stack, edition):
    client = client_of(stack, edition)
    path, body_of, status, shape = REGISTER[edition]
    sent = body_of("trader" + uuid.uuid4().hex[:10])
    body = answers(client.post(path, json=sent), status, shape)
    user = body["data"] if edition == "quantora" else body["user"]
    assert {k: user[k] for k in sent if k in user} == {
        k: v for k, v in sent.items() if k in user}
    if edition != "quantora":  # who registers is logged in
        client.bearer(token_of(edition, body))
        assert client.get(OWN[edition]).status_code == 200
    # The same again is taken.
    refuses(edition, client.post(path, json=sent), 409, "CONFLICT")


@pytest.mark.parametrize("edition,field", [
    (edition, field) for edition in sorted(REGISTER)
    for field in REGISTER[edition][1]("x") if field != "full_name"])
def test_register_without_a_field(stack, edition, field):
    path, body_of, _, _ = REGISTER[edition]
    for value in (None, "", 5, ["x"], {}):
        sent = {**body_of("trader" + uuid.uuid4().hex[:10]), field: value}
        reply = client_of(stack, edition).post(path, json=sent)
        if edition == "botplatform":
            body = refuses(edition, reply, 422)
            assert body["detail"][0]["loc"] == ["body", field]
        else:
            refuses(edition, reply, 400, "VALIDATION_ERROR")


@pytest.mark.parametrize("edition", sorted(REGISTER))
def test_nobody_registers_as_more_than_a_user(stack, edition):
    path, body_of, _, _ = REGISTER[edition]
    status = 422 if edition == "botplatform" else 400
    for name, value in (("role", "admin"), ("balance", 1000000),
                        ("status", "active"), ("user_id", str(uuid.uuid4()))):
        sent = {**body_of("trader" + uuid.uuid4().hex[:10]), name: value}
        refuses(edition, client_of(stack, edition).post(path, json=sent), status)


# ---- Logging in -------------------------------------------------------------------

@pytest.mark.parametrize("edition", EDITIONS)
def test_login(stack, edition):
    person, client = Person(stack), client_of(stack, edition)
    body = answers(log_in(client, edition, person), 200, LOGIN[edition][3])
    if "user" in body:
        assert body["user"]["email"] == person.email
    # The token is good everywhere, in each document's words.
    for other in EDITIONS:
        asking = client_of(stack, other)
        asking.bearer(token_of(edition, body))
        assert asking.get(OWN[other]).status_code == 200


@pytest.mark.parametrize("edition", EDITIONS)
def test_login_by_the_other_name(stack, edition):
    """E-mail or username, in either of the fields, in any case."""
    name = "trader" + uuid.uuid4().hex[:10]
    path, body_of, _, _ = REGISTER["botplatform"]
    stack.client("botplatform").post(path, json=body_of(name))
    client = client_of(stack, edition)
    for field in ("email", "username"):
        for value in (name, f"{name}@example.com", name.upper()):
            reply = client.post(LOGIN[edition][0], json={
                field: value, "password": PASSWORD})
            assert reply.status_code == 200, (field, value, reply.text)


@pytest.mark.parametrize("edition", EDITIONS)
def test_login_refused(stack, edition):
    person, client = Person(stack), client_of(stack, edition)
    path, name, _, _ = LOGIN[edition]
    wrong = log_in(client, edition, person, password="wrong horse battery")
    refuses(edition, wrong, 401)
    unknown = client.post(path, json={name: new_email(), "password": PASSWORD})
    assert refuses(edition, unknown, 401).keys() == wrong.json().keys()
    assert code_of(edition, unknown.json()) == code_of(edition, wrong.json())
    for field in (name, "password"):
        for value in (None, 5, "", ["x"]):
            reply = log_in(client, edition, person, **{field: value})
            refuses(edition, reply, 422 if edition == "botplatform" else 400)
    for text, status in (("{", 400), ("[]", 400), ('{"a":1,"a":2}', 400), ("", None)):
        reply = client.request("POST", path, data=text or None,
                               headers={"Content-Type": "application/json"})
        refuses(edition, reply, status or (422 if edition == "botplatform" else 400))
    reply = client.request("POST", path, data="x=1", headers={
        "Content-Type": "application/x-www-form-urlencoded"})
    refuses(edition, reply, 415)
    reply = client.request("PUT", path, json={})
    refuses(edition, reply, 405, "METHOD_NOT_ALLOWED")
    assert "POST" in reply.headers["Allow"]


@pytest.mark.parametrize("edition", EDITIONS)
def test_login_with_a_code(stack, edition):
    """The document's own field for it; without one: 401 that says what for."""
    person, client = Person(stack, otp=True), client_of(stack, edition)
    _, _, field, shape = LOGIN[edition]
    refuses(edition, log_in(client, edition, person), 401, "TOTP_REQUIRED")
    refuses(edition, log_in(client, edition, person, **{field: "000000"}), 401,
            "TOTP_REQUIRED")
    # Who has the wrong password hears nothing of a code.
    refuses(edition, log_in(client, edition, person, password="wrong horse",
                            **{field: person.code(1)}), 401,
            "UNAUTHORIZED" if edition not in ("amarktai", "botplatform") else None)
    answers(log_in(client, edition, person, **{field: person.code(1)}), 200, shape)


# ---- Tokens -----------------------------------------------------------------------

@pytest.mark.parametrize("edition", EDITIONS)
def test_without_a_token(stack, edition):
    client = client_of(stack, edition)
    reply = client.get(OWN[edition])
    refuses(edition, reply, 401, NO_TOKEN.get(edition, "UNAUTHORIZED"))
    for value in ("Bearer", "Bearer ", "Bearer x", "Bearer a.b.c", "Basic eDp5",
                  "bearer eyJhbGciOiJub25lIn0.e30."):
        reply = client.request("GET", OWN[edition], headers={"Authorization": value})
        refuses(edition, reply, 401)
    client.bearer("eyJhbGciOiJub25lIn0.e30.")
    refuses(edition, client.get(OWN[edition]), 401,
            BAD_TOKEN.get(edition, "UNAUTHORIZED"))


@pytest.mark.parametrize("edition", EDITIONS)
def test_a_locked_account(stack, edition):
    person, client = Person(stack), client_of(stack, edition)
    client.bearer(person.client.token)
    assert client.get(OWN[edition]).status_code == 200
    stack.ctl("user", "lock", person.email)
    refuses(edition, client.get(OWN[edition]), 403, "ACCOUNT_LOCKED")
    wrong = log_in(client_of(stack, edition), edition, person, password="not it at all")
    right = log_in(client_of(stack, edition), edition, person)
    refuses(edition, right, 401)
    assert code_of(edition, right.json()) == code_of(edition, wrong.json())


@pytest.mark.parametrize("edition", sorted(REFRESH))
def test_refresh(stack, edition):
    person, client = Person(stack), client_of(stack, edition)
    first = log_in(client, edition, person).json()["refresh_token"]
    path, shape = REFRESH[edition]
    body = answers(client.post(path, json={"refresh_token": first}), 200, shape)
    client.bearer(body["access_token"])
    assert client.get(OWN[edition]).status_code == 200
    # The next one is in the reply, also where the document shows none.
    check(body, {"refresh_token": FULL})
    answers(client.post(path, json={"refresh_token": body["refresh_token"]}),
            200, shape)
    refuses(edition, client.post(path, json={"refresh_token": first}), 401)
    for value in (None, "", 5):
        refuses(edition, client.post(path, json={"refresh_token": value}),
                422 if edition == "botplatform" else 400)


@pytest.mark.parametrize("edition", sorted(LOGOUT))
def test_logout(stack, edition):
    person, client = Person(stack), client_of(stack, edition)
    tokens = log_in(client, edition, person).json()
    refuses(edition, client.post(LOGOUT[edition]), 401)
    client.bearer(tokens["access_token"])
    body = answers(client.post(LOGOUT[edition], json={
        "refresh_token": tokens["refresh_token"]}), 200, {"message": FULL})
    if edition == "interfaces":
        assert body == {"message": "Successfully logged out"}
    refuses(edition, client.get(OWN[edition]), 401)
    refuses(edition, client.post(REFRESH[edition][0], json={
        "refresh_token": tokens["refresh_token"]}), 401)


# ---- What single documents have -----------------------------------------------------

def test_botplatform_profile(stack):
    client = stack.client("botplatform")
    client.bearer(Person(stack).client.token)
    profile = {**BOT_USER, "preferences": OBJECT, "created_at": TIME}
    before = answers(client.get("/api/v1/users/me"), 200, profile)
    change = {"full_name": "John Updated", "preferences": {"theme": "light"}}
    after = answers(client.patch("/api/v1/users/me", json=change), 200, profile)
    assert after == {**before, **change}


def test_amarktai_second_factor(stack):
    """As the document has it: enroll, verify, and a code at the next log-in."""
    person, client = Person(stack), stack.client()
    client.bearer(person.client.token)
    refuses("amarktai", stack.client().post("/api/auth/2fa/enroll"), 401,
            "AUTH_REQUIRED")
    body = answers(client.post("/api/auth/2fa/enroll"), 200, {
        "success": True, "secret": FULL, "provisioning_uri": FULL, "qr_code": FULL})
    assert body["provisioning_uri"].startswith("otpauth://totp/")
    assert f"secret={body['secret']}" in body["provisioning_uri"]
    assert body["qr_code"].startswith("data:image/png;base64,")
    refuses("amarktai", client.post("/api/auth/2fa/verify", json={}), 400,
            "VALIDATION_ERROR")
    done = answers(client.post("/api/auth/2fa/verify", json={
        "totp_code": totp(body["secret"])}), 200,
        {"success": True, "message": "2FA enabled successfully"})
    assert done
    assert client.get("/api/auth/sessions").status_code == 200
    refuses("amarktai", log_in(stack.client(), "amarktai", person), 401,
            "TOTP_REQUIRED")
    reply = log_in(stack.client(), "amarktai", person,
                   totp_code=totp(body["secret"], 1))
    assert reply.status_code == 200
