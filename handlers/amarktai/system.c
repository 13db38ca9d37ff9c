/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * system.c - Amarktai "Core Endpoints" and "Admin Endpoints": alive, and who
 * is there.
 */
#include "base/clock.h"
#include "domain/settled.h"
#include "domain/user.h"
#include "handlers/amarktai/edition.h"
#include "http/request.h"

struct page_in {
	int64_t limit, offset;
};

static const struct field page_fields[] = {
	FIELD_INT_OR(page_in, limit, OPTIONAL, 1000, 1, 1000),
	FIELD_INT(page_in, offset, OPTIONAL, 0, INT32_MAX),
	FIELD_END,
};
static const struct shape page_shape = SHAPE(page_in, page_fields);

static enum status
ping(struct req *req)
{
	struct reply *r = req_reply_plain(req);

	reply_object(r, NULL);
	reply_text(r, "status", "ok");
	reply_time(r, "timestamp",
		req->ctx.now_us - req->ctx.now_us % US_PER_SECOND);
	reply_end(r);
	return ST_OK;
}

static enum status
list_users(struct req *req)
{
	const struct page_in *page = req->query;
	struct user_list list;
	struct reply *r;
	size_t i;

	settled_expect(req->ctx.settled, req->guard.global_seq);
	TRY(user_list(&req->ctx, page->limit, page->offset, &list));
	r = req_reply(req);
	reply_array(r, "users");
	for (i = 0; i < list.n; i++) {
		const struct user *user = &list.users[i];

		reply_object(r, NULL);
		reply_ident(r, "id", user->id);
		reply_text(r, "email", user->email);
		reply_text(r, "first_name", user->first_name);
		reply_bool(r, "is_admin", user->role == ROLE_ADMIN);
		reply_time(r, "created_at", user->created_us);
		reply_text(r, "role", role_name(user->role));
		reply_bool(r, "locked", user->locked);
		reply_end(r);
	}
	reply_end(r);
	reply_int(r, "total", (int64_t)list.total);
	return req_done(req);
}

/* clang-format off */
const struct route amarktai_system[] = {
	{GET, "/api/system/ping", ping, AUTH_NONE, RATE_NONE, POOL_API,
		NO_INPUT},
	{GET, "/api/admin/users", list_users, AUTH_ADMIN, RATE_READ, POOL_API,
		.query = &page_shape},
	ROUTE_END
};
/* clang-format on */
