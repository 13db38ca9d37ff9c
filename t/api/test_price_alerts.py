# SPDX-License-Identifier: AGPL-3.0-or-later
"""Price alerts: triggered once, by any trade, however short its price stood."""

import json
import signal
import uuid
from decimal import Decimal

import pytest
import quantora
from notices import Listener, number_of
from people import Person, same_answer
from signing import patient

ALERTS = "/v1/market/alerts"
FIELDS = {"id", "symbol", "condition", "price", "status", "created_at", "triggered_at",
          "triggered_price"}


@pytest.fixture(scope="module")
def house():
    """Prices here are ours alone."""
    with quantora.Stack.boot_new() as running:
        yield running


@pytest.fixture(scope="module")
def maker(house):
    return trader(house)


@pytest.fixture(scope="module")
def taker(house):
    return trader(house)


@pytest.fixture
def user(house):
    person = Person(house)
    patient(person.client)
    return person


def trader(house):
    person = Person(house, money={"MWH": "10000", "REC": "10000", "USD": "1000000"})
    patient(person.client)
    return person


def exact(reply):
    return json.loads(reply.text, parse_float=Decimal, parse_int=Decimal)


def trade(maker, taker, price, symbol="MWH/USD"):
    for person, side in ((maker, "sell"), (taker, "buy")):
        reply = person.client.post("/api/order", json={
            "user_id": person.id, "symbol": symbol, "side": side, "price": price,
            "order_type": "limit", "qty": 1})
        assert reply.status_code == 200, reply.text
    assert reply.json()["order_status"] == "filled"


def path_of(alert):
    return f"/v1/market/alerts/{alert['id']}"


def create(user, condition, price, symbol="MWH/USD", status=201):
    reply = user.client.post(ALERTS, json={"symbol": symbol, "condition": condition,
                                           "price": price})
    assert reply.status_code == status, reply.text
    return exact(reply)


def show(user, alert):
    reply = user.client.get(path_of(alert))
    assert reply.status_code == 200
    return exact(reply)


def triggered(user, alert):
    """How it is, once it was triggered."""
    quantora.wait_until(lambda: user.stack.sql(
        "SELECT triggered FROM price_alerts WHERE public_id = %s",
        uuid.UUID(alert["id"]).bytes)[0][0], "the alert")
    return show(user, alert)


def looked(house):
    """All trades so far have been held against the alerts."""
    last = house.sql("SELECT MAX(id) FROM trades")[0][0]
    quantora.wait_until(lambda: [1 for mark, in house.sql(
        "SELECT trade_id FROM price_alert_mark") if mark >= last], "a look")


# ---- What it looks like --------------------------------------------------------


def test_before_any_trade_nothing_is_due(house, user):
    alert = create(user, "above", 1, "REC/USD")
    assert set(alert) == FIELDS
    assert (alert["symbol"], alert["condition"], alert["price"], alert["status"]) == (
        "REC/USD", "above", 1, "active")
    assert alert["triggered_at"] is None and alert["triggered_price"] is None
    assert alert["created_at"].endswith("Z")
    assert show(user, alert) == alert


def test_it_is_triggered_once(house, maker, taker, user):
    heard = Listener(house)
    try:
        trade(maker, taker, 60)
        up, down = create(user, "above", "70.5", "mwhusd"), create(user, "below", 50)
        assert up["symbol"] == "MWH/USD" and up["price"] == Decimal("70.5")
        trade(maker, taker, 70)
        looked(house)
        assert show(user, up)["status"] == show(user, down)["status"] == "active"
        trade(maker, taker, 71)
        found = triggered(user, up)
        assert (found["status"], found["triggered_price"]) == ("triggered", 71)
        assert found["triggered_at"] >= found["created_at"]
        [notice] = heard.wait(number_of(user), 1)
        assert (notice["kind"], notice["level"], notice["symbol"]) == (
            "price_alert", "info", "MWH/USD")
        assert notice["data"] == {
            "alert_id": up["id"], "condition": "above", "price": "70.5",
            "triggered_price": "71", "triggered_at": found["triggered_at"]}
        # Again above, and it is not news.
        trade(maker, taker, 60)
        trade(maker, taker, 75)
        trade(maker, taker, 50)
        assert triggered(user, down)["triggered_price"] == 50     # at it is enough
        assert show(user, up) == found
        assert [n["data"]["alert_id"] for n in heard.wait(number_of(user), 2)] == [
            up["id"], down["id"]]
        assert len(heard.of(number_of(user))) == 2
    finally:
        heard.close()


def test_a_short_spike_is_not_missed(house, maker, taker, user):
    trade(maker, taker, 60)
    alert = create(user, "above", 90)
    # With the looker away the spike comes and goes, and much follows it.
    house.kill("workerd", signal.SIGSTOP)
    try:
        trade(maker, taker, 91)
        for _ in range(3):
            trade(maker, taker, 60)
    finally:
        house.kill("workerd", signal.SIGCONT)
    assert triggered(user, alert)["triggered_price"] == 91


def test_what_was_before_it_does_not_count(house, maker, taker, user):
    house.kill("workerd", signal.SIGSTOP)
    try:
        trade(maker, taker, 100)
        trade(maker, taker, 60)
        alert = create(user, "above", 95)
        trade(maker, taker, 61)
    finally:
        house.kill("workerd", signal.SIGCONT)
    looked(house)
    assert show(user, alert)["status"] == "active"


def test_a_worker_that_was_killed_goes_on(house, maker, taker, user):
    trade(maker, taker, 60)
    looked(house)
    alert = create(user, "below", 30)
    house.kill("workerd", signal.SIGSTOP)
    trade(maker, taker, 29)
    trade(maker, taker, 60)
    house.kill("workerd")
    assert triggered(user, alert)["triggered_price"] == 29


def test_one_that_is_due_already(house, maker, taker, user):
    heard = Listener(house)
    try:
        trade(maker, taker, 60)
        for condition, price in (("above", 60), ("below", 60), ("above", 59.99),
                                 ("below", 60.01)):
            alert = create(user, condition, price)
            assert (alert["status"], alert["triggered_price"]) == ("triggered", 60)
            assert alert["triggered_at"] == alert["created_at"]
        for condition, price in (("above", 60.01), ("below", 59.99)):
            assert create(user, condition, price)["status"] == "active"
        assert len(heard.wait(number_of(user), 4)) == 4
        looked(house)
        assert len(heard.of(number_of(user))) == 4
    finally:
        heard.close()


# ---- Lists ------------------------------------------------------------------------


def test_lists(house, maker, taker, user):
    trade(maker, taker, 60)
    made = [create(user, "above", price) for price in (59, 70, 80)]
    made.append(create(user, "below", 1, "REC/USD"))

    def listed(query=""):
        reply = user.client.get(ALERTS + query)
        assert reply.status_code == 200, reply.text
        return exact(reply)

    everything = listed()
    assert set(everything) == {"alerts", "total", "limit", "offset"}
    assert everything["alerts"] == made[::-1]
    assert (everything["total"], everything["limit"], everything["offset"]) == (4, 50, 0)
    assert [a["id"] for a in listed("?status=triggered")["alerts"]] == [made[0]["id"]]
    assert listed("?status=active")["total"] == 3
    assert [a["id"] for a in listed("?symbol=REC-USD")["alerts"]] == [made[3]["id"]]
    page = listed("?status=active&limit=1&offset=1")
    assert [a["id"] for a in page["alerts"]] == [made[2]["id"]] and page["total"] == 3
    for bad in ("limit=0", "limit=101", "limit=x", "offset=-1", "status=gone",
                "symbol=NOPE"):
        assert user.client.get(f"{ALERTS}?{bad}").status_code == 400, bad


def test_deleting(house, maker, taker, user):
    trade(maker, taker, 60)
    alert = create(user, "above", 61)
    path = path_of(alert)
    gone = user.client.delete(path)
    assert gone.status_code == 204 and not gone.content
    trade(maker, taker, 62)
    looked(house)
    nobodys = user.client.get(f"{ALERTS}/{uuid.uuid4()}")
    assert nobodys.status_code == 404
    assert nobodys.json()["error"]["code"] == "NOT_FOUND"
    for reply in (user.client.get(path), user.client.delete(path),
                  user.client.get(f"{ALERTS}/nothing")):
        assert same_answer(reply, nobodys)
    assert exact(user.client.get(ALERTS))["total"] == 0


def test_whose_they_are(house, user):
    alert = create(user, "above", 4000, "REC/USD")
    other = Person(house)
    path = path_of(alert)
    assert other.client.get(path).status_code == 404
    assert other.client.delete(path).status_code == 404
    assert exact(other.client.get(ALERTS))["alerts"] == []
    assert show(user, alert) == alert


# ---- What is none -------------------------------------------------------------------


@pytest.mark.parametrize("body", [
    {}, {"symbol": "MWH/USD", "condition": "above"},
    {"symbol": "MWH/USD", "price": 5}, {"condition": "above", "price": 5},
    {"symbol": "NOPE", "condition": "above", "price": 5},
    {"symbol": 5, "condition": "above", "price": 5},
    {"symbol": "MWH/USD", "condition": "ABOVE", "price": 5},
    {"symbol": "MWH/USD", "condition": "at", "price": 5},
    {"symbol": "MWH/USD", "condition": "above", "price": 0},
    {"symbol": "MWH/USD", "condition": "above", "price": -5},
    {"symbol": "MWH/USD", "condition": "above", "price": "much"},
    {"symbol": "MWH/USD", "condition": "above", "price": "0.000000001"},
    {"symbol": "MWH/USD", "condition": "above", "price": 5, "status": "triggered"}])
def test_what_is_no_alert(house, user, body):
    reply = user.client.post(ALERTS, json=body)
    assert reply.status_code == 400
    assert reply.json()["error"]["code"] == "VALIDATION_ERROR"
    assert exact(user.client.get(ALERTS))["total"] == 0


def test_nobody_without_a_token(house):
    for method in ("GET", "POST"):
        assert house.client().request(method, ALERTS, json={}).status_code == 401


def test_there_is_an_end_to_them(house, user):
    number = number_of(user)
    for n in range(99):
        house.sql("INSERT INTO price_alerts (public_id, user_id, instrument_id, above, "
                  "price, created_at) VALUES (%s, %s, 0, 1, 1000000, UTC_TIMESTAMP(6))",
                  uuid.uuid4().bytes, number)
    last = create(user, "above", 4000, "REC/USD")
    error = create(user, "above", 4000, "REC/USD", status=409)["error"]
    assert error["code"] == "CONFLICT"
    assert user.client.delete(path_of(last)).status_code == 204
    create(user, "above", 4000, "REC/USD")
