/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * strategy_rules.h - the strategy type "rules": when to enter, when to leave.
 *
 * Two conditions, entry and exit.  A condition is a test, or a group of
 * conditions of which all, or any, have to hold.  A test compares two
 * operands, which are numbers, values of the latest closed candle, or
 * indicators over the candles up to it:
 *
 *	{"all": [
 *		{"left": "price", "op": "crosses_above",
 *			"right": {"indicator": "sma", "period": 50}},
 *		{"left": {"indicator": "rsi"}, "op": "<", "right": 70}]}
 *
 * A test of which an operand is not known yet (an average over more candles
 * than there are) does not hold.  "crosses_above" holds when left was at or
 * below right a candle ago and is above it now.  While nothing is held the
 * entry is looked at, while something is held the exit.
 *
 * In memory a condition is an array of nodes in the order in which one reads
 * them: behind a group come its members, and END is the index behind the last
 * of them, so that a walk needs no pointers and no recursion.
 */
#pragma once

#include "quant/strategy_types.h"

#define RULE_DEPTH_MAX 4  /* groups within groups */
#define RULE_GROUP_MAX 16 /* members of one */
#define RULE_NODES_MAX 64 /* groups and tests, of entry and exit together */

enum rule_source {
	SOURCE_PRICE, /* the close */
	SOURCE_OPEN,
	SOURCE_HIGH,
	SOURCE_LOW,
	SOURCE_CLOSE,
	SOURCE_VOLUME,
	RULE_SOURCES
};

enum rule_op {
	OP_BELOW,
	OP_AT_MOST,
	OP_ABOVE,
	OP_AT_LEAST,
	OP_CROSSES_ABOVE,
	OP_CROSSES_BELOW,
	RULE_OPS
};

/* "price", …; "<", "<=", ">", ">=", "crosses_above", "crosses_below". */
extern const char *const rule_source_names[RULE_SOURCES];
extern const char *const rule_op_names[RULE_OPS];

enum rule_operand_kind { OPERAND_NUMBER, OPERAND_SOURCE, OPERAND_INDICATOR };

struct rule_operand {
	enum rule_operand_kind kind;
	struct decimal number;
	enum rule_source source;
	enum indicator indicator;
	struct decimal values[PARAMETERS_MAX]; /* of the indicator */
};

enum rule_node_kind { NODE_TEST, NODE_ALL, NODE_ANY };

struct rule_node {
	enum rule_node_kind kind;
	unsigned end; /* the index behind this node and all within it */
	enum rule_op op;
	struct rule_operand left, right;
};

/* The entry is node 0 and what is in it; the exit begins where that ends. */
struct rules {
	struct rule_node nodes[RULE_NODES_MAX];
	unsigned exit; /* its index */
	unsigned n;
};
