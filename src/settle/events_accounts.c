/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * events_accounts.c - money from outside, users and markets.
 */
#include "settle/events.h"

#include <string.h>

/* ---- Money from outside ----------------------------------------------- */

void
event_take_posting(struct settle_batch *batch, const struct record *record,
	const struct message *event)
{
	struct ev_posting e;

	message_read(event, &e, sizeof(e));
	if (e.account == ACCOUNT_CUSTOMER)
		event_set_balance(batch, record, e.head.user, e.asset, e.after);
	else
		event_set_house(
			batch, record, e.account, e.asset, e.after.available);
	/* A change of a hold alone is no posting. */
	if (e.amount == 0)
		return;
	event_add_leg(batch, record,
		&(struct leg_row){
			.account = e.account,
			.cause = (uint8_t)record_command(record)->type,
			.asset = e.asset,
			.user = e.head.user,
			.amount = e.amount,
			.balance_after = balance_total(e.after),
			.reference = e.reference,
		});
}

void
event_take_withdrawal(struct settle_batch *batch, const struct record *record,
	const struct message *event)
{
	struct ev_withdrawal e;
	struct withdrawal_row *row;
	int is_new;

	message_read(event, &e, sizeof(e));
	row = event_row(&batch->withdrawals, &batch->withdrawal_index,
		event_key(e.withdrawal), &is_new);
	*row = (struct withdrawal_row){
		.id = e.withdrawal,
		.user = e.head.user,
		.asset = e.asset,
		.state = e.state,
		.amount = e.amount,
		.seq = record->seq,
		.updated_us = record->time_us,
	};
}

/* ---- Users and markets ------------------------------------------------ */

void
event_take_user(struct settle_batch *batch, const struct record *record,
	const struct message *event)
{
	struct ev_user e;
	struct user_row *row;
	int is_new;

	message_read(event, &e, sizeof(e));
	row = event_row(&batch->users, &batch->user_index,
		(struct row_key){e.head.user, 0}, &is_new);
	*row = (struct user_row){
		.user = e.head.user,
		.public_id = e.public_id,
		.role = e.role,
		.locked = e.locked,
		.reduce_only = e.reduce_only,
		.epoch = e.epoch,
		.seq = record->seq,
		.updated_us = record->time_us,
	};
}

void
event_take_session_revoked(struct settle_batch *batch,
	const struct record *record, const struct message *event)
{
	struct revocation_row *row = rows_add(&batch->revocations);
	struct ev_session_revoked e;

	message_read(event, &e, sizeof(e));
	row->session = e.session;
	row->user = e.head.user;
	row->expires_us = e.expires_us;
	row->seq = record->seq;
}

void
event_take_limit(struct settle_batch *batch, const struct record *record,
	const struct message *event)
{
	struct ev_limit e;
	struct limit_row *row;
	int is_new;

	message_read(event, &e, sizeof(e));
	row = event_row(&batch->limits, &batch->limit_index,
		(struct row_key){
			e.head.user, (uint64_t)e.type << 16 | e.instrument},
		&is_new);
	*row = (struct limit_row){
		.user = e.head.user,
		.type = e.type,
		.instrument = e.instrument,
		.value = e.type == LIMIT_OPEN_ORDERS ? e.value * DECIMAL_ONE
						     : e.value,
		.seq = record->seq,
		.updated_us = record->time_us,
	};
}

void
event_take_cancel_after(struct settle_batch *batch, const struct record *record,
	const struct message *event)
{
	struct ev_cancel_after e;
	struct switch_row *row;
	int is_new;

	message_read(event, &e, sizeof(e));
	row = event_row(&batch->switches, &batch->switch_index,
		(struct row_key){e.head.user, 0}, &is_new);
	*row = (struct switch_row){
		.user = e.head.user,
		.due_us = e.due_us == 0 ? DB_NO_TIME : e.due_us,
		.seq = record->seq,
		.updated_us = record->time_us,
	};
}

void
event_take_risk(struct settle_batch *batch, const struct record *record,
	const struct message *event)
{
	struct ev_risk e;
	struct risk_row *row;
	int is_new;

	message_read(event, &e, sizeof(e));
	row = event_row(&batch->risks, &batch->risk_index,
		(struct row_key){e.head.user, 0}, &is_new);
	*row = (struct risk_row){
		.user = e.head.user,
		.day = (uint32_t)e.day,
		.watched = e.watched != 0,
		.equity = e.equity,
		.peak = e.peak,
		.day_equity = event_amount(e.day_equity),
		.seq = record->seq,
		.updated_us = record->time_us,
	};
}

void
event_take_asset_rate(struct settle_batch *batch, const struct record *record,
	const struct message *event)
{
	struct rate_row *row = rows_add(&batch->rates);
	struct ev_asset_rate e;

	(void)record;
	message_read(event, &e, sizeof(e));
	row->asset = e.asset;
	row->rate = e.rate;
}

void
event_take_asset(struct settle_batch *batch, const struct record *record,
	const struct message *event)
{
	struct asset_row *row = rows_add(&batch->assets);
	struct ev_asset e;

	message_read(event, &e, sizeof(e));
	row->asset = e.asset;
	memcpy(row->code, e.code, sizeof(row->code));
	row->seq = record->seq;
}

void
event_take_instrument(struct settle_batch *batch, const struct record *record,
	const struct message *event)
{
	struct instrument_row *row = rows_add(&batch->instruments);
	const struct instrument_terms *terms;
	struct ev_instrument e;

	message_read(event, &e, sizeof(e));
	terms = &e.terms;
	*row = (struct instrument_row){
		.instrument = terms->instrument,
		.base = terms->base,
		.quote = terms->quote,
		.fee_asset = terms->fee_asset,
		.tick = terms->tick,
		.lot = terms->lot,
		.min_notional = terms->min_notional,
		.maker_rate = terms->maker_rate,
		.taker_rate = terms->taker_rate,
		.band_low = terms->band_low,
		.band_high = terms->band_high,
		.collar = terms->collar,
		.status = terms->status,
		.seq = record->seq,
		.updated_us = record->time_us,
	};
	memcpy(row->symbol, terms->symbol, sizeof(row->symbol));
	event_learn_market(batch, event);
}

void
event_take_reference_price(struct settle_batch *batch,
	const struct record *record, const struct message *event)
{
	struct reference_row *row = rows_add(&batch->references);
	struct ev_reference_price e;

	(void)record;
	message_read(event, &e, sizeof(e));
	row->instrument = e.instrument;
	row->price = e.price;
}
