# SPDX-License-Identifier: AGPL-3.0-or-later
"""quantoractl instruments: the house's tables, loaded once, however often."""

import concurrent.futures
import re

import pytest
from quantora import wait_until

ASSETS = ["USD", "EUR", "ZAR", "USDT", "BTC", "ETH", "MWH", "REC", "EUA"]
# symbol: (tick, lot, reference price)
INSTRUMENTS = {
    "BTC/USD": ("0.01", "0.000001", "50000"),
    "ETH/USD": ("0.01", "0.000001", "2500"),
    "BTC/USDT": ("0.01", "0.000001", "50000"),
    "ETH/USDT": ("0.01", "0.000001", "2500"),
    "BTC/ZAR": ("1", "0.000001", "900000"),
    "ETH/ZAR": ("1", "0.000001", "45000"),
    "USDT/ZAR": ("0.01", "0.01", "18"),
    "MWH/USD": ("0.01", "0.001", "60"),
    "REC/USD": ("0.01", "0.001", "5"),
    "EUA/EUR": ("0.01", "0.001", "70"),
}
NOTHING = "assets=0 instruments=0 reference_prices=0 changed\n"


def listed(stack):
    """symbol: its terms, and the codes of the assets in order of number."""
    assets, instruments = [], {}
    for line in stack.ctl("instruments", "list").splitlines():
        words = line.split()
        if words[0] == "asset":
            assert int(words[1]) == len(assets)
            assets.append(words[2])
        else:
            terms = dict(word.split("=") for word in words[4:])
            instruments[words[2]] = {**terms, "status": words[3]}
    return assets, instruments


@pytest.fixture
def rec(stack):
    """A market that is put in order again."""
    yield "REC/USD"
    stack.ctl("instruments", "status", "REC/USD", "trading")
    stack.ctl("instruments", "reference", "REC/USD", "5")


def test_the_contract_s_tables(stack):
    assets, instruments = listed(stack)
    assert assets[:len(ASSETS)] == ASSETS
    assert list(instruments)[:len(INSTRUMENTS)] == list(INSTRUMENTS)
    for symbol, (tick, lot, reference) in INSTRUMENTS.items():
        assert instruments[symbol] == {
            "tick": tick, "lot": lot, "reference": reference, "min_notional": "1",
            "maker": "1000", "taker": "2000", "band": "200000-5000000",
            "collar": "50000", "status": "trading"}


def test_loading_again_changes_nothing(stack):
    def journaled():
        return re.search(r"\bseq[= ](\d+)", stack.ctl("state-hash"))[1]

    def loaded_again():
        """Whether the journal is as before; workerd may have told the core a rate."""
        before = journaled()
        assert stack.ctl("instruments", "load") == NOTHING
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            for said in pool.map(lambda _: stack.ctl("instruments", "load"), range(4)):
                assert said == NOTHING
        return journaled() == before
    wait_until(loaded_again, "a load that changes nothing")


def test_an_operator_s_word_stays(stack, rec):
    stack.ctl("instruments", "status", rec, "halted")
    stack.ctl("instruments", "reference", rec, "6.5")
    assert stack.ctl("instruments", "load") == NOTHING
    terms = listed(stack)[1][rec]
    assert (terms["status"], terms["reference"]) == ("halted", "6.5")


def test_who_changes_it_leaves_a_trace(stack, rec):
    def audited():
        return stack.sql("SELECT COUNT(*) FROM audit_log WHERE action IN "
                         "('instrument.status', 'instrument.reference_price')")[0][0]

    before = audited()
    stack.ctl("instruments", "status", rec, "cancel-only")
    stack.ctl("instruments", "reference", rec, "5.5")
    assert audited() == before + 2
    # What changes nothing is nothing to tell.
    stack.ctl("instruments", "status", rec, "cancel-only")
    assert audited() == before + 2


@pytest.mark.parametrize("arguments, code", [
    (("status", "REC/USD", "shut"), 2),
    (("status", "REC/USD"), 2),
    (("status", "XYZ/USD", "halted"), 1),
    (("reference", "REC/USD", "0"), 1),
    (("reference", "REC/USD", "-5"), 1),
    (("reference", "REC/USD", "5.001"), 1),  # off the tick
    (("reference", "REC/USD", "five"), 1),
    (("reference", "XYZ/USD", "5"), 1),
    (("load", "now"), 2),
])
def test_what_is_refused(stack, arguments, code):
    before = listed(stack)
    done = stack.ctl("instruments", *arguments, check=False)
    assert done.returncode == code and done.stderr
    assert listed(stack) == before
