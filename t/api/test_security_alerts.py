# SPDX-License-Identifier: AGPL-3.0-or-later
"""QuantEnergX's security alerts: reported, listed, resolved."""

import uuid

import pytest
from people import Person, same_answer

PATH = "/v1/security/alerts"
GOOD = {"severity": "warning", "message": "A door was open"}


@pytest.fixture(scope="module")
def admin(stack):
    return Person(stack, role="admin").client


def reported(client, **fields):
    reply = client.post(PATH, json={**GOOD, **fields})
    assert reply.status_code == 201, reply.text
    return reply.json()


def listed(client, query=""):
    reply = client.get(PATH + query)
    assert reply.status_code == 200, reply.text
    return reply.json()


def test_report(stack, client):
    assert client.post(PATH, json=GOOD).status_code == 401
    person = Person(stack)
    alert = reported(person.client)
    assert uuid.UUID(alert["id"])
    assert alert["user_id"] == person.id and alert["status"] == "active"
    assert alert["created_at"].endswith("Z") and alert["resolved_at"] is None
    assert {k: alert[k] for k in GOOD} == GOOD
    for bad in ({"severity": "loud"}, {"severity": None}, {"message": ""},
                {"message": None}, {"message": "x" * 1001},
                {"user_id": str(uuid.uuid4())}, {"status": "resolved"}):
        reply = person.client.post(PATH, json={**GOOD, **bad})
        assert reply.status_code == 400
        assert reply.json()["error"]["code"] == "VALIDATION_ERROR"


def test_list(stack, client, admin):
    assert client.get("/v1/security/alerts").status_code == 401
    mine, other = Person(stack).client, Person(stack).client
    assert listed(mine) == {"alerts": [], "total": 0, "limit": 50, "offset": 0}
    alerts = [reported(mine, severity=s, message=s)
              for s in ("info", "critical", "warning")]
    theirs = reported(other)
    newest = alerts[::-1]
    assert listed(mine)["alerts"] == newest and listed(mine)["total"] == 3
    page = listed(mine, "?limit=1&offset=1")
    assert page == {"alerts": [newest[1]], "total": 3, "limit": 1, "offset": 1}
    assert listed(mine, "?severity=critical")["alerts"] == [alerts[1]]
    assert listed(mine, "?status=resolved")["alerts"] == []
    assert listed(mine, "?status=active")["total"] == 3
    # An administrator sees everybody's.
    seen = [a["id"] for a in listed(admin, "?limit=100")["alerts"]]
    assert seen[:4] == [theirs["id"], *(a["id"] for a in newest)]


@pytest.mark.parametrize("query", ["limit=0", "limit=101", "offset=-1",
                                   "status=open", "severity=loud"])
def test_bad_queries(admin, query):
    assert admin.get(f"{PATH}?{query}").status_code == 400


@pytest.mark.parametrize("by", ["owner", "admin"])
def test_resolve(stack, admin, by):
    owner = Person(stack).client
    alert, still = reported(owner), reported(owner)
    reply = (admin if by == "admin" else owner).post(f"{PATH}/{alert['id']}/resolve")
    assert reply.status_code == 200, reply.text
    resolved = reply.json()
    assert resolved == {**alert, "status": "resolved",
                        "resolved_at": resolved["resolved_at"]}
    assert resolved["resolved_at"] > alert["created_at"]
    assert listed(owner, "?status=resolved")["alerts"] == [resolved]
    assert listed(owner, "?status=active")["alerts"] == [still]
    again = owner.post(f"{PATH}/{alert['id']}/resolve")
    assert again.status_code == 409
    assert again.json()["error"]["code"] == "CONFLICT"
    logs = owner.get("/v1/security/logs").json()["logs"]
    assert [r["action"] for r in logs if r["subject"] == alert["id"]] == [
        "security.alert_resolved", "security.alert"]


def test_anothers_is_like_none(stack):
    owner, stranger = Person(stack).client, Person(stack).client
    operator = Person(stack, role="operator").client
    alert = reported(owner)
    for other in (stranger, operator):
        theirs = other.post(f"{PATH}/{alert['id']}/resolve")
        nothing = other.post(f"{PATH}/{uuid.uuid4()}/resolve")
        assert theirs.status_code == 404 and same_answer(theirs, nothing)
    assert listed(owner)["alerts"] == [alert]
