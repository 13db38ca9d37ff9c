/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * proxy.h - a cable to the server that breaks at COMMIT.
 *
 * It passes everything on, and cuts every N-th connection's COMMIT: either the
 * server gets it and its answer is swallowed, or the COMMIT itself is.
 */
#pragma once

enum cut { CUT_ANSWER, CUT_COMMIT, CUT_EITHER };

struct proxy;

/* From the EVERY-th COMMIT on each EVERY-th is cut, CUTS times in all. */
struct proxy *proxy_start(enum cut cut, int every, int cuts);
const char *proxy_path(const struct proxy *proxy);
/* How many were cut so far; to be asked when nothing is under way. */
int proxy_cuts(const struct proxy *proxy);
void proxy_stop(struct proxy *proxy);
