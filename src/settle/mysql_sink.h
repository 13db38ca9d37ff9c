/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * mysql_sink.h - the sink that is MySQL.
 */
#pragma once

#include "base/ctx.h"
#include "settle/sink.h"

/* CTX has the db and an arena, which is emptied with each call. */
struct settle_sink *mysql_sink_new(struct ctx *ctx);
void mysql_sink_free(struct settle_sink *sink);
