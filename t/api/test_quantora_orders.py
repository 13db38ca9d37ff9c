# SPDX-License-Identifier: AGPL-3.0-or-later
"""Quantora "Orders": place, book, cancel, list; exact numbers; who may what."""

import json
import re
import uuid
from decimal import Decimal

import pytest
from people import Person
from requests.adapters import HTTPAdapter
from urllib3.util.retry import Retry

UUID = re.compile(r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")
TIME = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?Z$")

# A market that no other test trades on.
SYMBOL = "EUA/EUR"
PRICE = 70


def trader(stack):
    person = Person(stack, money={"EUA": 10000, "EUR": 1000000})
    # More requests than a person makes: when told so, wait and ask again.
    patience = Retry(total=20, status_forcelist=[429], allowed_methods=None)
    person.client.session.mount("http://", HTTPAdapter(max_retries=patience))
    return person


@pytest.fixture(scope="module")
def seller(stack):
    return trader(stack)


@pytest.fixture(scope="module")
def buyer(stack):
    return trader(stack)


def ticket(person, side, qty, price=None, **more):
    return {"user_id": person.id, "side": side, "qty": qty, "price": price,
            "order_type": "market" if price is None else "limit",
            "symbol": SYMBOL, **more}


def place(person, side, qty, price=None, **more):
    reply = person.client.post("/api/order",
                               ticket(person, side, qty, price, **more))
    assert reply.status_code == 200, reply.text
    return json.loads(reply.text, parse_float=Decimal, parse_int=Decimal)


def refuse(person, status, code, body):
    reply = person.client.post("/api/order", body)
    assert reply.status_code == status, reply.text
    answer = reply.json()
    assert answer["success"] is False and answer["data"] is None
    assert answer["code"] == code and isinstance(answer["error"], str)
    return answer


def cancel_all(person):
    live = person.client.get("/api/orders?status=open&limit=100").json()["data"]
    for order in live:
        person.client.delete("/api/order/" + order["order_id"])


@pytest.fixture(autouse=True)
def empty_book(stack, seller, buyer):
    yield
    if book(stack) != [[], []]:
        cancel_all(seller)
        cancel_all(buyer)


def book(stack):
    reply = stack.client().get(f"/api/orderbook?symbol={SYMBOL}")
    assert reply.status_code == 200
    answer = json.loads(reply.text, parse_float=Decimal, parse_int=Decimal)
    assert answer["success"] is True and answer["error"] is None
    return answer["data"]


# ---- Placing ---------------------------------------------------------------

def test_an_order_rests_and_is_taken(stack, seller, buyer):
    rested = place(seller, "sell", 2, PRICE)
    assert rested["success"] is True and rested["error"] is None
    assert rested["data"] == [] and rested["order_status"] == "open"
    assert UUID.match(rested["order_id"])
    # The book is current before the answer.
    assert book(stack) == [[], [[PRICE, 2]]]

    taken = place(buyer, "buy", "0.5")
    [fill] = taken["data"]
    assert taken["order_status"] == "filled"
    assert UUID.match(fill["trade_id"]) and TIME.match(fill["executed_at"])
    assert (fill["price"], fill["qty"], fill["side"]) == (70, Decimal("0.5"), "buy")
    assert fill["fee"] == Decimal("0.07")    # 0.20 % of 35
    assert book(stack) == [[], [[PRICE, Decimal("1.5")]]]

    # What was answered can be read at once.
    listed = buyer.client.get("/api/orders?limit=1").json()
    assert listed["data"][0]["order_id"] == taken["order_id"]
    assert listed["data"][0]["order_status"] == "filled"
    mine = seller.client.get("/api/orders?status=partially_filled").json()["data"]
    assert [o["order_id"] for o in mine] == [rested["order_id"]]
    assert (mine[0]["qty"], mine[0]["filled_qty"]) == (2, 0.5)


def test_numbers_are_exact_text(seller, stack):
    place(seller, "sell", 0.016, 70.07)
    place(seller, "sell", "1.234", "340.01")
    text = stack.client().get(f"/api/orderbook?symbol={SYMBOL}").text
    assert "[[70.07,0.016],[340.01,1.234]]" in text


@pytest.mark.parametrize("symbol", ["EUA/EUR", "EUA-EUR", "EUAEUR", "eua/eur"])
def test_a_symbol_has_many_spellings(seller, symbol):
    assert place(seller, "sell", 1, 100, symbol=symbol)["order_status"] == "open"


def test_without_a_symbol_the_default_market_is_meant(stack, seller):
    reply = stack.client().get("/api/orderbook")
    assert reply.json()["symbol"] == "BTC/USD"
    bids, asks = reply.json()["data"]
    assert isinstance(bids, list) and isinstance(asks, list)


def test_times_in_force(stack, seller, buyer):
    place(seller, "sell", 1, PRICE)
    part = place(buyer, "buy", 3, PRICE, time_in_force="ioc")
    assert part["order_status"] == "cancelled" and part["filled_qty"] == 1
    place(seller, "sell", 1, PRICE)
    none = place(buyer, "buy", 3, PRICE, time_in_force="fok")
    assert none["order_status"] == "cancelled" and none["data"] == []
    refuse(buyer, 400, "VALIDATION_ERROR",
           ticket(buyer, "buy", 1, PRICE, post_only=True))
    assert book(stack) == [[], [[PRICE, 1]]]


def test_an_order_never_trades_with_its_own_user(seller):
    place(seller, "sell", 1, PRICE)
    own = place(seller, "buy", 1, PRICE)
    assert own["data"] == [] and own["order_status"] == "cancelled"


def test_a_client_order_id_is_one_order(seller):
    name = uuid.uuid4().hex
    first = place(seller, "sell", 1, 101, client_order_id=name)
    assert first["client_order_id"] == name
    again = place(seller, "sell", 1, 101, client_order_id=name)
    assert again["order_id"] == first["order_id"]
    refuse(seller, 409, "CONFLICT",
           ticket(seller, "sell", 1, 102, client_order_id=name))


# ---- Refusals --------------------------------------------------------------

@pytest.mark.parametrize("change", [
    {"side": "hold"}, {"side": "BUY"}, {"side": None}, {"side": 1},
    {"order_type": "stop"}, {"order_type": None},
    {"price": None}, {"price": 0}, {"price": -1}, {"price": "abc"},
    {"price": True}, {"price": []}, {"price": 70.001}, {"price": "1e400"},
    {"price": "NaN"}, {"price": 9007199254740993.5},
    {"qty": None}, {"qty": 0}, {"qty": -1}, {"qty": "0.0001"},
    {"qty": "0.000000001"}, {"qty": 1e300}, {"qty": {}},
    {"qty": "92233720368.54775808"}, {"qty": "0.001"},    # below the minimum
    {"user_id": None}, {"user_id": "me"}, {"user_id": 7},
    {"symbol": "NO/SUCH"}, {"symbol": ""}, {"symbol": "%00"},
    {"time_in_force": "day"}, {"client_order_id": ""},
    {"client_order_id": "x" * 48}, {"client_order_id": "a b"},
    {"post_only": "yes"}, {"role": "admin"}, {"balance": 1}, {"status": "filled"},
])
def test_a_bad_value_is_refused(stack, seller, change):
    refuse(seller, 400, "VALIDATION_ERROR",
           {**ticket(seller, "sell", 1, PRICE), **change})
    assert book(stack) == [[], []]


@pytest.mark.parametrize("text", [
    "", "{", "null", "[]", '"x"', "{}{}", "{'a':1}", '{"price": NaN}',
    '{"price": 01}', '{"price": 1e}', '{"side":"buy","side":"sell"}',
    '{"a":' * 17 + "1" + "}" * 17, '{"a":"\ud800"}',
])
def test_broken_json_is_400(seller, text):
    reply = seller.client.request(
        "POST", "/api/order", data=text.encode("utf-8", "surrogatepass"),
        headers={"Content-Type": "application/json"})
    assert reply.status_code == 400
    assert reply.json()["code"] == ("VALIDATION_ERROR" if text == ""
                                    else "BAD_REQUEST")


def test_what_the_market_refuses(seller):
    poor = ticket(seller, "sell", 1000000, PRICE)
    refuse(seller, 400, "INSUFFICIENT_FUNDS", poor)
    refuse(seller, 400, "PRICE_BAND", ticket(seller, "sell", 1, 1000000))
    refuse(seller, 400, "PRICE_BAND", ticket(seller, "buy", 1, 1))


def test_it_is_json_and_says_so(seller):
    body = json.dumps(ticket(seller, "sell", 1, PRICE))
    for kind in ("text/plain", "application/x-www-form-urlencoded",
                 "application/json; charset=latin1", None):
        reply = seller.client.request("POST", "/api/order", data=body,
                                      headers={"Content-Type": kind})
        assert reply.status_code == 415, kind
    reply = seller.client.request(
        "POST", "/api/order", data=body,
        headers={"Content-Type": "application/json; charset=UTF-8"})
    assert reply.status_code == 200


# ---- Who -------------------------------------------------------------------

def test_nobody_trades_without_a_token(stack, seller):
    stranger = stack.client()
    body = ticket(seller, "sell", 1, PRICE)
    assert stranger.post("/api/order", body).status_code == 401
    stranger.bearer("no.such.token")
    assert stranger.post("/api/order", body).status_code == 401
    assert stranger.get("/api/orders").status_code == 401
    assert stranger.delete(f"/api/order/{uuid.uuid4()}").status_code == 401


def test_nobody_trades_for_another(seller, buyer):
    refuse(buyer, 403, "FORBIDDEN", ticket(seller, "sell", 1, PRICE))


def test_another_ones_order_is_no_order(seller, buyer):
    order_id = place(seller, "sell", 1, PRICE)["order_id"]
    replies = [buyer.client.delete(f"/api/order/{name}")
               for name in (order_id, uuid.uuid4(), uuid.UUID(int=0), "x", "..;")]
    assert {r.status_code for r in replies} == {404}
    assert len({r.text for r in replies}) == 1
    # and nothing happened to it
    assert seller.client.delete(f"/api/order/{order_id}").status_code == 200


def test_after_a_log_out_commands_are_401(stack, seller):
    client = seller.login()
    assert client.post("/api/auth/logout").status_code == 200
    for body in (ticket(seller, "sell", 1, PRICE), {"broken": True},
                 ticket(seller, "sell", 1, PRICE, symbol="NO/SUCH")):
        assert client.post("/api/order", body).status_code == 401
    assert client.delete(f"/api/order/{uuid.uuid4()}").status_code == 401
    assert client.get("/api/orders").status_code == 401


# ---- Cancelling and listing ------------------------------------------------

def test_a_cancel_is_once(seller):
    order_id = place(seller, "sell", 1, PRICE)["order_id"]
    reply = seller.client.delete(f"/api/order/{order_id}")
    assert reply.status_code == 200
    data = reply.json()["data"]
    assert data["order_id"] == order_id and data["order_status"] == "cancelled"
    assert TIME.match(data["cancelled_at"])
    again = seller.client.delete(f"/api/order/{order_id}")
    assert again.status_code == 409 and again.json()["code"] == "CONFLICT"


def test_lists_are_pages(seller):
    ids = [place(seller, "sell", 1, 100 + i)["order_id"] for i in range(5)]
    page = seller.client.get("/api/orders?limit=2&offset=1").json()
    assert [o["order_id"] for o in page["data"]] == [ids[3], ids[2]]
    assert (page["limit"], page["offset"]) == (2, 1)
    assert page["total"] >= 5
    open_ones = seller.client.get(
        f"/api/orders?status=open&symbol={SYMBOL}&limit=100").json()
    assert {o["order_id"] for o in open_ones["data"]} == set(ids)
    assert open_ones["total"] == 5
    assert seller.client.get(
        "/api/orders?symbol=ETH%2FUSD").json()["data"] == []
    order = open_ones["data"][0]
    assert TIME.match(order["created_at"]) and order["symbol"] == SYMBOL
    assert order["avg_price"] is None and order["stop_price"] is None


@pytest.mark.parametrize("query", [
    "limit=0", "limit=101", "limit=x", "limit=1&limit=2", "offset=-1",
    "status=done", "symbol=NO", "limit=%", "limit=1.5"])
def test_a_bad_parameter_is_refused(seller, query):
    reply = seller.client.get(f"/api/orders?{query}")
    assert reply.status_code == 400
    assert reply.json()["code"] == "VALIDATION_ERROR"
