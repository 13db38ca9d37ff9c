# SPDX-License-Identifier: AGPL-3.0-or-later
"""A strict reader of Prometheus' text format, version 0.0.4.

Whatever the format only tolerates is an error here: each family has one HELP
and one TYPE, in this order, before its samples, which stand together; no series
is there twice; counters end with _total; a histogram has cumulative buckets in
rising order, the last one +Inf and equal to its count.
"""

import math
import re
from decimal import Decimal

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABEL = r'[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*"'
SAMPLE = re.compile(rf"({NAME})(?:\{{({LABEL}(?:,{LABEL})*)\}})? (\S+)")
VALUE = re.compile(r"[+-]?(?:\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|Inf)|NaN")
TYPES = ("counter", "gauge", "histogram", "summary", "untyped")


class Family:
    def __init__(self, name, text):
        assert text and "\\" not in text.replace("\\\\", "").replace("\\n", ""), text
        self.name = name
        self.help = text
        self.type = None
        self.samples = {}       # (name, labels): value


def number(text):
    assert VALUE.fullmatch(text), text
    return math.inf if text == "+Inf" else Decimal(text)


def labels_of(text):
    pairs = re.findall(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"', text or "")
    names = [name for name, _ in pairs]
    assert len(set(names)) == len(names), text
    return frozenset(pairs)


def check_histogram(family):
    """By the labels but le: the buckets."""
    series = {}
    for (name, labels), value in family.samples.items():
        part = name.removeprefix(family.name)
        assert part in ("_bucket", "_sum", "_count"), name
        rest = frozenset(pair for pair in labels if pair[0] != "le")
        bound = [pair[1] for pair in labels if pair[0] == "le"]
        assert len(bound) == (part == "_bucket"), name
        one = series.setdefault(rest, {"buckets": []})
        if part == "_bucket":
            one["buckets"].append((number(bound[0]), value))
        else:
            one[part] = value
    assert series, family.name
    for one in series.values():
        bounds = [bound for bound, _ in one["buckets"]]
        counts = [count for _, count in one["buckets"]]
        assert bounds == sorted(set(bounds)) and bounds[-1] == math.inf
        assert counts == sorted(counts) and counts[-1] == one["_count"]
        assert one["_sum"] >= 0


def check_family(family):
    assert family.samples, f"{family.name} has no samples"
    if family.type == "histogram":
        check_histogram(family)
        return
    assert all(name == family.name for name, _ in family.samples)
    assert (family.type == "counter") == family.name.endswith("_total"), family.name
    if family.type == "counter":
        assert all(value >= 0 for value in family.samples.values())


def parse(text):
    """{name: Family}; AssertionError where the text is not as it must be."""
    assert text.endswith("\n")
    families, current = {}, None
    for line in text[:-1].split("\n"):
        if line.startswith("# HELP "):
            name, _, words = line[7:].partition(" ")
            assert re.fullmatch(NAME, name) and name not in families, line
            assert current is None or current.type, "a family without a type"
            current = families[name] = Family(name, words)
        elif line.startswith("# TYPE "):
            name, kind = line[7:].split(" ")
            assert current and name == current.name and current.type is None, line
            assert kind in TYPES, line
            current.type = kind
        else:
            match = SAMPLE.fullmatch(line)
            assert match, line
            assert current and current.type, line
            name = match[1]
            assert name == current.name or current.type == "histogram", line
            key = name, labels_of(match[2])
            assert key not in current.samples, f"{line}: twice"
            current.samples[key] = number(match[3])
    for family in families.values():
        check_family(family)
    return families
