/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * status.c - names of the outcomes, for logs and for the audit.
 */
#include "base/status.h"

const char *
status_name(enum status status)
{
	static const char *const names[] = {
#define X(sym) #sym,
		STATUS_LIST(X)
#undef X
	};

	return (unsigned)status < N_ELEMENTS(names) ? names[status] : "?";
}
