/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * route.h - a route is a row that states every precondition of its handler.
 *
 *	const struct route quantora_orders[] = {
 *		{POST, "/api/order", place, AUTH_USER, RATE_TRADE, POOL_TRADE,
 *			&place_shape, .flags = ROUTE_COMMAND},
 *		{GET, "/api/orderbook", book, AUTH_NONE, RATE_READ, POOL_TRADE,
 *			NO_INPUT},
 *		ROUTE_END
 *	};
 *
 * Dispatch meets them all before it calls the handler: the session is good,
 * its user may come here, the budget holds, body and query are decoded.
 *
 * A path is made of whole segments, "{name}" standing for any one of them
 * (req_param()).  A literal segment goes before a parameter.  Only a segment
 * named {symbol} may hold an encoded slash.
 */
#pragma once

#include <stddef.h>

#include "auth/permission.h"
#include "base/status.h"
#include "json/fields.h"

struct req;

enum method { GET, POST, PUT, PATCH, DELETE, METHODS };

/*
 * Who may call: one of the first four, which need each other in that order,
 * and | AUTH_OTP for a sensitive action (the session passed TOTP).  The role
 * is the one the core knows now, not the token's.
 */
enum auth_need {
	AUTH_NONE = 0, /* a token is not even looked at */
	AUTH_USER = 1,
	AUTH_OPERATOR = 2,
	AUTH_ADMIN = 3,
	AUTH_ROLE = 3, /* the mask of the above */
	AUTH_OTP = 4
};

/* Which budget of its edition a request is charged to; see limit.h. */
enum rate_class {
	RATE_READ,     /* the ordinary budget, shared by reads and writes */
	RATE_WRITE = RATE_READ,
	RATE_TRADE,    /* order entry on the house's book: the larger one */
	RATE_REALTIME, /* quantenergx's market and device data */
	RATE_NONE,     /* charged to nobody */
	RATE_CLASSES
};

/* Which workers run it. */
enum pool {
	POOL_API,
	POOL_TRADE, /* needs no MySQL, but for domain/order_link.h */
	POOL_EGRESS, /* waits on the outside */
	POOLS
};

enum route_flag {
	/*
	 * The handler's first act on behalf of the user is a command, whose
	 * session the matcher checks itself: no guard round trip.  Only for
	 * AUTH_USER, and for handlers that read nothing of the user's before.
	 */
	ROUTE_COMMAND = 1,
	ROUTE_BIG_BODY = 2, /* up to 256 KiB instead of 64 KiB */
	/*
	 * The body is whatever it is (req->body); no JSON is read.  The shape
	 * is not used, and the handler checks all of it.
	 */
	ROUTE_RAW_BODY = 4,
	/* A token is looked at if there is one (AUTH_NONE): ctx.session. */
	ROUTE_MAY_LOGIN = 8,
	/* It only ever ends orders, so it needs no permission. */
	ROUTE_CANCELS = 16
};

struct route {
	enum method method;
	const char *path;
	enum status (*handler)(struct req *req);
	unsigned auth; /* enum auth_need */
	enum rate_class rate;
	enum pool pool;
	const struct shape *body;  /* NULL: no field is read */
	const struct shape *query; /* NULL: no parameter is read */
	unsigned flags;            /* enum route_flag */
	/*
	 * What may have been taken from the caller, though his role may come
	 * here.  Left out: none, but for order entry (see route_permission()).
	 */
	enum permission permission;
};

/* What ends a row that reads neither body nor query. */
#define NO_INPUT .body = NULL
#define ROUTE_END {.path = NULL}

#define ROUTE_PARAMS_MAX 4

/*
 * What ROUTE needs: what its row says, else PERMISSION_TRADE for what enters
 * or changes orders.  To read and to cancel them needs none.
 */
enum permission route_permission(const struct route *route);

/* "GET", … */
const char *method_name(enum method method);
/* "public", "user", "operator", "admin". */
const char *auth_name(unsigned auth);
const char *pool_name(enum pool pool);
const char *rate_name(enum rate_class rate);
