/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * robot.h - users that are programs of the house: the demo market's makers
 * and takers, the players of a replayed order flow.
 *
 * To the core and to the books a robot is a user like any other.  Nobody can
 * log in as one: its password was random and is forgotten.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/ctx.h"

/*
 * What every robot's name begins with; it stands where a person has his e-mail
 * and username, and is neither, so that no person can take it.
 */
#define ROBOT_PREFIX "robot:"
#define ROBOT_NAME_MAX 64

/*
 * Make the N robots that are called NAMES known, where they are not, to MySQL
 * and the core.  NUMBERS are their users' numbers.
 */
enum status robots_make(struct ctx *ctx, const char *const *names, size_t n,
	uint32_t *numbers) MUST_USE;

/* The number of one that was made; ST_NOT_FOUND. */
enum status robot_find(struct ctx *ctx, const char *name,
	uint32_t *number) MUST_USE;
