/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * ctl_market.c - "quantoractl instruments": what is traded, and on what terms.
 *
 * The tables are those of the house (domain/listing.h).  "load" may be run at
 * any time, and any number of times: it sends what differs and no more.
 */
#include <stdlib.h>
#include <string.h>

#include "auth/auth.h"
#include "base/decimal.h"
#include "daemons/ctl.h"
#include "daemons/ctl_settled.h"
#include "domain/audit.h"
#include "domain/core.h"
#include "domain/listing.h"

#define LOCK_S 30

static const char *const statuses[] = {
	[MARKET_TRADING] = "trading",
	[MARKET_HALTED] = "halted",
	[MARKET_CANCEL_ONLY] = "cancel-only",
	[MARKET_DELISTED] = "delisted",
};

/* What the core has, by now and until we have changed it. */
static enum status
begin(struct ctl *ctl, struct catalogue **out)
{
	TRY(listing_lock(&ctl->ctx, LOCK_S));
	TRY(ctl_settled_now(ctl));
	return listing_read(&ctl->ctx, out);
}

/* Who changes what is traded leaves a trace, and can see what he has done. */
static int
note(struct ctl *ctl, const char *action, const char *details)
{
	enum status status = ctl_settled_now(ctl);
	char *reason;

	if (status != ST_OK)
		return ctl_failed(ctl, status, "the change");
	ctl->ctx.auth = auth_open(ctl->conf, AUTH_SECRETS, &reason);
	if (!ctl->ctx.auth)
		return ctl_complain("%s", reason);
	status = audit_write(&ctl->ctx,
		&(struct audit_event){.action = action,
			.outcome = AUDIT_OK,
			.details = details});
	return status == ST_OK ? CTL_OK
			       : ctl_failed(ctl, status, "the audit log");
}

/* ---- load ---------------------------------------------------------------- */

static enum status
load_house(struct ctl *ctl, struct listing_changes *changes)
{
	uint32_t collar =
		(uint32_t)conf_number(ctl->conf, CONF_MATCHER_COLLAR_BPS) * 100;
	const char *const *code;
	const struct listed *listed;
	struct catalogue *catalogue;

	TRY(begin(ctl, &catalogue));
	for (code = house_assets; *code; code++)
		TRY(listing_asset(&ctl->ctx, catalogue, *code, changes));
	for (listed = house_instruments; listed->symbol; listed++)
		TRY(listing_instrument(&ctl->ctx, catalogue, listed, collar,
			changes));
	return ST_OK;
}

static int
load(struct ctl *ctl, int argc, char **argv)
{
	struct listing_changes changes = {0};
	enum status status;

	(void)argv;
	if (argc != 1)
		return CTL_USAGE;
	status = load_house(ctl, &changes);
	if (status != ST_OK)
		return ctl_failed(ctl, status, "the instruments");
	printf("assets=%u instruments=%u reference_prices=%u changed\n",
		changes.assets, changes.instruments, changes.references);
	if (changes.assets + changes.instruments + changes.references == 0)
		return CTL_OK;
	return note(ctl, "instruments.loaded",
		arena_printf(ctl->ctx.arena,
			"assets=%u instruments=%u reference_prices=%u",
			changes.assets, changes.instruments,
			changes.references));
}

/* ---- list ---------------------------------------------------------------- */

static const char *
text(struct ctl *ctl, int64_t units)
{
	char *out = arena_alloc(ctl->ctx.arena, DECIMAL_TEXT_MAX);

	decimal_format((struct decimal){units}, 0, out);
	return out;
}

static int
list(struct ctl *ctl, int argc, char **argv)
{
	struct catalogue *catalogue;
	enum status status;
	unsigned i;

	(void)argv;
	if (argc != 1)
		return CTL_USAGE;
	status = listing_read(&ctl->ctx, &catalogue);
	if (status != ST_OK)
		return ctl_failed(ctl, status, "the instruments");
	for (i = 0; i < catalogue->n_assets; i++)
		printf("asset %u %s\n", i, catalogue->assets[i]);
	for (i = 0; i < catalogue->n_instruments; i++) {
		const struct instrument_terms *terms = &catalogue->terms[i];

		printf("instrument %u %s %s tick=%s lot=%s min_notional=%s "
		       "maker=%u taker=%u band=%u-%u collar=%u reference=%s\n",
			i, terms->symbol,
			terms->status < N_ELEMENTS(statuses)
				? statuses[terms->status]
				: "?",
			text(ctl, terms->tick), text(ctl, terms->lot),
			text(ctl, terms->min_notional), terms->maker_rate,
			terms->taker_rate, terms->band_low, terms->band_high,
			terms->collar, text(ctl, catalogue->references[i]));
	}
	return CTL_OK;
}

/* ---- An operator's word -------------------------------------------------- */

static int
find(const struct catalogue *catalogue, const char *symbol, uint16_t *number)
{
	return catalogue_instrument(catalogue, symbol, number)
		? CTL_OK
		: ctl_complain("there is no instrument %s", symbol);
}

static int
set_status(struct ctl *ctl, int argc, char **argv)
{
	struct instrument_terms terms;
	struct catalogue *catalogue;
	enum status status;
	uint16_t number;
	uint8_t word = 0;

	if (argc != 3)
		return CTL_USAGE;
	while (word < N_ELEMENTS(statuses) &&
		strcmp(argv[2], statuses[word]) != 0)
		word++;
	if (word == N_ELEMENTS(statuses))
		return CTL_USAGE;
	status = begin(ctl, &catalogue);
	if (status != ST_OK)
		return ctl_failed(ctl, status, argv[1]);
	if (find(catalogue, argv[1], &number) != CTL_OK)
		return CTL_FAILED;
	terms = catalogue->terms[number];
	if (terms.status == word)
		return CTL_OK;
	terms.status = word;
	status = listing_set(&ctl->ctx, catalogue, &terms);
	if (status != ST_OK)
		return ctl_failed(ctl, status, argv[1]);
	return note(ctl, "instrument.status",
		arena_printf(ctl->ctx.arena, "symbol=%s status=%s", argv[1],
			argv[2]));
}

static int
set_reference(struct ctl *ctl, int argc, char **argv)
{
	struct catalogue *catalogue;
	struct decimal price;
	enum status status;
	uint16_t number;

	if (argc != 3)
		return CTL_USAGE;
	if (decimal_parse(argv[2], &price) != ST_OK || price.units <= 0)
		return ctl_complain("%s is no price above zero", argv[2]);
	status = begin(ctl, &catalogue);
	if (status != ST_OK)
		return ctl_failed(ctl, status, argv[1]);
	if (find(catalogue, argv[1], &number) != CTL_OK)
		return CTL_FAILED;
	status = listing_reference(&ctl->ctx, catalogue, number, price.units);
	if (status != ST_OK)
		return ctl_failed(ctl, status, argv[1]);
	return note(ctl, "instrument.reference_price",
		arena_printf(ctl->ctx.arena, "symbol=%s price=%s", argv[1],
			argv[2]));
}

const struct ctl_command ctl_market_commands[] = {
	{"instruments", "load", "",
		"bring assets and instruments to the tables of the house",
		CTL_DB | CTL_MATCHER, DB_AS_API, load},
	{"instruments", "list", "", "assets, instruments and their terms",
		CTL_DB, DB_AS_API, list},
	{"instruments", "status", "SYMBOL trading|halted|cancel-only|delisted",
		"open or close a market", CTL_DB | CTL_MATCHER, DB_AS_API,
		set_status},
	{"instruments", "reference", "SYMBOL PRICE",
		"what the price band is around before the first trade",
		CTL_DB | CTL_MATCHER, DB_AS_API, set_reference},
	CTL_END,
};
