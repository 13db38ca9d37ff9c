/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * risk_figures.h - what is settled about some users' risk; for risk_watch.c.
 *
 * Everything is of one snapshot, and each list by user.
 */
#pragma once

#include "domain/risk_alert.h"
#include "domain/risk_core.h"

struct risk_figures {
	struct figure_limit {
		uint32_t user;
		struct risk_limit limit; /* enabled */
	} *limits;
	struct figure_bound {
		uint32_t user;
		struct risk_bound bound; /* the core's, settled */
	} *bounds;
	struct figure_position {
		uint32_t user;
		uint16_t instrument;
		int64_t quantity;
	} *positions;
	/* What is open of an instrument, and what its buys are worth. */
	struct figure_open {
		uint32_t user;
		uint16_t instrument;
		uint64_t orders;
		__int128 buys;
	} *open;
	struct figure_risk {
		uint32_t user;
		int64_t equity, peak, day_equity; /* when the core looked */
		uint32_t day;
		bool watched;
		uint8_t reduce_only;
	} *risks;
	struct figure_balance {
		uint32_t user;
		uint16_t asset;
		__int128 total;
	} *balances; /* of who is watched */
	struct risk_active *active;
	size_t n_limits, n_bounds, n_positions, n_open, n_risks, n_balances,
		n_active;
};

/* Of the users above LOW up to HIGH; in a snapshot. */
enum status risk_figures_read(struct ctx *ctx, uint32_t low, uint32_t high,
	struct risk_figures *out) MUST_USE;
