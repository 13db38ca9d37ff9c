/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * price_alert_due.h - what makes an alert triggered; for price_alert*.c alone.
 */
#pragma once

#include "domain/price_alert.h"

/* The notice that ALERT of USER, which was triggered, is due; in a transaction. */
enum status price_alert_tell(struct ctx *ctx, uint32_t user,
	const struct price_alert *alert) MUST_USE;
