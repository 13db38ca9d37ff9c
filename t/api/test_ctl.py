# SPDX-License-Identifier: AGPL-3.0-or-later
"""quantoractl: secrets, users, deposits."""

import os
import re
import stat
import subprocess
import uuid

import pytest
from people import PASSWORD, Person, new_email, totp


# ---- secrets --------------------------------------------------------------


@pytest.fixture
def alone(stack, tmp_path):
    """quantoractl with a directory of secrets of its own."""
    ini = tmp_path / "quantora.ini"
    ini.write_text(f"[paths]\nsecrets = {tmp_path}/secrets\n")
    program = os.path.join(stack.env["QUANTORA_BUILD_DIR"], "quantoractl")

    def run(*arguments):
        return subprocess.run([program, "-c", str(ini), *arguments],
                              capture_output=True, text=True, check=False)

    run.secrets = tmp_path / "secrets"
    return run


def test_secrets_init(alone):
    assert alone("secrets", "init").returncode == 0
    files = {}
    for folder, _, names in os.walk(alone.secrets):
        assert stat.S_IMODE(os.stat(folder).st_mode) == 0o700
        for name in names:
            path = os.path.join(folder, name)
            assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
            with open(path) as f:
                files[os.path.relpath(path, alone.secrets)] = f.read()
    assert {"master.key", *(f"mysql-{a}" for a in (
        "api", "settler", "stream", "worker", "auditor", "migrate"))} <= set(files)
    assert len(files) == 8 and len(set(files.values())) == 8
    assert all(re.fullmatch("[0-9a-f]{64}\n", text) for text in files.values())
    # Once more: nothing is touched.
    again = alone("secrets", "init")
    assert again.returncode == 0 and again.stdout == ""
    for name, text in files.items():
        assert (alone.secrets / name).read_text() == text


def test_secrets_rotate_and_retire(alone):
    alone("secrets", "init")
    first, = os.listdir(alone.secrets / "jwt")
    assert alone("secrets", "rotate").returncode == 0
    assert len(os.listdir(alone.secrets / "jwt")) == 2
    assert alone("secrets", "retire", first[:-4]).returncode == 0
    assert first not in os.listdir(alone.secrets / "jwt")
    assert alone("secrets", "retire", "../master").returncode == 2
    assert (alone.secrets / "master.key").exists()


# ---- user -----------------------------------------------------------------


def test_user_create_twice(stack):
    email = new_email()
    made = stack.ctl("user", "create", email, "--password", PASSWORD)
    assert uuid.UUID(made.split()[0])
    again = stack.ctl("user", "create", email, "--password", "another password")
    assert "exists already" in again
    client = stack.client()
    client.login(email, PASSWORD)    # the first one's


def test_user_create_gives_a_role_later(stack):
    email = new_email()
    stack.ctl("user", "create", email, "--password", PASSWORD)
    client = stack.client()
    client.login(email, PASSWORD)
    body = {"user_id": str(uuid.uuid4())}
    assert client.post("/admin/user", json=body).status_code == 403
    assert "is now operator" in stack.ctl(
        "user", "create", email, "--password", PASSWORD, "--role", "operator")
    assert client.post("/admin/user", json=body).status_code == 401
    client.login(email, PASSWORD)
    assert client.post("/admin/user", json=body).status_code == 404


@pytest.mark.parametrize("arguments, code", [
    ([], 2), (["a@example.com"], 2), (["x", "--password", PASSWORD], 1),
    (["a@example.com", "--password", "short"], 1),
    (["a@example.com", "--password", PASSWORD, "--role", "root"], 1)])
def test_user_create_badly(stack, arguments, code):
    done = stack.ctl("user", "create", *arguments, check=False)
    assert done.returncode == code and done.stderr


def test_user_totp(stack):
    email, secret = new_email(), "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
    stack.ctl("user", "create", email, "--password", PASSWORD)
    printed = stack.ctl("user", "totp", email, "--secret", secret).split()
    assert printed == [secret, f"otpauth://totp/Amarktai:{email}?secret={secret}"
                               "&issuer=Amarktai"]
    stack.client().login(email, PASSWORD, totp(secret))
    assert stack.ctl("user", "totp", email, "--secret", "x",
                     check=False).returncode == 1
    assert stack.ctl("user", "totp", "nobody@example.com",
                     check=False).returncode == 1


def test_user_list(stack):
    person = Person(stack)
    assert f"{person.id} " in stack.ctl("user", "list")
    assert len(stack.ctl("user", "list", "--limit", "1").splitlines()) == 1


def test_the_last_admin_stays(stack):
    """Nobody can be left who administers, not even from here."""
    last = Person(stack, role="admin")
    # Who reads his own has the settler wait for him, who is the last of them.
    assert last.client.get("/api/withdrawals").status_code == 200
    admins = [row[0] for row in stack.sql(
        "SELECT u.email FROM users u JOIN core_users c ON c.user_id = u.id "
        "WHERE c.role = 2 AND c.locked = 0 AND u.email <> %s", last.email)]
    try:
        for email in admins:
            stack.ctl("user", "lock", email)
        done = stack.ctl("user", "lock", last.email, check=False)
        assert done.returncode == 1 and "the last admin stays" in done.stderr
        assert last.client.get("/api/admin/users").status_code == 200
    finally:
        for email in admins:
            stack.ctl("user", "unlock", email)


# ---- deposit --------------------------------------------------------------


def test_deposit_once(stack):
    person, reference = Person(stack), uuid.uuid4().hex

    def deposit(amount, **options):
        return stack.ctl("deposit", person.email, "USD", amount, "--ref", reference,
                         **options)

    deposit("12.5")
    assert "made before" in deposit("12.5")
    assert deposit("13", check=False).returncode == 1
    assert person.client.get("/api/withdrawals").status_code == 200
    assert person.balance("USD") == (12.5, 0)
    stack.ctl("deposit", person.email, "USD", "1")
    stack.ctl("deposit", person.email, "USD", "1")    # without one: each counts
    assert person.client.get("/api/withdrawals").status_code == 200
    assert person.balance("USD") == (14.5, 0)


@pytest.mark.parametrize("arguments, code", [
    ([], 2), (["USD"], 2), (["DOGE", "1"], 1), (["USD", "0"], 1), (["USD", "-1"], 1),
    (["USD", "x"], 1), (["USD", "0.000000001"], 1), (["USD", "1e400"], 1)])
def test_deposit_badly(stack, arguments, code):
    person = Person(stack)
    done = stack.ctl("deposit", person.email, *arguments, check=False)
    assert done.returncode == code and done.stderr
    assert person.balance("USD") == (0, 0)
