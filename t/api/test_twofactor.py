# SPDX-License-Identifier: AGPL-3.0-or-later
"""Amarktai's second factor: enroll, verify, and what a code is good for."""

import base64
import concurrent.futures
import re
import time

import pytest
import quantora
from people import PASSWORD, STEP_S, Person, hold, totp

PATH = "/api/withdrawals"
ENROLL = "/api/auth/2fa/enroll"
VERIFY = "/api/auth/2fa/verify"


def wrong(secret):
    """Six digits that are no code of this minute."""
    good = {totp(secret, offset) for offset in range(-3, 4)}
    return next(f"{n:06}" for n in range(10) if f"{n:06}" not in good)


def enroll(person):
    reply = person.client.post(ENROLL)
    assert reply.status_code == 200
    return reply.json()


def set_up(person):
    """The recovery codes; PERSON's client has the token that has otp."""
    secret = enroll(person)["secret"]

    def verified():
        """By the last code, so that today's is not used; once more at its end."""
        now = time.time()
        reply = person.client.post(VERIFY, json={"totp_code": totp(secret, -1, now)})
        assert reply.status_code == 200 or now // STEP_S < time.time() // STEP_S
        return reply.status_code == 200 and reply
    reply = quantora.wait_until(verified)
    person.secret = secret
    person.client.bearer(reply.json()["token"])
    return reply.json()["recovery_codes"]


def login(stack, person, **fields):
    return stack.client().post("/api/login", json={
        "email": person.email, "password": person.password, **fields})


# ---- Setting up -----------------------------------------------------------


def test_enroll_shape(stack):
    person = Person(stack)
    body = enroll(person)
    assert body["success"] is True
    assert re.fullmatch(r"[A-Z2-7]{32}", body["secret"])
    assert body["provisioning_uri"] == (
        f"otpauth://totp/Amarktai:{person.email}?secret={body['secret']}"
        "&issuer=Amarktai")
    prefix = "data:image/png;base64,"
    assert body["qr_code"].startswith(prefix)
    assert base64.b64decode(body["qr_code"][len(prefix):]).startswith(b"\x89PNG\r\n")
    again = enroll(person)
    assert again["secret"] != body["secret"]
    # Only the last one is pending.
    code = totp(body["secret"])
    assert person.client.post(VERIFY, json={"totp_code": code}).status_code == 400


def test_needs_a_token(client):
    for path in (ENROLL, VERIFY):
        reply = client.post(path, json={"totp_code": "123456"})
        assert reply.status_code == 401
        body = reply.json()
        assert body["success"] is False and body["error_code"] == "AUTH_REQUIRED"


def test_verify_without_enrolment(stack):
    person = Person(stack)
    reply = person.client.post(VERIFY, json={"totp_code": "123456"})
    assert reply.status_code == 409


@pytest.mark.parametrize("body", [
    {}, {"totp_code": None}, {"totp_code": ""}, {"totp_code": 123456},
    {"totp_code": "12345"}, {"totp_code": "abcdef"}, {"totp_code": "1" * 33}])
def test_verify_bad_codes(stack, body):
    person = Person(stack)
    enroll(person)
    reply = person.client.post(VERIFY, json=body)
    assert reply.status_code == 400
    assert reply.json()["error_code"] == "VALIDATION_ERROR"


def test_five_wrong_codes_end_the_enrolment(stack):
    person = Person(stack)
    secret = enroll(person)["secret"]
    for _ in range(5):
        reply = person.client.post(VERIFY, json={"totp_code": wrong(secret)})
        assert reply.status_code == 400
    reply = person.client.post(VERIFY, json={"totp_code": totp(secret)})
    assert reply.status_code == 409
    set_up(person)


def test_first_setting_keeps_the_present_session(stack):
    person = Person(stack)
    before, other = person.client.token, person.login()
    codes = set_up(person)
    assert len(set(codes)) == 10
    assert person.client.get(PATH).status_code == 200
    assert other.get(PATH).status_code == 401
    # The token that the session had goes on, as it was.
    client = stack.client()
    client.bearer(before)
    assert client.get(PATH).status_code == 200
    assert client.post("/api/withdrawal", json={
        "asset": "USD", "amount": 1, "address": "x"}).json()["code"] == "TOTP_REQUIRED"


# ---- Logging in -----------------------------------------------------------


def test_code_is_asked_for_after_the_password(stack):
    person = Person(stack)
    set_up(person)
    missing = login(stack, person)
    assert missing.status_code == 401 and missing.json()["code"] == "TOTP_REQUIRED"
    bad = login(stack, person, totp_code=wrong(person.secret))
    assert bad.status_code == 401 and bad.json()["code"] == "TOTP_REQUIRED"
    person.password = "wrong horse battery"
    reply = login(stack, person, totp_code=person.code())
    assert reply.status_code == 401 and reply.json()["code"] == "UNAUTHORIZED"
    person.password = PASSWORD
    assert login(stack, person, totp_code=person.code()).status_code == 200


@pytest.mark.parametrize("field", ["totp_code", "mfa_token"])
def test_code_under_either_name(stack, field):
    person = Person(stack)
    set_up(person)
    assert login(stack, person, **{field: person.code()}).status_code == 200


def test_a_used_code_and_an_older_one(stack):
    person = Person(stack)
    set_up(person)
    later = person.code(1)
    earlier = person.code()
    assert login(stack, person, totp_code=later).status_code == 200
    for code in (later, earlier):
        reply = login(stack, person, totp_code=code)
        assert reply.status_code == 401 and reply.json()["code"] == "TOTP_REQUIRED"


def test_codes_outside_the_window(stack):
    person = Person(stack)
    set_up(person)
    for offset in (-3, 3):
        assert login(stack, person, totp_code=person.code(offset)).status_code == 401


def test_one_of_64_identical_logins_wins(stack):
    person = Person(stack)
    set_up(person)
    code = person.code()

    def one(_):
        return login(stack, person, totp_code=code).status_code

    with concurrent.futures.ThreadPoolExecutor(64) as pool:
        codes = list(pool.map(one, range(64)))
    assert codes.count(200) == 1
    assert set(codes) <= {200, 401, 429}


def test_five_wrong_codes_end_the_try(stack):
    person = Person(stack)
    set_up(person)
    for _ in range(5):
        reply = login(stack, person, totp_code=wrong(person.secret))
        assert reply.status_code == 401
    hold(stack)
    reply = login(stack, person, totp_code=person.code())
    assert reply.status_code == 429 and int(reply.headers["Retry-After"]) >= 1
    assert person.client.get(PATH).status_code == 200


def test_recovery_codes_work_once(stack):
    person = Person(stack)
    codes = set_up(person)
    typed = codes[0].lower().replace("-", "")
    assert login(stack, person, totp_code=typed).status_code == 200
    assert login(stack, person, totp_code=codes[0]).status_code == 401
    assert login(stack, person, totp_code=codes[1]).status_code == 200


def test_secrets_are_not_stored_in_clear(stack):
    person = Person(stack)
    codes = set_up(person)
    (sealed, ), = stack.sql("SELECT totp_secret FROM users WHERE email = %s",
                            person.email)
    raw = base64.b32decode(person.secret)
    assert raw not in sealed and person.secret.encode() not in sealed
    hashes = stack.sql("SELECT r.hash FROM recovery_codes r "
                       "JOIN users u ON u.id = r.user_id WHERE u.email = %s",
                       person.email)
    assert len(hashes) == 10
    assert not any(codes[0].replace("-", "").encode() in h for (h, ) in hashes)


def test_a_swapped_seed_does_not_open(stack):
    """Another's sealed seed in one's row is of no use: the log-in fails."""
    person, thief = Person(stack), Person(stack)
    set_up(person)
    set_up(thief)
    stack.sql("UPDATE users a JOIN users b ON b.email = %s "
              "SET a.totp_secret = b.totp_secret WHERE a.email = %s",
              thief.email, person.email)
    reply = login(stack, person, totp_code=thief.code())
    assert reply.status_code == 500
    assert "seal" not in reply.text and "vault" not in reply.text


# ---- Changing it ----------------------------------------------------------


def test_enrolling_again_needs_password_and_code(stack):
    person = Person(stack)
    set_up(person)
    assert person.client.post(ENROLL).status_code == 409
    assert person.client.post(ENROLL, json={
        "password": "wrong horse", "totp_code": person.code()}).status_code == 403
    reply = person.client.post(ENROLL, json={
        "password": PASSWORD, "totp_code": wrong(person.secret)})
    assert reply.status_code == 403
    assert reply.json()["error_code"] == "TOTP_REQUIRED"
    reply = person.client.post(ENROLL, json={
        "password": PASSWORD, "totp_code": person.code()})
    assert reply.status_code == 200
    other = person.login(person.code(1))    # the old one still holds
    secret = reply.json()["secret"]
    reply = person.client.post(VERIFY, json={"totp_code": totp(secret)})
    assert reply.status_code == 200
    assert other.get(PATH).status_code == 401
    assert person.client.get(PATH).status_code == 200
    person.secret = secret
    assert login(stack, person, totp_code=totp(secret, 1)).status_code == 200


def test_disabling_needs_password_and_code(stack):
    person = Person(stack)
    set_up(person)
    path = "/api/auth/2fa/disable"
    assert person.client.post(path).status_code == 400
    assert person.client.post(path, json={
        "password": "wrong horse", "totp_code": person.code()}).status_code == 403
    assert person.client.post(path, json={
        "password": PASSWORD, "totp_code": wrong(person.secret)}).status_code == 403
    assert person.client.post(path, json={
        "password": PASSWORD, "totp_code": person.code()}).status_code == 200
    assert login(stack, person).status_code == 200
    assert person.client.post(path, json={
        "password": PASSWORD, "totp_code": "123456"}).status_code == 409


def test_new_recovery_codes(stack):
    person = Person(stack)
    old = set_up(person)
    reply = person.client.post("/api/auth/2fa/recovery-codes", json={
        "password": PASSWORD, "totp_code": person.code()})
    assert reply.status_code == 200
    new = reply.json()["recovery_codes"]
    assert len(new) == 10 and not set(new) & set(old)
    assert login(stack, person, totp_code=old[0]).status_code == 401
    assert login(stack, person, totp_code=new[0]).status_code == 200
