/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * recovery.h - codes for the day on which the phone is lost.
 *
 * Ten codes of 50 random bits, shown once, stored as keyed digests, each good
 * for one log-in.  They look like "K7QMD-4XWPR": base32 without digits that
 * read as letters, so that a code from paper can be typed.
 */
#pragma once

#include <stdbool.h>

#include "auth/digest.h"

#define RECOVERY_CODES 10
#define RECOVERY_TEXT_MAX 12 /* "XXXXX-XXXXX" and NUL */

void recovery_code_random(char *buf);

/*
 * The digest of a code of USER as it was typed: case, spaces and dashes do
 * not matter.  False when TEXT cannot be a recovery code.
 */
bool recovery_code_digest(const struct vault *vault, uint32_t user,
	const char *text, struct digest *out);
