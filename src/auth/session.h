/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * session.h - who asks: what a verified token says of its bearer.
 *
 * A token proves who logged in, how, and under which epoch.  It does not
 * prove that the session still lives, nor what the user may do today: both
 * are the guard's answer (wire/frame.h), and ROLE is overwritten with it
 * before a handler sees the session.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/ident.h"
#include "wire/order.h"

struct session {
	struct ident id;        /* of the session; what a log-out ends */
	struct ident public_id; /* of the user, as the world knows him */
	uint32_t user;          /* his number in the core, > 0 */
	uint32_t epoch;         /* that the session was made under */
	enum user_role role;
	bool otp; /* a second factor was shown at log-in */
	int64_t issued_us;
	int64_t expires_us; /* of this token */
	/* Of a ticket: how long what it opens may last.  Else as EXPIRES_US. */
	int64_t until_us;
};
