# SPDX-License-Identifier: AGPL-3.0-or-later
"""What README.md and docs/*.md show is what happens, command by command.

The examples (between <!-- example --> and <!-- /example -->) are one session in
one shell: README's first, then those of the documents as README lists them.  They
are run as they are printed, once; then each is compared with what is shown behind
it.  The stack is a fresh one whose market stands still where the documents' market
stood, so that a price is a price and not any price.

What is of the run and cannot be the same is compared by its kind.  Of these an id,
a number of the journal and a time to the microsecond must also be the same wherever
the documents show the same one: the order that README places is the one that the
streams tell of.
"""

import glob
import json
import os
import re
import signal
import subprocess
from decimal import Decimal

import pytest
import quantora
from quantora import PATIENCE_S
from trading import TIME, UUID, Trader, trade_at

TOP = quantora.TOP

# Of a market that has lived, or of a machine: any number will do.
MOVING = {"open_24h", "high_24h", "low_24h", "change_24h", "change_percent_24h",
          "volume_24h", "quote_volume_24h", "trades_24h", "value"}
# The house's own candles: how many minutes the stack has run, and what went on then.
CANDLES = {"open", "high", "low", "close", "volume"}
FIGURES = re.compile(r"-?\d+(\.\d+)?[kMGT]?\b")
ESCAPES = re.compile(r"\x1b(\[[0-9;]*[A-Za-z]|[78])")

# These end with 1, as the text says.
ENDS_WITH_1 = ("./dev ctl candles import",)


# ---- What is printed -----------------------------------------------------------------

COMMANDS = re.compile(r"```sh\n(.*?)```", re.S)
SHOWN = re.compile(r"\s*(?:<!-- /example -->\s*)?([^\n`#<][^\n]*\n\s*)?"
                   r"```(?:json)?\n(.*?)```", re.S)
PROMISE = re.compile(r"`(\{[^`]*…[^`]*\})`")


def read(name):
    with open(f"{TOP}/{name}", encoding="utf-8") as f:
        return f.read()


def documents():
    """README and what it links, in its order."""
    text = read("README.md")
    return ["README.md", *dict.fromkeys(re.findall(r"\((docs/[a-z-]+\.md)", text))]


class Example:
    """A block of commands, and what the text says that they print."""

    def __init__(self, name, text, block):
        self.name = name
        self.commands = block.group(1)
        behind = text[block.end():]
        shown = SHOWN.match(behind)
        self.shown = shown.group(2).splitlines() if shown else []
        # "The last two say": what came before is not shown.
        self.tail = bool(shown and "last" in (shown.group(1) or ""))
        prose = re.split(r"```|<!--", behind, maxsplit=1)[0]
        self.promises = PROMISE.findall(prose)


def examples():
    found = []
    for name in documents():
        text = read(name)
        for part in re.finditer(r"<!-- example -->.*?<!-- /example -->", text, re.S):
            for block in COMMANDS.finditer(text, part.start(), part.end()):
                found.append(Example(f"{name}-{len(found)}", text, block))
    return found


EXAMPLES = examples()


# ---- The session ---------------------------------------------------------------------


def make_market(house):
    """A book and a last price like those in the documents, and nobody who moves them."""
    seller, buyer = Trader(house, "BTC/USD"), Trader(house, "BTC/USD")
    for price in (49985, 49990, 49850, 49900):
        trade_at(seller, buyer, price)
    for away in range(3):
        seller.place("sell", 1, 49895 + 5 * away)
        buyer.place("buy", 1, 49880 - 5 * away)


def run(house):
    """What each example printed; of one that was not reached, nothing."""
    # What an interrupted run of the same number has left is none of ours.
    script = ["rm -f /tmp/*-$$ /tmp/*-$$.*", "trap 'echo \"@@failed $BASH_COMMAND\"' ERR"]
    for i, example in enumerate(EXAMPLES):
        script += [f"echo '@@@@ {i}'", example.commands]
    script.append("echo '@@@@ end'")
    with subprocess.Popen(["bash", "-c", "\n".join(script)], cwd=TOP, env=house.env,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, start_new_session=True) as shell:
        try:
            output, _ = shell.communicate(timeout=PATIENCE_S)
        except subprocess.TimeoutExpired:
            os.killpg(shell.pid, signal.SIGKILL)
            output, _ = shell.communicate()
    for left in glob.glob(f"/tmp/*-{shell.pid}*"):
        os.unlink(left)
    parts = re.split(r"^@@@@ (\d+|end)\n", output.decode(), flags=re.M)
    return dict(zip(parts[1::2], parts[2::2]))


@pytest.fixture(scope="module")
def house():
    with quantora.Stack.boot_new(demo=False) as running:
        make_market(running)
        quantora.wait_until(
            lambda: {"sync_ms", "trades_per_second"} <= set(
                running.ctl("monitor", "matcher", check=False).stdout.split()),
            "the monitor's second look, at a matcher that has worked")
        yield running


@pytest.fixture(scope="module")
def session(house):
    return run(house)


# ---- Comparing -----------------------------------------------------------------------


class Different(AssertionError):
    pass


def kind(value):
    if isinstance(value, str):
        if UUID.match(value):
            return "id"
        if TIME.match(value):
            return f"time {len(value)}"
        return "text"
    return "number" if isinstance(value, Decimal) else type(value).__name__


class Comparison:
    """Remembers what stands for what."""

    def __init__(self):
        self.stands_for = {}

    def need(self, good, shown, actual, where):
        if not good:
            raise Different(f"{where}: shown {shown!r}, but it is {actual!r}")

    def same(self, shown, actual, where):
        known = self.stands_for.setdefault(shown, actual)
        self.need(known == actual, f"{shown} ({known})", actual, where)

    def values(self, shown, actual, where, moving=MOVING):
        self.need(kind(shown) == kind(actual), shown, actual, where)
        key = where.split(".")[-1].split("[")[0]
        if isinstance(shown, dict):
            self.need(list(shown) == list(actual), list(shown), list(actual), where)
            if shown.get("exchange") == "quantora" and "candles" in shown:
                moving = moving | CANDLES
            for name in shown:
                self.values(shown[name], actual[name], f"{where}.{name}", moving)
        elif isinstance(shown, list):
            if key == "candles" and "open" in moving:
                self.need(actual, shown, actual, where)
                shown = shown[:1] * len(actual)
            self.need(len(shown) == len(actual), shown, actual, where)
            for i, row in enumerate(shown):
                self.values(row, actual[i], f"{where}[{i}]", moving)
        elif kind(shown) == "id" or key == "seq" or "." in str(shown) and \
                kind(shown).startswith("time"):
            self.same(shown, actual, where)
        elif key not in moving and not kind(shown).startswith("time"):
            self.need(shown == actual, shown, actual, where)

    def line(self, shown, actual, figures):
        """JSON by its values; text to the letter, but for FIGURES and file names."""
        if shown.startswith("{"):
            self.values(decoded(shown), decoded(actual), "")
            return
        shown, actual = (re.sub(r"/tmp/[a-z]+-\d+", "FILE", text).rstrip()
                         for text in (shown, actual))
        if figures:
            shown, actual = (re.sub(r" +", " ", FIGURES.sub("N", TIME_IN.sub("T", text)))
                             for text in (shown, actual))
        self.need(shown == actual, shown, actual, "line")


TIME_IN = re.compile(TIME.pattern.strip("^$"))


def decoded(text):
    try:
        return json.loads(text, parse_float=Decimal, parse_int=Decimal)
    except ValueError:
        raise Different(f"this is no JSON: {text!r}") from None


def said(output):
    """The lines that an example printed, without what a terminal adds."""
    lines = [line for line in ESCAPES.sub("", output).splitlines() if line.strip()]
    heard = [line.lstrip("> ")[2:] for line in lines if re.match(r"[> ]*< ", line)]
    if heard:
        # python3 -m websockets; of a market that goes on it may hear more.
        return [line for line in heard if '"type":"market_data"' not in line]
    return lines


COMPARISON = Comparison()


@pytest.mark.parametrize("number", range(len(EXAMPLES)),
                         ids=[example.name for example in EXAMPLES])
def test_it_is_as_shown(session, number):
    example = EXAMPLES[number]
    assert str(number) in session, "the session did not get there"
    lines = said(session[str(number)])
    failed = [line for line in lines if line.startswith("@@failed ")
              and not line[9:].startswith(ENDS_WITH_1)]
    assert not failed, session[str(number)]
    lines = [line for line in lines if not line.startswith("@@failed ")]
    if not any('"error":{' in line for line in example.shown):
        assert '"error":{' not in session[str(number)]
    for promise in example.promises:
        pattern = ".*".join(map(re.escape, promise.split("…")))
        assert any(re.fullmatch(pattern, line) for line in lines), (promise, lines)
    if not example.shown:
        return
    if example.tail:
        lines = lines[-len(example.shown):]
    assert len(lines) == len(example.shown), session[str(number)]
    figures = "monitor" in example.commands or "/metrics" in example.commands
    shown_lines = example.shown
    if "websockets" in example.commands:
        # What was missed comes when it comes, also between two answers.
        shown_lines, lines = (sorted(some, key=lambda line: "order_update" in line[:30])
                              for some in (shown_lines, lines))
    for shown, actual in zip(shown_lines, lines):
        COMPARISON.line(shown, actual, figures)


def test_the_session_came_to_its_end(session):
    assert "end" in session


def test_the_program_that_comes_back(house, tmp_path):
    """docs/streams.md's, over the end of streamd."""
    [program] = re.findall(r"```python\n(.*?)```", read("docs/streams.md"), re.S)
    trader = Trader(house, "BTC/USD")
    heard = tmp_path / "heard"

    def told(order):
        quantora.wait_until(lambda: order in heard.read_text(), f"word of {order}")

    with open(heard, "w", encoding="utf-8") as out, subprocess.Popen(
            ["/usr/bin/python3", "-c", program, house.url, trader.client.token, "0"],
            stdout=out) as follower:
        try:
            orders = [trader.place("buy", 1, 30000)]
            told(orders[0])
            house.kill("streamd")
            orders += [trader.place("buy", 1, 30001), trader.place("buy", 1, 30002)]
            told(orders[2])
        finally:
            follower.kill()
    assert [json.loads(line)["order_id"]
            for line in heard.read_text().splitlines()] == orders


def test_no_example_is_left_out():
    marked = sum(read(name).count("<!-- example -->") for name in documents())
    assert marked == int(subprocess.run(
        "cat README.md docs/*.md | grep -c '<!-- example -->'", shell=True, cwd=TOP,
        stdout=subprocess.PIPE, check=True).stdout) > 15
    assert sum(bool(example.shown or example.promises) for example in EXAMPLES) > 15


def test_no_example_minds_a_file_that_is_not_there_yet():
    """`program > file &` makes its file when it comes to it."""
    waits = [wait for example in EXAMPLES
             for wait in re.findall(r"until grep (.*?)/tmp/", example.commands)]
    assert len(waits) > 3
    assert all(re.match(r"-q?s ", wait) for wait in waits), waits


ID, OTHER = "01a2020e-f96d-7004-8c40-0007e000000d", "01a2020e-f8a2-7004-8c30-0007e000000e"


@pytest.mark.parametrize("shown, actual", [
    ('{"a":1,"b":2}', '{"b":2,"a":1}'),
    ('{"a":1}', '{"a":1,"b":null}'),
    ('{"a":1}', '{"a":"1"}'),
    ('{"a":0.1}', '{"a":0.10000001}'),
    ('{"a":[]}', '{"a":[1]}'),
    ('{"status":"placed"}', '{"status":"open"}'),
    ('{"value":1}', '{"value":null}'),
    (f'{{"id":"{ID}"}}', '{"id":"1"}'),
    (f'{{"id":"{ID}","order":"{ID}"}}', f'{{"id":"{ID}","order":"{OTHER}"}}'),
    ('{"at":"2026-11-22T07:01:05.314816Z"}', '{"at":"2026-11-22T07:01:05Z"}'),
    ('new=3 replaced=0', 'new=4 replaced=0'),
    ('{"a":1}', 'new=4'),
])
def test_what_is_wrong_is_found(shown, actual):
    Comparison().line(shown, shown, False)
    with pytest.raises(Different):
        Comparison().line(shown, actual, False)
