# SPDX-License-Identifier: AGPL-3.0-or-later
"""Quantora "Admin API": users."""

import uuid

import pytest
from people import Person, same_answer

ACTIONS = ["/admin/user/lock", "/admin/user/unlock", "/admin/kyc/override",
           "/admin/withdrawal/approve", "/admin/withdrawal/reject"]


@pytest.fixture(scope="module")
def admin(stack):
    return Person(stack, role="admin", otp=True)


@pytest.fixture(scope="module")
def operator(stack):
    return Person(stack, role="operator", otp=True)


@pytest.fixture(scope="module")
def lookers(stack):
    """Administrators without a second factor."""
    return [Person(stack, role="admin"), Person(stack, role="operator")]


def body_of(path, user):
    if "withdrawal" in path:
        return {"withdrawal_id": str(uuid.uuid4())}
    return {"user_id": user.id, "new_status": "approved"}


def show(by, user):
    return by.client.post("/admin/user", json={"user_id": user.id})


def test_user_shape(stack, admin, operator):
    user = Person(stack)
    for by in (admin, operator):
        body = show(by, user).json()
        assert body["success"] is True and body["error"] is None
        data = body["data"]
        assert data["id"] == user.id and data["email"] == user.email
        assert data["role"] == "user" and data["kyc_status"] == "none"
        assert data["locked"] is False
        assert data["registered_at"].endswith("Z")


def test_who_may(stack, lookers, client):
    user = Person(stack)
    for path in ["/admin/user", *ACTIONS]:
        body = body_of(path, user)
        assert client.post(path, json=body).status_code == 401
        assert user.client.post(path, json=body).status_code == 403
    assert client.get("/admin/withdrawals/pending").status_code == 401
    assert user.client.get("/admin/withdrawals/pending").status_code == 403
    for looker in lookers:
        assert show(looker, user).status_code == 200
        assert looker.client.get("/admin/withdrawals/pending").status_code == 200
        for path in ACTIONS:
            reply = looker.client.post(path, json=body_of(path, user))
            assert reply.status_code == 403
            assert reply.json()["code"] == "TOTP_REQUIRED"


@pytest.mark.parametrize("body", [
    {}, {"user_id": None}, {"user_id": 5}, {"user_id": "x"}, {"user_id": ""},
    {"user_id": "../../etc/passwd"}])
def test_bad_ids(admin, body):
    assert admin.client.post("/admin/user", json=body).status_code == 400


@pytest.mark.parametrize("path", ["/admin/user", "/admin/user/lock",
                                  "/admin/kyc/override"])
def test_unknown_user(admin, path):
    body = {"user_id": str(uuid.uuid4()), "new_status": "approved"}
    reply = admin.client.post(path, json=body)
    assert reply.status_code == 404 and reply.json()["code"] == "NOT_FOUND"


# ---- Locks ----------------------------------------------------------------


def test_lock_ends_sessions_and_orders(stack, admin):
    user = Person(stack, money={"USD": "1000"})
    placed = user.client.post("/api/order", json={
        "user_id": user.id, "side": "buy", "order_type": "limit",
        "price": 21234.56, "qty": 0.01})
    assert placed.status_code == 200
    reply = admin.client.post("/admin/user/lock", json={"user_id": user.id})
    assert reply.status_code == 200
    assert reply.json()["data"]["locked"] is True
    for answer in (user.client.get("/api/withdrawals"),
                   user.client.post("/api/order", json={
                       "user_id": user.id, "side": "buy", "order_type": "limit",
                       "price": 21234.56, "qty": 0.01})):
        assert answer.status_code == 403
        assert answer.json()["code"] == "ACCOUNT_LOCKED"
    assert show(admin, user).json()["data"]["locked"] is True
    assert user.balance("USD") == (1000, 0)
    book = stack.client().get("/api/orderbook").json()["data"]
    assert 21234.56 not in [price for price, _ in book[0]]
    # Locking again changes nothing.
    reply = admin.client.post("/admin/user/lock", json={"user_id": user.id})
    assert reply.status_code == 200 and reply.json()["data"]["locked"] is True


def test_unlock(stack, admin):
    user = Person(stack)
    body = {"user_id": user.id}
    assert admin.client.post("/admin/user/lock", json=body).status_code == 200
    reply = admin.client.post("/admin/user/unlock", json=body)
    assert reply.status_code == 200 and reply.json()["data"]["locked"] is False
    assert user.client.get("/api/withdrawals").status_code == 401  # it had ended
    assert user.login().get("/api/withdrawals").status_code == 200


def test_who_is_locked_by_whom(stack, admin, operator):
    lock = "/admin/user/lock"
    for by, target in ((operator, operator), (admin, admin), (operator, admin)):
        reply = by.client.post(lock, json={"user_id": target.id})
        assert reply.status_code == 403
    victim = Person(stack, role="operator")
    assert operator.client.post(lock, json={"user_id": victim.id}).status_code == 403
    assert admin.client.post(lock, json={"user_id": victim.id}).status_code == 200


# ---- KYC ------------------------------------------------------------------


@pytest.mark.parametrize("status", ["none", "pending", "approved", "rejected"])
def test_kyc(stack, operator, status):
    user = Person(stack)
    reply = operator.client.post("/admin/kyc/override", json={
        "user_id": user.id, "new_status": status})
    assert reply.status_code == 200
    assert reply.json()["data"]["kyc_status"] == status
    assert show(operator, user).json()["data"]["kyc_status"] == status


@pytest.mark.parametrize("status", [None, "", "APPROVED", "yes", 1, True])
def test_kyc_bad_status(stack, operator, status):
    user = Person(stack)
    reply = operator.client.post("/admin/kyc/override", json={
        "user_id": user.id, "new_status": status})
    assert reply.status_code == 400
    assert show(operator, user).json()["data"]["kyc_status"] == "none"


def test_nobody_approves_himself(admin):
    reply = admin.client.post("/admin/kyc/override", json={
        "user_id": admin.id, "new_status": "approved"})
    assert reply.status_code == 403


def test_everything_is_audited(stack, operator):
    user = Person(stack)
    operator.client.post("/admin/kyc/override",
                         json={"user_id": user.id, "new_status": "approved"})
    operator.client.post("/admin/user/lock", json={"user_id": user.id})
    rows = stack.sql(
        "SELECT a.action, b.email, a.details FROM audit_log a "
        "JOIN users u ON u.id = a.user_id JOIN users b ON b.id = a.actor_id "
        "WHERE u.email = %s AND b.email <> u.email ORDER BY a.id", user.email)
    assert rows == (
        ("kyc.override", operator.email, "from=none to=approved"),
        ("user.locked", operator.email, ""))


def test_alike_for_all_ids(stack, operator):
    """What is not there is answered alike, whoever's id it may be."""
    a = operator.client.post("/admin/withdrawal/approve",
                             json={"withdrawal_id": str(uuid.uuid4())})
    b = operator.client.post("/admin/withdrawal/approve",
                             json={"withdrawal_id": operator.id})
    assert a.status_code == 404 and same_answer(a, b)
