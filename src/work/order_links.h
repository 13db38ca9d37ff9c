/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * order_links.h - bringing an order to its strategy or bot, where who placed
 * it died before he could.
 *
 * A task; see domain/order_link.h.
 */
#pragma once

#include "work/schedule.h"

#define ORDER_LINKS_PERIOD_US (10 * INT64_C(1000000))

/* Needs ctx->db and ctx->core. */
enum status order_links_turn(struct ctx *ctx, void *arg,
	struct turn *turn) MUST_USE;
