# SPDX-License-Identifier: AGPL-3.0-or-later
"""Tokens that are not ours, not for this, or not any more: 401 each."""

import base64
import glob
import hashlib
import hmac
import json
import os
import time
import uuid

import pytest
from people import Person

PATH = "/api/withdrawals"


@pytest.fixture(scope="module")
def person(stack):
    return Person(stack)


@pytest.fixture(scope="module")
def key(stack):
    """The key that signs: its kid and bytes."""
    path = sorted(glob.glob(f"{stack.run_dir}/secrets/jwt/*.key"))[-1]
    with open(path) as f:
        return os.path.basename(path)[:-4], bytes.fromhex(f.read().strip())


def b64(data):
    if not isinstance(data, bytes):
        data = json.dumps(data).encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def unb64(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def sign(header, claims, secret, digest=hashlib.sha256):
    head = b64(header) + b"." + b64(claims)
    return (head + b"." + b64(hmac.new(secret, head, digest).digest())).decode()


def ask(stack, token):
    client = stack.client()
    client.bearer(token)
    return client.get(PATH).status_code


def claims_of(person):
    return json.loads(unb64(person.client.token.split(".")[1]))


def test_ours_is_good(stack, person, key):
    header = {"alg": "HS256", "typ": "JWT", "kid": key[0]}
    assert ask(stack, person.client.token) == 200
    assert ask(stack, sign(header, claims_of(person), key[1])) == 200


HEADERS = {
    "none": {"alg": "none"},
    "no alg": {"alg": None},
    "HS512": {"alg": "HS512"},
    "RS256": {"alg": "RS256"},
    "crit": {"crit": ["exp"]},
    "jku": {"jku": "https://example.com/keys"},
    "x5u": {"x5u": "https://example.com/cert"},
    "jwk": {"jwk": {"kty": "oct", "k": "AAAA"}},
    "unknown kid": {"kid": "20200101T000000-00000000"},
    "path in kid": {"kid": "../jwt/x"},
    "kid of a device": {"kid": "/dev/null"},
    "no kid": {"kid": None},
}


@pytest.mark.parametrize("change", HEADERS.values(), ids=HEADERS)
def test_headers(stack, person, key, change):
    header = {"alg": "HS256", "typ": "JWT", "kid": key[0], **change}
    assert ask(stack, sign(header, claims_of(person), key[1])) == 401


def test_hs512_signed_with_our_key(stack, person, key):
    header = {"alg": "HS512", "typ": "JWT", "kid": key[0]}
    assert ask(stack, sign(header, claims_of(person), key[1], hashlib.sha512)) == 401


def after(**seconds):
    """Claims that far from when they are made, which may be long after this file
    was read."""
    return lambda: {name: int(time.time()) + s for name, s in seconds.items()}


CLAIMS = {
    "expired": after(exp=-1),
    "no exp": {"exp": None},
    "not yet": after(nbf=600),
    "issued in the future": after(iat=600, nbf=600, exp=1200),
    "other audience": {"aud": "else"},
    "other issuer": {"iss": "else"},
    "refresh": {"use": "refresh"},
    "stream": {"use": "stream"},
    "old epoch": {"epo": 0},
    "later epoch": {"epo": 2},
    "unknown user": {"uno": 268435000},
    "nobody": {"uno": 0},
    "text for a number": {"uno": "1"},
    "no session": {"sid": None},
    "no subject": {"sub": None},
}


@pytest.mark.parametrize("change", CLAIMS.values(), ids=CLAIMS)
def test_claims(stack, person, key, change):
    header = {"alg": "HS256", "typ": "JWT", "kid": key[0]}
    change = change() if callable(change) else change
    token = sign(header, {**claims_of(person), **change}, key[1])
    assert ask(stack, token) == 401


@pytest.mark.parametrize("token", [
    "", "x", "..", "a.b.c", "null", "undefined", "Bearer", "' OR 1=1 --",
    "eyJhbGciOiJub25lIn0.e30.", "x" * 5000])
def test_rubbish(stack, token):
    assert ask(stack, token) == 401


def test_a_changed_byte(stack, person):
    head, claims, signature = person.client.token.split(".")
    flipped = ("A" if signature[0] != "A" else "B") + signature[1:]
    assert ask(stack, f"{head}.{claims}.{flipped}") == 401
    admin = b64({**json.loads(unb64(claims)), "role": "admin"}).decode()
    assert ask(stack, f"{head}.{admin}.{signature}") == 401


def test_no_token(client):
    reply = client.get(PATH)
    assert reply.status_code == 401 and reply.json()["success"] is False


@pytest.mark.parametrize("scheme", ["Basic", "Token", ""])
def test_other_schemes(stack, person, scheme):
    client = stack.client()
    client.session.headers["Authorization"] = f"{scheme} {person.client.token}".strip()
    assert client.get(PATH).status_code == 401


def test_the_role_is_not_taken_from_the_token(stack, person, key):
    """Signed by us it may be: what counts is what the core knows now."""
    header = {"alg": "HS256", "typ": "JWT", "kid": key[0]}
    claims = {**claims_of(person), "role": "admin", "amr": ["pwd", "otp"]}
    client = stack.client()
    client.bearer(sign(header, claims, key[1]))
    reply = client.post("/admin/user", json={"user_id": person.id})
    assert reply.status_code == 403


def test_rotation(stack):
    """A new key signs at once; what the old one signed goes on."""
    person = Person(stack)
    before = person.client.token
    kid = os.path.basename(stack.ctl("secrets", "rotate").split()[1])[:-4]
    after = person.login().token
    assert json.loads(unb64(after.split(".")[0]))["kid"] == kid
    for _ in range(12):  # whichever worker answers
        assert ask(stack, after) == 200
        assert ask(stack, before) == 200


def test_another_session_is_another(stack):
    person = Person(stack)
    other = person.login()
    assert person.client.post("/api/auth/logout").status_code == 200
    assert person.client.get(PATH).status_code == 401
    assert other.get(PATH).status_code == 200


def test_sessions(stack):
    person = Person(stack)
    other = person.login()
    body = person.client.get("/api/auth/sessions").json()
    assert body["success"] is True and body["total"] == 2
    current = [s["id"] for s in body["sessions"] if s["current"]]
    rest = [s["id"] for s in body["sessions"] if not s["current"]]
    assert len(current) == 1 and len(rest) == 1
    stranger = Person(stack)
    theirs = stranger.client.delete(f"/api/auth/sessions/{rest[0]}")
    nothing = stranger.client.delete(f"/api/auth/sessions/{uuid.uuid4()}")
    assert theirs.status_code == nothing.status_code == 404
    assert theirs.json()["error"] == nothing.json()["error"]
    assert other.get(PATH).status_code == 200
    assert person.client.delete(f"/api/auth/sessions/{rest[0]}").status_code == 200
    assert other.get(PATH).status_code == 401
    assert person.client.delete(f"/api/auth/sessions/{rest[0]}").status_code == 404
    assert person.client.get(PATH).status_code == 200


def test_password_change(stack):
    person = Person(stack)
    other = person.login()
    change = "/api/auth/password"
    new = "another horse battery"
    assert person.client.post(change, json={
        "current_password": "wrong horse", "new_password": new}).status_code == 403
    assert person.client.post(change, json={
        "current_password": person.password,
        "new_password": "password"}).status_code == 400
    reply = person.client.post(change, json={
        "current_password": person.password, "new_password": new})
    assert reply.status_code == 200 and reply.json()["success"] is True
    assert other.get(PATH).status_code == 401
    assert person.client.get(PATH).status_code == 401
    assert ask(stack, reply.json()["token"]) == 200
    old, person.password = person.password, new
    assert stack.client().post("/api/login", json={
        "email": person.email, "password": old}).status_code == 401
    assert person.login().get(PATH).status_code == 200
