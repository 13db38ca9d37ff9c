# SPDX-License-Identifier: AGPL-3.0-or-later
"""An hour of a real stock's order flow, against a naive book of our own.

The mapping of messages to orders is that of src/work/replay.h, written here a
second time, with dicts and lists.
"""

import gzip
import os
import re

import pytest
from quantora import TOP

DATA = f"{TOP}/../shared/data/orderflow/aapl-2012-06-21-0930-1030.csv.gz"
NEW, PARTIAL, DELETE, EXECUTE = 1, 2, 3, 4
BUY, SELL = 1, -1


class NaiveBook:
    """Orders by price and arrival; no users, no money, no fees."""

    def __init__(self):
        self.sides = {BUY: {}, SELL: {}}     # price -> [order, ...]
        self.orders = {}                     # the file's id -> order
        self.trades = self.volume = self.unfilled = self.before = self.ended = 0

    def best(self, side):
        prices = self.sides[side]
        return (max if side == BUY else min)(prices) if prices else None

    def remove(self, order):
        level = self.sides[order["side"]][order["price"]]
        level.remove(order)
        if not level:
            del self.sides[order["side"]][order["price"]]
        order["live"] = False

    def match(self, side, price, size):
        """What is left of SIZE after trading with the other side up to PRICE."""
        while size > 0:
            best = self.best(-side)
            if best is None or (best > price if side == BUY else best < price):
                break
            maker = self.sides[-side][best][0]
            traded = min(size, maker["left"])
            size -= traded
            maker["left"] -= traded
            self.trades += 1
            self.volume += traded
            if maker["left"] == 0:
                self.remove(maker)
        return size

    def new(self, number, size, price, side):
        left = self.match(side, price, size)
        order = {"number": number, "side": side, "price": price, "left": left,
                 "live": left > 0}
        self.orders[number] = order
        if left > 0:
            self.sides[side].setdefault(price, []).append(order)

    def play(self, kind, number, size, price, side):
        if kind == NEW:
            self.new(number, size, price, side)
        elif kind > EXECUTE:
            return
        elif number not in self.orders:
            self.before += 1
        elif kind == EXECUTE:
            self.unfilled += self.match(-side, price, size) > 0
        elif not self.orders[number]["live"]:
            self.ended += 1
        elif kind == DELETE or self.orders[number]["left"] <= size:
            self.remove(self.orders[number])
        else:
            self.orders[number]["left"] -= size


def figures(output):
    return dict(re.findall(r"(\w+)=(\S+)", output))


def write_flow(path, *messages):
    """A message file; TIME is added, a line a millisecond."""
    with open(path, "w") as f:
        for i, message in enumerate(messages):
            f.write(f"34200.{i:03},{','.join(map(str, message))}\n")
    return path


@pytest.fixture(scope="module")
def lines():
    if not os.path.exists(DATA):
        pytest.skip(f"{os.path.basename(DATA)} is not here")
    with gzip.open(DATA, "rt") as f:
        return f.read().splitlines()


def compare(stack, path, lines):
    """Play LINES, which are those of PATH, both ways."""
    book = NaiveBook()
    for line in lines:
        book.play(*map(int, line.split(",")[1:]))
    said = figures(stack.ctl("flow", "replay", path))
    assert said["best_bid"] == f"{book.best(BUY) / 10000:.2f}"
    assert said["best_ask"] == f"{book.best(SELL) / 10000:.2f}"
    assert int(said["messages"]) == len(lines)
    for name in ("trades", "volume", "unfilled", "before", "ended"):
        assert int(said[name]) == getattr(book, name), name
    assert (said["refused"], said["self_trades"]) == ("0", "0")
    assert book.trades > 100


def test_an_hour_of_apple(stack, lines, tmp_path):
    compare(stack, DATA, lines)
    # Once more, over what the first run left, and unpacked.
    part = tmp_path / "flow.csv"
    part.write_text("\n".join(lines[:10000]) + "\n")
    compare(stack, part, lines[:10000])


def test_the_book_that_is_left(stack, tmp_path):
    """Each kind of message, in a book that can be seen through."""
    said = figures(stack.ctl("flow", "replay", write_flow(
        tmp_path / "flow.csv",
        (NEW, 1, 100, 5850000, BUY),
        (NEW, 2, 100, 5860000, BUY),         # the best bid, to be deleted
        (NEW, 3, 50, 5870000, SELL),         # the best ask, to be executed
        (NEW, 4, 70, 5880000, SELL),
        (PARTIAL, 1, 40, 5850000, BUY),
        (DELETE, 2, 100, 5860000, BUY),
        (EXECUTE, 3, 50, 5870000, SELL),
        (EXECUTE, 4, 30, 5880000, SELL),
        (EXECUTE, 1, 61, 5850000, BUY),      # 60 are left of it
        (DELETE, 99, 10, 5850000, BUY),      # nobody saw it come
        (DELETE, 3, 10, 5870000, SELL),      # gone already
        (5, 0, 10, 5875000, BUY),
        (NEW, 5, 10, 5840050, BUY),          # half a cent
        (NEW, 6, 10, 5840000, BUY))))
    assert said["best_bid"] == "584.00"
    assert said["best_ask"] == "588.00"
    assert said["trades"] == "3"
    assert said["volume"] == "140"
    assert (said["before"], said["ended"], said["hidden"]) == ("1", "1", "1")
    assert (said["off_tick"], said["unfilled"], said["refused"]) == ("1", "1", "0")
    assert (said["placed"], said["taken"], said["amended"]) == ("5", "3", "1")


def test_a_new_order_that_crosses_trades(stack, tmp_path):
    said = figures(stack.ctl("flow", "replay", write_flow(
        tmp_path / "flow.csv",
        (NEW, 1, 10, 5850000, SELL),
        (NEW, 2, 15, 5850000, BUY))))
    assert (said["trades"], said["volume"]) == ("1", "10")
    assert (said["best_bid"], said["best_ask"]) == ("585.00", "none")


def test_what_is_no_message_file(stack, tmp_path):
    for content in ("hello\n", "34200,1,5,10,5850000\n", "34200,1,5,-1,5850000,1\n",
                    "34200,9,5,10,5850000,1\n", "34200,1,5,10,5850000,2\n",
                    "34200.5,1,5,10,99999999999999999999,1\n"):
        path = tmp_path / "flow.csv"
        path.write_text("34200,1,5,10,5850000,1\n" + content)
        done = stack.ctl("flow", "replay", path, check=False)
        assert done.returncode == 1
        assert "line 2" in done.stderr
    (tmp_path / "flow.csv.gz").write_bytes(b"not packed")
    done = stack.ctl("flow", "replay", tmp_path / "flow.csv.gz", check=False)
    assert done.returncode == 1 and "cannot be unpacked" in done.stderr
    done = stack.ctl("flow", "replay", tmp_path / "nothing", check=False)
    assert done.returncode == 1 and "No such file" in done.stderr


def test_at_its_own_speed(stack, tmp_path):
    """Two messages that were a second apart take a tenth at ten times."""
    path = tmp_path / "flow.csv"
    path.write_text("34200,1,1,10,5850000,1\n34201,1,2,10,5840000,1\n")
    slow = figures(stack.ctl("flow", "replay", path, "--speed", "10"))
    assert float(slow["seconds"]) >= 0.1
    assert stack.ctl("flow", "replay", path, "--speed", "0", check=False).returncode == 1
