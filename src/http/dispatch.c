/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * dispatch.c - the steps of a request.
 */
#include "http/dispatch.h"

#include <assert.h>
#include <string.h>

#include "auth/session.h"
#include "base/clock.h"
#include "base/decimal.h"
#include "http/head.h"
#include "http/request.h"

#define BODY_MAX ((size_t)64 * 1024)
#define BODY_MAX_BIG ((size_t)256 * 1024)
#define REQUEST_ID_MAX 64

/* A request under way. */
struct job {
	const struct server *server;
	const struct incoming *in;
	struct req req;
	struct match match;
	struct session session;
	struct signer signer;
	bool is_signed; /* by a program, instead of a token */
	struct limit_state limit;
};

/* ---- The row ----------------------------------------------------------- */

static enum method
read_method(const char *text, bool *head)
{
	enum method method;

	*head = strcmp(text, "HEAD") == 0;
	if (*head)
		return GET;
	for (method = 0; method < METHODS; method++)
		if (strcmp(text, method_name(method)) == 0)
			break;
	return method;
}

static enum status
find_route(struct job *job)
{
	struct req *req = &job->req;
	const char *uri = job->in->uri;
	size_t length = strcspn(uri, "?#");
	enum status status;

	req->method = read_method(job->in->method, &req->head);
	req->path = arena_strndup(req->ctx.arena, uri, length);
	if (uri[length] == '?')
		req->query_text = uri + length + 1;
	status = router_find(job->server->router, req->ctx.arena, req->method,
		uri, length,
		edition_named(job->server->editions, job->in->edition),
		&job->match);
	req->edition = job->match.edition;
	req->route = job->match.route;
	memcpy(req->params, job->match.params, sizeof(req->params));
	return status;
}

/* ---- Who asks, and may he ---------------------------------------------- */

static enum status
no_token(struct ctx *ctx)
{
	ctx->fault = (struct fault){.place = FAULT_HEADER,
		.kind = FAULT_MISSING,
		.field = FAULT_TOKEN,
		.reason = "an access token is required"};
	return ST_UNAUTHENTICATED;
}

static enum status read_body(struct job *job);

/* The signature is over the body, which therefore is read at once. */
static enum status
authenticate_signed(struct job *job, const char *key)
{
	struct req *req = &job->req;
	const struct incoming *in = job->in;
	struct signed_request request = {
		.key = key,
		.timestamp = incoming_header(in, "X-Timestamp"),
		.window = incoming_header(in, "X-Recv-Window"),
		.signature = incoming_header(in, "X-Signature"),
		.method = in->method,
		.uri = in->uri,
	};

	if (req->method != GET)
		TRY(read_body(job));
	request.body = req->body;
	request.body_length = req->body_length;
	TRY(job->server->verify_signed(&req->ctx, &request, &job->signer));
	job->session = job->signer.session;
	job->is_signed = true;
	req->ctx.session = &job->session;
	return ST_OK;
}

static enum status
authenticate(struct job *job)
{
	struct req *req = &job->req;
	const struct route *route = req->route;
	const char *key;

	if (route->auth == AUTH_NONE && !(route->flags & ROUTE_MAY_LOGIN))
		return ST_OK;
	req->token = incoming_token(job->in);
	if (!req->token && route->auth == AUTH_NONE)
		return ST_OK;
	if (!req->token && job->server->verify_signed &&
		(key = incoming_header(job->in, "X-Key")) != NULL)
		return authenticate_signed(job, key);
	if (!req->token)
		return no_token(&req->ctx);
	TRY(job->server->verify(&req->ctx, req->token, strlen(req->token),
		&job->session));
	req->ctx.session = &job->session;
	return ST_OK;
}

static enum status
charge(struct job *job)
{
	struct req *req = &job->req;
	struct limit_charge charge = {.class = req->route->rate,
		.now_us = req->ctx.now_us};
	enum status status;

	if (!req->ctx.session || req->route->rate == RATE_NONE)
		return ST_OK;
	charge.rule = req->edition->limits[req->route->rate];
	charge.user = job->session.user;
	if (!charge.rule)
		return ST_OK;
	status = limiter_charge(job->server->limiter, req->ctx.conf, &charge,
		&job->limit);
	req->ctx.fault.retry_after_us = job->limit.retry_after_us;
	return status;
}

/* The core's word; from here on the session's role is the one it has now. */
static enum status
ask_core(struct job *job)
{
	struct req *req = &job->req;

	TRY(job->server->guard(&req->ctx, &req->guard));
	job->session.role = req->guard.role;
	return ST_OK;
}

/* A program reads; with its owner's leave it also trades; no more. */
static enum status
admit_program(struct job *job)
{
	const struct route *route = job->req.route;

	if ((route->auth & AUTH_ROLE) > AUTH_USER)
		return fail(&job->req.ctx, ST_FORBIDDEN, NULL,
			"a program key may not do what an administrator does");
	if (route->method == GET)
		return ST_OK;
	if (route->rate != RATE_TRADE)
		return fail(&job->req.ctx, ST_FORBIDDEN, NULL,
			"a program key may only read and trade");
	if (!job->signer.may_trade)
		return fail(&job->req.ctx, ST_FORBIDDEN, NULL,
			"this program key may only read");
	return ST_OK;
}

/* Whose session has ended hears that first, also where no guard was asked. */
static enum status
check_permission(struct job *job)
{
	struct req *req = &job->req;
	enum permission need = route_permission(req->route);
	uint32_t denied;

	if (need == PERMISSION_NONE || !job->server->denied)
		return ST_OK;
	TRY(job->server->denied(&req->ctx, job->session.user, &denied));
	if (!(denied & PERMISSION_BIT(need)))
		return ST_OK;
	if ((req->route->flags & ROUTE_COMMAND) && !job->is_signed)
		TRY(ask_core(job));
	return fail(&req->ctx, ST_FORBIDDEN, NULL,
		"the permission \"%s\" was taken from this account",
		permission_name(need));
}

static enum status
admit(struct job *job)
{
	struct req *req = &job->req;
	unsigned need = req->route->auth & AUTH_ROLE;

	if (!req->ctx.session)
		return ST_OK;
	if (!(req->route->flags & ROUTE_COMMAND) || job->is_signed)
		TRY(ask_core(job));
	if (job->is_signed)
		TRY(admit_program(job));
	if ((need == AUTH_OPERATOR && job->session.role < ROLE_OPERATOR) ||
		(need == AUTH_ADMIN && job->session.role < ROLE_ADMIN))
		return ST_FORBIDDEN;
	TRY(check_permission(job));
	if ((req->route->auth & AUTH_OTP) && !job->session.otp)
		return ST_TOTP_REQUIRED;
	return ST_OK;
}

/* ---- What he asks ------------------------------------------------------ */

static enum status
read_body(struct job *job)
{
	struct req *req = &job->req;
	size_t most = req->route->flags & ROUTE_BIG_BODY ? BODY_MAX_BIG
							 : BODY_MAX;
	size_t length, n;
	char *body;

	if (req->body)
		return ST_OK; /* for its signature's sake */
	if (incoming_length(job->in, &length) != ST_OK)
		return fail(&req->ctx, ST_MALFORMED, NULL,
			"the content length is no number");
	if (length == 0)
		return ST_OK;
	if (length > most)
		return ST_TOO_LARGE;
	if (!(req->route->flags & ROUTE_RAW_BODY) && !incoming_is_json(job->in))
		return ST_MEDIA_TYPE;
	body = arena_alloc(req->ctx.arena, length + 1);
	n = job->in->read_body(job->in->source, body, length);
	if (n != length)
		return fail(&req->ctx, ST_MALFORMED, NULL,
			"the body is shorter than its length");
	req->body = body;
	req->body_length = length;
	return ST_OK;
}

static enum status
decode_query(struct req *req)
{
	const struct shape *shape = req->route->query;

	if (!shape)
		return ST_OK;
	req->query = arena_alloc(req->ctx.arena, shape->size);
	return fields_from_query(&req->ctx, shape, req->query_text, req->query,
		&req->query_given);
}

static enum status
decode_body(struct req *req)
{
	const struct shape *shape = req->route->body;
	struct ident self = req->ctx.session ? req->ctx.session->public_id
					     : IDENT_NONE;

	if (req->route->flags & ROUTE_RAW_BODY)
		return ST_OK;
	if (shape)
		req->in = arena_alloc(req->ctx.arena, shape->size);
	/* Nothing sent is an empty object: what is required is then missing. */
	if (!req->body && shape)
		return fields_from_body(&req->ctx, shape, "{}", 2, self,
			req->in, &req->in_given);
	if (!req->body)
		return ST_OK;
	return fields_from_body(&req->ctx, shape, req->body, req->body_length,
		self, req->in, &req->in_given);
}

static enum status
read_input(struct job *job)
{
	struct req *req = &job->req;

	TRY(decode_query(req));
	if (req->method != GET) {
		TRY(read_body(job));
		TRY(decode_body(req));
	}
	/* What the domain finds wrong was, as far as is known, in there. */
	req->ctx.fault.place = req->method != GET && req->route->body
				       ? FAULT_BODY
			       : req->route->query ? FAULT_QUERY
						   : FAULT_PATH;
	return ST_OK;
}

/* ---- All of it --------------------------------------------------------- */

static enum status
call(struct job *job)
{
	struct req *req = &job->req;

	TRY(read_input(job));
	return req->route->handler(req);
}

/* What may be found wrong with a request before the core has seen it. */
#define LOCAL_FAILURES                                                         \
	(1u << ST_MALFORMED | 1u << ST_INVALID | 1u << ST_TOO_LARGE |          \
		1u << ST_MEDIA_TYPE | 1u << ST_FORBIDDEN | 1u << ST_NOT_FOUND)

/*
 * A command that failed before it reached the core has not been checked: whose
 * session has ended must hear that, whatever else is wrong.
 */
static enum status
recheck(struct job *job, enum status status)
{
	struct fault fault = job->req.ctx.fault;

	if (!(job->req.route->flags & ROUTE_COMMAND) ||
		!job->req.ctx.session || !(LOCAL_FAILURES >> status & 1))
		return status;
	TRY(ask_core(job));
	job->req.ctx.fault = fault;
	return status;
}

static enum status
serve(struct job *job)
{
	enum status status;

	TRY(find_route(job));
	TRY(authenticate(job));
	TRY(charge(job));
	if (job->is_signed)
		TRY(job->server->spend(&job->req.ctx, &job->signer));
	TRY(admit(job));
	status = call(job);
	return recheck(job, status);
}

static bool
is_request_id(const char *text)
{
	size_t n = strspn(text, "0123456789abcdefghijklmnopqrstuvwxyz"
				"ABCDEFGHIJKLMNOPQRSTUVWXYZ-_.");

	return n > 0 && n <= REQUEST_ID_MAX && text[n] == '\0';
}

static const char *
request_id_of(struct ctx *ctx, const struct incoming *in)
{
	const char *id = in->request_id;
	char *made;

	if (!id)
		id = incoming_header(in, "X-Request-Id");
	if (id && is_request_id(id))
		return arena_strdup(ctx->arena, id);
	made = arena_alloc(ctx->arena, IDENT_TEXT_MAX);
	ident_format(ident_random(ctx->now_us), made);
	return made;
}

/* The edge's clock counts milliseconds: the last microsecond that it may mean. */
static int64_t
arrived_us(const struct incoming *in, int64_t now_us)
{
	struct decimal seconds;
	int64_t at_us;

	if (!in->arrived || decimal_parse(in->arrived, &seconds) != ST_OK)
		return now_us;
	at_us = seconds.units / (DECIMAL_ONE / US_PER_SECOND) + 999;
	return at_us < now_us ? at_us : now_us;
}

static void
render_failure(struct job *job, enum status status)
{
	struct req *req = &job->req;
	struct outcome outcome;

	/* Our bugs are nobody's business. */
	if (status == ST_INTERNAL)
		req->ctx.fault = (struct fault){0};
	outcome = outcome_of(req->edition, &req->ctx, status);
	req->http_status = outcome.http;
	req->content_type = NULL;
	reply_init(&req->reply, req->ctx.arena, req->edition->numbers);
	req->edition->render_error(&req->ctx, status, &outcome, &req->reply);
}

/* What the log says of it; the parameters are gone by then. */
static void
describe(const struct job *job, enum status status, struct outgoing *out)
{
	const struct ctx *ctx = &job->req.ctx;

	out->method = arena_strndup(ctx->arena, job->in->method,
		strnlen(job->in->method, 16));
	out->path = job->req.path;
	out->remote_address = arena_strdup(ctx->arena, ctx->remote_address);
	out->edition = job->req.edition->name;
	out->http_status = job->req.http_status;
	out->status = status;
	out->user = job->session.user;
	out->request_id = ctx->request_id;
}

void
dispatch(const struct server *server, const struct incoming *in,
	struct arena *arena, int64_t now_us, struct outgoing *out)
{
	struct job *job = arena_alloc(arena, sizeof(*job));
	struct req *req = &job->req;
	struct head head = {.limit = &job->limit};
	enum status status;

	job->server = server;
	job->in = in;
	req->ctx = server->base;
	req->ctx.arena = arena;
	req->ctx.now_us = now_us;
	req->ctx.arrived_us = arrived_us(in, now_us);
	req->ctx.remote_address = in->remote_address;
	req->ctx.request_id = request_id_of(&req->ctx, in);
	/* Headers can be looked up, not changed, through here. */
	req->source = (void *)(uintptr_t)in;
	req->http_status = 200;
	status = serve(job);
	out->reason = req->ctx.fault.reason;
	head.methods = job->match.methods;
	if (status == ST_METHOD && strcmp(in->method, "OPTIONS") == 0) {
		req->http_status = 204;
		status = ST_OK;
	} else if (status != ST_OK) {
		render_failure(job, status);
	}
	describe(job, status, out);
	head_write(req, status, &head, out);
}
