# SPDX-License-Identifier: AGPL-3.0-or-later
"""Traders for the tests of orders, and how each edition asks for one."""

import json
import re
from decimal import Decimal

import quantora
from people import Person
from signing import patient

UUID = re.compile(r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")
TIME = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3}|\.\d{6})?Z$")

INTERFACES = "/api/v1/trading/orders"
BOTPLATFORM = "/api/v1/orders"
QUANTENERGX = "/v1/trading/orders"


def exact(reply):
    """The body, its numbers as they are written."""
    return json.loads(reply.text, parse_float=Decimal, parse_int=Decimal)


def good(reply, status=200):
    assert reply.status_code == status, reply.text
    return exact(reply)


class Trader(Person):
    """One with money on a market, who waits where he asks too often."""

    def __init__(self, stack, symbol, base=1000, quote=100000000):
        coins = symbol.split("/")
        super().__init__(stack, money=dict(zip(coins, (base, quote))))
        self.symbol = symbol
        patient(self.client)

    def send(self, side, quantity, price=None, **more):
        """Place an order as the interfaces document has it; the reply."""
        body = {"symbol": self.symbol, "side": side, "quantity": quantity,
                "type": "market" if price is None else "limit", **more}
        if price is not None:
            body["price"] = price
        return self.client.post(INTERFACES, {k: v for k, v in body.items()
                                             if v is not ...})

    def place(self, side, quantity, price=None, **more):
        """The same; its id."""
        return good(self.send(side, quantity, price, **more))["order_id"]

    def get(self, order_id):
        return good(self.client.get(f"{INTERFACES}/{order_id}"))

    def cancel_all(self):
        return good(self.client.delete(INTERFACES))["cancelled"]

    def ended(self, order_id):
        """Wait until it is over, whoever ended it; how it is then."""
        wait_for_status(self.stack, order_id, 2, 3)
        return self.get(order_id)


def wait_for_status(stack, order_id, *statuses):
    """Until the settler wrote that the order has one of wire/order.h's."""
    def there():
        rows = stack.sql("SELECT status FROM orders WHERE id = UNHEX(%s)",
                         order_id.replace("-", ""))
        return rows and rows[0][0] in statuses
    quantora.wait_until(there, what=f"an end of {order_id}")


def trade_at(seller, buyer, price, quantity=1):
    """Make PRICE the last price of their market."""
    seller.place("sell", quantity, price)
    taken = good(buyer.send("buy", quantity, price))
    assert taken["order_status"] == "filled" and taken["avg_fill_price"] == price
