/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * head.h - the status line and headers of a reply; private to http/.
 */
#pragma once

#include "http/dispatch.h"
#include "http/limit.h"
#include "http/request.h"

struct head {
	unsigned methods;                /* that the path has, for Allow */
	const struct limit_state *limit; /* all zeros: it was not charged */
};

/* Fill in head and body of OUT from what REQ holds. */
void head_write(struct req *req, enum status status, const struct head *head,
	struct outgoing *out);
