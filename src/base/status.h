/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * status.h - the closed list of outcomes.
 *
 * Outcomes only: which HTTP status and which code each has is an edition's
 * spelling.  The numbers travel on the wire between the programs and are
 * never reused; new ones are added at the end.
 */
#pragma once

#define MUST_USE __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt, first) __attribute__((format(printf, fmt, first)))
#define N_ELEMENTS(array) (sizeof(array) / sizeof((array)[0]))

#define STATUS_LIST(X)                                                         \
	X(OK)                                                                  \
	X(MALFORMED)       /* it cannot be read at all: broken JSON, a bad frame */ \
	X(INVALID)         /* it was read, and a value is wrong or missing */  \
	X(UNAUTHENTICATED) /* no token, or one that is not valid any more */   \
	X(TOTP_REQUIRED)   /* the session has not passed a second factor */    \
	X(FORBIDDEN)       /* known, and may not */                            \
	X(LOCKED)          /* the account is locked */                         \
	X(NOT_FOUND)       /* not there, or another's */                       \
	X(CONFLICT)        /* already done, taken, or other terms */           \
	X(NO_FUNDS)                                                            \
	X(RISK_LIMIT)                                                          \
	X(PRICE_BAND)                                                          \
	X(MARKET_CLOSED)   /* the instrument's status does not allow it */     \
	X(RATE_LIMITED)                                                        \
	X(TOO_LARGE)                                                           \
	X(MEDIA_TYPE)                                                          \
	X(METHOD)                                                              \
	X(UNAVAILABLE)     /* something we need is away; nothing was done */   \
	X(OUTCOME_UNKNOWN) /* it may or may not have been done */              \
	X(UPSTREAM)        /* an outside service failed */                     \
	X(INTERNAL)        /* our bug */

enum status {
#define X(sym) ST_##sym,
	STATUS_LIST(X)
#undef X
	ST_N /* how many there are; not an outcome */
};

/* "OK", "INVALID", …; "?" for a number that is not on the list. */
const char *status_name(enum status status);

/* Return early on anything but ST_OK.  The only macro that may return. */
#define TRY(expr)                                                              \
	do {                                                                   \
		enum status try_ = (expr);                                     \
		if (try_ != ST_OK)                                             \
			return try_;                                           \
	} while (0)
