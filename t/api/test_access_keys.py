# SPDX-License-Identifier: AGPL-3.0-or-later
"""Keys for programs: made, used, refused, ended."""

import concurrent.futures
import re
import subprocess
import uuid

import pytest
import quantora
from people import Person
from signing import Program, make_key, now_ms, patient

READ = "/api/withdrawals"
KEYS = "/api/access-keys"


@pytest.fixture(scope="module")
def owner(stack):
    person = Person(stack, otp=True, kyc="approved", money={"USD": 100000})
    patient(person.client)
    return person


@pytest.fixture(autouse=True)
def few_keys(owner, programs):
    """Room for what a test makes."""
    yield
    for key in owner.client.get(KEYS).json()["data"][2:]:
        owner.client.delete(f"{KEYS}/{key['id']}")


@pytest.fixture(scope="module")
def programs(stack, owner):
    """The owner's first two keys: one that reads, one that trades."""
    return (Program(stack, make_key(owner)),
            Program(stack, make_key(owner, permissions=["trade"])))


@pytest.fixture(scope="module")
def reader(programs):
    return programs[0]


@pytest.fixture(scope="module")
def trader(programs):
    return programs[1]


def ticket(person, **more):
    return {"user_id": person.id, "side": "buy", "order_type": "limit",
            "symbol": "REC/USD", "qty": 1, "price": 3, **more}


def refused(reply, status, code):
    assert (reply.status_code, reply.json().get("code")) == (status, code), reply.text
    assert reply.json()["success"] is False
    return True


# ---- Made ------------------------------------------------------------------

def test_a_key_is_shown_and_its_secret_once(stack, owner):
    key = make_key(owner, permissions=["read", "trade"],
                   addresses=["192.0.2.7", "2001:db8::/32"])
    assert re.fullmatch(r"[0-9a-zA-Z_-]{43}", key["secret"])
    assert key["permissions"] == ["read", "trade"]
    assert key["last_used_at"] is None and key["created_at"].endswith("Z")
    reply = owner.client.get(KEYS)
    [listed] = [k for k in reply.json()["data"] if k["id"] == key["id"]]
    assert key["secret"] not in reply.text and "secret" not in listed
    assert listed["addresses"] == ["192.0.2.7", "2001:db8::/32"]
    assert listed["permissions"] == ["read", "trade"] and listed["name"] == "a bot"
    [(sealed,)] = stack.sql("SELECT secret FROM access_keys WHERE public_id = "
                            "UNHEX(%s)", key["id"].replace("-", ""))
    assert key["secret"].encode() not in sealed
    with open(f"{stack.sock_dir}/key.page", "rb") as f:
        assert key["secret"].encode() not in f.read()
    assert [("key.created", "ok")] == list(stack.sql(
        "SELECT action, outcome FROM audit_log WHERE subject = %s", key["id"]))


def test_a_key_reads_unless_it_is_asked_to_trade(owner):
    assert make_key(owner)["permissions"] == ["read"]
    assert make_key(owner, permissions=[])["permissions"] == ["read"]


def test_a_key_needs_a_second_factor(stack):
    person = Person(stack)
    refused(person.client.post(KEYS, json={}), 403, "TOTP_REQUIRED")
    assert person.client.get(KEYS).json()["data"] == []


@pytest.mark.parametrize("body", [
    {"permissions": ["withdraw"]}, {"permissions": "trade"}, {"permissions": [1]},
    {"addresses": ["x"]}, {"addresses": ["10.0.0.0/33"]}, {"addresses": [""]},
    {"addresses": ["10.0.0.0/"]}, {"addresses": ["10.0.0.1/-1"]},
    {"addresses": ["::1/129"]}, {"addresses": ["1.2.3.4\"]"]}, {"addresses": [5]},
    {"addresses": ["10.0.0.1"] * 9}, {"name": "x" * 129}, {"role": "admin"}])
def test_a_bad_key_is_refused(owner, body):
    refused(owner.client.post(KEYS, json=body), 400, "VALIDATION_ERROR")


def test_there_are_twenty_at_most(stack):
    person = Person(stack, otp=True)
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        replies = list(pool.map(lambda _: stack_post(stack, person), range(24)))
    assert sorted(r.status_code for r in replies) == [200] * 20 + [409] * 4
    assert len(person.client.get(KEYS).json()["data"]) == 20


def stack_post(stack, person):
    client = patient(stack.client())
    client.bearer(person.client.token)
    return client.post(KEYS, json={})


# ---- Used ------------------------------------------------------------------

def test_a_program_reads(stack, owner, reader):
    assert reader.call("GET", READ).status_code == 200
    assert reader.call("GET", f"{READ}?limit=5&offset=0").json()["limit"] == 5
    assert reader.call("GET", "/api/v1/users/me").json()["email"] == owner.email
    [listed] = [k for k in owner.client.get(KEYS).json()["data"]
                if k["id"] == reader.id]
    assert listed["last_used_at"].endswith("Z")


def listed_key(person, program):
    [row] = [k for k in person.client.get(KEYS).json()["data"]
             if k["id"] == program.id]
    return row


def stored_use(stack, program):
    return stack.sql("SELECT last_used_at, last_address FROM access_keys "
                     "WHERE public_id = UNHEX(%s)", program.id.replace("-", ""))[0]


def test_the_last_use_outlives_the_workers(stack):
    person = Person(stack, otp=True)
    patient(person.client)
    program = Program(stack, make_key(person))
    assert (listed_key(person, program)["last_used_at"],
            listed_key(person, program)["last_address"]) == (None, None)
    assert program.call("GET", READ).status_code == 200
    row = listed_key(person, program)
    assert row["last_used_at"] and row["last_address"] == "127.0.0.1"
    for name in ("api", "api-egress", "api-trade"):
        stack.kill(name)
    # By the workers that end; or, where that failed, within the next minute.
    quantora.wait_until(lambda: person.client.get(KEYS).status_code == 200 and
                        stored_use(stack, program)[0],
                        "a use that is written down")
    assert listed_key(person, program) == row
    stored = stored_use(stack, program)
    assert row["last_used_at"] == stored[0].isoformat() + "Z"
    assert stored[1] == "127.0.0.1"


def test_a_use_is_not_a_write(stack):
    """MySQL hears of uses together, once a minute."""
    person = Person(stack, otp=True)
    patient(person.client)
    program = Program(stack, make_key(person))

    def used_and_not_written():
        before = stored_use(stack, program)
        for _ in range(5):
            assert program.call("GET", READ).status_code == 200
        return stored_use(stack, program) == before
    # Once more where a minute has just ended.
    quantora.wait_until(used_and_not_written, "uses that are not written")
    assert listed_key(person, program)["last_used_at"]


def test_a_key_that_is_ended_keeps_its_last_use(stack):
    person = Person(stack, otp=True)
    patient(person.client)
    program = Program(stack, make_key(person))
    assert program.call("GET", READ).status_code == 200
    assert person.client.delete(f"{KEYS}/{program.id}").status_code == 200
    assert stored_use(stack, program)[1] == "127.0.0.1"


def test_a_reader_does_not_trade(owner, reader):
    refused(reader.call("POST", "/api/order", ticket(owner)), 403, "FORBIDDEN")
    refused(reader.call("DELETE", f"/api/order/{uuid.uuid4()}"), 403, "FORBIDDEN")


def test_a_trader_trades(owner, trader):
    reply = trader.call("POST", "/api/order", ticket(owner))
    assert reply.status_code == 200, reply.text
    order = reply.json()["order_id"]
    orders = trader.call("GET", "/api/orders?status=open").json()["data"]
    assert order in [o["order_id"] for o in orders]
    assert trader.call("DELETE", f"/api/order/{order}").status_code == 200


WRITES = [
    ("POST", KEYS, {}), ("DELETE", f"{KEYS}/{uuid.uuid4()}", None),
    ("POST", "/api/withdrawal", {"asset": "USD", "amount": 1, "address": "x"}),
    ("POST", "/api/auth/password", {"current_password": "a", "new_password": "b"}),
    ("POST", "/api/auth/2fa/enroll", {}), ("POST", "/api/auth/logout", {}),
    ("POST", "/api/ws/ticket", {}),
    ("PATCH", "/api/v1/users/me", {}), ("POST", "/v1/auth/logout", {})]


@pytest.mark.parametrize("method,path,body", WRITES)
def test_a_program_does_nothing_else(trader, method, path, body):
    assert trader.call(method, path, body).status_code == 403
    assert trader.call("GET", READ).status_code == 200


def test_a_program_is_no_administrator(stack):
    admin = Person(stack, role="admin", otp=True)
    program = Program(stack, make_key(admin, permissions=["trade"]))
    assert program.call("GET", READ).status_code == 200
    refused(program.call("GET", "/admin/withdrawals/pending"), 403, "FORBIDDEN")
    assert program.call("GET", "/api/admin/users").status_code == 403
    assert program.call("POST", "/admin/user", {"user_id": admin.id}
                        ).status_code == 403


# ---- Refused ---------------------------------------------------------------

def test_what_was_signed_is_what_counts(owner, trader):
    body = '{"a": 1}'
    good = trader.headers("POST", "/api/order", body)
    for method, path, text, change in [
            ("POST", "/api/order", '{"a": 2}', {}),
            ("POST", "/api/order", "", {}),
            ("POST", "/api/order?a=1", body, {}),
            ("DELETE", "/api/order", body, {}),
            ("POST", "/api/order", body, {"X-Timestamp": str(now_ms() + 1)}),
            ("POST", "/api/order", body, {"X-Signature": "0" * 64}),
            ("POST", "/api/order", body, {"X-Signature": ""}),
            ("POST", "/api/order", body, {"X-Signature": "zz" * 32}),
            ("POST", "/api/order", body,
             {"X-Signature": good["X-Signature"] + "00"}),
            ("POST", "/api/order", body, {"X-Key": str(uuid.uuid4())}),
            ("POST", "/api/order", body, {"X-Key": "x"}),
            ("POST", "/api/order", body, {"X-Timestamp": "soon"}),
            ("POST", "/api/order", body, {"X-Timestamp": ""})]:
        if method == "DELETE":
            path = f"/api/order/{uuid.uuid4()}"
        reply = trader.send(method, path, text, {**good, **change})
        refused(reply, 401, "UNAUTHORIZED")
    # None of that used the signature up.
    refused(trader.send("POST", "/api/order", body, good), 400, "VALIDATION_ERROR")


def test_an_unknown_key_and_a_wrong_secret_look_alike(stack, reader):
    other = Program(stack, {"id": str(uuid.uuid4()), "secret": reader.secret})
    wrong = Program(stack, {"id": reader.id, "secret": "wrong"})
    replies = [p.call("GET", READ) for p in (other, wrong)]
    assert replies[0].status_code == replies[1].status_code == 401
    assert replies[0].text == replies[1].text


@pytest.mark.parametrize("offset,window,status", [
    (0, None, 200), (-4000, None, 200), (-6000, None, 401), (-6000, 60000, 200),
    (-50000, 60000, 200), (-61000, 60000, 401), (0, 60001, 401), (0, 0, 401),
    (0, "x", 401), (3000, None, 401), (3000, 60000, 401)])
def test_the_window(reader, offset, window, status):
    """Asked within a second; where it took longer it was another question."""
    def asked():
        begin = now_ms()
        reply = reader.call("GET", READ, at=begin + offset, window=window)
        return now_ms() - begin < 900 and (reply.status_code, reply.text)
    assert quantora.wait_until(asked, "an answer within a second")[0] == status


def test_a_signature_is_good_once_over_all_workers(reader):
    headers = reader.headers("GET", READ)
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        replies = list(pool.map(
            lambda _: reader.send("GET", READ, "", headers), range(32)))
    assert sorted(r.status_code for r in replies) == [200] + [401] * 31
    # Written otherwise, it is the same; and a longer window changes nothing.
    for change in ({"X-Signature": headers["X-Signature"].upper()},
                   {"X-Recv-Window": "60000"}):
        refused(reader.send("GET", READ, "", {**headers, **change}),
                401, "UNAUTHORIZED")


def test_a_short_window_can_not_be_stretched_for_a_replay(reader):
    """Used with a window that ends at once, then shown with the longest."""
    headers = reader.headers("GET", READ, at=now_ms() - 900, window=1000)
    assert reader.send("GET", READ, "", headers).status_code in (200, 401)
    headers["X-Recv-Window"] = "60000"
    first = reader.send("GET", READ, "", headers).status_code
    assert first in (200, 401)
    assert reader.send("GET", READ, "", headers).status_code == 401


def test_the_address_list(stack, owner):
    def status(*addresses):
        program = Program(stack, make_key(owner, addresses=list(addresses)))
        return program.call("GET", READ).status_code, program
    assert status("127.0.0.1")[0] == 200
    assert status("127.0.0.0/8", "192.0.2.1")[0] == 200
    assert status("::ffff:127.0.0.1")[0] == 200
    assert status("0.0.0.0/0")[0] == 200
    assert status("192.0.2.0/24")[0] == 403
    assert status("2001:db8::1")[0] == 403
    code, program = status("192.0.2.7")
    assert code == 403
    # What somebody says of himself is not his address.
    headers = {**program.headers("GET", READ), "X-Forwarded-For": "192.0.2.7",
               "X-Real-IP": "192.0.2.7"}
    refused(program.send("GET", READ, "", headers), 403, "FORBIDDEN")


# ---- Ended -----------------------------------------------------------------

def test_a_revoked_key_ends_at_once(stack, owner):
    program = Program(stack, make_key(owner, permissions=["trade"]))
    assert program.call("GET", READ).status_code == 200
    stranger = Person(stack)
    theirs = stranger.client.delete(f"{KEYS}/{program.id}")
    nobodys = stranger.client.delete(f"{KEYS}/{uuid.uuid4()}")
    assert theirs.status_code == nobodys.status_code == 404
    assert theirs.text == nobodys.text
    assert program.call("GET", READ).status_code == 200
    assert owner.client.delete(f"{KEYS}/{program.id}").status_code == 200
    for _ in range(12):  # whichever worker answers
        refused(program.call("GET", READ), 401, "UNAUTHORIZED")
        refused(program.call("POST", "/api/order", ticket(owner)),
                401, "UNAUTHORIZED")
    assert owner.client.delete(f"{KEYS}/{program.id}").status_code == 404
    assert program.id not in owner.client.get(KEYS).text


def test_a_lock_holds_for_programs(stack):
    person = Person(stack, otp=True, money={"USD": 1000})
    operator = Person(stack, role="operator", otp=True)
    program = Program(stack, make_key(person, permissions=["trade"]))
    assert program.call("POST", "/api/order", ticket(person)).status_code == 200
    body = {"user_id": person.id}
    assert operator.client.post("/admin/user/lock", json=body).status_code == 200
    refused(program.call("GET", READ), 403, "ACCOUNT_LOCKED")
    refused(program.call("POST", "/api/order", ticket(person)),
            403, "ACCOUNT_LOCKED")
    assert operator.client.post("/admin/user/unlock", json=body).status_code == 200
    # A key is no session, which a lock would have ended.
    assert program.call("GET", READ).status_code == 200
    assert program.call("POST", "/api/order", ticket(person)).status_code == 200


def test_a_new_password_and_a_log_out_leave_programs_alone(stack):
    person = Person(stack, otp=True)
    program = Program(stack, make_key(person))
    reply = person.client.post("/api/auth/password", json={
        "current_password": person.password, "new_password": "another battery",
        "totp_code": person.code(1)})
    assert reply.status_code == 200, reply.text
    assert person.client.get(READ).status_code == 401
    assert program.call("GET", READ).status_code == 200
    person.client.bearer(reply.json()["token"])
    assert person.client.post("/api/auth/logout").status_code == 200
    assert program.call("GET", READ).status_code == 200


def test_keys_outlive_the_workers_and_trade_without_mysql():
    with quantora.Stack.boot_new() as stack:
        person = Person(stack, otp=True, money={"USD": 100000})
        program = Program(stack, make_key(person, permissions=["trade"]))
        ended = Program(stack, make_key(person, permissions=["trade"]))
        assert person.client.delete(f"{KEYS}/{ended.id}").status_code == 200
        used = program.headers("GET", READ)
        assert program.send("GET", READ, "", used).status_code == 200
        for name in ("api-trade", "api", "api-egress"):
            stack.kill(name)
        quantora.wait_until(
            lambda: program.call("GET", READ).status_code == 200)
        assert program.call("POST", "/api/order", ticket(person)).status_code == 200
        assert ended.call("POST", "/api/order", ticket(person)).status_code == 401
        stack.stop()
        stack.start()
        quantora.wait_until(
            lambda: program.call("GET", READ).status_code == 200)
        assert ended.call("GET", READ).status_code == 401
        with quantora_without_mysql(stack):
            for _ in range(8):
                reply = program.call("POST", "/api/order", ticket(person))
                assert reply.status_code == 200, reply.text


class quantora_without_mysql:
    """MySQL does not answer meanwhile."""

    def __init__(self, stack):
        self.stack = stack

    def __enter__(self):
        import signal
        self.stack.kill("mysql", signal.SIGSTOP)

    def __exit__(self, *_):
        import signal
        self.stack.kill("mysql", signal.SIGCONT)


def test_the_example_of_the_document(stack, owner):
    """docs/api-keys.md's shell lines, as they stand there."""
    with open(f"{quantora.TOP}/docs/api-keys.md") as f:
        [script] = re.findall(r"```sh\n(.*?)```", f.read(), re.S)
    key = make_key(owner, permissions=["trade"])
    env = {"PATH": "/usr/bin:/bin", "URL": stack.url, "KEY": key["id"],
           "SECRET": key["secret"], "USER_ID": owner.id}
    done = subprocess.run(["sh", "-euc", script], env=env, text=True, check=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    lines = done.stdout.splitlines()
    assert len(lines) == 2 and all('"success":true' in line for line in lines), lines
    assert '"order_id"' in lines[1]
