/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * test_wire.c - identifiers, versions of messages, and records from outside.
 */
#include <string.h>

#include "t/harness/suite.h"
#include "wire/command.h"
#include "wire/event.h"
#include "wire/ids.h"
#include "wire/record.h"
#include "wire/refusal.h"

START_TEST(order_ids_name_their_order)
{
	static const struct {
		uint64_t ms, seq;
		uint32_t slot, user;
	} orders[] = {
		{0, 0, 1, 1},
		{1736856000123, 1, 1, 1},
		{1736856000123, (1u << ORDER_SEQ_BITS) - 1, SLOT_MAX, USER_MAX},
		{1736856000123, UINT64_C(0x123456789abc), 77, 12345},
	};
	struct order_name name;
	size_t i;

	for (i = 0; i < N_ELEMENTS(orders); i++) {
		struct ident id = order_ident(orders[i].ms, orders[i].seq,
			orders[i].slot, orders[i].user);

		ck_assert(order_ident_split(id, &name));
		ck_assert_uint_eq(name.time_ms, orders[i].ms);
		ck_assert_uint_eq(name.seq,
			orders[i].seq & ((1u << ORDER_SEQ_BITS) - 1));
		ck_assert_uint_eq(name.slot, orders[i].slot);
		ck_assert_uint_eq(name.user, orders[i].user);
	}
}
END_TEST

START_TEST(trade_ids_are_no_order_ids)
{
	struct order_name name;
	struct ident a = trade_ident(1736856000123456, 42, 0);
	struct ident b = trade_ident(1736856000123456, 42, 1);
	struct ident c = trade_ident(1736856000123456, 43, 0);

	ck_assert(!order_ident_split(a, &name));
	ck_assert(!ident_equal(a, b));
	ck_assert(!ident_equal(a, c));
	ck_assert(!ident_equal(b, c));
	ck_assert(!order_ident_split(IDENT_NONE, &name));
}
END_TEST

START_TEST(older_and_newer_messages_are_read)
{
	/* A writer that knows no client id, and one that knows more than we. */
	struct cmd_order_place from = {
		.head = {ORDER_PLACE_SHORT, CMD_ORDER_PLACE, 9},
		.price = 5,
		.client_id_length = 3,
	};
	struct {
		struct cmd_tick tick;
		int64_t from_the_future;
	} newer = {{{16, CMD_TICK, 1}}, 7};
	struct cmd_order_place place;
	struct cmd_tick tick;

	message_read(&from.head, &place, sizeof(place));
	ck_assert_int_eq(place.price, 5);
	ck_assert_uint_eq(place.client_id_length, 0);
	message_read(&newer.tick.head, &tick, sizeof(tick));
	ck_assert_uint_eq(tick.head.user, 1);
}
END_TEST

static const struct {
	uint16_t size, type;
	size_t length;
	int good;
} commands[] = {
	{8, CMD_TICK, 8, 1},
	{8, CMD_TICK, 16, 0},  /* the size must be the length */
	{16, CMD_TICK, 16, 1}, /* a newer writer's */
	{12, CMD_TICK, 12, 0}, /* not a multiple of 8 */
	{0, CMD_TICK, 0, 0},
	{48, CMD_ORDER_PLACE, 48, 1},
	{40, CMD_ORDER_PLACE, 40, 0}, /* too short */
	{24, CMD_ORDER_CANCEL, 24, 1},
	{48, 0, 48, 0},
	{48, CMD_END, 48, 0},
	{48, 65535, 48, 0},
};

START_TEST(commands_from_outside_are_checked)
{
	_Alignas(8) char bytes[64] = {0};
	struct message *head = (struct message *)(void *)bytes;

	head->size = commands[_i].size;
	head->type = commands[_i].type;
	ck_assert_int_eq(command_well_formed(head, commands[_i].length),
		commands[_i].good);
}
END_TEST

struct small_record {
	struct record record;
	struct cmd_tick tick;
	struct ev_level level;
};

static struct small_record
sound_record(void)
{
	return (struct small_record){
		.record = {sizeof(struct small_record), 1, 1, 1},
		.tick = {{sizeof(struct cmd_tick), CMD_TICK, 0}},
		.level = {.head = {sizeof(struct ev_level), EV_LEVEL, 0}},
	};
}

START_TEST(records_from_outside_are_checked)
{
	struct small_record r = sound_record();

	ck_assert(record_well_formed(&r.record, sizeof(r)));
	ck_assert(!record_well_formed(&r.record, sizeof(r) - 8));
	r.record.n_events = 2;
	ck_assert(!record_well_formed(&r.record, sizeof(r)));
	r = sound_record();
	r.record.n_events = 0;
	ck_assert(!record_well_formed(&r.record, sizeof(r)));
	r = sound_record();
	r.level.head.size = 0;
	ck_assert(!record_well_formed(&r.record, sizeof(r)));
	r = sound_record();
	r.level.head.size = 65528;
	ck_assert(!record_well_formed(&r.record, sizeof(r)));
	r = sound_record();
	r.tick.head.type = 999;
	ck_assert(!record_well_formed(&r.record, sizeof(r)));
	r = sound_record();
	r.record.length = 16;
	ck_assert(!record_well_formed(&r.record, sizeof(r)));
	ck_assert(!record_well_formed(&r.record, 8));
}
END_TEST

START_TEST(each_refusal_has_its_row)
{
	unsigned i;

	ck_assert_int_eq(refusal_row(REFUSED_NONE)->status, ST_OK);
	for (i = 1; i < REFUSED_N; i++) {
		ck_assert_int_ne(refusal_row(i)->status, ST_OK);
		ck_assert_uint_gt(strlen(refusal_row(i)->text), 0);
	}
	ck_assert_ptr_eq(refusal_row(REFUSED_N),
		refusal_row(REFUSED_BAD_COMMAND));
	ck_assert_str_eq(command_name(CMD_ORDER_PLACE), "ORDER_PLACE");
	ck_assert_str_eq(event_name(EV_TRADE), "TRADE");
	ck_assert_str_eq(event_name(999), "?");
}
END_TEST

Suite *
suite(void)
{
	Suite *s = suite_create("wire");
	TCase *ids = tcase_create("ids");
	TCase *messages = tcase_create("messages");

	tcase_add_test(ids, order_ids_name_their_order);
	tcase_add_test(ids, trade_ids_are_no_order_ids);
	tcase_add_test(messages, older_and_newer_messages_are_read);
	tcase_add_loop_test(messages, commands_from_outside_are_checked, 0,
		N_ELEMENTS(commands));
	tcase_add_test(messages, records_from_outside_are_checked);
	tcase_add_test(messages, each_refusal_has_its_row);
	suite_add_tcase(s, ids);
	suite_add_tcase(s, messages);
	return s;
}
