# SPDX-License-Identifier: AGPL-3.0-or-later
"""One's own list of addresses: while it is on, nothing goes elsewhere."""

import uuid

import pytest
from people import Person, same_answer

PATH = "/api/withdrawal/addresses"


def customer(stack):
    return Person(stack, otp=True, kyc="approved", money={"USD": "100"})


def withdraw(person, address):
    return person.client.post("/api/withdrawal", json={
        "asset": "USD", "amount": 1, "address": address})


def add(person, address="bank 1", **fields):
    return person.client.post(PATH, json={"asset": "USD", "address": address, **fields})


def test_shape(stack):
    person = customer(stack)
    assert person.client.get(PATH).json() == {
        "success": True, "data": [], "only": False, "error": None}
    row = add(person, label="mine").json()["data"]
    assert uuid.UUID(row["id"])
    assert (row["asset"], row["address"], row["label"]) == ("USD", "bank 1", "mine")
    assert person.client.get(PATH).json()["data"] == [row]
    assert add(person).status_code == 409
    assert person.client.delete(f"{PATH}/{row['id']}").status_code == 200
    assert person.client.get(PATH).json()["data"] == []
    assert person.client.delete(f"{PATH}/{row['id']}").status_code == 404


@pytest.mark.parametrize("fields", [
    {"asset": "DOGE"}, {"asset": None}, {"address": ""}, {"address": None},
    {"address": "x" * 129}, {"label": 5}])
def test_bad_fields(stack, fields):
    assert add(customer(stack), **fields).status_code == 400


def test_needs_a_second_factor(stack):
    person = Person(stack)
    assert person.client.get(PATH).status_code == 200
    for reply in (add(person), person.client.put(PATH, json={"only": True}),
                  person.client.delete(f"{PATH}/{uuid.uuid4()}")):
        assert reply.status_code == 403 and reply.json()["code"] == "TOTP_REQUIRED"


def test_anothers_is_like_none(stack):
    person, stranger = customer(stack), customer(stack)
    row = add(person).json()["data"]
    theirs = stranger.client.delete(f"/api/withdrawal/addresses/{row['id']}")
    nothing = stranger.client.delete(f"{PATH}/{uuid.uuid4()}")
    assert theirs.status_code == 404 and same_answer(theirs, nothing)
    assert person.client.get(PATH).json()["data"] == [row]


def test_only_what_is_listed(stack):
    person = customer(stack)
    add(person)
    assert withdraw(person, "elsewhere").status_code == 200    # it is off
    assert person.client.put(PATH, json={"only": True}).json()["only"] is True
    assert withdraw(person, "elsewhere").status_code == 403
    assert withdraw(person, "bank 1").status_code == 200
    # Another asset's address is another.
    reply = person.client.post("/api/withdrawal", json={
        "asset": "BTC", "amount": 1, "address": "bank 1"})
    assert reply.status_code == 403


def test_what_a_thief_could_do_takes_a_day(stack):
    person = customer(stack)
    person.client.put(PATH, json={"only": True})
    assert add(person, "thief").status_code == 200
    assert withdraw(person, "thief").status_code == 403
    assert person.client.put(PATH, json={"only": False}).json()["only"] is False
    assert withdraw(person, "thief").status_code == 403
    assert person.balance("USD") == (100, 0)
