# SPDX-License-Identifier: AGPL-3.0-or-later
"""Positions, as the interfaces and the QuantEnergX documents show them."""

import json
import re
from decimal import Decimal

import pytest
from people import Person

INTERFACES = "/api/v1/trading/positions"
QUANTENERGX = "/v1/trading/positions"
SYMBOL = "EUA/EUR"
UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{6})?Z\Z")
# As the document has them, and what is ours.
FIELDS = {"id", "symbol", "exchange", "side", "quantity", "entry_price",
          "current_price", "pnl", "pnl_percentage", "opened_at", "updated_at",
          "status", "realised_pnl", "unrealised_pnl", "closed_at"}

both = pytest.mark.parametrize("path", (INTERFACES, QUANTENERGX))


def trader(stack):
    return Person(stack, money={"EUR": 100000, "EUA": 1000, "USD": 100000,
                                "MWH": 1000})


@pytest.fixture
def buyer(stack):
    return trader(stack)


@pytest.fixture(scope="module")
def seller(stack):
    return trader(stack)


def order(person, side, price, qty, symbol):
    reply = person.client.post("/api/order", json={
        "user_id": person.id, "side": side, "order_type": "limit",
        "price": price, "qty": qty, "symbol": symbol})
    assert reply.status_code == 200, reply.text
    return reply.json()


def trade(maker, taker, side, price, qty, symbol=SYMBOL):
    """TAKER takes QTY from MAKER alone, who has nothing in his way."""
    other = "sell" if side == "buy" else "buy"
    assert order(maker, other, price, qty, symbol)["data"] == []
    fills = order(taker, side, price, qty, symbol)["data"]
    assert [(f["price"], f["qty"]) for f in fills] == [(price, qty)]


def read(person, path=INTERFACES, **query):
    reply = person.client.get(path, params=query)
    assert reply.status_code == 200, reply.text
    return json.loads(reply.text, parse_float=Decimal, parse_int=Decimal)


def positions(person, path=INTERFACES, **query):
    return read(person, path, **query)["positions"]


def figures(position):
    """Those of which every digit counts."""
    return tuple(str(position[name]) for name in (
        "quantity", "entry_price", "current_price", "realised_pnl",
        "unrealised_pnl", "pnl", "pnl_percentage"))


@both
def test_nothing_was_bought(path, buyer):
    body = read(buyer, path)
    assert body["positions"] == [] and body["total"] == 0


@both
def test_as_the_document_has_it(path, buyer, seller):
    trade(seller, buyer, "buy", 70, 2)
    [position] = positions(buyer, path)
    assert set(position) == FIELDS
    assert UUID.match(position["id"])
    assert position["symbol"] == SYMBOL
    assert position["exchange"] == "quantora"
    assert (position["side"], position["status"]) == ("buy", "open")
    assert TIME.match(position["opened_at"]) and TIME.match(position["updated_at"])
    assert position["closed_at"] is None
    assert figures(position) == ("2", "70", "70", "0", "0", "0", "0")


def test_quantenergx_counts(buyer, seller):
    trade(seller, buyer, "buy", 70, 1)
    body = read(buyer, QUANTENERGX)
    assert (body["total"], body["limit"], body["offset"]) == (1, 50, 0)
    body = read(buyer, QUANTENERGX, limit=7, offset=3)
    assert (body["total"], body["limit"], body["offset"]) == (1, 7, 3)
    assert body["positions"] == []


def test_a_whole_life(buyer, seller):
    """Bought twice, sold by a taker and by a maker, closed, opened anew."""
    trade(seller, buyer, "buy", 70, 1)
    trade(buyer, seller, "sell", 71, 2)
    [first] = positions(buyer)
    # 212 for 3; 213 now.
    assert figures(first) == (
        "3", "70.66666666", "71", "0", "1", "1", "0.47169811")
    trade(seller, buyer, "sell", 72, 1)
    [second] = positions(buyer)
    assert second["id"] == first["id"]
    assert second["opened_at"] == first["opened_at"] < second["updated_at"]
    # 70.66666667 of the cost went with it, 141.33333333 is left of it.
    assert figures(second) == (
        "2", "70.66666666", "72", "1.33333333", "2.66666667", "4", "1.88679245")
    # Of three that are sold two were bought.
    trade(buyer, seller, "buy", 69, 3)
    assert positions(buyer) == []
    [closed] = positions(buyer, status="closed")
    assert closed["id"] == first["id"] and closed["status"] == "closed"
    assert closed["opened_at"] == first["opened_at"]
    assert closed["closed_at"] == closed["updated_at"] > second["updated_at"]
    # 3 were bought for 212 and went for 72 and twice 69.
    assert figures(closed) == (
        "3", "70.66666666", "70", "-2", "0", "-2", "-0.94339623")
    trade(seller, buyer, "buy", 70, 1)
    newest, oldest = positions(buyer, status="all")
    assert oldest == closed and newest["id"] != closed["id"]
    assert figures(newest) == ("1", "70", "70", "0", "0", "0", "0")
    assert positions(buyer, status="open") == [newest]


def test_what_was_deposited_is_none(stack, buyer):
    other = trader(stack)
    trade(other, buyer, "buy", 70, 1)
    assert positions(other, status="all") == []


def test_others_are_not_seen(stack, buyer, seller):
    """Nor by the ids of the trade's other side."""
    other = trader(stack)
    trade(seller, buyer, "buy", 70, 1)
    trade(seller, other, "buy", 70, 2)
    [mine], [his] = positions(buyer), positions(other)
    assert (mine["quantity"], his["quantity"]) == (1, 2)
    assert mine["id"] != his["id"]
    query = {"user_id": buyer.id}
    assert positions(other, **query) == [his]


@both
def test_by_symbol(path, buyer, seller):
    trade(seller, buyer, "buy", 70, 1)
    trade(seller, buyer, "buy", 60, 1, symbol="MWH/USD")
    assert len(positions(buyer, path)) == 2
    for spelling in ("EUA/EUR", "EUA-EUR", "EUAEUR", "eua/eur"):
        [found] = positions(buyer, path, symbol=spelling)
        assert found["symbol"] == SYMBOL
    reply = buyer.client.get(path + "?symbol=EUA%2FEUR")
    assert [p["symbol"] for p in reply.json()["positions"]] == [SYMBOL]
    assert positions(buyer, path, symbol="BTC/USD") == []
    assert read(buyer, path, symbol="MWH/USD")["total"] == 1


@both
def test_a_page_at_a_time(path, buyer, seller):
    for _ in range(3):
        trade(seller, buyer, "buy", 70, 1)
        trade(seller, buyer, "sell", 70, 1)
    everything = positions(buyer, path, status="all")
    ids = [p["id"] for p in everything]
    assert len(set(ids)) == 3 and ids == sorted(ids, reverse=True)
    pages = [read(buyer, path, status="closed", limit=1, offset=i) for i in range(4)]
    assert [p["total"] for p in pages] == [3] * 4
    assert [p["id"] for page in pages for p in page["positions"]] == ids


@both
@pytest.mark.parametrize("query", (
    "status=wrong", "status=OPEN", "limit=0", "limit=101", "limit=-1", "limit=x",
    "limit=1.5", "symbol=ABC/DEF", "offset=-1",
    "limit=10&limit=20"))
def test_what_is_refused(path, query, buyer):
    reply = buyer.client.get(f"{path}?{query}")
    assert reply.status_code == 400, reply.text
    error = reply.json()["error"]
    assert error["code"] == "VALIDATION_ERROR"
    assert error["details"]["field"] == query.split("=")[0]


@both
def test_the_ends_of_what_is_allowed(path, buyer):
    for query in ("limit=1", "limit=100", "status=all", ""):
        assert buyer.client.get(f"{path}?{query}").status_code == 200


@both
def test_nobody(path, stack):
    reply = stack.client().get(path)
    assert reply.status_code == 401
    assert reply.json()["error"]["code"] == "UNAUTHORIZED"


def test_verify_finds_them_good(stack, buyer, seller):
    trade(seller, buyer, "buy", 70, 1)
    assert "positions: good" in stack.ctl("positions", "verify")
    assert "positions: good, by 1 trades" in stack.ctl(
        "positions", "verify", "--user", buyer.email)
