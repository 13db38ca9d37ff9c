/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * alert.h - security alerts: what a person reports to the administrators.
 *
 * He sees his own, an administrator all; either can say that one is resolved.
 * Another's is as one that is not there.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/ctx.h"
#include "base/ident.h"

#define ALERT_MESSAGE_MAX 1000 /* characters */

enum alert_severity { ALERT_INFO, ALERT_WARNING, ALERT_CRITICAL };

struct security_alert {
	struct ident id;
	struct ident user; /* who reported it */
	enum alert_severity severity;
	const char *message;
	int64_t created_us;
	int64_t resolved_us; /* DB_NO_TIME: it is active */
};

/* "info", "warning", "critical". */
const char *alert_severity_name(enum alert_severity severity);

/* The caller reports MESSAGE. */
enum status alert_report(struct ctx *ctx, enum alert_severity severity,
	const char *message, struct security_alert *out) MUST_USE;

struct alert_filter {
	int severity; /* enum alert_severity, or -1: all */
	int resolved; /* 1, 0, or -1: all */
	int64_t limit, offset;
};

struct alert_list {
	struct security_alert *rows; /* the newest first */
	size_t n;
	uint64_t total; /* that the filter lets through */
};

enum status alert_list(struct ctx *ctx, const struct alert_filter *filter,
	struct alert_list *out) MUST_USE;

/* ST_CONFLICT when it is resolved already. */
enum status alert_resolve(
	struct ctx *ctx, struct ident id, struct security_alert *out) MUST_USE;
