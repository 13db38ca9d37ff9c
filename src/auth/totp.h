/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * totp.h - time-based one-time codes (RFC 6238): SHA-1, 30 s, six digits.
 *
 * A code says which step of time it belongs to; whoever accepts it stores the
 * step and accepts only later ones, so that no code works twice.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

#define TOTP_STEP_US INT64_C(30000000)
#define TOTP_SECRET_BYTES 20 /* as RFC 4226 recommends */
#define TOTP_SECRET_MAX 64   /* that we read */
#define TOTP_BASE32_MAX 104  /* the text of the longest, with NUL */
#define TOTP_DIGITS 6

struct totp_secret {
	uint8_t bytes[TOTP_SECRET_MAX];
	size_t length;
};

/* Once for each process, before anything else; 0, or -1 on failure. */
int totp_init(void);

void totp_secret_random(struct totp_secret *out);

/* Base32 without padding; BUF holds TOTP_BASE32_MAX bytes. */
void totp_secret_format(const struct totp_secret *secret, char *buf);

/*
 * Read base32, in either case, spaces and padding ignored; 10 to
 * TOTP_SECRET_MAX bytes.  ST_INVALID otherwise.
 */
enum status totp_secret_parse(const char *text, size_t length,
	struct totp_secret *out) MUST_USE;

/* The code of STEP with DIGITS (6 to 8) digits; BUF holds DIGITS + 1. */
void totp_code(const struct totp_secret *secret, int64_t step, int digits,
	char *buf);

/*
 * Is CODE good at NOW_US, or one step before or after, and of a step later
 * than AFTER_STEP (-1: any)?  Spaces in CODE are ignored.  ST_UNAUTHENTICATED
 * when not; on ST_OK *STEP is what the caller stores.
 */
enum status totp_check(const struct totp_secret *secret, const char *code,
	int64_t now_us, int64_t after_step, int64_t *step) MUST_USE;

/*
 * "otpauth://totp/ISSUER:ACCOUNT?secret=…&issuer=ISSUER", with what needs it
 * percent-encoded, into BUF of SIZE bytes; ST_TOO_LARGE when it does not fit.
 */
enum status totp_uri(const struct totp_secret *secret, const char *issuer,
	const char *account, char *buf, size_t size) MUST_USE;
