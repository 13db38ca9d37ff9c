# SPDX-License-Identifier: AGPL-3.0-or-later
"""Risk limits: an object in one document, an array in the other, one table beneath."""

import json
import uuid
from decimal import Decimal

import pytest
import quantora
from people import Person
from signing import patient

LIMITS = "/api/v1/risk/limits"
ALERTS = "/api/v1/risk/alerts"
INTERFACES = {"X-API-Edition": "interfaces"}
BOTPLATFORM = {"X-API-Edition": "botplatform"}

# enum limit_type of the core
ORDER_SIZE, OPEN_ORDERS, POSITION_SIZE, DAILY_LOSS, DRAWDOWN, POSITION_VALUE = range(6)
ANY = 65535


@pytest.fixture
def user(stack):
    person = Person(stack)
    patient(person.client)
    return person


def exact(reply):
    return json.loads(reply.text, parse_float=Decimal, parse_int=Decimal)


def show(user):
    """The object of the interfaces document."""
    reply = user.client.get(LIMITS, headers=INTERFACES)
    assert reply.status_code == 200, reply.text
    return exact(reply)


def put(user, status=200, **body):
    reply = user.client.put(LIMITS, json=body, headers=INTERFACES)
    assert reply.status_code == status, reply.text
    return exact(reply)


def rows(user):
    """The array of the other one."""
    reply = user.client.get(LIMITS, headers=BOTPLATFORM)
    assert reply.status_code == 200, reply.text
    assert isinstance(reply.json(), list)
    return reply.json()


def post(user, status=201, **body):
    reply = user.client.post(LIMITS, json=body, headers=BOTPLATFORM)
    assert reply.status_code == status, reply.text
    return reply.json()


def path_of(limit):
    return f"/api/v1/risk/limits/{limit['id']}"


def core(user):
    """What the core enforces, once it is settled: {(type, instrument): value}."""
    quantora.wait_until(
        lambda: user.client.get("/api/withdrawals").status_code != 503)
    return {(kind, instrument): value for kind, instrument, value in user.stack.sql(
        "SELECT l.type, l.instrument_id, l.value FROM core_limits l "
        "JOIN users u ON u.id = l.user_id WHERE u.email = %s AND l.value > 0",
        user.email)}


def instrument(stack, symbol):
    return stack.sql("SELECT id FROM instruments WHERE symbol = %s", symbol)[0][0]


# ---- The object ----------------------------------------------------------------


def test_no_limit_is_null(user):
    limits = show(user)
    assert set(limits) == {"max_position_value", "max_daily_loss", "max_drawdown",
                           "updated_at"}
    assert [limits[k] for k in limits if k != "updated_at"] == [None] * 3
    assert limits["updated_at"].endswith("Z")
    assert core(user) == {}


def test_numbers_are_set_kept_and_lifted(user):
    before = show(user)["updated_at"]
    set_ = put(user, max_position_value=10000.5, max_daily_loss="500",
               max_drawdown=0.2)
    assert (set_["max_position_value"], set_["max_daily_loss"],
            set_["max_drawdown"]) == (Decimal("10000.5"), 500, Decimal("0.2"))
    # One of them may have no fraction: "…:41Z" comes before "…:41.5Z".
    assert set_["updated_at"][:-1] > before[:-1] and show(user) == set_
    assert core(user) == {(POSITION_VALUE, ANY): Decimal("10000.5"),
                          (DAILY_LOSS, ANY): 500, (DRAWDOWN, ANY): Decimal("0.2")}
    # What is left out stays, what is null goes.
    put(user, max_daily_loss=400)
    put(user, max_drawdown=None)
    limits = show(user)
    assert (limits["max_position_value"], limits["max_daily_loss"],
            limits["max_drawdown"]) == (Decimal("10000.5"), 400, None)
    assert core(user) == {(POSITION_VALUE, ANY): Decimal("10000.5"),
                          (DAILY_LOSS, ANY): 400}
    assert put(user)["max_daily_loss"] == 400
    put(user, max_position_value=None, max_daily_loss=None)
    assert core(user) == {}
    # A limit that comes back is the same row again.
    put(user, max_daily_loss=7)
    assert len([r for r in rows(user) if r["limit_type"] == "DAILY_LOSS"]) == 1
    assert core(user) == {(DAILY_LOSS, ANY): 7}


@pytest.mark.parametrize("field,value", [
    ("max_position_value", 0), ("max_position_value", -1), ("max_daily_loss", 0),
    ("max_daily_loss", "x"), ("max_daily_loss", True), ("max_daily_loss", []),
    ("max_daily_loss", 1e11), ("max_drawdown", 1.00000001), ("max_drawdown", 0),
    ("max_drawdown", -0.1), ("max_drawdown", "0.123456789")])
def test_what_is_no_limit_of_an_account(user, field, value):
    put(user, max_daily_loss=5)
    error = put(user, 400, **{"max_daily_loss": 6, field: value})["error"]
    assert error["code"] == "VALIDATION_ERROR" and error["details"]["field"] == field
    assert show(user)["max_daily_loss"] == 5     # nothing of it was done


def test_a_drawdown_may_be_all(user):
    assert put(user, max_drawdown=1)["max_drawdown"] == 1
    assert core(user) == {(DRAWDOWN, ANY): 1}


def test_bodies_that_are_none(user):
    for body in ("", "{", "[]", "null", "1"):
        reply = user.client.request("PUT", LIMITS, data=body, headers={
            **INTERFACES, "Content-Type": "application/json"})
        assert reply.status_code == 400, body
        assert set(reply.json()) == {"error"}


# ---- The array -------------------------------------------------------------------


def test_the_documents_example(user):
    limit = post(user, limit_type="POSITION_SIZE", limit_value=10000.00,
                 symbol="BTCUSDT", warning_threshold=80.0, critical_threshold=95.0)
    assert limit["user_id"] == user.id and uuid.UUID(limit["id"])
    assert (limit["limit_type"], limit["limit_value"], limit["enabled"]) == (
        "POSITION_SIZE", "10000.00", True)
    assert limit["created_at"].endswith("Z")
    assert (limit["symbol"], limit["currency"]) == ("BTCUSDT", "USDT")
    assert (limit["warning_threshold"], limit["critical_threshold"]) == (80, 95)
    assert rows(user) == [limit]
    assert user.client.get(path_of(limit)).json() == limit
    assert core(user) == {
        (POSITION_SIZE, instrument(user.stack, "BTC/USDT")): 10000}


@pytest.mark.parametrize("kind,value,text,bound", [
    ("POSITION_SIZE", "2500", "2500.00", (POSITION_SIZE, ANY, 2500)),
    ("ORDER_SIZE", 0.125, "0.125", (ORDER_SIZE, ANY, Decimal("0.125"))),
    ("DAILY_LOSS", 99, "99.00", (DAILY_LOSS, ANY, 99)),
    ("MAX_DRAWDOWN", "0.25", "0.25", (DRAWDOWN, ANY, Decimal("0.25"))),
    ("OPEN_ORDERS", 3, "3", (OPEN_ORDERS, ANY, 3))])
def test_every_type(user, kind, value, text, bound):
    limit = post(user, limit_type=kind, limit_value=value)
    assert limit["limit_value"] == text and limit["symbol"] is None
    assert (limit["warning_threshold"], limit["critical_threshold"]) == (80, 95)
    assert core(user) == {bound[:2]: bound[2]}


@pytest.mark.parametrize("body", [
    {}, {"limit_type": "POSITION_SIZE"}, {"limit_value": 1},
    {"limit_type": "position_size", "limit_value": 1},
    {"limit_type": "LEVERAGE", "limit_value": 1},
    {"limit_type": "DAILY_LOSS", "limit_value": 0},
    {"limit_type": "DAILY_LOSS", "limit_value": -1},
    {"limit_type": "DAILY_LOSS", "limit_value": None},
    {"limit_type": "DAILY_LOSS", "limit_value": "many"},
    {"limit_type": "DAILY_LOSS", "limit_value": 1, "symbol": "BTCUSD"},
    {"limit_type": "MAX_DRAWDOWN", "limit_value": 20},
    {"limit_type": "OPEN_ORDERS", "limit_value": 1.5},
    {"limit_type": "OPEN_ORDERS", "limit_value": 1000001},
    {"limit_type": "OPEN_ORDERS", "limit_value": 1, "symbol": "BTCUSD"},
    {"limit_type": "POSITION_SIZE", "limit_value": 1, "symbol": "XXXYYY"},
    {"limit_type": "POSITION_SIZE", "limit_value": 1, "symbol": 7},
    {"limit_type": "POSITION_SIZE", "limit_value": 1, "warning_threshold": 0},
    {"limit_type": "POSITION_SIZE", "limit_value": 1, "critical_threshold": 100.01},
    {"limit_type": "POSITION_SIZE", "limit_value": 1, "warning_threshold": "x"},
    {"limit_type": "POSITION_SIZE", "limit_value": 1, "warning_threshold": 90,
     "critical_threshold": 85},
    {"limit_type": "POSITION_SIZE", "limit_value": 1, "user_id": str(uuid.uuid4())},
])
def test_what_is_no_limit(user, body):
    reply = post(user, 422, **body)
    assert reply["code"] == "VALIDATION_ERROR" and isinstance(reply["detail"], list)
    assert rows(user) == [] and core(user) == {}


def test_one_threshold_alone_moves_the_other(user):
    late = post(user, limit_type="ORDER_SIZE", limit_value=1, warning_threshold=97)
    assert (late["warning_threshold"], late["critical_threshold"]) == (97, 97)
    early = post(user, limit_type="ORDER_SIZE", limit_value=1, critical_threshold=60)
    assert (early["warning_threshold"], early["critical_threshold"]) == (60, 60)


def test_change_and_remove(user):
    limit = post(user, limit_type="OPEN_ORDERS", limit_value=5)
    path = path_of(limit)
    for body in ({"limit_value": 0}, {"limit_value": 2.5}, {"warning_threshold": 96},
                 {"enabled": "yes"}):
        assert user.client.patch(path, json=body).status_code == 422
    changed = user.client.patch(path, json={"limit_value": 4, "warning_threshold": 50})
    assert changed.status_code == 200
    assert changed.json() == {**limit, "limit_value": "4", "warning_threshold": 50,
                              "updated_at": changed.json()["updated_at"]}
    assert core(user) == {(OPEN_ORDERS, ANY): 4}
    off = user.client.patch(path, json={"enabled": False}).json()
    assert off["enabled"] is False and core(user) == {}
    assert user.client.patch(path, json={"enabled": True}).status_code == 200
    assert core(user) == {(OPEN_ORDERS, ANY): 4}
    gone = user.client.delete(path)
    assert gone.status_code == 204 and not gone.content
    assert core(user) == {} and rows(user) == []
    for reply in (user.client.get(path), user.client.delete(path),
                  user.client.patch(path, json={"enabled": True})):
        assert reply.status_code == 404


def test_another_host_speaks_of_one_limit_alike(user):
    """Only one document has a limit by its id, so both hosts speak that one's."""
    reply = user.client.get(f"{LIMITS}/{uuid.uuid4()}",
                            headers={"Host": "api.example.com"})
    assert reply.status_code == 404 and reply.json()["code"] == "NOT_FOUND"


def test_there_is_an_end_to_them(user):
    post(user, limit_type="ORDER_SIZE", limit_value=5)
    for _ in range(98):
        user.stack.sql(
            "INSERT INTO risk_limits (public_id, user_id, type, instrument_id, value, "
            "warning_threshold, critical_threshold, enabled, created_at, updated_at) "
            "SELECT %s, id, 1, 65535, 6, 80, 95, 1, UTC_TIMESTAMP(6), UTC_TIMESTAMP(6) "
            "FROM users WHERE email = %s", uuid.uuid4().bytes, user.email)
    post(user, limit_type="ORDER_SIZE", limit_value=7)
    assert post(user, 409, limit_type="ORDER_SIZE", limit_value=5)["code"] == "CONFLICT"
    # The account's own three always have a place.
    put(user, max_daily_loss=9)
    assert len(rows(user)) == 101


# ---- Both --------------------------------------------------------------------------


def test_the_strictest_counts(user):
    btc = instrument(user.stack, "BTC/USD")
    wide = post(user, limit_type="POSITION_SIZE", limit_value=500, symbol="BTC/USD")
    post(user, limit_type="POSITION_SIZE", limit_value=300, symbol="btc-usd")
    assert core(user) == {(POSITION_SIZE, btc): 300}
    # One for any instrument bounds this one too, where it is the stricter.
    any_ = post(user, limit_type="POSITION_SIZE", limit_value=200)
    assert core(user) == {(POSITION_SIZE, btc): 200, (POSITION_SIZE, ANY): 200}
    user.client.delete(path_of(any_))
    assert core(user) == {(POSITION_SIZE, btc): 300}
    user.client.patch(path_of(wide), json={"limit_value": 100})
    assert core(user) == {(POSITION_SIZE, btc): 100}


def test_one_table_beneath(user):
    post(user, limit_type="DAILY_LOSS", limit_value=700)
    kept = post(user, limit_type="DAILY_LOSS", limit_value=600, warning_threshold=10)
    assert show(user)["max_daily_loss"] == 600
    # The number replaces all of them, whatever there was.
    put(user, max_daily_loss=650)
    assert show(user)["max_daily_loss"] == 650
    assert core(user) == {(DAILY_LOSS, ANY): 650}
    assert [(r["limit_value"], r["enabled"], r["warning_threshold"])
            for r in rows(user)] == [("700.00", False, 80), ("650.00", True, 10)]
    assert rows(user)[1]["id"] == kept["id"]
    put(user, max_position_value=1234)
    [value] = [r for r in rows(user) if r["limit_type"] == "POSITION_SIZE"]
    assert (value["limit_value"], value["symbol"], value["currency"]) == (
        "1234.00", None, "USD")
    put(user, max_daily_loss=None)
    assert core(user) == {(POSITION_VALUE, ANY): 1234}
    assert not any(r["enabled"] for r in rows(user) if r["limit_type"] == "DAILY_LOSS")


def test_every_change_is_audited(user):
    limit = post(user, limit_type="ORDER_SIZE", limit_value=5, symbol="BTCUSD")
    user.client.patch(path_of(limit), json={"limit_value": 6})
    user.client.delete(path_of(limit))
    put(user, max_daily_loss=1)
    found = user.stack.sql(
        "SELECT a.action, a.details FROM audit_log a JOIN users u ON u.id = a.user_id "
        "WHERE u.email = %s AND a.action LIKE 'risk.%%' ORDER BY a.id", user.email)
    assert [action for action, _ in found] == [
        "risk.limit_added", "risk.limit_changed", "risk.limit_removed",
        "risk.limit_added"]
    assert "type=ORDER_SIZE" in found[1][1] and "value=6" in found[1][1]


def test_nobody_without_a_token(stack):
    for edition in (INTERFACES, BOTPLATFORM):
        for method, path in (("GET", LIMITS), ("PUT", LIMITS), ("POST", LIMITS)):
            reply = stack.client().request(method, path, json={}, headers=edition)
            assert reply.status_code in (401, 405)
    assert stack.client().get(ALERTS).status_code == 401


def test_no_alerts_at_first(user):
    assert user.client.get(ALERTS).json() == {"alerts": []}


# ---- The core's part -----------------------------------------------------------------


def promises(user):
    return user.stack.sql(
        "SELECT i.state, i.attempts FROM intents i JOIN users u ON u.id = i.user_id "
        "WHERE u.email = %s AND i.source = 'risk.limit' ORDER BY i.created_at",
        user.email)


def test_what_was_promised_is_sent_again(stack, user):
    """As after a crash between the row and the command."""
    post(user, limit_type="OPEN_ORDERS", limit_value=9)
    post(user, limit_type="OPEN_ORDERS", limit_value=8)
    # The last is forgotten by the core, and its promise is open again.
    stack.sql("UPDATE intents i JOIN users u ON u.id = i.user_id "
              "SET i.state = 'open', i.seq = 0, i.created_at = i.created_at - "
              "INTERVAL 10 SECOND WHERE u.email = %s AND i.source = 'risk.limit'",
              user.email)
    quantora.wait_until(lambda: {s for s, _ in promises(user)} == {"done"},
                        "the promise")
    assert core(user) == {(OPEN_ORDERS, ANY): 8}
