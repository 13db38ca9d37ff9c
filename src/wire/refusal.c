/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * refusal.c - the table behind the numbers.
 */
#include "wire/refusal.h"

#include <stddef.h>

const struct refusal_row *
refusal_row(unsigned refusal)
{
	static const struct refusal_row rows[] = {
#define X(sym, outcome, field, text) {ST_##outcome, #sym, field, text},
		REFUSAL_LIST(X)
#undef X
	};

	return &rows[refusal < N_ELEMENTS(rows) ? refusal
						: REFUSED_BAD_COMMAND];
}
