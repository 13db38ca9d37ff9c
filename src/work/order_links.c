/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * order_links.c - the task.
 */
#include "work/order_links.h"

#include "domain/order_link.h"

enum status
order_links_turn(struct ctx *ctx, void *arg, struct turn *turn)
{
	size_t n;

	(void)arg;
	TRY(order_links_settle(ctx, &n));
	if (n > 0)
		turn->note = arena_printf(ctx->arena,
			"links of orders decided n=%zu", n);
	return ST_OK;
}
