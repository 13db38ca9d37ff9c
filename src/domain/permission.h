/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * permission.h - taking permissions from users, and giving them back.
 *
 * auth/permission.h says what they are.  MySQL keeps what was taken, and the
 * page, in which every worker looks, is made of that.
 */
#pragma once

#include "auth/permission.h"
#include "base/ctx.h"
#include "base/ident.h"
#include "domain/user.h"

/* What USER lacks of what his role brings, as MySQL has it. */
enum status permission_denied(
	struct ctx *ctx, uint32_t user, uint32_t *denied) MUST_USE;

/*
 * For what a program of ours does in USER's name: ST_FORBIDDEN when he lacks
 * PERMISSION.  (Requests are looked at by the dispatcher.)
 */
enum status permission_check(
	struct ctx *ctx, uint32_t user, enum permission permission) MUST_USE;

/*
 * Let user ID have just those of GRANTED, which his role brings: ST_INVALID
 * about "permissions" when one is not.  Nobody does it to himself.
 * ST_CONFLICT when as many users as the page can hold lack something already.
 */
enum status permission_set(struct ctx *ctx, struct ident id, uint32_t granted,
	struct user *out) MUST_USE;

/* ST_INVALID about "permissions" when ROLE does not bring all of GRANTED. */
enum status permission_fits(
	struct ctx *ctx, enum user_role role, uint32_t granted) MUST_USE;

/* What USER lacks, of the page: ST_UNAVAILABLE when it was never made. */
enum status permission_lookup(
	struct ctx *ctx, uint32_t user, uint32_t *denied) MUST_USE;

/*
 * Make the page of MySQL's rows, if that has not been done.  While another is
 * its writer, who will have made it, this is left to him, or to a later call;
 * WAIT: for who cannot begin without it.
 */
enum status permissions_load(struct ctx *ctx, bool wait) MUST_USE;
