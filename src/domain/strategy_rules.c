/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * strategy_rules.c - the conditions of the strategy type "rules".
 *
 * The language is told in quant/strategy_rules.h.  Reading recurses, but no
 * deeper than RULE_DEPTH_MAX.
 */
#include <string.h>

#include "domain/strategy_config.h"
#include "json/fields.h"

/* Where reading stands. */
struct reading {
	struct ctx *ctx;
	struct rules *rules;
	unsigned depth;
};

/* ---- Operands -------------------------------------------------------------
 */

/* What is on the list NAMES of N; -1. */
static int
place_of(const char *text, const char *const *names, int n)
{
	int i;

	for (i = 0; text && i < n; i++)
		if (strcmp(names[i], text) == 0)
			return i;
	return -1;
}

static const char *
list_of(struct ctx *ctx, const char *const *names, int n)
{
	const char *text = names[0];
	int i;

	for (i = 1; i < n; i++)
		text = arena_printf(ctx->arena, "%s, %s", text, names[i]);
	return text;
}

static enum status
read_indicator(struct reading *rd, const char *path, const json_t *object,
	struct rule_operand *out)
{
	static const char *const also[] = {"indicator", NULL};
	const char *name =
		json_string_text(json_object_get(object, "indicator"));
	const char *known[INDICATORS];
	int i;

	out->kind = OPERAND_INDICATOR;
	if (name && indicator_parse(name, &out->indicator))
		return parameters_read(rd->ctx, path,
			&indicator_blueprints[out->indicator], object, also,
			out->values);
	for (i = 0; i < INDICATORS; i++)
		known[i] = indicator_blueprints[i].name;
	return fail(rd->ctx, ST_INVALID,
		arena_printf(rd->ctx->arena, "%s.indicator", path),
		"must be one of %s", list_of(rd->ctx, known, INDICATORS));
}

/* A number, also as a text; a word of the candle; an indicator. */
static enum status
read_operand(struct reading *rd, const char *path, const char *side,
	const json_t *test, struct rule_operand *out)
{
	const json_t *value = json_object_get(test, side);
	int source = place_of(
		json_string_text(value), rule_source_names, RULE_SOURCES);

	path = arena_printf(rd->ctx->arena, "%s.%s", path, side);
	*out = (struct rule_operand){.kind = OPERAND_SOURCE};
	if (json_is_object(value))
		return read_indicator(rd, path, value, out);
	if (source >= 0) {
		out->source = (enum rule_source)source;
		return ST_OK;
	}
	out->kind = OPERAND_NUMBER;
	if (value && json_decimal(value, &out->number) == ST_OK)
		return ST_OK;
	return fail(rd->ctx, ST_INVALID, path,
		"must be a number, an object {\"indicator\": …}, or one of %s",
		list_of(rd->ctx, rule_source_names, RULE_SOURCES));
}

/* ---- Conditions -----------------------------------------------------------
 */

static enum status
only_members(struct reading *rd, const char *path, const json_t *object,
	const char *const *names, size_t n)
{
	const char *name;
	json_t *member;
	size_t i;

	json_object_foreach((json_t *)(uintptr_t)object, name, member)
	{
		for (i = 0; i < n && strcmp(names[i], name) != 0; i++)
			;
		if (i == n)
			return fail(rd->ctx, ST_INVALID,
				arena_printf(
					rd->ctx->arena, "%s.%.64s", path, name),
				"is unknown; a condition is {\"all\": […]}, "
				"{\"any\": […]} or "
				"{\"left\": …, \"op\": …, \"right\": …}");
	}
	return ST_OK;
}

static enum status
read_test(struct reading *rd, const char *path, const json_t *object,
	struct rule_node *node)
{
	static const char *const names[] = {"left", "op", "right"};
	int op = place_of(json_string_text(json_object_get(object, "op")),
		rule_op_names, RULE_OPS);

	TRY(only_members(rd, path, object, names, N_ELEMENTS(names)));
	if (op < 0)
		return fail(rd->ctx, ST_INVALID,
			arena_printf(rd->ctx->arena, "%s.op", path),
			"must be one of %s",
			list_of(rd->ctx, rule_op_names, RULE_OPS));
	node->kind = NODE_TEST;
	node->op = (enum rule_op)op;
	TRY(read_operand(rd, path, "left", object, &node->left));
	TRY(read_operand(rd, path, "right", object, &node->right));
	if (node->left.kind == OPERAND_NUMBER &&
		node->right.kind == OPERAND_NUMBER)
		return fail(rd->ctx, ST_INVALID, path,
			"compares two numbers, which never changes");
	return ST_OK;
}

static enum status read_node(
	struct reading *rd, const char *path, const json_t *object);

static enum status
read_group(struct reading *rd, const char *path, const char *word,
	const json_t *object)
{
	const json_t *members = json_object_get(object, word);
	size_t i, n = json_array_size(members);

	TRY(only_members(rd, path, object, &word, 1));
	path = arena_printf(rd->ctx->arena, "%s.%s", path, word);
	if (n == 0 || n > RULE_GROUP_MAX)
		return fail(rd->ctx, ST_INVALID, path,
			"must be a list of 1 to %d conditions", RULE_GROUP_MAX);
	if (rd->depth == RULE_DEPTH_MAX)
		return fail(rd->ctx, ST_INVALID, path,
			"is nested too deeply; %d groups may lie in each other",
			RULE_DEPTH_MAX);
	rd->depth++;
	for (i = 0; i < n; i++)
		TRY(read_node(rd,
			arena_printf(rd->ctx->arena, "%s[%zu]", path, i),
			json_array_get(members, i)));
	rd->depth--;
	return ST_OK;
}

static enum status
read_node(struct reading *rd, const char *path, const json_t *object)
{
	struct rules *rules = rd->rules;
	struct rule_node *node = &rules->nodes[rules->n];

	if (!json_is_object(object))
		return fail(rd->ctx, ST_INVALID, path,
			"a condition must be an object");
	if (rules->n == RULE_NODES_MAX)
		return fail(rd->ctx, ST_INVALID, path,
			"there can be %d conditions and groups in all",
			RULE_NODES_MAX);
	rules->n++;
	*node = (struct rule_node){.kind = NODE_ALL};
	if (json_object_get(object, "all")) {
		TRY(read_group(rd, path, "all", object));
	} else if (json_object_get(object, "any")) {
		node->kind = NODE_ANY;
		TRY(read_group(rd, path, "any", object));
	} else {
		TRY(read_test(rd, path, object, node));
	}
	node->end = rules->n;
	return ST_OK;
}

/* The price crosses its average. */
static void
add_default(struct rules *rules, enum rule_op op)
{
	struct rule_node *node = &rules->nodes[rules->n++];

	*node = (struct rule_node){
		.kind = NODE_TEST,
		.end = rules->n,
		.op = op,
		.left = {.kind = OPERAND_SOURCE, .source = SOURCE_PRICE},
		.right = {.kind = OPERAND_INDICATOR,
			.indicator = INDICATOR_SMA},
	};
	parameters_default(
		&indicator_blueprints[INDICATOR_SMA], node->right.values);
}

enum status
rules_read(struct ctx *ctx, const json_t *entry, const json_t *exit,
	struct rules *out)
{
	struct reading rd = {.ctx = ctx, .rules = out};

	out->n = 0;
	if (entry)
		TRY(read_node(&rd, "config.entry", entry));
	else
		add_default(out, OP_CROSSES_ABOVE);
	out->exit = out->n;
	if (exit)
		return read_node(&rd, "config.exit", exit);
	if (out->n == RULE_NODES_MAX)
		return fail(ctx, ST_INVALID, "config.entry",
			"there can be %d conditions and groups in all",
			RULE_NODES_MAX);
	add_default(out, OP_CROSSES_BELOW);
	return ST_OK;
}

void
rules_default(struct rules *out)
{
	out->n = 0;
	add_default(out, OP_CROSSES_ABOVE);
	out->exit = out->n;
	add_default(out, OP_CROSSES_BELOW);
}

/* ---- Writing --------------------------------------------------------------
 */

static void
write_operand(
	struct reply *r, const char *key, const struct rule_operand *operand)
{
	const struct blueprint *blueprint;

	switch (operand->kind) {
	case OPERAND_NUMBER:
		reply_number(r, key, operand->number);
		return;
	case OPERAND_SOURCE:
		reply_text(r, key, rule_source_names[operand->source]);
		return;
	case OPERAND_INDICATOR:
		break;
	}
	blueprint = &indicator_blueprints[operand->indicator];
	reply_object(r, key);
	reply_text(r, "indicator", blueprint->name);
	parameters_write(r, blueprint, operand->values);
	reply_end(r);
}

static void
write_node(struct reply *r, const char *key, const struct rules *rules,
	unsigned at)
{
	const struct rule_node *node = &rules->nodes[at];
	unsigned child;

	reply_object(r, key);
	if (node->kind == NODE_TEST) {
		write_operand(r, "left", &node->left);
		reply_text(r, "op", rule_op_names[node->op]);
		write_operand(r, "right", &node->right);
	} else {
		reply_array(r, node->kind == NODE_ALL ? "all" : "any");
		for (child = at + 1; child < node->end;
			child = rules->nodes[child].end)
			write_node(r, NULL, rules, child);
		reply_end(r);
	}
	reply_end(r);
}

void
rules_write(struct reply *r, const struct rules *rules)
{
	write_node(r, "entry", rules, 0);
	write_node(r, "exit", rules, rules->exit);
}
