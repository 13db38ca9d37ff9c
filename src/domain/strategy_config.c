/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * strategy_config.c - types and their parameters.
 */
#include "domain/strategy_config.h"

#include <string.h>

#include "json/fields.h"

/* ---- Parameters -----------------------------------------------------------
 */

/* "fast, slow", for who named something else. */
static const char *
names_of(struct ctx *ctx, const struct blueprint *blueprint,
	const char *const *also)
{
	const struct parameter *p;
	const char *text = "";

	for (; *also; also++)
		text = arena_printf(
			ctx->arena, "%s%s%s", text, *text ? ", " : "", *also);
	for (p = blueprint->parameters; p->name; p++)
		text = arena_printf(ctx->arena, "%s, %s", text, p->name);
	return text;
}

static bool
is_known(const struct blueprint *blueprint, const char *const *also,
	const char *name)
{
	const struct parameter *p;

	for (; *also; also++)
		if (strcmp(*also, name) == 0)
			return true;
	for (p = blueprint->parameters; p->name; p++)
		if (strcmp(p->name, name) == 0)
			return true;
	return false;
}

static const char *
text_of(struct ctx *ctx, struct decimal value)
{
	char text[DECIMAL_TEXT_MAX];

	decimal_format(value, 0, text);
	return arena_strdup(ctx->arena, text);
}

/* Say what blueprint_check() found. */
static enum status
blame(struct ctx *ctx, const char *path, const struct blueprint *blueprint,
	enum parameter_flaw flaw, size_t which)
{
	const struct parameter *p = &blueprint->parameters[which];
	const char *field = arena_printf(ctx->arena, "%s.%s", path, p->name);

	switch (flaw) {
	case FLAW_FRACTION:
		return fail(ctx, ST_INVALID, field, "must be a whole number");
	case FLAW_RANGE:
		return fail(ctx, ST_INVALID, field, "must be from %s to %s",
			text_of(ctx, p->min), text_of(ctx, p->max));
	case FLAW_ORDER:
		return fail(ctx, ST_INVALID, field, "must be less than %s",
			p[1].name);
	case FLAW_HALF:
	case FLAW_NONE:
		break;
	}
	p = &blueprint->parameters[blueprint->ordered_from];
	return fail(ctx, ST_INVALID, field, "give both %s and %s, or neither",
		p[0].name, p[1].name);
}

enum status
parameters_read(struct ctx *ctx, const char *path,
	const struct blueprint *blueprint, const json_t *object,
	const char *const *also, struct decimal values[PARAMETERS_MAX])
{
	const char *name;
	json_t *member;
	enum parameter_flaw flaw;
	size_t i, which;

	json_object_foreach((json_t *)(uintptr_t)object, name,
		member) if (!is_known(blueprint, also, name)) return fail(ctx,
		ST_INVALID, arena_printf(ctx->arena, "%s.%.64s", path, name),
		"is unknown; %s takes %s", blueprint->name,
		names_of(ctx, blueprint, also));
	parameters_default(blueprint, values);
	for (i = 0; blueprint->parameters[i].name; i++) {
		name = blueprint->parameters[i].name;
		member = json_object_get(object, name);
		if (member && !json_is_null(member) &&
			json_decimal(member, &values[i]) != ST_OK)
			return fail(ctx, ST_INVALID,
				arena_printf(ctx->arena, "%s.%s", path, name),
				"must be a number of at most %d decimal places",
				DECIMAL_PLACES);
	}
	flaw = blueprint_check(blueprint, values, &which);
	if (flaw != FLAW_NONE)
		return blame(ctx, path, blueprint, flaw, which);
	return ST_OK;
}

void
parameters_default(const struct blueprint *blueprint,
	struct decimal values[PARAMETERS_MAX])
{
	size_t i, n = blueprint_size(blueprint);

	for (i = 0; i < PARAMETERS_MAX; i++)
		values[i] = i < n ? blueprint->parameters[i].fallback
				  : DECIMAL_NONE;
}

void
parameters_write(struct reply *r, const struct blueprint *blueprint,
	const struct decimal *values)
{
	size_t i;

	for (i = 0; blueprint->parameters[i].name; i++)
		reply_number(r, blueprint->parameters[i].name, values[i]);
}

/* ---- The config -----------------------------------------------------------
 */

static enum status
read_type(struct ctx *ctx, const json_t *config, enum strategy_type *out)
{
	const json_t *member = json_object_get(config, "type");
	const char *name = json_string_text(member);
	const char *known = "";
	int i;

	if (name && strategy_type_parse(name, out))
		return ST_OK;
	for (i = 0; i < STRATEGY_TYPES; i++)
		known = arena_printf(ctx->arena, "%s%s%s", known,
			i > 0 ? ", " : "", strategy_blueprints[i].name);
	return fail(ctx, ST_INVALID, "config.type", "must be one of %s", known);
}

static const json_t *
member_of(const json_t *object, const char *name)
{
	const json_t *member = json_object_get(object, name);

	return json_is_null(member) ? NULL : member;
}

enum status
strategy_config_read(struct ctx *ctx, json_t *config, struct strategy_spec *out)
{
	static const char *const plain[] = {"type", NULL};
	static const char *const ruled[] = {"type", "entry", "exit", NULL};
	struct strategy_spec spec = {.rules = NULL};
	struct rules *rules;

	if (!json_is_object(config))
		return fail(ctx, ST_INVALID, "config", "must be an object");
	TRY(read_type(ctx, config, &spec.type));
	TRY(parameters_read(ctx, "config", &strategy_blueprints[spec.type],
		config, spec.type == STRATEGY_RULES ? ruled : plain,
		spec.values));
	if (spec.type == STRATEGY_RULES) {
		rules = arena_alloc(ctx->arena, sizeof(*rules));
		TRY(rules_read(ctx, member_of(config, "entry"),
			member_of(config, "exit"), rules));
		spec.rules = rules;
	}
	*out = spec;
	return ST_OK;
}

void
strategy_config_default(
	struct ctx *ctx, enum strategy_type type, struct strategy_spec *out)
{
	struct rules *rules = NULL;

	if (type == STRATEGY_RULES) {
		rules = arena_alloc(ctx->arena, sizeof(*rules));
		rules_default(rules);
	}
	*out = (struct strategy_spec){.type = type, .rules = rules};
	parameters_default(&strategy_blueprints[type], out->values);
}

void
strategy_config_write(
	struct reply *r, const char *key, const struct strategy_spec *spec)
{
	const struct blueprint *blueprint = &strategy_blueprints[spec->type];

	reply_object(r, key);
	reply_text(r, "type", blueprint->name);
	parameters_write(r, blueprint, spec->values);
	if (spec->rules)
		rules_write(r, spec->rules);
	reply_end(r);
}
