/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * monitor_listener.h - /metrics, for a Prometheus on this machine.
 *
 * It listens at a Unix socket or a port of 127.0.0.1, never anywhere else, and
 * nginx knows nothing of it.  A thread of its own answers, out of the file of
 * the figures, so it also answers while a task of workerd waits for something.
 */
#pragma once

#include "base/conf.h"
#include "base/status.h"

struct listener;

/*
 * Listen at WHERE: a path, or the number of a port.  NULL with *REASON, to be
 * freed, when that cannot be done.  Signals should be blocked already.
 */
struct listener *listener_new(const struct conf *conf, const char *where,
	char **reason) MUST_USE;
void listener_free(struct listener *listener);
