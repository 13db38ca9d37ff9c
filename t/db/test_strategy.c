/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * test_strategy.c - strategies for who runs them: specs, and the built-ins.
 *
 * (What people ask for over HTTP is tested in t/api/test_strategies.py.)
 */
#include <stdlib.h>
#include <string.h>

#include "auth/session.h"
#include "base/clock.h"
#include "domain/strategy.h"
#include "quant/strategy_rules.h"
#include "t/db/server.h"
#include "t/harness/suite.h"
#include "json/fields.h"

#define DATABASE "strategies"
#define OK(expr) ck_assert_int_eq(expr, ST_OK)

static struct ctx *ctx;
static struct session ann = {.user = 1}, bob = {.user = 2};

static void
set_up(void)
{
	server_database(DATABASE);
	server_schema(DATABASE);
	server_sql(DATABASE,
		"INSERT INTO users (id, public_id, email, username, "
		"password_hash, created_at, updated_at) VALUES "
		"(1, REPEAT('a', 16), 'ann@x', 'ann', '', NOW(), NOW()), "
		"(2, REPEAT('b', 16), 'bob@x', 'bob', '', NOW(), NOW())");
	ctx = server_ctx(DATABASE);
	ctx->now_us = clock_wall_us();
	ctx->session = &ann;
}

static void
tear_down(void)
{
	server_ctx_free(ctx);
}

static json_t *
config_of(const char *text)
{
	json_t *object;

	OK(json_read(ctx, text, strlen(text), &object));
	return object;
}

static struct strategy
make(const char *config)
{
	struct strategy row;

	OK(strategy_create(ctx,
		&(struct strategy_change){
			.name = "x", .config = config_of(config)},
		&row));
	return row;
}

START_TEST(a_spec_is_what_was_kept)
{
	struct strategy row = make("{\"type\":\"rsi\",\"oversold\":20.5}"),
			again;
	struct strategy_spec spec;

	OK(strategy_get(ctx, row.id, &again));
	ck_assert_str_eq(again.config,
		"{\"type\":\"rsi\",\"period\":14,\"oversold\":20.5,"
		"\"overbought\":70}");
	OK(strategy_spec_of(ctx, again.config, &spec));
	ck_assert_int_eq(spec.type, STRATEGY_RSI);
	ck_assert_int_eq(spec.values[0].units, 14 * DECIMAL_ONE);
	ck_assert_int_eq(spec.values[1].units, 41 * DECIMAL_ONE / 2);
	ck_assert_int_eq(spec.values[2].units, 70 * DECIMAL_ONE);
	ck_assert_ptr_null(spec.rules);
}
END_TEST

/* A group's nodes lie behind it, and END is where the next begins. */
START_TEST(rules_are_nodes_in_order)
{
	struct strategy row = make(
		"{\"type\":\"rules\",\"entry\":{\"all\":["
		"{\"any\":[{\"left\":\"price\",\"op\":\">\",\"right\":1},"
		"{\"left\":{\"indicator\":\"rsi\",\"period\":7},\"op\":\"<\","
		"\"right\":30}]},"
		"{\"left\":\"volume\",\"op\":\">=\",\"right\":0.5}]}}");
	struct strategy_spec spec;
	const struct rule_node *node;

	OK(strategy_spec_of(ctx, row.config, &spec));
	ck_assert_ptr_nonnull(spec.rules);
	node = spec.rules->nodes;
	ck_assert_uint_eq(spec.rules->n, 6);
	ck_assert_uint_eq(spec.rules->exit, 5);
	ck_assert_int_eq(node[0].kind, NODE_ALL);
	ck_assert_uint_eq(node[0].end, 5);
	ck_assert_int_eq(node[1].kind, NODE_ANY);
	ck_assert_uint_eq(node[1].end, 4);
	ck_assert_int_eq(node[2].kind, NODE_TEST);
	ck_assert_int_eq(node[2].op, OP_ABOVE);
	ck_assert_int_eq(node[3].left.kind, OPERAND_INDICATOR);
	ck_assert_int_eq(node[3].left.indicator, INDICATOR_RSI);
	ck_assert_int_eq(node[3].left.values[0].units, 7 * DECIMAL_ONE);
	ck_assert_int_eq(node[4].left.source, SOURCE_VOLUME);
	ck_assert_int_eq(node[4].right.number.units, DECIMAL_ONE / 2);
	/* The exit is the default: the price falls below its average. */
	ck_assert_int_eq(node[5].op, OP_CROSSES_BELOW);
	ck_assert_uint_eq(node[5].end, 6);
}
END_TEST

/* Of each built-in a user has one, until he makes it his own. */
START_TEST(a_built_in_is_made_once)
{
	struct strategy first, again, theirs, changed;
	int type;

	for (type = 0; type < STRATEGY_TYPES; type++) {
		struct strategy_spec spec;

		OK(strategy_builtin(ctx, (enum strategy_type)type, &first));
		OK(strategy_spec_of(ctx, first.config, &spec));
		ck_assert_int_eq((int)spec.type, type);
		ck_assert_str_eq(first.name, strategy_blueprints[type].name);
	}
	OK(strategy_builtin(ctx, STRATEGY_DCA, &first));
	OK(strategy_builtin(ctx, STRATEGY_DCA, &again));
	ck_assert(ident_equal(first.id, again.id));
	ck_assert_uint_eq(first.number, again.number);
	ctx->session = &bob;
	OK(strategy_builtin(ctx, STRATEGY_DCA, &theirs));
	ck_assert(!ident_equal(first.id, theirs.id));
	ctx->session = &ann;
	/* Another name leaves it what it is, other figures do not. */
	OK(strategy_update(ctx, first.id,
		&(struct strategy_change){.name = "y", .is_active = -1},
		&changed));
	OK(strategy_builtin(ctx, STRATEGY_DCA, &again));
	ck_assert(ident_equal(first.id, again.id));
	OK(strategy_update(ctx, first.id,
		&(struct strategy_change){.is_active = -1,
			.config = config_of("{\"type\":\"dca\",\"every\":2}")},
		&changed));
	OK(strategy_builtin(ctx, STRATEGY_DCA, &again));
	ck_assert(!ident_equal(first.id, again.id));
}
END_TEST

/* What is deleted is gone for its owner, and not for what refers to it. */
START_TEST(a_deleted_one_can_be_loaded)
{
	struct strategy row, found;

	OK(strategy_builtin(ctx, STRATEGY_MACD, &row));
	OK(strategy_delete(ctx, row.id));
	ck_assert_int_eq(strategy_get(ctx, row.id, &found), ST_NOT_FOUND);
	ck_assert_int_eq(strategy_delete(ctx, row.id), ST_NOT_FOUND);
	OK(strategy_load(ctx, row.number, &found));
	ck_assert(found.is_deleted && !found.is_active);
	ck_assert_str_eq(found.config, row.config);
	OK(strategy_builtin(ctx, STRATEGY_MACD, &found));
	ck_assert(!ident_equal(found.id, row.id));
	ck_assert_int_eq(strategy_load(ctx, 999999, &found), ST_NOT_FOUND);
}
END_TEST

Suite *
suite(void)
{
	Suite *s = suite_create("strategy");
	TCase *c = tcase_create("strategy");

	server_start();
	tcase_add_checked_fixture(c, set_up, tear_down);
	tcase_set_timeout(c, 60);
	tcase_add_test(c, a_spec_is_what_was_kept);
	tcase_add_test(c, rules_are_nodes_in_order);
	tcase_add_test(c, a_built_in_is_made_once);
	tcase_add_test(c, a_deleted_one_can_be_loaded);
	suite_add_tcase(s, c);
	return s;
}
