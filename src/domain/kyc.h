/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * kyc.h - whether we know who a customer is; without it nothing is withdrawn.
 */
#pragma once

#include <stdbool.h>

#include "base/ctx.h"
#include "base/ident.h"

enum kyc_status { KYC_NONE, KYC_PENDING, KYC_APPROVED, KYC_REJECTED };

struct user;

/* "none", … as documents and MySQL spell it. */
const char *kyc_name(enum kyc_status status);
/* The inverse; false when TEXT is no status. */
bool kyc_parse(const char *text, enum kyc_status *out);

/*
 * An administrator's word on the customer ID, whoever said what before.
 * Nobody decides about himself (ST_FORBIDDEN).
 */
enum status kyc_override(struct ctx *ctx, struct ident id,
	enum kyc_status status, struct user *out) MUST_USE;
