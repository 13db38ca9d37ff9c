/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * strategies.c - API Interfaces "Strategies API".
 *
 * The document lists, creates and updates.  Ours besides: one strategy,
 * deleting it, and the types with their parameters.  Replies have all fields
 * of the document's three forms.
 */
#include "domain/strategy.h"

#include <string.h>

#include "handlers/interfaces/edition.h"
#include "http/request.h"
#include "quant/strategy_rules.h"

static void
write_fields(struct reply *r, const struct strategy *row)
{
	reply_ident(r, "id", row->id);
	reply_text(r, "name", row->name);
	reply_text(r, "description", row->description);
	reply_raw(r, "config", row->config, strlen(row->config));
	reply_bool(r, "is_active", row->is_active);
	reply_time(r, "created_at", row->created_us);
	reply_time(r, "updated_at", row->updated_us);
}

static enum status
answer(struct req *req, const struct strategy *row)
{
	write_fields(req_reply(req), row);
	return req_done(req);
}

/* ---- Reading --------------------------------------------------------------
 */

struct list_in {
	bool active;
	int64_t limit, offset;
};

static const struct field list_fields[] = {
	FIELD_BOOL(list_in, active, OPTIONAL),
	FIELD_INT_OR(list_in, limit, OPTIONAL, 50, 1, 100),
	FIELD_INT(list_in, offset, OPTIONAL, 0, INT32_MAX),
	FIELD_END,
};
static const struct shape list_shape = SHAPE(list_in, list_fields);

static enum status
list(struct req *req)
{
	const struct list_in *in = req->query;
	struct strategy_filter filter = {
		.active = REQ_QUERY_HAS(req, list_in, active) ? in->active : -1,
		.limit = in->limit,
		.offset = in->offset,
	};
	struct strategy_list found;
	struct reply *r;
	size_t i;

	TRY(strategy_list(&req->ctx, &filter, &found));
	r = req_reply(req);
	reply_array(r, "strategies");
	for (i = 0; i < found.n; i++) {
		reply_object(r, NULL);
		write_fields(r, &found.rows[i]);
		reply_end(r);
	}
	reply_end(r);
	reply_int(r, "total", (int64_t)found.total);
	reply_int(r, "limit", in->limit);
	reply_int(r, "offset", in->offset);
	return req_done(req);
}

static enum status
show(struct req *req)
{
	struct strategy row;
	struct ident id;

	TRY(req_param_ident(req, "id", &id));
	TRY(strategy_get(&req->ctx, id, &row));
	return answer(req, &row);
}

static void
write_parameters(struct reply *r, const struct blueprint *blueprint)
{
	const struct parameter *p;

	reply_array(r, "parameters");
	for (p = blueprint->parameters; p->name; p++) {
		reply_object(r, NULL);
		reply_text(r, "name", p->name);
		reply_text(r, "type", parameter_kind_name(p->kind));
		reply_number(r, "default", p->fallback);
		reply_number(r, "min", p->min);
		reply_number(r, "max", p->max);
		reply_text(r, "description", p->description);
		reply_end(r);
	}
	reply_end(r);
}

static void
write_blueprint(
	struct reply *r, const char *key, const struct blueprint *blueprint)
{
	reply_text(r, key, blueprint->name);
	reply_text(r, "description", blueprint->description);
	write_parameters(r, blueprint);
}

/* What conditions are made of. */
static void
write_language(struct reply *r)
{
	int i;

	reply_object(r, "conditions");
	reply_array(r, "groups");
	reply_text(r, NULL, "all");
	reply_text(r, NULL, "any");
	reply_end(r);
	reply_array(r, "operators");
	for (i = 0; i < RULE_OPS; i++)
		reply_text(r, NULL, rule_op_names[i]);
	reply_end(r);
	reply_array(r, "sources");
	for (i = 0; i < RULE_SOURCES; i++)
		reply_text(r, NULL, rule_source_names[i]);
	reply_end(r);
	reply_array(r, "indicators");
	for (i = 0; i < INDICATORS; i++) {
		reply_object(r, NULL);
		write_blueprint(r, "indicator", &indicator_blueprints[i]);
		reply_end(r);
	}
	reply_end(r);
	reply_int(r, "max_depth", RULE_DEPTH_MAX);
	reply_int(r, "max_group", RULE_GROUP_MAX);
	reply_int(r, "max_conditions", RULE_NODES_MAX);
	reply_end(r);
}

static enum status
types(struct req *req)
{
	struct reply *r = req_reply(req);
	int i;

	reply_array(r, "types");
	for (i = 0; i < STRATEGY_TYPES; i++) {
		reply_object(r, NULL);
		write_blueprint(r, "type", &strategy_blueprints[i]);
		if (i == STRATEGY_RULES)
			write_language(r);
		reply_end(r);
	}
	reply_end(r);
	return req_done(req);
}

/* ---- Changing -------------------------------------------------------------
 */

struct create_in {
	const char *name;
	const char *description;
	json_t *config;
};

static const struct field create_fields[] = {
	FIELD_TEXT(create_in, name, REQUIRED, 1, STRATEGY_NAME_MAX),
	FIELD_TEXT(
		create_in, description, OPTIONAL, 0, STRATEGY_DESCRIPTION_MAX),
	FIELD_OBJECT(create_in, config, REQUIRED),
	FIELD_END,
};
static const struct shape create_shape = SHAPE(create_in, create_fields);

static enum status
create(struct req *req)
{
	const struct create_in *in = req->in;
	struct strategy row;

	TRY(strategy_create(&req->ctx,
		&(struct strategy_change){
			.name = in->name,
			.description = in->description,
			.config = in->config,
			.is_active = -1,
		},
		&row));
	req_created(req);
	return answer(req, &row);
}

struct update_in {
	const char *name;
	const char *description;
	json_t *config;
	bool is_active;
};

static const struct field update_fields[] = {
	FIELD_TEXT(update_in, name, OPTIONAL, 1, STRATEGY_NAME_MAX),
	FIELD_TEXT(
		update_in, description, OPTIONAL, 0, STRATEGY_DESCRIPTION_MAX),
	FIELD_OBJECT(update_in, config, OPTIONAL),
	FIELD_BOOL(update_in, is_active, OPTIONAL),
	FIELD_END,
};
static const struct shape update_shape = SHAPE(update_in, update_fields);

/* What is left out stays as it is. */
static enum status
update(struct req *req)
{
	const struct update_in *in = req->in;
	struct strategy row;
	struct ident id;

	TRY(req_param_ident(req, "id", &id));
	TRY(strategy_update(&req->ctx, id,
		&(struct strategy_change){
			.name = in->name,
			.description = in->description,
			.config = in->config,
			.is_active = REQ_HAS(req, update_in, is_active)
					     ? in->is_active
					     : -1,
		},
		&row));
	return answer(req, &row);
}

static enum status
drop(struct req *req)
{
	struct ident id;

	TRY(req_param_ident(req, "id", &id));
	TRY(strategy_delete(&req->ctx, id));
	reply_text(req_reply(req), "message", "Strategy deleted");
	return req_done(req);
}

/* clang-format off */
const struct route interfaces_strategies[] = {
	{GET, "/api/v1/strategies", list, AUTH_USER, RATE_READ, POOL_API,
		.query = &list_shape},
	{POST, "/api/v1/strategies", create, AUTH_USER, RATE_WRITE, POOL_API,
		.body = &create_shape,
		.permission = PERMISSION_MANAGE_STRATEGIES},
	{GET, "/api/v1/strategies/types", types, AUTH_USER, RATE_READ, POOL_API,
		NO_INPUT},
	{GET, "/api/v1/strategies/{id}", show, AUTH_USER, RATE_READ, POOL_API,
		NO_INPUT},
	{PUT, "/api/v1/strategies/{id}", update, AUTH_USER, RATE_WRITE,
		POOL_API, .body = &update_shape,
		.permission = PERMISSION_MANAGE_STRATEGIES},
	{DELETE, "/api/v1/strategies/{id}", drop, AUTH_USER, RATE_WRITE,
		POOL_API, .permission = PERMISSION_MANAGE_STRATEGIES},
	ROUTE_END
};
/* clang-format on */
