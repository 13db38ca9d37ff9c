/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * audit.h - who did what, in a chain that shows where it was touched.
 *
 * A row's hash is keyed BLAKE2b over the hash before it and the row.  The key
 * is derived from the master key, so who can write to MySQL, but has not that
 * file, can neither change, insert nor drop a row unnoticed.  Cutting rows off
 * the end shows against audit_head, and against a mark that was noted outside
 * (audit_mark): without one, who can also put an old audit_head back could
 * cut its end.
 *
 * A row is written in the transaction of what it tells, and is there exactly
 * if that is.  Its writers queue for the chain's head, so it is the last thing
 * that a transaction does.
 */
#pragma once

#include "auth/digest.h"
#include "base/ctx.h"
#include "base/ident.h"

#define AUDIT_OK "ok"
#define AUDIT_REFUSED "refused"

struct audit_event {
	const char *action;  /* "auth.login", "withdrawal.approved" */
	const char *outcome; /* AUDIT_OK or AUDIT_REFUSED */
	/* Who did it: 0 is ctx->session's user, or nobody without a session. */
	uint32_t actor;
	uint32_t user;        /* to whom it was done; 0: nobody */
	struct ident subject; /* what it was done to; IDENT_NONE: nothing */
	const char *details;  /* "key=value …", or NULL */
};

/*
 * Append EVENT.  Joins the caller's transaction, or makes its own.  Time,
 * session, request and address come from CTX.
 */
enum status audit_write(struct ctx *ctx,
	const struct audit_event *event) MUST_USE;

/* At most MAX bytes of TEXT (or NULL) in visible ASCII, for such details. */
const char *audit_tame(struct ctx *ctx, const char *text, size_t max);

/* ---- Reading ------------------------------------------------------------- */

struct audit_row {
	uint64_t id;
	int64_t at_us;
	const char *action, *outcome;
	const char *actor;   /* an e-mail address, a program's name, or "" */
	struct ident user;   /* public; IDENT_NONE: nobody */
	const char *subject; /* an id as text, or "" */
	const char *ip, *details;
};

struct audit_list {
	struct audit_row *rows;
	size_t n;
	uint64_t total;
};

/* What USER (0: anybody) did or had done to him, the newest first. */
enum status audit_list(struct ctx *ctx, uint32_t user, int64_t limit,
	int64_t offset, struct audit_list *out) MUST_USE;

/* ---- Verifying ----------------------------------------------------------- */

/* An end of the chain, to be noted where MySQL's users cannot write. */
struct audit_mark {
	uint64_t id; /* 0: of an empty chain */
	struct digest hash;
};

enum audit_finding {
	AUDIT_SOUND,
	AUDIT_EDITED,  /* the row's hash is not that of its content */
	AUDIT_MISSING, /* the row is not there, but a later one is */
	AUDIT_CUT      /* the rows from here on were cut off */
};

struct audit_report {
	enum audit_finding finding;
	uint64_t id;   /* of the first bad row */
	uint64_t rows; /* that are sound, before it */
	struct audit_mark end; /* when AUDIT_SOUND */
};

/*
 * Walk the whole chain.  KNOWN, or NULL, is a mark of an earlier walk that
 * must still lie on it.
 */
enum status audit_verify(struct ctx *ctx, const struct audit_mark *known,
	struct audit_report *out) MUST_USE;
