# SPDX-License-Identifier: AGPL-3.0-or-later
"""The shape of a reply, as a document's example tells it.

    check(reply.json(), {"id": UUID, "tags": [TEXT], "ended_at": Maybe(TIME)})

A dict needs all of its keys, and may have more (the documents allow it); a
list of one shape is of any length; a tuple is a choice of words.
"""

import datetime
import decimal
import re
import uuid


class Kind:
    def __init__(self, name, holds):
        self.name = name
        self.holds = holds


class Maybe:
    """What it says, or null; never left out."""

    def __init__(self, shape):
        self.shape = shape


def _parses(parse):
    def holds(value):
        try:
            parse(value)
        except ValueError:
            return False
        return True
    return holds


def _is_time(value):
    return isinstance(value, str) and re.fullmatch(
        r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z", value) and _parses(
            datetime.datetime.fromisoformat)(value[:-1])


TEXT = Kind("a text", lambda v: isinstance(v, str))
FULL = Kind("a text that is not empty", lambda v: isinstance(v, str) and v)
BOOL = Kind("a boolean", lambda v: isinstance(v, bool))
INT = Kind("an integer", lambda v: isinstance(v, int) and not isinstance(v, bool))
NUMBER = Kind("a number", lambda v: isinstance(v, (int, float, decimal.Decimal))
              and not isinstance(v, bool))
UUID = Kind("a UUID", lambda v: isinstance(v, str) and v == v.lower()
            and _parses(uuid.UUID)(v))
TIME = Kind("a time in UTC", _is_time)
JWT = Kind("a JWT", lambda v: isinstance(v, str) and re.fullmatch(
    r"eyJ[\w-]+\.eyJ[\w-]+\.[\w-]{43}", v))
OBJECT = Kind("an object", lambda v: isinstance(v, dict))


def check(value, shape, at="reply"):
    if isinstance(shape, Maybe):
        if value is not None:
            check(value, shape.shape, at)
    elif isinstance(shape, dict):
        assert isinstance(value, dict), f"{at} is no object: {value!r}"
        for key, inner in shape.items():
            assert key in value, f"{at} has no {key}: {value!r}"
            check(value[key], inner, f"{at}.{key}")
    elif isinstance(shape, list):
        assert isinstance(value, list), f"{at} is no list: {value!r}"
        for i, item in enumerate(value):
            check(item, shape[0], f"{at}[{i}]")
    elif isinstance(shape, tuple):
        assert value in shape, f"{at} is none of {shape}: {value!r}"
    elif isinstance(shape, Kind):
        assert shape.holds(value), f"{at} is not {shape.name}: {value!r}"
    else:
        assert type(value) is type(shape) and value == shape, \
            f"{at} is not {shape!r}: {value!r}"
