# SPDX-License-Identifier: AGPL-3.0-or-later
"""The audit log's chain: what was touched is found, and named."""

import pymysql
import pytest
from people import Person


def verify(stack):
    return stack.ctl("audit", "verify", "--mark", f"{stack.run_dir}/tmp/audit.mark",
                     check=False)


@pytest.fixture
def chain(stack):
    """A log with some rows, sound before and after the test."""
    Person(stack)
    assert verify(stack).returncode == 0
    yield stack.sql("SELECT id FROM audit_log ORDER BY id DESC LIMIT 3")
    after = verify(stack)
    assert after.returncode == 0, after.stdout


def test_sound(stack, chain):
    assert "all sound" in verify(stack).stdout


@pytest.mark.parametrize("column, value", [
    ("outcome", "x"), ("action", "x"), ("actor_id", 4294967), ("user_id", 4294967),
    ("ip", "10.9.8.7"), ("details", "x"), ("at", "2001-01-01"), ("request_id", "x"),
    ("hash", b"\0" * 32), ("previous_hash", b"\0" * 32)])
def test_edited(stack, chain, column, value):
    (row, ) = chain[1]
    (was, ), = stack.sql(f"SELECT {column} FROM audit_log WHERE id = %s", row)
    stack.sql(f"UPDATE audit_log SET {column} = %s WHERE id = %s", value, row)
    found = verify(stack)
    stack.sql(f"UPDATE audit_log SET {column} = %s WHERE id = %s", was, row)
    assert found.returncode == 1
    assert f"audit row {row} has been edited" in found.stdout


def test_deleted(stack, chain):
    (row, ) = chain[1]
    stack.sql("CREATE TABLE audit_saved AS SELECT * FROM audit_log WHERE id = %s", row)
    stack.sql("DELETE FROM audit_log WHERE id = %s", row)
    found = verify(stack)
    stack.sql("INSERT INTO audit_log SELECT * FROM audit_saved")
    stack.sql("DROP TABLE audit_saved")
    assert found.returncode == 1
    assert f"audit row {row} has been deleted" in found.stdout


def test_cut(stack, chain):
    """Also when the head is set back to what it was."""
    (last, ), (before, ), _ = chain
    stack.sql("CREATE TABLE audit_saved AS SELECT * FROM audit_log WHERE id = %s", last)
    head, = stack.sql("SELECT last_id, hash, seal FROM audit_head")
    stack.sql("DELETE FROM audit_log WHERE id = %s", last)
    first = verify(stack)
    stack.sql("UPDATE audit_head SET last_id = %s, hash = "
              "(SELECT hash FROM audit_log WHERE id = %s)", before, before)
    second = verify(stack)
    stack.sql("INSERT INTO audit_log SELECT * FROM audit_saved")
    stack.sql("DROP TABLE audit_saved")
    stack.sql("UPDATE audit_head SET last_id = %s, hash = %s, seal = %s", *head)
    for found in (first, second):
        assert found.returncode == 1
        assert f"audit row {last} and what followed has been cut off" in found.stdout


@pytest.mark.parametrize("account", ["api", "worker", "settler", "stream", "auditor"])
def test_nobody_may_change_it(stack, account):
    for statement in ("UPDATE audit_log SET details = 'x'", "DELETE FROM audit_log"):
        with pytest.raises(pymysql.err.OperationalError):
            stack.sql(statement, account=account)
