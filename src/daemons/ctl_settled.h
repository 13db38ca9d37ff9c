/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * ctl_settled.h - waiting until MySQL has what the core has.
 */
#pragma once

#include "daemons/ctl.h"

/* A tool has more patience than a request. */
#define CTL_SETTLED_US (60 * INT64_C(1000000))

/*
 * Wait until everything that the core has done so far is settled, up to
 * CTL_SETTLED_US; then ST_UNAVAILABLE.  Needs CTL_DB and CTL_MATCHER.
 */
enum status ctl_settled_now(struct ctl *ctl) MUST_USE;
