# SPDX-License-Identifier: AGPL-3.0-or-later
"""Idempotency-Key: sent twice, done once; other terms under it are a 409."""

import concurrent.futures
import json
import uuid

import pytest
import quantora
from people import Person
from signing import Program, make_key, patient


@pytest.fixture(scope="module")
def person(stack):
    made = Person(stack, otp=True, kyc="approved", money={"USD": 100000})
    patient(made.client)
    return made


def ticket(person, **more):
    return {"user_id": person.id, "side": "buy", "order_type": "limit",
            "symbol": "REC/USD", "qty": 1, "price": 2, **more}


def place(person, key, **more):
    return person.client.post("/api/order", json=ticket(person, **more),
                              headers={"Idempotency-Key": key})


def withdraw(person, key, **more):
    return person.client.post(
        "/api/withdrawal", headers={"Idempotency-Key": key} if key else {},
        json={"asset": "USD", "amount": 10, "address": "somewhere", **more})


def conflict(reply):
    return reply.status_code == 409 and reply.json()["code"] == "CONFLICT"


def count(stack, person, table):
    [(n,)] = stack.sql(
        f"SELECT COUNT(*) FROM {table} t JOIN users u ON u.id = t.user_id "
        "WHERE u.public_id = UNHEX(%s)", person.id.replace("-", ""))
    return n


# ---- Orders ----------------------------------------------------------------

def test_an_order_sent_twice_is_one(person):
    key = str(uuid.uuid4())
    first = place(person, key)
    assert first.status_code == 200, first.text
    again = place(person, key)
    assert again.status_code == 200 and again.text == first.text
    assert first.json()["client_order_id"] == key
    listed = person.client.get("/api/orders?limit=100").json()["data"]
    assert [o["client_order_id"] for o in listed].count(key) == 1


@pytest.mark.parametrize("change", [
    {"price": 3}, {"qty": 2}, {"side": "sell"}, {"symbol": "MWH/USD", "price": 50},
    {"time_in_force": "ioc"}, {"post_only": True}])
def test_another_order_under_its_key_is_a_conflict(person, change):
    key = str(uuid.uuid4())
    assert place(person, key).status_code == 200
    assert conflict(place(person, key, **change))


def test_thirty_two_at_once_are_one_order(stack, person):
    key = str(uuid.uuid4())

    def send(_):
        client = patient(stack.client())
        client.bearer(person.client.token)
        return client.post("/api/order", json=ticket(person),
                           headers={"Idempotency-Key": key})

    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        replies = list(pool.map(send, range(32)))
    assert {r.status_code for r in replies} == {200}
    assert len({r.json()["order_id"] for r in replies}) == 1


def test_the_bodys_own_name_goes_first(person):
    key, name = str(uuid.uuid4()), uuid.uuid4().hex
    first = place(person, key, client_order_id=name)
    assert first.json()["client_order_id"] == name
    other = place(person, key)
    assert other.status_code == 200
    assert other.json()["order_id"] != first.json()["order_id"]


def test_everybody_has_his_own_keys(stack, person):
    other = Person(stack, otp=True, kyc="approved", money={"USD": 1000})
    key = str(uuid.uuid4())
    orders = [place(p, key) for p in (person, other)]
    assert [r.status_code for r in orders] == [200, 200]
    asked = [withdraw(p, key) for p in (person, other)]
    assert [r.status_code for r in asked] == [200, 200]
    assert len({r.json()["data"]["id"] for r in asked}) == 2


@pytest.mark.parametrize("key", ["x" * 48, "a b", "\u00e9".encode("latin-1")])
def test_a_bad_key_is_refused(person, key):
    for reply in (place(person, key), withdraw(person, key)):
        assert reply.status_code == 400
        assert reply.json()["code"] == "VALIDATION_ERROR"


def test_a_signed_order_has_one_too(stack, person):
    program = Program(stack, make_key(person, permissions=["trade"]))
    key = str(uuid.uuid4())
    body = json.dumps(ticket(person))
    replies = []
    for _ in range(2):
        headers = program.headers("POST", "/api/order", body)
        replies.append(program.send("POST", "/api/order", body,
                                    {**headers, "Idempotency-Key": key}))
    assert [r.status_code for r in replies] == [200, 200]
    assert replies[0].json()["order_id"] == replies[1].json()["order_id"]


# ---- Withdrawals -----------------------------------------------------------

def test_a_withdrawal_sent_twice_is_one(stack, person):
    key = str(uuid.uuid4())
    before, held = count(stack, person, "withdrawals"), person.balance("USD")[1]
    first = withdraw(person, key)
    assert first.status_code == 200, first.text
    again = withdraw(person, key)
    assert again.status_code == 200 and again.text == first.text
    assert count(stack, person, "withdrawals") == before + 1
    assert person.balance("USD")[1] == held + 10
    # Without a key each is its own.
    assert withdraw(person, None).json()["data"]["id"] != first.json()["data"]["id"]
    # What has become of it since is not undone, nor done again.
    name = first.json()["data"]["id"]
    assert person.client.delete(f"/api/withdrawal/{name}").status_code == 200
    assert withdraw(person, key).json()["data"]["id"] == name
    assert person.balance("USD")[1] == held + 10


@pytest.mark.parametrize("change", [
    {"amount": 11}, {"asset": "EUR"}, {"address": "elsewhere"}])
def test_another_withdrawal_under_its_key_is_a_conflict(stack, person, change):
    key = str(uuid.uuid4())
    assert withdraw(person, key).status_code == 200
    before = count(stack, person, "withdrawals")
    assert conflict(withdraw(person, key, **change))
    assert count(stack, person, "withdrawals") == before


def test_a_refusal_is_the_stored_answer(stack, person):
    key = str(uuid.uuid4())
    first = withdraw(person, key, amount=10**9)
    assert first.status_code == 400
    assert first.json()["code"] == "INSUFFICIENT_FUNDS"
    before = count(stack, person, "withdrawals")
    again = withdraw(person, key, amount=10**9)
    assert (again.status_code, again.json()["code"]) == (400, "INSUFFICIENT_FUNDS")
    assert count(stack, person, "withdrawals") == before


def test_sixteen_at_once_are_one_withdrawal(stack, person):
    key = str(uuid.uuid4())
    before = count(stack, person, "withdrawals")

    def send(_):
        client = patient(stack.client())
        client.bearer(person.client.token)
        return client.post("/api/withdrawal", headers={"Idempotency-Key": key}, json={
            "asset": "USD", "amount": 10, "address": "somewhere"})

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        replies = list(pool.map(send, range(16)))
    assert {r.status_code for r in replies} == {200}
    assert len({r.text for r in replies}) == 1
    assert count(stack, person, "withdrawals") == before + 1


# ---- Through a restart -----------------------------------------------------

def test_keys_are_remembered_through_a_restart():
    with quantora.Stack.boot_new() as stack:
        person = Person(stack, otp=True, kyc="approved", money={"USD": 1000})
        keys = [str(uuid.uuid4()) for _ in range(2)]
        order, asked = place(person, keys[0]), withdraw(person, keys[1])
        assert order.status_code == asked.status_code == 200
        stack.stop()
        stack.start()
        assert place(person, keys[0]).text == order.text
        assert withdraw(person, keys[1]).text == asked.text
        assert conflict(place(person, keys[0], price=3))
        assert conflict(withdraw(person, keys[1], amount=11))
