/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * ctx.c - recording why something failed.
 */
#include "base/ctx.h"

#include <stdarg.h>

enum status
fail(struct ctx *ctx, enum status status, const char *field,
	const char *format, ...)
{
	va_list args;

	va_start(args, format);
	ctx->fault.reason = arena_vprintf(ctx->arena, format, args);
	va_end(args);
	ctx->fault.field = field;
	return status;
}
