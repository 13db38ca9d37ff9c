# SPDX-License-Identifier: AGPL-3.0-or-later
"""Trading Bot Platform "Order Management", from a client of that document alone."""

import itertools
import re
import uuid

import pytest
from trading import BOTPLATFORM as PATH
from trading import TIME, UUID, Trader

SYMBOL = "BTC/USDT"
EXAMPLE = {"id", "bot_id", "symbol", "side", "order_type", "quantity", "price",
           "status", "created_at"}


@pytest.fixture(scope="module")
def crowd(stack):
    return itertools.cycle([Trader(stack, SYMBOL) for _ in range(6)])


@pytest.fixture
def seller(crowd):
    person = next(crowd)
    yield person
    person.cancel_all()


@pytest.fixture
def buyer(crowd):
    person = next(crowd)
    yield person
    person.cancel_all()


def send(person, side="SELL", order_type="LIMIT", quantity=0.001, price=45000.00,
         **more):
    body = {"symbol": "BTCUSDT", "side": side, "order_type": order_type,
            "quantity": quantity, "price": price, **more}
    return person.client.post(PATH, body)


def place(person, *terms, **more):
    reply = send(person, *terms, **more)
    assert reply.status_code == 201, reply.text
    return reply.json()


def get(person, order_id):
    reply = person.client.get(f"{PATH}/{order_id}")
    assert reply.status_code == 200, reply.text
    return reply.json()


def invalid(reply, place, field, kind):
    assert reply.status_code == 422, reply.text
    body = reply.json()
    [detail] = body["detail"]
    assert set(detail) == {"loc", "msg", "type"}
    assert detail["loc"] == [place, field] and detail["type"] == kind
    assert detail["msg"] == "field required" or kind != "value_error.missing"


def no_order(reply, code):
    assert reply.status_code == 400, reply.text
    body = reply.json()
    assert set(body) == {"detail", "code", "timestamp"} and body["code"] == code
    assert isinstance(body["detail"], str) and TIME.match(body["timestamp"])


def test_the_documents_example(seller, buyer):
    bot = str(uuid.uuid4())
    order = place(buyer, bot_id=bot, side="BUY")
    assert EXAMPLE <= set(order)
    assert UUID.match(order["id"]) and TIME.match(order["created_at"])
    assert {k: order[k] for k in EXAMPLE - {"id", "created_at"}} == {
        "bot_id": bot, "symbol": "BTCUSDT", "side": "BUY", "order_type": "LIMIT",
        "quantity": "0.001", "price": "45000.00", "status": "pending"}
    assert get(buyer, order["id"]) == order
    # A maker's 0.10 % of 18 and of the other 27.
    place(seller, quantity="0.0004")
    part = get(buyer, order["id"])
    assert (part["status"], part["filled_quantity"], part["average_price"],
            part["fee"]) == ("partially_filled", "0.0004", "45000.00", "0.018")
    sold = place(seller, quantity="0.0006", price=44000.5)
    assert (sold["status"], sold["price"], sold["average_price"], sold["fee"]) == (
        "filled", "44000.50", "45000.00", "0.054")
    done = get(buyer, order["id"])
    assert (done["status"], done["fee"], done["bot_id"]) == ("filled", "0.045", bot)


def test_numbers_are_strings_of_the_documents_style(seller):
    order = place(seller, quantity="1.50", price="45000.1")
    assert order["quantity"] == "1.5" and order["price"] == "45000.10"
    assert order["fee"] == "0.00" and order["filled_quantity"] == "0"
    assert order["average_price"] is None and order["bot_id"] is None
    # Money, prices and quantities are never bare numbers.
    assert not re.search(r'":-?\d', seller.client.get(f"{PATH}/{order['id']}").text)


@pytest.mark.parametrize("order_type,more,shown", [
    ("LIMIT", {}, {"price": "45000.00", "stop_price": None}),
    ("MARKET", {"price": None}, {"price": None}),
    ("STOP_LOSS", {"price": None, "stop_price": 20000}, {"stop_price": "20000.00"}),
    ("STOP_LOSS", {"price": 19000, "stop_price": 20000},
     {"stop_price": "20000.00", "price": "19000.00"}),
    ("TAKE_PROFIT", {"price": None, "stop_price": 150000},
     {"stop_price": "150000.00", "price": None}),
    ("TRAILING_STOP", {"price": None, "trail": 30000}, {"trail": "30000.00"}),
    ("TRAILING_STOP", {"price": None, "trail_percent": 50}, {"trail_percent": "50"}),
    ("stop_loss", {"price": None, "stop_price": 20000}, {"order_type": "STOP_LOSS"}),
    ("Limit", {}, {"order_type": "LIMIT"}),
])
def test_order_types(seller, buyer, order_type, more, shown):
    place(seller)
    assert place(buyer, "BUY")["status"] == "filled"  # there is a last price
    order = place(seller, order_type=order_type, **more)
    assert order["order_type"] == order_type.upper()
    assert order["status"] == ("cancelled" if order_type == "MARKET" else "pending")
    assert shown.items() <= order.items()
    assert get(seller, order["id"]) == order


@pytest.mark.parametrize("side,shown", [("buy", "BUY"), ("Sell", "SELL")])
def test_sides_in_any_case(seller, side, shown):
    order = place(seller, side=side, price=20000 if shown == "BUY" else 90000)
    assert order["side"] == shown


# ---- Refusals ----------------------------------------------------------------

@pytest.mark.parametrize("change,field,kind", [
    ({"symbol": None}, "symbol", "value_error.missing"),
    ({"symbol": "NOSUCH"}, "symbol", "value_error"),
    ({"symbol": 5}, "symbol", "type_error"),
    ({"side": None}, "side", "value_error.missing"),
    ({"side": "HOLD"}, "side", "type_error.enum"),
    ({"side": 1}, "side", "type_error"),
    ({"order_type": None}, "order_type", "value_error.missing"),
    ({"order_type": "ICEBERG"}, "order_type", "type_error.enum"),
    ({"quantity": None}, "quantity", "value_error.missing"),
    ({"quantity": "abc"}, "quantity", "type_error"),
    ({"quantity": []}, "quantity", "type_error"),
    ({"price": None}, "price", "value_error.missing"),
    ({"price": "abc"}, "price", "type_error"),
    ({"price": True}, "price", "type_error"),
    ({"order_type": "STOP_LOSS"}, "stop_price", "value_error.missing"),
    ({"order_type": "TRAILING_STOP", "price": None}, "trail", "value_error.missing"),
    ({"time_in_force": "DAY"}, "time_in_force", "type_error.enum"),
    ({"bot_id": "mine"}, "bot_id", "value_error"),
    ({"bot_id": 5}, "bot_id", "type_error"),
    ({"strategy_id": str(uuid.uuid4())}, "strategy_id", "value_error"),
    ({"exchange": "binance"}, "exchange", "value_error"),
    ({"exchange": "nowhere"}, "exchange", "type_error.enum"),
    ({"client_order_id": "a b"}, "client_order_id", "value_error"),
    ({"status": "filled"}, "status", "value_error"),
    ({"user_id": str(uuid.uuid4())}, "user_id", "value_error"),
    ({"post_only": 1}, "post_only", "type_error"),
])
def test_a_bad_value(seller, change, field, kind):
    invalid(send(seller, **change), "body", field, kind)
    assert seller.cancel_all() == 0


@pytest.mark.parametrize("field", ["quantity", "price"])
@pytest.mark.parametrize("value", [
    0, -1, "-0.5", "NaN", "nan", "Infinity", "-inf", "1e400", "0.000000001",
    "92233720368.54775808"])
def test_a_number_that_is_no_order(seller, field, value):
    no_order(send(seller, **{field: value}), f"INVALID_{field.upper()}")


@pytest.mark.parametrize("change,code", [
    ({"quantity": "0.0000001"}, "INVALID_QUANTITY"),  # off the lot
    ({"quantity": "0.00001"}, "INVALID_QUANTITY"),    # worth less than 1
    ({"price": "45000.001"}, "INVALID_PRICE"),        # off the tick
    ({"quantity": 100000}, "INSUFFICIENT_FUNDS"),
    ({"price": 100000000}, "PRICE_BAND"),
    ({"order_type": "STOP_LOSS", "price": None, "stop_price": 0}, "INVALID_PRICE"),
    ({"order_type": "STOP_LOSS", "price": 0, "stop_price": 20000}, "INVALID_PRICE"),
    ({"order_type": "STOP_LOSS", "price": None, "stop_price": "1.001"},
     "INVALID_PRICE"),
])
def test_what_the_market_refuses(seller, change, code):
    no_order(send(seller, **change), code)
    assert seller.cancel_all() == 0


def test_nobody_trades_without_a_token(stack):
    stranger = stack.client("botplatform")
    for method, path in (("POST", PATH), ("GET", PATH),
                         ("GET", f"{PATH}/{uuid.uuid4()}"),
                         ("DELETE", f"{PATH}/{uuid.uuid4()}")):
        reply = stranger.request(method, path, json={})
        assert reply.status_code == 401
        assert reply.json()["code"] == "INVALID_TOKEN"


# ---- Cancel, list ------------------------------------------------------------

def test_a_cancel_is_once(seller, buyer):
    order_id = place(seller)["id"]
    for method in ("GET", "DELETE"):
        replies = [buyer.client.request(method, f"{PATH}/{name}")
                   for name in (order_id, uuid.uuid4(), "x")]
        assert {r.status_code for r in replies} == {404}
        assert {r.json()["code"] for r in replies} == {"NOT_FOUND"}
    reply = seller.client.delete(f"{PATH}/{order_id}")
    assert reply.status_code == 200
    body = reply.json()
    assert (body["message"], body["order_id"], body["status"]) == (
        "Order cancelled successfully", order_id, "cancelled")
    again = seller.client.delete(f"{PATH}/{order_id}")
    assert again.status_code == 409 and again.json()["code"] == "CONFLICT"
    assert get(seller, order_id)["status"] == "cancelled"


def listed(person, query=""):
    reply = person.client.get(f"{PATH}?{query}")
    assert reply.status_code == 200, reply.text
    body = reply.json()
    assert set(body) == {"items", "total", "limit", "offset"}
    assert all(EXAMPLE <= set(item) for item in body["items"])
    return [item["id"] for item in body["items"]], body


def test_lists(seller, buyer):
    bot = str(uuid.uuid4())
    ids = [place(seller, price=90000 + i)["id"] for i in range(3)]
    ids.append(place(seller, order_type="STOP_LOSS", price=None, stop_price=20000,
                     bot_id=bot)["id"])
    ids.append(place(seller, price=90000, bot_id=bot)["id"])
    assert listed(seller, "status=pending")[0] == ids[::-1]
    page, body = listed(seller, "status=pending&limit=2&offset=1")
    assert page == [ids[3], ids[2]]
    assert (body["total"], body["limit"], body["offset"]) == (5, 2, 1)
    assert listed(seller)[1]["limit"] == 50
    assert listed(seller, f"bot_id={bot}")[0] == ids[:2:-1]
    assert listed(seller, f"bot_id={bot}&limit=1")[1]["total"] == 2
    assert listed(seller, f"bot_id={bot}&status=filled")[0] == []
    assert listed(seller, f"bot_id={uuid.uuid4()}")[0] == []
    assert listed(buyer, f"bot_id={bot}")[0] == []
    assert listed(seller, "symbol=BTCUSDT&status=PENDING")[1]["total"] == 5
    assert listed(seller, "symbol=ETHUSDT")[0] == []
    assert listed(seller, "status=rejected")[0] == []
    seller.client.delete(f"{PATH}/{ids[0]}")
    assert listed(seller, "status=cancelled&limit=1")[0] == [ids[0]]


@pytest.mark.parametrize("query,field,kind", [
    ("limit=0", "limit", "value_error"), ("limit=101", "limit", "value_error"),
    ("limit=x", "limit", "type_error"), ("offset=-1", "offset", "value_error"),
    ("status=open", "status", "type_error.enum"),
    ("symbol=NO", "symbol", "value_error"), ("bot_id=1", "bot_id", "value_error")])
def test_a_bad_parameter(seller, query, field, kind):
    invalid(seller.client.get(f"{PATH}?{query}"), "query", field, kind)


def test_sent_twice_is_once(seller):
    key = {"Idempotency-Key": str(uuid.uuid4())}
    body = {"symbol": "BTCUSDT", "side": "SELL", "order_type": "LIMIT",
            "quantity": 0.001, "price": 45000.00, "bot_id": str(uuid.uuid4())}
    first = seller.client.post(PATH, body, headers=key)
    assert first.status_code == 201
    assert seller.client.post(PATH, body, headers=key).text == first.text
    # Another bot's order is another order.
    other = {**body, "bot_id": str(uuid.uuid4())}
    assert seller.client.post(PATH, other, headers=key).status_code == 409
    assert get(seller, first.json()["id"])["bot_id"] == body["bot_id"]
    assert seller.cancel_all() == 1
