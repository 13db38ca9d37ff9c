# SPDX-License-Identifier: AGPL-3.0-or-later
"""Users for tests: made by quantoractl or by the API, with second factors."""

import base64
import hashlib
import hmac
import itertools
import struct
import time
import uuid

import quantora

PASSWORD = "correct horse battery"
STEP_S = 30

_count = itertools.count()


def new_email(name="user"):
    return f"{name}-{next(_count)}-{uuid.uuid4().hex[:8]}@example.com"


def totp(secret, offset=0, now=None):
    """The code of SECRET (base32) OFFSET steps from now."""
    key = base64.b32decode(secret + "=" * (-len(secret) % 8))
    step = int((time.time() if now is None else now) // STEP_S) + offset
    digest = hmac.new(key, struct.pack(">Q", step), hashlib.sha1).digest()
    at = digest[-1] & 15
    return f"{(struct.unpack_from('>I', digest, at)[0] & 0x7fffffff) % 10**6:06}"


class Person:
    """Somebody with an account, and a client that is logged in as him."""

    def __init__(self, stack, role=None, otp=False, kyc=None, money=None,
                 password=PASSWORD):
        self.stack = stack
        self.email = new_email(role or "user")
        self.password = password
        self.secret = None
        arguments = ["--role", role] if role else []
        made = stack.ctl("user", "create", self.email, "--password", password,
                         *arguments)
        self.id = made.split()[0]
        if kyc:
            stack.ctl("user", "kyc", self.email, kyc)
        for asset, amount in (money or {}).items():
            stack.ctl("deposit", self.email, asset, amount)
        if otp:
            self.secret = stack.ctl("user", "totp", self.email).split()[0]
        self.client = self.login()

    def code(self, offset=0):
        return totp(self.secret, offset)

    def login(self, code=None):
        """A client of its own with a new session."""
        if self.secret and code is None:
            code = self.code()
        client = self.stack.client()
        client.login(self.email, self.password, code)
        return client

    def balance(self, asset):
        """(available, held) as the settler wrote them; (0, 0) before any.

        A read of his own waits until the settler has all that he did; while
        that takes too long it is a 503.  (Who is locked out waits for nobody.)
        """
        quantora.wait_until(
            lambda: self.client.get("/api/withdrawals").status_code != 503)
        rows = self.stack.sql(
            "SELECT b.available, b.held FROM balances b "
            "JOIN assets a ON a.id = b.asset_id JOIN users u ON u.id = b.user_id "
            "WHERE u.public_id = UNHEX(%s) AND a.code = %s",
            self.id.replace("-", ""), asset)
        return rows[0] if rows else (0, 0)


def hold(stack):
    """Whoever is delayed for what failed is so for an hour.

    The first delays are short, and a machine may be slow.
    """
    stack.sql("UPDATE login_failures SET blocked_until = blocked_until + INTERVAL 1 HOUR")


def same_answer(a, b):
    """That two replies tell their readers the same."""
    return a.status_code == b.status_code and a.content == b.content
