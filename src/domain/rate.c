/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * rate.c - a search over books, breadth first.
 */
#include "domain/rate.h"

#include <stdbool.h>
#include <string.h>

#include "domain/book.h"
#include "domain/market.h"

/* One BASE is PRICE of QUOTE. */
struct edge {
	const char *base, *quote;
	struct decimal price;
};

/* Where the books say nothing. */
static const struct edge table[] = {
	{"USDT", "USD", {DECIMAL_ONE}},
	{"EUR", "USD", {108 * DECIMAL_ONE / 100}},
	{"USD", "ZAR", {18 * DECIMAL_ONE}},
};

#define EDGES_MAX (INSTRUMENTS_MAX + N_ELEMENTS(table))

struct graph {
	struct edge edges[EDGES_MAX];
	size_t n;
};

/* An asset that was reached, and how much of it. */
struct step {
	const char *asset;
	struct decimal amount;
};

static enum status
add_books(struct ctx *ctx, struct graph *graph)
{
	struct market_list list;
	struct ticker ticker;
	size_t i;

	TRY(market_list(ctx, &list));
	for (i = 0; i < list.n; i++) {
		TRY(book_ticker(ctx, &list.rows[i], &ticker));
		if (decimal_is_none(ticker.price) || ticker.price.units <= 0)
			continue;
		graph->edges[graph->n++] = (struct edge){list.rows[i].base,
			list.rows[i].quote, ticker.price};
	}
	return ST_OK;
}

static bool
reached(const struct step *steps, size_t n, const char *asset)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (strcmp(steps[i].asset, asset) == 0)
			return true;
	return false;
}

/* Over EDGE from STEP, if it leads from there; ST_NOT_FOUND if it does not. */
static enum status
cross(const struct edge *edge, const struct step *step, struct step *out)
{
	if (strcmp(edge->base, step->asset) == 0) {
		out->asset = edge->quote;
		return decimal_mul_down(step->amount, edge->price,
			&out->amount);
	}
	if (strcmp(edge->quote, step->asset) == 0) {
		out->asset = edge->base;
		return decimal_div_down(step->amount, edge->price,
			&out->amount);
	}
	return ST_NOT_FOUND;
}

static enum status
search(const struct graph *graph, struct decimal amount, const char *from,
	const char *to, struct decimal *out)
{
	struct step steps[ASSETS_MAX + 2] = {{from, amount}};
	size_t n = 1, at, e;

	for (at = 0; at < n; at++) {
		if (strcmp(steps[at].asset, to) == 0) {
			*out = steps[at].amount;
			return ST_OK;
		}
		for (e = 0; e < graph->n && n < N_ELEMENTS(steps); e++) {
			struct step next;
			enum status status =
				cross(&graph->edges[e], &steps[at], &next);

			if (status == ST_NOT_FOUND ||
				reached(steps, n, next.asset))
				continue;
			TRY(status);
			steps[n++] = next;
		}
	}
	return ST_NOT_FOUND;
}

enum status
rate_convert(struct ctx *ctx, struct decimal amount, const char *from,
	const char *to, struct decimal *out)
{
	struct graph graph = {.n = 0};
	enum status status;

	if (strcmp(from, to) == 0) {
		*out = amount;
		return ST_OK;
	}
	TRY(add_books(ctx, &graph));
	status = search(&graph, amount, from, to, out);
	if (status != ST_NOT_FOUND)
		return status;
	memcpy(graph.edges + graph.n, table, sizeof(table));
	graph.n += N_ELEMENTS(table);
	return search(&graph, amount, from, to, out);
}
