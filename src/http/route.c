/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * route.c - the words for what a row says.
 */
#include "http/route.h"

#include <assert.h>

const char *
method_name(enum method method)
{
	static const char *const names[] = {
		[GET] = "GET",
		[POST] = "POST",
		[PUT] = "PUT",
		[PATCH] = "PATCH",
		[DELETE] = "DELETE",
	};

	assert(method < METHODS);
	return names[method];
}

enum permission
route_permission(const struct route *route)
{
	if (route->permission != PERMISSION_NONE)
		return route->permission;
	if (route->rate == RATE_TRADE && route->method != GET &&
		route->method != DELETE && !(route->flags & ROUTE_CANCELS))
		return PERMISSION_TRADE;
	return PERMISSION_NONE;
}

const char *
auth_name(unsigned auth)
{
	static const char *const names[] = {
		[AUTH_NONE] = "public",
		[AUTH_USER] = "user",
		[AUTH_OPERATOR] = "operator",
		[AUTH_ADMIN] = "admin",
	};

	return names[auth & AUTH_ROLE];
}

const char *
pool_name(enum pool pool)
{
	static const char *const names[] = {
		[POOL_API] = "api",
		[POOL_TRADE] = "trade",
		[POOL_EGRESS] = "egress",
	};

	assert(pool < POOLS);
	return names[pool];
}

const char *
rate_name(enum rate_class rate)
{
	static const char *const names[] = {
		[RATE_READ] = "general",
		[RATE_TRADE] = "trade",
		[RATE_REALTIME] = "realtime",
		[RATE_NONE] = "none",
	};

	assert(rate < RATE_CLASSES);
	return names[rate];
}
