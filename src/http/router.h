/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * router.h - from a path, as it was sent, to a row.
 *
 * The paths of all editions are one tree of segments, built at the start.
 * Matching is on what was sent: a literal matches its own bytes alone, so no
 * encoding, dot segment, empty segment or trailing slash reaches a handler.
 * A parameter is decoded once, afterwards; it is never empty, "." or "..",
 * holds no control character, and a slash only if it is called symbol or
 * pattern; that of a symbol may be sent as it is, where no row has such a path.
 *
 * Two editions may have the same path.  Then the one that was named answers,
 * with its own methods.
 */
#pragma once

#include <stddef.h>

#include "base/arena.h"
#include "http/edition.h"
#include "http/route.h"

struct router;

/*
 * LIST is kept.  A row that is no route, or stands twice in one edition, is a
 * bug: NULL, and a sentence in *REASON, which the caller frees.
 */
struct router *router_new(const struct edition_list *list, char **reason)
	MUST_USE;
void router_free(struct router *router);

/* The edition of that name, or NULL. */
const struct edition *edition_named(const struct edition_list *list,
	const char *name);

struct match {
	const struct edition *edition; /* never NULL: somebody has to answer */
	const struct route *route;     /* with ST_OK */
	unsigned methods; /* bits of those the path has; 0: it is unknown */
	const char *params[ROUTE_PARAMS_MAX]; /* decoded, in the arena */
};

/*
 * Find METHOD (METHODS: any other one) of PATH, LENGTH bytes without the
 * query.  NAMED is the edition that nginx chose, or NULL.  ST_NOT_FOUND,
 * ST_METHOD, or ST_OK; OUT is filled in either case.
 */
enum status router_find(const struct router *router, struct arena *arena,
	enum method method, const char *path, size_t length,
	const struct edition *named, struct match *out) MUST_USE;

/* Call EACH for every row of every edition, in the order of the tables. */
void editions_each(const struct edition_list *list,
	void (*each)(const struct edition *edition, const struct route *route,
		void *arg),
	void *arg);
