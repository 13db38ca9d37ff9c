/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * strategy_types.h - the strategies that the house knows, as tables.
 *
 * A strategy is one of a closed list of types with numbers for that type's
 * parameters; the type "rules" has conditions instead, which its owner
 * composes (strategy_rules.h).  What a parameter may be is said here once:
 * what checks a request, what lists the types, and what runs a strategy all
 * read the same rows.
 *
 * A period counts candles of whatever interval the strategy is run at.  All
 * values are exact decimals; who computes an indicator turns them into what
 * it computes with.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/decimal.h"

#define PARAMETERS_MAX 3

enum parameter_kind { PARAMETER_INTEGER, PARAMETER_DECIMAL };

struct parameter {
	const char *name; /* NULL ends a list */
	enum parameter_kind kind;
	struct decimal fallback; /* DECIMAL_NONE: none is its default */
	struct decimal min, max;
	const char *description;
};

/* A strategy's type, or an indicator: what it takes to have one. */
struct blueprint {
	const char *name;
	const char *description;
	const struct parameter *parameters;
	/* One parameter has to be less than the one behind it: ... */
	bool ordered;
	unsigned char ordered_from; /* ... this one (its index) */
};

enum strategy_type {
	STRATEGY_SMA_CROSS,
	STRATEGY_EMA_CROSS,
	STRATEGY_MOMENTUM,
	STRATEGY_BREAKOUT,
	STRATEGY_MEAN_REVERSION,
	STRATEGY_BOLLINGER,
	STRATEGY_RSI,
	STRATEGY_MACD,
	STRATEGY_GRID,
	STRATEGY_DCA,
	STRATEGY_RULES,
	STRATEGY_TYPES
};

extern const struct blueprint strategy_blueprints[STRATEGY_TYPES];

/* What a rule may look at besides the candle itself. */
enum indicator {
	INDICATOR_SMA,
	INDICATOR_EMA,
	INDICATOR_RSI,
	INDICATOR_MOMENTUM,
	INDICATOR_HIGHEST,
	INDICATOR_LOWEST,
	INDICATOR_STDDEV,
	INDICATOR_ATR,
	INDICATOR_BOLLINGER_UPPER,
	INDICATOR_BOLLINGER_LOWER,
	INDICATOR_MACD,
	INDICATOR_MACD_SIGNAL,
	INDICATOR_MACD_HISTOGRAM,
	INDICATORS
};

extern const struct blueprint indicator_blueprints[INDICATORS];

struct rules;

/*
 * A strategy that can be run: all values are there and sound, in the order of
 * the type's parameters.  RULES is NULL but for STRATEGY_RULES.  Of a grid
 * both bounds may be DECIMAL_NONE: then it reaches from a tenth below to a
 * tenth above the price that it starts at.
 */
struct strategy_spec {
	enum strategy_type type;
	struct decimal values[PARAMETERS_MAX];
	const struct rules *rules;
};

/* How many parameters there are. */
size_t blueprint_size(const struct blueprint *blueprint);

/* False when TEXT is the name of none. */
bool strategy_type_parse(const char *text, enum strategy_type *out);
bool indicator_parse(const char *text, enum indicator *out);

/* "integer", "decimal". */
const char *parameter_kind_name(enum parameter_kind kind);

enum parameter_flaw {
	FLAW_NONE,
	FLAW_FRACTION, /* has to be a whole number */
	FLAW_RANGE,    /* below its min, or above its max */
	FLAW_ORDER,    /* not less than the next parameter */
	FLAW_HALF      /* has no value, but the one it is paired with has */
};

/*
 * Are VALUES, one for each parameter, what BLUEPRINT allows?  *WHICH is the
 * index of the parameter at fault.
 */
enum parameter_flaw blueprint_check(const struct blueprint *blueprint,
	const struct decimal *values, size_t *which);
