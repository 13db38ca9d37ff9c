# SPDX-License-Identifier: AGPL-3.0-or-later
"""Permissions: what is taken from somebody, he cannot do from then on.

Which row needs which is read from `quantora-api --routes`; the tests in which
somebody loses one call every such row.
"""

import re
import subprocess
import uuid

import pytest
import quantora
from people import Person
from signing import Program, make_key, patient

PATH = "/v1/security/permissions"
CANCEL_AFTER = "/api/v1/trading/cancel-after"
OF_USER = ["trade", "withdraw", "manage_strategies", "manage_keys",
           "view_monitoring", "read_audit", "report_alerts"]
OF_OPERATOR = [*OF_USER, "decide_withdrawals", "manage_users"]
OF_ROLE = {"user": OF_USER, "operator": OF_OPERATOR, "admin": OF_OPERATOR}
STRANGERS = 3000000000    # users that there never are
RANKS = {"user": 1, "operator": 2, "admin": 3}


def routes():
    program = f"{quantora.BUILD}/quantora-api"
    text = subprocess.run([program, "--routes"], stdout=subprocess.PIPE,
                          text=True, check=True).stdout
    for line in text.splitlines():
        if line[0] != "#":
            edition, method, path, auth, _, rate, permission = line.split("\t")
            yield edition, method, path, auth, rate, permission


NEEDING = [r for r in routes() if r[5] != "-"]


@pytest.fixture(scope="module")
def admin(stack):
    person = Person(stack, role="admin", otp=True)
    patient(person.client)
    return person


def give(admin, person, permissions, status=200):
    reply = admin.client.put(PATH, json={"user_id": person.id,
                                         "permissions": permissions})
    assert reply.status_code == status, reply.text
    return reply.json()


def take(admin, person, *names):
    return give(admin, person, [n for n in OF_USER if n not in names])


def has(person):
    return person.client.get(PATH).json()["permissions"]


def ask(stack, token, edition, method, path, body=None):
    client = patient(stack.client(edition))
    client.bearer(token)
    path = re.sub(r"\{\w+\}", str(uuid.uuid4()), path)
    if body is None and method in ("POST", "PUT", "PATCH"):
        body = {}
    reply = client.request(method, path, json=body)
    client.session.close()
    return reply


def taken(reply):
    """That a refusal is for want of a permission, in any edition's words."""
    return reply.status_code == 403 and "was taken from this account" in reply.text


# ---- The list ------------------------------------------------------------------

def test_roles_bring_permissions(stack, admin, client):
    assert client.get("/v1/security/permissions").status_code == 401
    for role, names in OF_ROLE.items():
        person = Person(stack, role=None if role == "user" else role)
        assert person.client.get(PATH).json() == {
            "user_id": person.id, "role": role, "permissions": names}


def test_take_and_give(stack, admin):
    person = Person(stack)
    body = give(admin, person, ["withdraw", "trade"])
    assert body == {"user_id": person.id, "role": "user",
                    "permissions": ["trade", "withdraw"]}
    assert has(person) == ["trade", "withdraw"]
    give(admin, person, [])
    assert has(person) == []
    give(admin, person, OF_USER)
    assert has(person) == OF_USER


@pytest.mark.parametrize("bad", [
    {}, {"role": "root"}, {"permissions": "trade"}, {"permissions": [5]},
    {"permissions": [""]}, {"permissions": ["fly"]}, {"permissions": ["Trade"]},
    # What the role does not bring cannot be given.
    {"permissions": ["trade", "manage_users"]},
    {"role": "user", "permissions": ["decide_withdrawals"]}])
def test_bad_bodies(stack, admin, bad):
    person = Person(stack)
    reply = admin.client.put(PATH, json={"user_id": person.id, **bad})
    assert reply.status_code == 400
    assert reply.json()["error"]["code"] == "VALIDATION_ERROR"
    assert person.client.get(PATH).json() == {
        "user_id": person.id, "role": "user", "permissions": OF_USER}


def test_an_unknown_one_hears_of_the_known(admin, stack):
    message = give(admin, Person(stack), ["fly"], 400)["error"]["message"]
    assert all(name in message for name in OF_OPERATOR)


def test_who_may_change_them(stack, admin):
    person = Person(stack)
    operator = Person(stack, role="operator", otp=True)
    looker = Person(stack, role="admin")
    change = {"user_id": person.id, "permissions": []}
    for by in (person, operator, looker):
        assert by.client.put(PATH, json=change).status_code == 403
    assert looker.client.put(PATH, json=change).json()["error"]["code"] == \
        "TOTP_REQUIRED"
    assert has(person) == OF_USER
    assert admin.client.put(PATH, json={
        "user_id": str(uuid.uuid4()), "permissions": []}).status_code == 404
    # Nobody raises, or lowers, himself.
    for mine in ({"permissions": []}, {"permissions": OF_OPERATOR},
                 {"role": "user"}):
        assert admin.client.put(PATH, json={
            "user_id": admin.id, **mine}).status_code == 403


def test_a_role_brings_its_own_and_what_was_taken_stays(stack, admin):
    person = Person(stack)
    take(admin, person, "trade")
    for role, names in (("operator", OF_OPERATOR), ("user", OF_USER)):
        reply = admin.client.put(PATH, json={"user_id": person.id, "role": role})
        assert reply.status_code == 200
        want = [n for n in names if n != "trade"]
        assert reply.json()["permissions"] == want
        assert person.client.get(PATH).status_code == 401  # his sessions ended
        person.client = person.login()
        assert has(person) == want
    # Both at once.
    reply = admin.client.put(PATH, json={
        "user_id": person.id, "role": "operator", "permissions": ["manage_users"]})
    assert reply.json()["permissions"] == ["manage_users"]
    # And what the lower role does not bring stays taken all the same.
    admin.client.put(PATH, json={"user_id": person.id, "role": "user"})
    give(admin, person, OF_USER)
    reply = admin.client.put(PATH, json={"user_id": person.id, "role": "operator"})
    assert reply.json()["permissions"] == [*OF_USER, "manage_users"]


def test_who_lost_it_cannot_give_it(stack, admin):
    other = Person(stack, role="admin", otp=True)
    person = Person(stack)
    give(admin, other, [n for n in OF_OPERATOR if n != "manage_users"])
    assert taken(other.client.put(PATH, json={"user_id": person.id,
                                              "permissions": []}))
    assert taken(other.client.post("/admin/user/lock", json={"user_id": person.id}))
    assert person.client.get(PATH).json()["permissions"] == OF_USER


def test_changes_are_audited(stack, admin):
    person = Person(stack)
    take(admin, person, "trade", "withdraw")
    row = person.client.get("/v1/security/logs").json()["logs"][0]
    assert row["action"] == "user.permissions" and row["outcome"] == "ok"
    assert row["actor"] == admin.email and row["user_id"] == person.id
    assert row["details"] == "denied=trade,withdraw"


# ---- What they are for -----------------------------------------------------------

def test_every_order_route_needs_trade():
    """Whatever enters or changes an order is charged to the budget of trading."""
    rows = [r for r in NEEDING if r[5] == "trade"]
    assert len(rows) > 0
    for edition, method, path, _, rate, permission in routes():
        if path == CANCEL_AFTER:
            assert permission == "-"         # it only ever ends orders
            continue
        if rate == "trade" and method in ("POST", "PUT", "PATCH"):
            assert permission == "trade", (edition, method, path)
        if "order" in path.split("/")[-1] and method == "POST":
            assert permission == "trade", (edition, method, path)


def test_each_permission_guards_something():
    assert {r[5] for r in NEEDING} == set(OF_OPERATOR)


@pytest.mark.parametrize("row", NEEDING, ids=lambda r: " ".join(r[:3]))
def test_without_it_the_route_is_closed(stack, admin, lacking, row):
    """At once, for a token that worked before, in every edition's words."""
    edition, method, path, auth, _, permission = row
    role = auth.split("+")[0]
    person = lacking(role, permission)
    reply = ask(stack, person.client.token, edition, method, path)
    assert taken(reply), (reply.status_code, reply.text)
    # The same request of one who lacks every other passes.
    person = lacking(role, None, permission)
    reply = ask(stack, person.client.token, edition, method, path)
    assert not taken(reply), reply.text


@pytest.fixture(scope="module")
def lacking(stack, admin):
    """Somebody of ROLE, logged in, who then lost ONE, or all but the OTHER."""
    made = {}

    def make(role, one, other=None):
        if (role, one, other) not in made:
            person = Person(stack, role=None if role == "user" else role, otp=True)
            give(admin, person, [n for n in OF_ROLE[role]
                                 if (n != one if one else n == other)])
            made[role, one, other] = person
        return made[role, one, other]
    return make


def ticket(person):
    return {"user_id": person.id, "side": "buy", "order_type": "limit",
            "symbol": "REC/USD", "qty": 1, "price": 3}


def test_trade_taken_and_given_back(stack, admin):
    """Holds on the very next request, of sessions and of programs."""
    person = Person(stack, otp=True, money={"USD": 1000})
    patient(person.client)
    program = Program(stack, make_key(person, permissions=["trade"]))

    def place():
        return (person.client.post("/api/order", json=ticket(person)),
                program.call("POST", "/api/order", ticket(person)))
    for _ in range(5):
        mine, its = place()
        assert mine.status_code == its.status_code == 200, (mine.text, its.text)
        open_order = mine.json()["order_id"]
        take(admin, person, "trade")
        assert [taken(reply) for reply in place()] == [True, True]
        # He reads, and takes back what he has in the book.
        assert person.client.get("/api/orders").status_code == 200
        assert program.call("GET", "/api/orders").status_code == 200
        assert person.client.delete(f"/api/order/{open_order}").status_code == 200
        give(admin, person, OF_USER)


def test_who_lost_trade_still_has_the_switch(stack, admin):
    """To turn it off, so that it does not end what he may not enter again."""
    person = Person(stack)
    patient(person.client)

    def switch(seconds):
        reply = ask(stack, person.client.token, "interfaces", "POST", CANCEL_AFTER,
                    {"seconds": seconds})
        assert reply.status_code == 200, reply.text
        return reply.json()["cancel_at"]
    assert switch(3600)
    take(admin, person, "trade")
    assert switch(0) is None
    assert switch(60)
    give(admin, person, OF_USER)


def test_a_session_that_has_ended_hears_that_first(stack, admin):
    person = Person(stack)
    take(admin, person, "trade")
    old = person.client.token
    assert taken(person.client.post("/api/order", json=ticket(person)))
    person.client.post("/api/auth/logout")
    assert ask(stack, old, None, "POST", "/api/order",
               ticket(person)).status_code == 401


def test_it_holds_after_a_restart(stack, admin):
    """The workers make the page of MySQL's rows again."""
    person = Person(stack, money={"USD": 1000})
    take(admin, person, "trade")
    for name in ("api", "api-trade", "api-egress"):
        stack.kill(name)
    quantora.wait_until(lambda: person.client.get(
        "/api/orders").status_code == 200, what="an answer")
    assert taken(person.client.post("/api/order", json=ticket(person)))
    give(admin, person, OF_USER)
    assert person.client.post("/api/order", json=ticket(person)).status_code == 200


def test_a_change_brings_all_of_mysql_into_force(stack, admin):
    """So one that was left between MySQL and the page is not lost."""
    person = Person(stack, money={"USD": 1000})
    take(admin, person, "withdraw")
    stack.sql("UPDATE user_denials d JOIN users u ON u.id = d.user_id "
              "SET denied = 'trade withdraw' WHERE u.email = %s", person.email)
    assert person.client.post("/api/order", json=ticket(person)).status_code == 200
    take(admin, Person(stack), "trade")
    assert taken(person.client.post("/api/order", json=ticket(person)))


def test_what_the_page_has_no_room_for_is_refused(stack, admin):
    """Before it is in MySQL: else no change would ever come into force again."""
    person, other, last = Person(stack), Person(stack), Person(stack)
    take(admin, other, "trade")
    with stack.mysql("root") as connection, connection.cursor() as cursor:
        cursor.execute("SET foreign_key_checks = 0")
        cursor.execute("SELECT COUNT(*) FROM user_denials WHERE denied <> ''")
        room = 65536 - cursor.fetchone()[0]
        cursor.execute("INSERT INTO user_denials SELECT seq, 'trade', NOW(6) "
                       f"FROM seq_{STRANGERS}_to_{STRANGERS + room - 2}")
        connection.commit()
        try:
            take(admin, last, "trade")
            body = give(admin, person, [], 409)
            assert body["error"]["code"] == "CONFLICT"
            assert has(person) == OF_USER
            # Who lacks something already may lack more, or have it back.
            take(admin, other, "trade", "withdraw")
            give(admin, other, OF_USER)
            give(admin, person, [])
            assert has(person) == []
        finally:
            cursor.execute("DELETE FROM user_denials WHERE user_id >= %s", STRANGERS)
            connection.commit()
    give(admin, person, OF_USER)
