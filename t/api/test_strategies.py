# SPDX-License-Identifier: AGPL-3.0-or-later
"""Strategies: kept as they were understood, refused where they are wrong."""

import copy
import itertools
import json
import time
import uuid
from decimal import Decimal

import pytest
from people import Person, same_answer

PATH = "/api/v1/strategies"
SMA = {"type": "sma_cross", "fast": 5, "slow": 20}
TYPES = ["sma_cross", "ema_cross", "momentum", "breakout", "mean_reversion",
         "bollinger", "rsi", "macd", "grid", "dca", "rules"]


def patient(person):
    """His client, which waits where the edition's budget is used up."""
    client = person.client
    request = client.request

    def ask(method, path, **arguments):
        while True:
            reply = request(method, path, **arguments)
            if reply.status_code != 429:
                return reply
            time.sleep(float(reply.headers["Retry-After"]))
    client.request = ask
    return client


@pytest.fixture(scope="module")
def crowd(stack):
    """Several, so that nobody's budget is used up."""
    return itertools.cycle([patient(Person(stack)) for _ in range(8)])


@pytest.fixture
def client(crowd):
    return next(crowd)


def create(client, config=None, name="mine", **fields):
    return client.post(PATH, json={
        "name": name, "config": SMA if config is None else config, **fields})


def made(client, config=None, **fields):
    reply = create(client, config, **fields)
    assert reply.status_code == 201, reply.text
    return reply.json()


def refused(reply, field):
    assert reply.status_code == 400, reply.text
    error = reply.json()["error"]
    assert error["code"] == "VALIDATION_ERROR"
    assert error["details"]["field"] == field
    assert error["details"]["reason"] == error["message"] != ""
    return error["message"]


# ---- The document --------------------------------------------------------------

def test_create_get_list(stack):
    client = patient(Person(stack))
    row = made(client, description="two averages")
    assert uuid.UUID(row["id"])
    assert row["name"] == "mine" and row["description"] == "two averages"
    assert row["config"] == SMA and row["is_active"] is True
    assert row["created_at"].endswith("Z")
    assert client.get(f"{PATH}/{row['id']}").json() == row
    body = client.get(PATH).json()
    assert body["strategies"] == [row]
    assert (body["total"], body["limit"], body["offset"]) == (1, 50, 0)


def test_a_part_that_is_left_out_stays(client):
    row = made(client, description="first")
    path = f"{PATH}/{row['id']}"
    for change in ({"name": "other"}, {"description": ""}, {"is_active": False},
                   {"config": {"type": "dca", "every": 3, "amount": 20.5}}, {}):
        reply = client.put(path, json=change)
        assert reply.status_code == 200, reply.text
        row = {**row, **change, "updated_at": reply.json()["updated_at"]}
        assert reply.json() == row == client.get(path).json()
        assert row["updated_at"] >= row["created_at"]
    # A refused change changes nothing.
    refused(client.put(path, json={"name": "x", "config": {"type": "none"}}),
            "config.type")
    assert client.get(path).json() == row


def test_list_pages_and_filters(stack):
    client = patient(Person(stack))
    rows = [made(client, name=f"n{i}") for i in range(5)]
    client.put(f"{PATH}/{rows[2]['id']}", json={"is_active": False})

    def names(query):
        return [row["name"] for row in client.get(PATH + query).json()["strategies"]]
    assert names("") == ["n4", "n3", "n2", "n1", "n0"]
    assert names("?active=true") == ["n4", "n3", "n1", "n0"]
    assert names("?active=false") == ["n2"]
    assert names("?limit=2&offset=1") == ["n3", "n2"]
    assert client.get(PATH + "?active=false").json()["total"] == 1


@pytest.mark.parametrize("query,field", [
    ("limit=101", "limit"), ("limit=0", "limit"), ("limit=x", "limit"),
    ("active=maybe", "active"), ("offset=-1", "offset")])
def test_bad_queries(client, query, field):
    refused(client.get(f"{PATH}?{query}"), field)


def test_delete(client):
    row = made(client)
    path = f"{PATH}/{row['id']}"
    assert client.delete(path).status_code == 200
    nothing = client.get(f"{PATH}/{uuid.uuid4()}")
    for reply in (client.get(path), client.delete(path),
                  client.put(path, json={"name": "x"})):
        assert reply.status_code == 404 and same_answer(reply, nothing)
    assert row["id"] not in client.get(PATH + "?limit=100").text


def test_anothers_is_like_none(stack, client):
    row = made(client)
    stranger = patient(Person(stack))
    for call in (lambda i: stranger.get(f"{PATH}/{i}"),
                 lambda i: stranger.put(f"{PATH}/{i}", json={"name": "x"}),
                 lambda i: stranger.delete(f"{PATH}/{i}")):
        theirs, nothing = call(row["id"]), call(uuid.uuid4())
        assert theirs.status_code == 404 and same_answer(theirs, nothing)
    assert client.get(f"{PATH}/{row['id']}").json() == row


@pytest.mark.parametrize("host", ["interfaces", "botplatform", None])
def test_speaks_its_own_language_on_every_host(stack, client, host):
    other = stack.client(host)
    other.bearer(client.token)
    assert set(other.get(f"{PATH}/{uuid.uuid4()}").json()) == {"error"}


@pytest.mark.parametrize("fields,field", [
    ({"name": ""}, "name"), ({"name": None}, "name"), ({"name": "x" * 101}, "name"),
    ({"name": 5}, "name"), ({"description": "x" * 2001}, "description"),
    ({"description": ["a"]}, "description"), ({"config": None}, "config"),
    ({"config": "sma_cross"}, "config"), ({"config": []}, "config")])
def test_bad_fields(client, fields, field):
    refused(client.post(PATH, json={"name": "n", "config": SMA, **fields}), field)


def test_longest_fields(client):
    row = made(client, name="ü" * 100, description="é" * 2000)
    assert (row["name"], row["description"]) == ("ü" * 100, "é" * 2000)


def test_no_more_than_a_thousand(stack):
    someone = Person(stack)
    client = patient(someone)
    stack.sql("INSERT INTO strategies (public_id, user_id, name, config, "
              "created_at, updated_at) SELECT UNHEX(MD5(CONCAT(u.id, '-', seq))), "
              "u.id, 'x', '{}', NOW(), NOW() FROM users u JOIN seq_1_to_999 "
              "WHERE u.email = %s", someone.email)
    last = made(client)
    assert create(client).status_code == 409
    assert client.delete(f"{PATH}/{last['id']}").status_code == 200
    made(client)


# ---- Types ---------------------------------------------------------------------

@pytest.fixture(scope="module")
def types(crowd):
    reply = next(crowd).get("/api/v1/strategies/types")
    assert reply.status_code == 200
    return {t["type"]: t for t in json.loads(reply.text, parse_float=Decimal)["types"]}


def test_types_are_listed(types):
    assert list(types) == TYPES
    assert [p["name"] for p in types["macd"]["parameters"]] == [
        "fast", "slow", "signal"]
    for one in types.values():
        for p in one["parameters"]:
            assert set(p) == {"name", "type", "default", "min", "max", "description"}
            assert p["type"] in ("integer", "decimal") and p["description"]
            assert p["min"] < p["max"]
            assert p["default"] is None or p["min"] <= p["default"] <= p["max"]


@pytest.mark.parametrize("name", TYPES)
def test_all_have_defaults(client, types, name):
    config = made(client, {"type": name})["config"]
    assert config.pop("type") == name
    if name == "rules":
        assert set(config) == {"entry", "exit"}
    else:
        assert config == {p["name"]: p["default"] for p in types[name]["parameters"]}


@pytest.mark.parametrize("name", [t for t in TYPES if t not in ("rules", "grid")])
def test_ranges(client, types, name):
    """The ends of each range are allowed, and nothing beyond."""
    parameters = types[name]["parameters"]
    for p in parameters:
        # The others out of its way, where one has to be less than the next.
        rest = {"slow": 500} if p["name"] == "fast" else {}
        rest = {"fast": 1} if p["name"] == "slow" else rest
        rest = {"overbought": 99} if p["name"] == "oversold" else rest
        rest = {"oversold": 1} if p["name"] == "overbought" else rest
        step = Decimal(1) if p["type"] == "integer" else Decimal("0.00000001")
        for value in (p["min"] - step, p["max"] + step):
            refused(create(client, {"type": name, **rest, p["name"]: str(value)}),
                    f"config.{p['name']}")
        if p["name"] not in ("fast", "slow", "oversold", "overbought"):
            for value in (p["min"], p["max"]):
                made(client, {"type": name, p["name"]: str(value)})


@pytest.mark.parametrize("config,field", [
    ({}, "config.type"), ({"type": None}, "config.type"), ({"type": 3}, "config.type"),
    ({"type": "martingale"}, "config.type"),
    ({"type": "sma_cross", "period": 5}, "config.period"),
    ({"type": "sma_cross", "fast": 30, "slow": 30}, "config.fast"),
    ({"type": "sma_cross", "fast": 31}, "config.fast"),
    ({"type": "ema_cross", "fast": 1.5}, "config.fast"),
    ({"type": "ema_cross", "fast": True}, "config.fast"),
    ({"type": "ema_cross", "fast": "many"}, "config.fast"),
    ({"type": "macd", "slow": 10}, "config.fast"),
    ({"type": "rsi", "oversold": 70}, "config.oversold"),
    ({"type": "rsi", "overbought": 20}, "config.oversold"),
    ({"type": "grid", "lower": 5, "upper": 5}, "config.lower"),
    ({"type": "grid", "lower": 5}, "config.upper"),
    ({"type": "grid", "upper": 5}, "config.lower"),
    ({"type": "grid", "lower": 0, "upper": 5}, "config.lower"),
    ({"type": "dca", "amount": "0.000000001"}, "config.amount"),
    ({"type": "dca", "amount": {}}, "config.amount"),
    ({"type": "dca", "entry": {}}, "config.entry"),
])
def test_bad_configs(client, config, field):
    refused(create(client, config), field)


def test_an_unknown_type_hears_of_the_known_ones(client):
    message = refused(create(client, {"type": "x"}), "config.type")
    assert all(name in message for name in TYPES)


def test_numbers_are_exact(client):
    """As they were given, not as a binary float has them."""
    reply = client.post(PATH, headers={"Content-Type": "application/json"}, data=(
        '{"name":"g","config":{"type":"grid","lower":"0.10000001",'
        '"upper":9999999999.12345678,"levels":"1e1"}}'))
    assert reply.status_code == 201, reply.text
    path = f"{PATH}/{reply.json()['id']}"
    for text in (reply.text, client.get(path).text):
        assert ('"config":{"type":"grid","lower":0.10000001,'
                '"upper":9999999999.12345678,"levels":10}') in text


# ---- Rules ---------------------------------------------------------------------

RULES = {
    "type": "rules",
    "entry": {"all": [
        {"left": "price", "op": "crosses_above",
         "right": {"indicator": "sma", "period": 50}},
        {"any": [
            {"left": {"indicator": "rsi", "period": 14}, "op": "<", "right": 70},
            {"left": "volume", "op": ">=", "right": 0.5}]}]},
    "exit": {"left": {"indicator": "macd", "fast": 12, "slow": 26}, "op": "<=",
             "right": {"indicator": "macd_signal", "fast": 12, "slow": 26,
                       "signal": 9}},
}


def test_rules_are_kept(client):
    row = made(client, RULES)
    assert row["config"] == RULES
    assert client.get(f"{PATH}/{row['id']}").json()["config"] == RULES


def test_rules_get_the_defaults_of_their_indicators(client):
    config = copy.deepcopy(RULES)
    config["exit"]["right"] = {"indicator": "bollinger_upper"}
    config["exit"]["op"] = ">"
    assert made(client, config)["config"]["exit"]["right"] == {
        "indicator": "bollinger_upper", "period": 20, "deviations": 2}


def test_every_word_of_the_rules(client, types):
    """All that the list of types promises can be said."""
    words = types["rules"]["conditions"]
    for op in words["operators"]:
        made(client, {"type": "rules", "entry": {
            "left": "price", "op": op, "right": 1}})
    for source in words["sources"]:
        made(client, {"type": "rules", "exit": {
            "left": 1, "op": "<", "right": source}})
    assert len(words["indicators"]) > 8
    for one in words["indicators"]:
        full = {"indicator": one["indicator"], **{
            p["name"]: int(p["default"]) for p in one["parameters"]}}
        row = made(client, {"type": "rules", "exit": {
            "left": {"indicator": one["indicator"]}, "op": "<", "right": "close"}})
        assert row["config"]["exit"]["left"] == full


PRICE = {"left": "price", "op": ">", "right": 1}


def nested(depth):
    node = PRICE
    for _ in range(depth):
        node = {"all": [node]}
    return node


@pytest.mark.parametrize("entry,field", [
    ([], "config.entry"), ("buy", "config.entry"), ({}, "config.entry.op"),
    ({"all": []}, "config.entry.all"), ({"all": PRICE}, "config.entry.all"),
    ({"any": [PRICE] * 17}, "config.entry.any"),
    ({"any": [PRICE, 5]}, "config.entry.any[1]"),
    ({"all": [PRICE], "any": [PRICE]}, "config.entry.any"),
    ({**PRICE, "note": 1}, "config.entry.note"),
    ({**PRICE, "op": "=="}, "config.entry.op"),
    ({**PRICE, "left": "mood"}, "config.entry.left"),
    ({**PRICE, "left": None}, "config.entry.left"),
    ({**PRICE, "left": 2}, "config.entry"),
    ({**PRICE, "right": "1e-9"}, "config.entry.right"),
    ({**PRICE, "right": {"indicator": "vibe"}}, "config.entry.right.indicator"),
    ({**PRICE, "right": {}}, "config.entry.right.indicator"),
    ({**PRICE, "right": {"indicator": "sma", "period": 0}},
     "config.entry.right.period"),
    ({**PRICE, "right": {"indicator": "sma", "fast": 3}}, "config.entry.right.fast"),
    ({**PRICE, "right": {"indicator": "macd", "fast": 30}},
     "config.entry.right.fast"),
    ({"all": [{"any": [PRICE, {**PRICE, "op": 1}]}]},
     "config.entry.all[0].any[1].op"),
    (nested(5), "config.entry.all[0].all[0].all[0].all[0].all"),
])
def test_bad_rules(client, entry, field):
    refused(create(client, {"type": "rules", "entry": entry}), field)


def test_bounds_of_rules(client):
    made(client, {"type": "rules", "entry": nested(4)})
    # 63 groups and tests, and the exit is one more.
    wide = {"all": [{"any": [PRICE] * 15}] * 3 + [{"any": [PRICE] * 13}]}
    row = made(client, {"type": "rules", "entry": wide, "exit": PRICE})
    assert row["config"]["entry"] == wide
    refused(create(client, {"type": "rules", "entry": wide,
                            "exit": {"all": [PRICE]}}), "config.exit.all[0]")
    wide["all"][3]["any"].append(PRICE)
    refused(create(client, {"type": "rules", "entry": wide}), "config.entry")
