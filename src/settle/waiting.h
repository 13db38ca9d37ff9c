/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * waiting.h - what passes over the settler's socket.
 *
 * A client that has to see a sequence in MySQL asks for it; the answer comes
 * once it is committed there, or at once when it already is.  One question at
 * a time on a connection; a client that has waited enough hangs up.
 */
#pragma once

#include <stdint.h>

#include "base/status.h"

struct settle_question {
	uint64_t seq; /* 0: how far it is, at once */
};

struct settle_answer {
	uint64_t applied_seq;
	uint32_t status; /* enum status: ST_OK, or why it will not come */
	uint32_t spare;
};

_Static_assert(sizeof(struct settle_question) == 8, "pinned");
_Static_assert(sizeof(struct settle_answer) == 16, "pinned");
