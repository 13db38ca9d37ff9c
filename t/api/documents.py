# SPDX-License-Identifier: AGPL-3.0-or-later
"""Clients that know one API document alone, and how it refuses."""

import itertools
import json
from decimal import Decimal

from people import Person
from shapes import FULL, OBJECT, TEXT, TIME, check
from signing import patient

# Whose host it is, as each document has it.
HOSTS = {"interfaces": "api.example.com", "botplatform": "localhost",
         "quantenergx": "api.quantenergx.com"}
ERRORS = {
    "interfaces": {"error": {"code": FULL, "message": FULL, "details": OBJECT}},
    "quantenergx": {"error": {"code": FULL, "message": FULL, "details": OBJECT}},
    "botplatform": {"detail": FULL, "code": FULL, "timestamp": TIME},
}
ERROR_422 = {"detail": [{"loc": [TEXT], "msg": FULL, "type": FULL}]}
MONEY = {coin: 10**7 for coin in ("BTC", "ETH", "USDT", "USD", "ZAR")}

# What is no value of a parameter that is a number from 1 to `most`.
def bad_numbers(most):
    return ("0", "-1", str(most + 1), "99999999999999999999", "1.5", "x", " 1",
            "0x5")


def exact(reply):
    """The body, its numbers as they are written."""
    return json.loads(reply.text, parse_float=Decimal, parse_int=Decimal)


class Caller:
    """A person at the host of one document."""

    def __init__(self, stack, edition, money=None, person=None):
        self.edition = edition
        self.person = person or Person(stack, money=money)
        self.stack = stack
        self.client = patient(stack.client())
        self.client.session.headers["Host"] = HOSTS[edition]
        self.client.bearer(self.person.client.token)

    def at(self, edition):
        """The same person, with the same token, at another document's host."""
        return Caller(self.stack, edition, person=self.person)

    def ask(self, method, path, status, shape, body=None, /, **query):
        """The body of a good reply, which has SHAPE."""
        reply = self.client.request(method, path, json=body, params=query)
        assert reply.status_code == status, (method, path, query, body, reply.text)
        kind = reply.headers["Content-Type"]
        assert kind.split(";")[0] == "application/json"
        assert reply.headers["X-Request-Id"]
        check(reply.json(), shape)
        return exact(reply)

    def get(self, path, shape, /, **query):
        return self.ask("GET", path, 200, shape, **query)

    def refused(self, method, path, status, code=None, body=None, field=None, /,
                **query):
        """The refusal, in the document's shape; FIELD is named as at fault."""
        reply = self.client.request(method, path, json=body, params=query)
        return refusal(self.edition, reply, status, code, field,
                       (method, path, query, body))


def refusal(edition, reply, status, code=None, field=None, asked=None):
    assert reply.status_code == status, (asked, reply.text)
    assert reply.headers["Content-Type"].split(";")[0] == "application/json"
    assert reply.headers["X-Request-Id"]
    body = reply.json()
    if status == 422:
        check(body, ERROR_422)
        if field:
            assert body["detail"][0]["loc"][-1] == field, (asked, body)
        return body
    check(body, ERRORS[edition])
    error = body if edition == "botplatform" else body["error"]
    assert code is None or error["code"] == code, (asked, body)
    if field:
        assert error["details"]["field"] == field, (asked, body)
        check(error["details"], {"reason": FULL})
    return body


class Callers:
    """Several, who take turns: each may ask only so often."""

    def __init__(self, stack, edition, people=6, money=None):
        self.edition = edition
        self.turns = itertools.cycle(
            [Caller(stack, edition, money) for _ in range(people)])

    def __next__(self):
        return next(self.turns)

    def get(self, *what, **query):
        return next(self.turns).get(*what, **query)

    def refused(self, *what, **how):
        return next(self.turns).refused(*what, **how)
