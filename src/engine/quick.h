/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * quick.h - the short way of a plain order and a plain cancel; see quick.c.
 * Private to src/engine.
 */
#pragma once

#include "engine/state.h"

/*
 * Apply the command, its record written to OUT; or false: nothing has been
 * changed, and it must go the long way, which may refuse it.
 */
bool quick_place(struct engine *engine, int64_t time_us,
	const struct cmd_order_place *cmd, struct record *out);
bool quick_cancel(struct engine *engine, int64_t time_us,
	const struct cmd_order_cancel *cmd, struct record *out);
