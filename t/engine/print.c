/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * print.c - the fields of commands and events, in a table.
 */
#include "print.h"

#include <inttypes.h>

#include "wire/event.h"

enum kind { NUMBER, IDENT, TEXT, COUNTED };

struct row {
	uint16_t type;
	const char *name;
	enum kind kind;
	size_t offset;
	size_t size;
};

#define ROW(t, s, kind, f)                                                     \
	{t, #f, kind, offsetof(struct s, f), sizeof(((struct s *)0)->f)}
#define N(t, s, f) ROW(t, s, NUMBER, f)
#define I(t, s, f) ROW(t, s, IDENT, f)
#define T(t, s, f) ROW(t, s, TEXT, f)
#define BALANCE(t, s, f) N(t, s, f.available), N(t, s, f.held)
#define TERMS(t, s)                                                            \
	N(t, s, terms.instrument), N(t, s, terms.base), N(t, s, terms.quote),  \
	N(t, s, terms.fee_asset), T(t, s, terms.symbol),                       \
	N(t, s, terms.tick), N(t, s, terms.lot),                               \
	N(t, s, terms.min_notional), N(t, s, terms.maker_rate),                \
	N(t, s, terms.taker_rate), N(t, s, terms.band_low),                    \
	N(t, s, terms.band_high), N(t, s, terms.collar),                       \
	N(t, s, terms.status)
#define SIDE(t, s, f)                                                          \
	I(t, s, f.order), N(t, s, f.user), N(t, s, f.fee), N(t, s, f.filled),  \
	N(t, s, f.quote), N(t, s, f.fees), N(t, s, f.left),                    \
	BALANCE(t, s, f.base_after), BALANCE(t, s, f.quote_after)

#define POSITION(t, s, f)                                                      \
	I(t, s, f.id), N(t, s, f.quantity), N(t, s, f.cost),                   \
	N(t, s, f.bought), N(t, s, f.bought_quote), N(t, s, f.realised)

static const struct row command_rows[] = {
	I(CMD_ASSET_SET, cmd_asset_set, intent),
	N(CMD_ASSET_SET, cmd_asset_set, asset),
	T(CMD_ASSET_SET, cmd_asset_set, code),
	I(CMD_INSTRUMENT_SET, cmd_instrument_set, intent),
	TERMS(CMD_INSTRUMENT_SET, cmd_instrument_set),
	I(CMD_REFERENCE_PRICE, cmd_reference_price, intent),
	N(CMD_REFERENCE_PRICE, cmd_reference_price, instrument),
	N(CMD_REFERENCE_PRICE, cmd_reference_price, price),
	I(CMD_USER_CREATE, cmd_user_create, intent),
	I(CMD_USER_CREATE, cmd_user_create, public_id),
	N(CMD_USER_CREATE, cmd_user_create, role),
	I(CMD_USER_SET, cmd_user_set, intent),
	N(CMD_USER_SET, cmd_user_set, change),
	N(CMD_USER_SET, cmd_user_set, locked),
	N(CMD_USER_SET, cmd_user_set, role),
	N(CMD_USER_SET, cmd_user_set, reduce_only),
	I(CMD_SESSION_REVOKE, cmd_session_revoke, intent),
	I(CMD_SESSION_REVOKE, cmd_session_revoke, session),
	N(CMD_SESSION_REVOKE, cmd_session_revoke, expires_us),
	I(CMD_LIMIT_SET, cmd_limit_set, intent),
	N(CMD_LIMIT_SET, cmd_limit_set, instrument),
	N(CMD_LIMIT_SET, cmd_limit_set, type),
	N(CMD_LIMIT_SET, cmd_limit_set, value),
	I(CMD_DEPOSIT, cmd_deposit, intent),
	N(CMD_DEPOSIT, cmd_deposit, asset),
	N(CMD_DEPOSIT, cmd_deposit, amount),
	I(CMD_WITHDRAW_HOLD, cmd_withdraw_hold, withdrawal),
	N(CMD_WITHDRAW_HOLD, cmd_withdraw_hold, asset),
	N(CMD_WITHDRAW_HOLD, cmd_withdraw_hold, amount),
	I(CMD_WITHDRAW_PAY, cmd_withdraw_end, intent),
	I(CMD_WITHDRAW_PAY, cmd_withdraw_end, withdrawal),
	I(CMD_WITHDRAW_RELEASE, cmd_withdraw_end, intent),
	I(CMD_WITHDRAW_RELEASE, cmd_withdraw_end, withdrawal),
	I(CMD_CORRECTION, cmd_correction, intent),
	N(CMD_CORRECTION, cmd_correction, asset),
	N(CMD_CORRECTION, cmd_correction, amount),
	N(CMD_ORDER_PLACE, cmd_order_place, instrument),
	N(CMD_ORDER_PLACE, cmd_order_place, side),
	N(CMD_ORDER_PLACE, cmd_order_place, type),
	N(CMD_ORDER_PLACE, cmd_order_place, tif),
	N(CMD_ORDER_PLACE, cmd_order_place, stp),
	N(CMD_ORDER_PLACE, cmd_order_place, flags),
	N(CMD_ORDER_PLACE, cmd_order_place, price),
	N(CMD_ORDER_PLACE, cmd_order_place, quantity),
	N(CMD_ORDER_PLACE, cmd_order_place, quote_budget),
	N(CMD_ORDER_PLACE, cmd_order_place, stop_price),
	ROW(CMD_ORDER_PLACE, cmd_order_place, COUNTED, client_id),
	N(CMD_ORDER_PLACE, cmd_order_place, trail),
	N(CMD_ORDER_PLACE, cmd_order_place, trail_rate),
	I(CMD_ORDER_CANCEL, cmd_order_cancel, order),
	ROW(CMD_ORDER_CANCEL, cmd_order_cancel, COUNTED, client_id),
	N(CMD_ORDER_CANCEL_ALL, cmd_order_cancel_all, instrument),
	N(CMD_ORDER_CANCEL_ALL, cmd_order_cancel_all, side),
	N(CMD_ORDER_CANCEL_ALL, cmd_order_cancel_all, by_operator),
	I(CMD_ORDER_AMEND, cmd_order_amend, order),
	N(CMD_ORDER_AMEND, cmd_order_amend, price),
	N(CMD_ORDER_AMEND, cmd_order_amend, quantity),
	N(CMD_ORDER_OCO, cmd_order_oco, instrument),
	N(CMD_ORDER_OCO, cmd_order_oco, side),
	N(CMD_ORDER_OCO, cmd_order_oco, stp),
	N(CMD_ORDER_OCO, cmd_order_oco, price),
	N(CMD_ORDER_OCO, cmd_order_oco, quantity),
	N(CMD_ORDER_OCO, cmd_order_oco, stop_price),
	N(CMD_ORDER_OCO, cmd_order_oco, stop_limit_price),
	ROW(CMD_ORDER_OCO, cmd_order_oco, COUNTED, client_id),
	N(CMD_CANCEL_AFTER, cmd_cancel_after, after_us),
	I(CMD_ASSET_RATE, cmd_asset_rate, intent),
	N(CMD_ASSET_RATE, cmd_asset_rate, asset),
	N(CMD_ASSET_RATE, cmd_asset_rate, rate),
};

static const struct row event_rows[] = {
	N(EV_ASSET, ev_asset, asset),
	T(EV_ASSET, ev_asset, code),
	TERMS(EV_INSTRUMENT, ev_instrument),
	N(EV_REFERENCE_PRICE, ev_reference_price, instrument),
	N(EV_REFERENCE_PRICE, ev_reference_price, price),
	I(EV_USER, ev_user, public_id),
	N(EV_USER, ev_user, epoch),
	N(EV_USER, ev_user, role),
	N(EV_USER, ev_user, locked),
	N(EV_USER, ev_user, reduce_only),
	N(EV_USER, ev_user, created),
	I(EV_SESSION_REVOKED, ev_session_revoked, session),
	N(EV_SESSION_REVOKED, ev_session_revoked, expires_us),
	N(EV_LIMIT, ev_limit, instrument),
	N(EV_LIMIT, ev_limit, type),
	N(EV_LIMIT, ev_limit, value),
	N(EV_POSTING, ev_posting, asset),
	N(EV_POSTING, ev_posting, account),
	N(EV_POSTING, ev_posting, amount),
	BALANCE(EV_POSTING, ev_posting, after),
	I(EV_POSTING, ev_posting, reference),
	I(EV_WITHDRAWAL, ev_withdrawal, withdrawal),
	N(EV_WITHDRAWAL, ev_withdrawal, asset),
	N(EV_WITHDRAWAL, ev_withdrawal, state),
	N(EV_WITHDRAWAL, ev_withdrawal, amount),
	I(EV_ORDER_OPENED, ev_order_opened, order),
	N(EV_ORDER_OPENED, ev_order_opened, instrument),
	N(EV_ORDER_OPENED, ev_order_opened, side),
	N(EV_ORDER_OPENED, ev_order_opened, type),
	N(EV_ORDER_OPENED, ev_order_opened, tif),
	N(EV_ORDER_OPENED, ev_order_opened, stp),
	N(EV_ORDER_OPENED, ev_order_opened, flags),
	N(EV_ORDER_OPENED, ev_order_opened, status),
	N(EV_ORDER_OPENED, ev_order_opened, price),
	N(EV_ORDER_OPENED, ev_order_opened, quantity),
	N(EV_ORDER_OPENED, ev_order_opened, quote_budget),
	N(EV_ORDER_OPENED, ev_order_opened, stop_price),
	N(EV_ORDER_OPENED, ev_order_opened, hold),
	BALANCE(EV_ORDER_OPENED, ev_order_opened, after),
	ROW(EV_ORDER_OPENED, ev_order_opened, COUNTED, client_id),
	I(EV_ORDER_OPENED, ev_order_opened, pair),
	N(EV_ORDER_OPENED, ev_order_opened, trail),
	N(EV_ORDER_OPENED, ev_order_opened, trail_rate),
	I(EV_ORDER_AMENDED, ev_order_amended, order),
	N(EV_ORDER_AMENDED, ev_order_amended, instrument),
	N(EV_ORDER_AMENDED, ev_order_amended, side),
	N(EV_ORDER_AMENDED, ev_order_amended, kept_place),
	N(EV_ORDER_AMENDED, ev_order_amended, price),
	N(EV_ORDER_AMENDED, ev_order_amended, quantity),
	N(EV_ORDER_AMENDED, ev_order_amended, filled),
	N(EV_ORDER_AMENDED, ev_order_amended, hold),
	BALANCE(EV_ORDER_AMENDED, ev_order_amended, after),
	N(EV_ORDER_AMENDED, ev_order_amended, quote),
	N(EV_ORDER_AMENDED, ev_order_amended, fee),
	I(EV_ORDER_TRIGGERED, ev_order_triggered, order),
	N(EV_ORDER_TRIGGERED, ev_order_triggered, instrument),
	N(EV_ORDER_TRIGGERED, ev_order_triggered, side),
	N(EV_ORDER_TRIGGERED, ev_order_triggered, last_price),
	N(EV_ORDER_TRIGGERED, ev_order_triggered, hold),
	BALANCE(EV_ORDER_TRIGGERED, ev_order_triggered, after),
	I(EV_ORDER_CLOSED, ev_order_closed, order),
	N(EV_ORDER_CLOSED, ev_order_closed, instrument),
	N(EV_ORDER_CLOSED, ev_order_closed, side),
	N(EV_ORDER_CLOSED, ev_order_closed, status),
	N(EV_ORDER_CLOSED, ev_order_closed, reason),
	N(EV_ORDER_CLOSED, ev_order_closed, quantity),
	N(EV_ORDER_CLOSED, ev_order_closed, filled),
	N(EV_ORDER_CLOSED, ev_order_closed, quote),
	N(EV_ORDER_CLOSED, ev_order_closed, fee),
	BALANCE(EV_ORDER_CLOSED, ev_order_closed, after),
	I(EV_TRADE, ev_trade, trade),
	N(EV_TRADE, ev_trade, instrument),
	N(EV_TRADE, ev_trade, base),
	N(EV_TRADE, ev_trade, quote_asset),
	N(EV_TRADE, ev_trade, taker_side),
	N(EV_TRADE, ev_trade, price),
	N(EV_TRADE, ev_trade, quantity),
	N(EV_TRADE, ev_trade, quote),
	N(EV_TRADE, ev_trade, fees_after),
	SIDE(EV_TRADE, ev_trade, maker),
	SIDE(EV_TRADE, ev_trade, taker),
	POSITION(EV_TRADE, ev_trade, maker_position),
	POSITION(EV_TRADE, ev_trade, taker_position),
	N(EV_LEVEL, ev_level, instrument),
	N(EV_LEVEL, ev_level, side),
	N(EV_LEVEL, ev_level, price),
	N(EV_LEVEL, ev_level, quantity),
	N(EV_CANCEL_AFTER, ev_cancel_after, due_us),
	N(EV_RISK, ev_risk, equity),
	N(EV_RISK, ev_risk, peak),
	N(EV_RISK, ev_risk, day_equity),
	N(EV_RISK, ev_risk, day),
	N(EV_RISK, ev_risk, watched),
	N(EV_ASSET_RATE, ev_asset_rate, asset),
	N(EV_ASSET_RATE, ev_asset_rate, rate),
};

static void
print_ident(FILE *file, const char *at)
{
	char text[IDENT_TEXT_MAX];
	struct ident id;

	memcpy(&id, at, sizeof(id));
	ident_format(id, text);
	fprintf(file, "%s", ident_is_none(id) ? "none" : text);
}

/* Bytes of one, two or four are unsigned; only those of eight have a sign. */
static void
print_number(FILE *file, const char *at, size_t size)
{
	int64_t number = 0;

	memcpy(&number, at, size);
	fprintf(file, "%" PRId64, number);
}

static void
print_text(FILE *file, const char *at, size_t size)
{
	fputc('"', file);
	for (; size > 0 && *at != '\0'; at++, size--) {
		unsigned char c = (unsigned char)*at;

		fprintf(file, c >= 0x20 && c < 0x7f ? "%c" : "\\x%02x", c);
	}
	fputc('"', file);
}

static void
print_row(FILE *file, const struct row *row, const struct message *m)
{
	const char *at = (const char *)m + row->offset;

	if (row->offset + (row->kind == COUNTED ? 0 : row->size) > m->size)
		return; /* the tail of a short message */
	fprintf(file, " %s=", row->name);
	if (row->kind == NUMBER)
		print_number(file, at, row->size);
	else if (row->kind == IDENT)
		print_ident(file, at);
	else if (row->kind == TEXT)
		print_text(file, at, row->size);
	else {
		size_t room = m->size - row->offset;
		size_t length = (unsigned char)at[-1];

		fprintf(file, "%zu:", length);
		print_text(file, at, length < room ? length : room);
	}
}

static void
print_message(FILE *file, const struct message *m, const char *name,
	const struct row *rows, size_t n_rows)
{
	size_t i;

	fprintf(file, "%s size=%u user=%u", name, m->size, m->user);
	for (i = 0; i < n_rows; i++)
		if (rows[i].type == m->type)
			print_row(file, &rows[i], m);
	fputc('\n', file);
}

void
print_command(FILE *file, const struct message *command)
{
	print_message(file, command, command_name(command->type), command_rows,
		N_ELEMENTS(command_rows));
}

void
print_record(FILE *file, const struct record *record)
{
	const struct message *event = record_events(record);
	uint32_t i;

	fprintf(file, "seq=%" PRIu64 " time_us=%" PRId64 " length=%u\n",
		record->seq, record->time_us, record->length);
	for (i = 0; i < record->n_events; i++) {
		fprintf(file, "    ");
		print_message(file, event, event_name(event->type), event_rows,
			N_ELEMENTS(event_rows));
		event = message_next(event);
	}
}
