/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * strategy_types.c - the tables.
 *
 * The bounds keep a strategy computable: no period is longer than the candles
 * that a backtest may reach back for before it begins.
 */
#include "quant/strategy_types.h"

#include <string.h>

#include "quant/strategy_rules.h"

#define PERIOD_MAX 500
#define WHOLE(n)                                                               \
	{                                                                      \
		(n) * DECIMAL_ONE                                              \
	}
#define NO_VALUE                                                               \
	{                                                                      \
		INT64_MIN                                                      \
	}
#define PERIOD(name_, fallback_, min_, text)                                   \
	{                                                                      \
		.name = (name_), .kind = PARAMETER_INTEGER,                    \
		.fallback = WHOLE(fallback_), .min = WHOLE(min_),              \
		.max = WHOLE(PERIOD_MAX), .description = (text)                \
	}
#define NO_MORE                                                                \
	{                                                                      \
		.name = NULL                                                   \
	}
#define DEVIATIONS                                                             \
	{                                                                      \
		.name = "deviations", .kind = PARAMETER_DECIMAL,               \
		.fallback = WHOLE(2), .min = {DECIMAL_ONE / 10},               \
		.max = WHOLE(10),                                              \
		.description = "how many standard deviations away"             \
	}
#define LEVEL(name_, fallback_, text)                                          \
	{                                                                      \
		.name = (name_), .kind = PARAMETER_DECIMAL,                    \
		.fallback = WHOLE(fallback_), .min = WHOLE(1),                 \
		.max = WHOLE(99), .description = (text)                        \
	}
#define PRICE(name_, text)                                                     \
	{                                                                      \
		.name = (name_), .kind = PARAMETER_DECIMAL,                    \
		.fallback = NO_VALUE, .min = {1},                              \
		.max = WHOLE(INT64_C(10000000000)), .description = (text)      \
	}

/* ---- The strategies' parameters ------------------------------------------ */

static const struct parameter sma_cross[] = {
	PERIOD("fast", 10, 1, "candles of the shorter average"),
	PERIOD("slow", 30, 2, "candles of the longer average"),
	NO_MORE,
};

static const struct parameter ema_cross[] = {
	PERIOD("fast", 12, 1, "candles of the shorter average"),
	PERIOD("slow", 26, 2, "candles of the longer average"),
	NO_MORE,
};

static const struct parameter momentum[] = {
	PERIOD("period", 14, 1, "candles over which the change is measured"),
	NO_MORE,
};

static const struct parameter breakout[] = {
	PERIOD("period", 20, 2, "candles whose highest and lowest count"),
	NO_MORE,
};

static const struct parameter bands[] = {
	PERIOD("period", 20, 2, "candles of average and deviation"),
	DEVIATIONS,
	NO_MORE,
};

static const struct parameter rsi[] = {
	PERIOD("period", 14, 2, "candles of the index"),
	LEVEL("oversold", 30, "buy when the index has been below"),
	LEVEL("overbought", 70, "sell when the index has been above"),
	NO_MORE,
};

static const struct parameter macd[] = {
	PERIOD("fast", 12, 1, "candles of the shorter average"),
	PERIOD("slow", 26, 2, "candles of the longer average"),
	PERIOD("signal", 9, 1, "candles over which the line is averaged"),
	NO_MORE,
};

static const struct parameter grid[] = {
	PRICE("lower", "the lowest price of the grid; without both prices, a "
		       "tenth below the one at the start"),
	PRICE("upper", "the highest price of the grid; without both prices, a "
		       "tenth above the one at the start"),
	{.name = "levels",
		.kind = PARAMETER_INTEGER,
		.fallback = WHOLE(10),
		.min = WHOLE(2),
		.max = WHOLE(100),
		.description = "prices at equal distances, bounds included"},
	NO_MORE,
};

static const struct parameter dca[] = {
	{.name = "every",
		.kind = PARAMETER_INTEGER,
		.fallback = WHOLE(24),
		.min = WHOLE(1),
		.max = WHOLE(10000),
		.description = "candles from one purchase to the next"},
	{.name = "amount",
		.kind = PARAMETER_DECIMAL,
		.fallback = WHOLE(100),
		.min = {DECIMAL_ONE / 100},
		.max = WHOLE(1000000000),
		.description = "of the quote currency, spent each time"},
	NO_MORE,
};

static const struct parameter nothing[] = {NO_MORE};

const struct blueprint strategy_blueprints[STRATEGY_TYPES] = {
	[STRATEGY_SMA_CROSS] = {"sma_cross",
		"long while a short simple moving average is above a long one",
		sma_cross, .ordered = true},
	[STRATEGY_EMA_CROSS] = {"ema_cross",
		"long while a short exponential moving average is above a long "
		"one",
		ema_cross, .ordered = true},
	[STRATEGY_MOMENTUM] = {"momentum",
		"long while the price is above that of some candles ago",
		momentum},
	[STRATEGY_BREAKOUT] = {"breakout",
		"buys a new high of the last candles, sells a new low",
		breakout},
	[STRATEGY_MEAN_REVERSION] = {"mean_reversion",
		"buys far below the average, sells when it is reached again",
		bands},
	[STRATEGY_BOLLINGER] = {"bollinger",
		"buys at the lower Bollinger band, sells at the upper one",
		bands},
	[STRATEGY_RSI] = {"rsi",
		"buys when the relative strength index leaves oversold, sells "
		"when it leaves overbought",
		rsi, .ordered = true, .ordered_from = 1},
	[STRATEGY_MACD] = {"macd",
		"long while the MACD line is above its signal line", macd,
		.ordered = true},
	[STRATEGY_GRID] = {"grid",
		"buys a part at each price of a grid that is passed downwards, "
		"sells it one price higher",
		grid, .ordered = true},
	[STRATEGY_DCA] = {"dca",
		"buys for the same amount at equal distances of time", dca},
	[STRATEGY_RULES] = {"rules",
		"enters and leaves on conditions over prices and indicators",
		nothing},
};

/* ---- The indicators' parameters ------------------------------------------ */

static const struct parameter average[] = {
	PERIOD("period", 20, 1, "candles"),
	NO_MORE,
};

static const struct parameter spread[] = {
	PERIOD("period", 20, 2, "candles"),
	NO_MORE,
};

static const struct parameter strength[] = {
	PERIOD("period", 14, 2, "candles"),
	NO_MORE,
};

static const struct parameter macd_line[] = {
	PERIOD("fast", 12, 1, "candles of the shorter average"),
	PERIOD("slow", 26, 2, "candles of the longer average"),
	NO_MORE,
};

const struct blueprint indicator_blueprints[INDICATORS] = {
	[INDICATOR_SMA] = {"sma", "simple moving average of closes", average},
	[INDICATOR_EMA] = {"ema", "exponential moving average of closes",
		average},
	[INDICATOR_RSI] = {"rsi", "relative strength index, 0 to 100",
		strength},
	[INDICATOR_MOMENTUM] = {"momentum",
		"the close less that of PERIOD candles ago, in percent of it",
		momentum},
	[INDICATOR_HIGHEST] = {"highest",
		"the highest price of the candles before the latest", average},
	[INDICATOR_LOWEST] = {"lowest",
		"the lowest price of the candles before the latest", average},
	[INDICATOR_STDDEV] = {"stddev", "standard deviation of closes", spread},
	[INDICATOR_ATR] = {"atr", "average true range", strength},
	[INDICATOR_BOLLINGER_UPPER] = {"bollinger_upper",
		"the average of closes and deviations above it", bands},
	[INDICATOR_BOLLINGER_LOWER] = {"bollinger_lower",
		"the average of closes and deviations below it", bands},
	[INDICATOR_MACD] = {"macd", "the MACD line", macd_line,
		.ordered = true},
	[INDICATOR_MACD_SIGNAL] = {"macd_signal",
		"the average of the MACD line", macd, .ordered = true},
	[INDICATOR_MACD_HISTOGRAM] = {"macd_histogram",
		"the MACD line less its average", macd, .ordered = true},
};

const char *const rule_source_names[RULE_SOURCES] = {
	[SOURCE_PRICE] = "price",
	[SOURCE_OPEN] = "open",
	[SOURCE_HIGH] = "high",
	[SOURCE_LOW] = "low",
	[SOURCE_CLOSE] = "close",
	[SOURCE_VOLUME] = "volume",
};

const char *const rule_op_names[RULE_OPS] = {
	[OP_BELOW] = "<",
	[OP_AT_MOST] = "<=",
	[OP_ABOVE] = ">",
	[OP_AT_LEAST] = ">=",
	[OP_CROSSES_ABOVE] = "crosses_above",
	[OP_CROSSES_BELOW] = "crosses_below",
};

/* ---- Asking them --------------------------------------------------------- */

size_t
blueprint_size(const struct blueprint *blueprint)
{
	size_t n = 0;

	while (blueprint->parameters[n].name)
		n++;
	return n;
}

static bool
find(const struct blueprint *blueprints, int n, const char *text, int *out)
{
	int i;

	for (i = 0; i < n; i++)
		if (strcmp(blueprints[i].name, text) == 0) {
			*out = i;
			return true;
		}
	return false;
}

bool
strategy_type_parse(const char *text, enum strategy_type *out)
{
	int found;

	if (!find(strategy_blueprints, STRATEGY_TYPES, text, &found))
		return false;
	*out = (enum strategy_type)found;
	return true;
}

bool
indicator_parse(const char *text, enum indicator *out)
{
	int found;

	if (!find(indicator_blueprints, INDICATORS, text, &found))
		return false;
	*out = (enum indicator)found;
	return true;
}

const char *
parameter_kind_name(enum parameter_kind kind)
{
	return kind == PARAMETER_INTEGER ? "integer" : "decimal";
}

static enum parameter_flaw
check_one(const struct parameter *parameter, struct decimal value)
{
	if (decimal_is_none(value))
		return decimal_is_none(parameter->fallback) ? FLAW_NONE
							    : FLAW_RANGE;
	if (parameter->kind == PARAMETER_INTEGER &&
		value.units % DECIMAL_ONE != 0)
		return FLAW_FRACTION;
	if (value.units < parameter->min.units ||
		value.units > parameter->max.units)
		return FLAW_RANGE;
	return FLAW_NONE;
}

enum parameter_flaw
blueprint_check(const struct blueprint *blueprint, const struct decimal *values,
	size_t *which)
{
	size_t i, n = blueprint_size(blueprint);
	const struct decimal *pair = values + blueprint->ordered_from;

	for (i = 0; i < n; i++) {
		enum parameter_flaw flaw =
			check_one(&blueprint->parameters[i], values[i]);

		*which = i;
		if (flaw != FLAW_NONE)
			return flaw;
	}
	*which = blueprint->ordered_from;
	if (!blueprint->ordered ||
		(decimal_is_none(pair[0]) && decimal_is_none(pair[1])))
		return FLAW_NONE;
	if (decimal_is_none(pair[0]) || decimal_is_none(pair[1])) {
		*which += decimal_is_none(pair[1]);
		return FLAW_HALF;
	}
	return pair[0].units < pair[1].units ? FLAW_NONE : FLAW_ORDER;
}
