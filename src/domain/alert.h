/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * alert.h - security alerts: what a person reports to the administrators.
 */
#pragma once

#include <stdint.h>

#include "base/ctx.h"
#include "base/ident.h"

#define ALERT_MESSAGE_MAX 1000 /* characters */

enum alert_severity { ALERT_INFO, ALERT_WARNING, ALERT_CRITICAL };

struct security_alert {
	struct ident id;
	enum alert_severity severity;
	const char *message;
	int64_t created_us;
};

/* "info", "warning", "critical". */
const char *alert_severity_name(enum alert_severity severity);

/* The caller reports MESSAGE. */
enum status alert_report(struct ctx *ctx, enum alert_severity severity,
	const char *message, struct security_alert *out) MUST_USE;
