# SPDX-License-Identifier: AGPL-3.0-or-later
"""Withdrawals: asked for, held, decided; by Quantora's document and rulings."""

import concurrent.futures
import os
import signal
import struct
import time
import uuid

import pytest
import quantora
from people import PASSWORD, Person, same_answer, totp


@pytest.fixture(scope="module")
def operator(stack):
    return Person(stack, role="operator", otp=True)


@pytest.fixture(scope="module")
def second(stack):
    return Person(stack, role="operator", otp=True)


def customer(stack, **money):
    return Person(stack, otp=True, kyc="approved", money=money)


def request(person, asset="USD", amount="10", address="bank 1", client=None):
    return (client or person.client).post("/api/withdrawal", json={
        "asset": asset, "amount": amount, "address": address})


def pending_ids(operator):
    reply = operator.client.get("/admin/withdrawals/pending?limit=1000")
    assert reply.status_code == 200
    return [row["id"] for row in reply.json()["data"]]


def decide(by, verdict, withdrawal):
    return by.client.post(f"/admin/withdrawal/{verdict}",
                          json={"withdrawal_id": withdrawal})


def status_of(person, withdrawal):
    rows = person.client.get("/api/withdrawals").json()["data"]
    return next(row["status"] for row in rows if row["id"] == withdrawal)


# ---- Asking ---------------------------------------------------------------


def test_request_shape_and_hold(stack, operator):
    person = customer(stack, USD="100")
    reply = request(person, amount=30.5, address="IBAN ZA 1 é")
    assert reply.status_code == 200
    body = reply.json()
    assert body["success"] is True and body["error"] is None
    row = body["data"]
    assert row["user_id"] == person.id and row["asset"] == "USD"
    assert row["amount"] == 30.5 and row["address"] == "IBAN ZA 1 é"
    assert row["status"] == "pending"
    assert row["requested_at"].endswith("Z")
    assert person.balance("USD") == (69.5, 30.5)
    listed = operator.client.get("/admin/withdrawals/pending?limit=1000").json()
    found = next(r for r in listed["data"] if r["id"] == row["id"])
    assert {k: found[k] for k in ("id", "user_id", "asset", "amount", "address",
                                  "requested_at")} == \
        {k: row[k] for k in ("id", "user_id", "asset", "amount", "address",
                             "requested_at")}
    mine = person.client.get("/api/withdrawals").json()
    assert [r["id"] for r in mine["data"]] == [row["id"]] and mine["total"] == 1


def test_needs_a_second_factor(stack):
    person = Person(stack, kyc="approved", money={"USD": "100"})
    reply = request(person)
    assert reply.status_code == 403 and reply.json()["code"] == "TOTP_REQUIRED"
    assert person.balance("USD") == (100, 0)


@pytest.mark.parametrize("kyc", ["none", "pending", "rejected"])
def test_needs_kyc(stack, kyc):
    person = Person(stack, otp=True, kyc=kyc, money={"USD": "100"})
    reply = request(person)
    assert reply.status_code == 403 and reply.json()["code"] == "FORBIDDEN"
    assert person.balance("USD") == (100, 0)


@pytest.fixture(scope="module")
def rich(stack):
    return customer(stack, USD="100")


@pytest.mark.parametrize("fields", [
    {"asset": None}, {"asset": "DOGE"}, {"asset": "usd "}, {"asset": 5}, {"asset": ""},
    {"amount": None}, {"amount": 0}, {"amount": -1}, {"amount": "x"}, {"amount": "NaN"},
    {"amount": "1e400"}, {"amount": "0.000000001"}, {"amount": []}, {"amount": True},
    {"amount": "99999999999999999999"}, {"amount": "1e-9"},
    {"address": None}, {"address": ""}, {"address": "x" * 129}, {"address": 5},
    {"user_id": str(uuid.uuid4())}, {"status": "approved"},
    {"balance": 1}])
def test_bad_fields(stack, rich, fields):
    reply = rich.client.post("/api/withdrawal", json={
        "asset": "USD", "amount": "1", "address": "bank", **fields})
    assert reply.status_code == 400
    assert reply.json()["code"] == "VALIDATION_ERROR"


def test_bad_fields_held_nothing(rich):
    assert rich.balance("USD") == (100, 0)
    assert rich.client.get("/api/withdrawals").json()["data"] == []


def test_more_than_there_is(stack):
    person = customer(stack, USD="100")
    for amount in ("100.00000001", "1e9"):
        reply = request(person, amount=amount)
        assert reply.status_code == 400
        assert reply.json()["code"] == "INSUFFICIENT_FUNDS"
    reply = request(person, asset="BTC", amount="0.1")
    assert reply.status_code == 400 and reply.json()["code"] == "INSUFFICIENT_FUNDS"
    assert request(person, amount="100").status_code == 200
    rows = person.client.get("/api/withdrawals").json()["data"]
    assert [r["status"] for r in rows] == ["pending"] + ["refused"] * 3


def test_an_open_order_holds_too(stack):
    person = customer(stack, USD="100")
    assert person.client.post("/api/order", json={
        "user_id": person.id, "side": "buy", "order_type": "limit",
        "price": 20000, "qty": 0.004}).status_code == 200
    assert request(person, amount="30").status_code == 400
    assert request(person, amount="19").status_code == 200


def test_one_of_64_at_once_wins(stack):
    person = customer(stack, USD="100")
    clients = [stack.client() for _ in range(64)]
    for client in clients:
        client.bearer(person.client.token)

    def one(client):
        """Who is told nothing asks again what he asked."""
        key = str(uuid.uuid4())
        return quantora.wait_until(lambda: (code := client.post(
            "/api/withdrawal", headers={"Idempotency-Key": key}, json={
                "asset": "USD", "amount": "100", "address": "bank 1",
            }).status_code) != 503 and code)

    with concurrent.futures.ThreadPoolExecutor(64) as pool:
        codes = list(pool.map(one, clients))
    assert codes.count(200) == 1
    assert set(codes) <= {200, 400, 429}
    assert person.balance("USD") == (0, 100)
    (held, ), = stack.sql(
        "SELECT COUNT(*) FROM core_withdrawals c JOIN users u ON u.id = c.user_id "
        "WHERE u.email = %s", person.email)
    assert held == 1


# ---- Cancelling -----------------------------------------------------------


def test_cancel(stack, operator):
    person = customer(stack, USD="100")
    withdrawal = request(person, amount="100").json()["data"]["id"]
    reply = person.client.delete(f"/api/withdrawal/{withdrawal}")
    assert reply.status_code == 200
    assert reply.json()["data"]["status"] == "cancelled"
    assert person.balance("USD") == (100, 0)
    assert withdrawal not in pending_ids(operator)
    assert person.client.delete(f"/api/withdrawal/{withdrawal}").status_code == 409
    assert decide(operator, "approve", withdrawal).status_code == 409


def test_anothers_is_like_none(stack, operator):
    person, stranger = customer(stack, USD="100"), customer(stack)
    withdrawal = request(person).json()["data"]["id"]
    theirs = stranger.client.delete(f"/api/withdrawal/{withdrawal}")
    nothing = stranger.client.delete(f"/api/withdrawal/{uuid.uuid4()}")
    assert theirs.status_code == 404 and same_answer(theirs, nothing)
    assert stranger.client.delete("/api/withdrawal/x").status_code == 404
    # An operator decides; he does not cancel.
    assert operator.client.delete(f"/api/withdrawal/{withdrawal}").status_code == 404
    assert status_of(person, withdrawal) == "pending"
    assert stranger.client.get("/api/withdrawals").json()["data"] == []


# ---- Deciding -------------------------------------------------------------


def test_approve(stack, operator, second):
    person = customer(stack, USD="100")
    withdrawal = request(person, amount="40").json()["data"]["id"]
    reply = decide(operator, "approve", withdrawal)
    assert reply.status_code == 200
    assert reply.json()["data"]["status"] == "approved"
    assert person.balance("USD") == (60, 0)
    for by in (operator, second):
        for verdict in ("approve", "reject"):
            assert decide(by, verdict, withdrawal).status_code == 409
    assert person.client.delete(f"/api/withdrawal/{withdrawal}").status_code == 409
    assert status_of(person, withdrawal) == "approved"
    assert person.balance("USD") == (60, 0)


def test_reject(stack, operator, second):
    person = customer(stack, USD="100")
    withdrawal = request(person, amount="40").json()["data"]["id"]
    reply = decide(operator, "reject", withdrawal)
    assert reply.status_code == 200
    assert reply.json()["data"]["status"] == "rejected"
    assert person.balance("USD") == (100, 0)
    assert decide(second, "approve", withdrawal).status_code == 409


def test_nobody_decides_about_his_own(stack):
    person = Person(stack, role="admin", otp=True, kyc="approved",
                    money={"USD": "100"})
    withdrawal = request(person).json()["data"]["id"]
    for verdict in ("approve", "reject"):
        assert decide(person, verdict, withdrawal).status_code == 403
    assert status_of(person, withdrawal) == "pending"


def test_two_deciders_above_the_limit(stack, operator, second):
    person = customer(stack, BTC="2", USD="20000")
    large = request(person, asset="BTC", amount="1").json()["data"]
    assert large["approvals_needed"] == 2
    reply = decide(operator, "approve", large["id"])
    assert reply.status_code == 200
    assert reply.json()["data"]["status"] == "pending"
    assert person.balance("BTC") == (1, 1)
    assert large["id"] in pending_ids(operator)
    assert decide(operator, "approve", large["id"]).status_code == 409
    reply = decide(second, "approve", large["id"])
    assert reply.status_code == 200
    assert reply.json()["data"]["status"] == "approved"
    assert person.balance("BTC") == (1, 0)
    at_limit = request(person, amount="10000").json()["data"]
    assert at_limit["approvals_needed"] == 1
    above = request(person, amount="10000").json()
    assert decide(operator, "approve", at_limit["id"]).json()["data"]["status"] == \
        "approved"
    assert above["data"]["status"] == "pending"


def test_one_rejection_is_enough(stack, operator, second):
    person = customer(stack, BTC="1")
    large = request(person, asset="BTC", amount="1").json()["data"]["id"]
    assert decide(operator, "approve", large).status_code == 200
    assert decide(second, "reject", large).json()["data"]["status"] == "rejected"
    assert person.balance("BTC") == (1, 0)


def test_deciders_race(stack, operator, second):
    """Approvals, rejections and the owner at once: one of them wins."""
    for _ in range(5):
        person = customer(stack, USD="100")
        withdrawal = request(person, amount="100").json()["data"]["id"]

        def cancel():
            return person.client.delete(f"/api/withdrawal/{withdrawal}")

        def insist(action):
            """Whoever waited too long for the row is told to try again."""
            while (reply := action()).status_code == 503:
                pass
            return reply

        tries = [lambda: decide(operator, "approve", withdrawal),
                 lambda: decide(second, "reject", withdrawal), cancel]
        with concurrent.futures.ThreadPoolExecutor(3) as pool:
            replies = [f.result() for f in [pool.submit(insist, t) for t in tries]]
        codes = sorted(r.status_code for r in replies)
        assert codes == [200, 409, 409]
        paid = replies[0].status_code == 200
        assert person.balance("USD") == ((0, 0) if paid else (100, 0))


def test_kyc_must_still_hold(stack, operator):
    person = customer(stack, USD="100")
    withdrawal = request(person).json()["data"]["id"]
    stack.ctl("user", "kyc", person.email, "rejected")
    assert decide(operator, "approve", withdrawal).status_code == 409
    assert decide(operator, "reject", withdrawal).status_code == 200


# ---- Blocks ---------------------------------------------------------------


def test_a_new_password_blocks(stack):
    person = customer(stack, USD="100")
    reply = person.client.post("/api/auth/password", json={
        "current_password": PASSWORD, "new_password": "another horse battery",
        "totp_code": person.code(1)})
    assert reply.status_code == 200
    stack.ctl("user", "totp", person.email, "--secret", person.secret)
    person.password = "another horse battery"
    reply = request(person, client=person.login())
    assert reply.status_code == 403 and reply.json()["code"] == "FORBIDDEN"
    assert person.balance("USD") == (100, 0)


def test_a_first_second_factor_does_not_block(stack):
    person = Person(stack, kyc="approved", money={"USD": "100"})
    secret = person.client.post("/api/auth/2fa/enroll").json()["secret"]
    reply = person.client.post("/api/auth/2fa/verify",
                               json={"totp_code": totp(secret)})
    person.client.bearer(reply.json()["token"])
    assert request(person).status_code == 200


def test_a_replaced_second_factor_blocks(stack):
    person = customer(stack, USD="100")
    reply = person.client.post("/api/auth/2fa/enroll", json={
        "password": PASSWORD, "totp_code": person.code(1)})
    secret = reply.json()["secret"]
    reply = person.client.post("/api/auth/2fa/verify",
                               json={"totp_code": totp(secret)})
    assert reply.status_code == 200
    person.client.bearer(reply.json()["token"])
    assert request(person).status_code == 403


# ---- What must hold at the end --------------------------------------------


def test_the_ledger_sums_to_zero(stack):
    rows = stack.sql("SELECT asset_id, SUM(amount) FROM ledger GROUP BY asset_id "
                     "HAVING SUM(amount) <> 0")
    assert rows == ()


# ---- Without the matcher --------------------------------------------------


def test_an_unknown_outcome_is_settled(stack, operator):
    """No answer in time is a 503; what became of it is known before long."""
    person = customer(stack, USD="100")
    stack.kill("matcherd", signal.SIGSTOP)
    try:
        # The guard is not answered either: nothing was asked for.
        reply = request(person, amount="100")
        assert reply.status_code == 503
    finally:
        stack.kill("matcherd", signal.SIGCONT)
    assert person.client.get("/api/withdrawals").json()["data"] == []

    # Promised in MySQL, and its command lost: workerd sends it again.
    withdrawal = request(person, amount="60").json()["data"]["id"]
    stack.sql("UPDATE withdrawals SET state = 'approved' WHERE public_id = "
              "UNHEX(%s)", withdrawal.replace("-", ""))
    pay = uuid7()
    stack.sql("INSERT INTO intents (id, source, reference, user_id, command, "
              "created_at) SELECT %s, 'withdrawal-pay', w.public_id, w.user_id, "
              "%s, UTC_TIMESTAMP(6) FROM withdrawals w WHERE w.public_id = UNHEX(%s)",
              pay, pay_command(stack, person, pay, withdrawal),
              withdrawal.replace("-", ""))
    quantora.wait_until(lambda: person.balance("USD") == (40, 0), "the payment")
    assert decide(operator, "reject", withdrawal).status_code == 409


def uuid7():
    """As the intents have them: 48 bits of milliseconds, then chance."""
    raw = bytearray(int(time.time() * 1000).to_bytes(6, "big") + os.urandom(10))
    raw[6] = 0x70 | raw[6] & 15
    raw[8] = 0x80 | raw[8] & 63
    return bytes(raw)


def pay_command(stack, person, intent, withdrawal):
    """struct cmd_withdraw_end of wire/command.h."""
    (number, ), = stack.sql("SELECT id FROM users WHERE email = %s", person.email)
    return struct.pack("<HHI16s16s", 40, 11, number, intent,
                       uuid.UUID(withdrawal).bytes)
