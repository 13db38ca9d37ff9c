/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * suite.h - Check, for tests of our own code.
 *
 * Check still has a macro of its first years that is called fail(), as our
 * function in base/ctx.h is.  This header is to be included instead of
 * check.h, in any order with ours.
 */
#pragma once

#include <check.h>

#undef fail

/* What each test defines, and main.c runs. */
Suite *suite(void);
