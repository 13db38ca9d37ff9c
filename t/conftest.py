# SPDX-License-Identifier: AGPL-3.0-or-later
"""What every pytest suite has: the stack that its run was given, or its own."""

import os
import sys

import pytest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "harness"))

import quantora  # noqa: E402


def pytest_addoption(parser):
    parser.addoption("--long", action="store_true",
                     help="the whole of a test that has a quick form, "
                          "as QUANTORA_LONG=1 says it too")


def pytest_configure(config):
    if config.getoption("--long"):
        os.environ["QUANTORA_LONG"] = "1"    # before any test file is read


@pytest.fixture(scope="session")
def stack():
    with quantora.Stack.boot() as running:
        yield running


@pytest.fixture
def client(stack):
    return stack.client()
