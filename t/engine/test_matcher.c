/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * test_matcher.c - the matcher's step function on a disk that loses power.
 *
 * Everything of matcherd but its sockets and its clock runs here: batches,
 * journal, recovery, snapshots' absence.  What was answered is remembered,
 * and must be there, unchanged, in every life that follows.
 */
#include <stdlib.h>
#include <string.h>

#include "base/crc32c.h"
#include "base/decimal.h"
#include "daemons/matcher.h"
#include "stream.h"
#include "t/harness/suite.h"
#include "t/sim/disk_sim.h"
#include "t/sim/journal_kit.h"

#define ACKED_MAX 100000

/* A client that keeps what it was told. */
struct client {
	struct peer peer; /* first: what the step function sees */
	struct stream *stream;
	uint64_t last_tag;  /* of an answer, to see that they keep order */
	uint64_t answers;
	uint64_t refused;
	uint16_t last_refusal;
	uint16_t last_type;
	struct guard_answer guard;
	uint64_t last_seq;
	bool duplicate;
	uint32_t acked[ACKED_MAX]; /* by sequence: checksum of the record */
	uint64_t n_acked;
};

static struct client client;

static void
keep(struct peer *peer, const struct answer *answer)
{
	struct client *c = (struct client *)(void *)peer;
	const struct record *record = answer->tail;

	ck_assert_uint_gt(answer->frame.tag, c->last_tag);
	c->last_tag = answer->frame.tag;
	c->answers++;
	c->last_type = answer->frame.type;
	c->last_refusal = answer->frame.refusal;
	if (answer->frame.type == FRAME_REFUSED)
		c->refused++;
	if (answer->frame.type == FRAME_GUARDED)
		memcpy(&c->guard, answer->body, sizeof(c->guard));
	if (answer->frame.type != FRAME_DONE)
		return;
	ck_assert(record_well_formed(record, answer->tail_size));
	ck_assert_uint_lt(record->seq, ACKED_MAX);
	c->last_seq = record->seq;
	c->duplicate = ((const struct answer_done *)answer->body)->flags &
		ANSWER_DUPLICATE;
	if (c->duplicate) {
		/* The answer of the first time, to the bit. */
		ck_assert_uint_eq(c->acked[record->seq],
			crc32c(0, record, record->length));
		return;
	}
	c->acked[record->seq] = crc32c(0, record, record->length);
	c->n_acked = record->seq;
	if (c->stream)
		stream_saw(c->stream, record, INT64_MAX);
}

struct life {
	struct matcher matcher;
	struct journal_options options;
	struct disk *disk;
};

static struct journal_options
small_journal(void)
{
	struct journal_options options = kit_options();

	options.batch_bytes = 2 * RECORD_MAX_BYTES;
	options.segment_bytes = 4 * RECORD_MAX_BYTES;
	options.engine = ENGINE_VERSION;
	return options;
}

static enum status
live(struct life *life, struct disk *disk, const struct engine_options *options)
{
	struct reason reason = {""};
	struct matcher *m = &life->matcher;
	enum status status;

	memset(life, 0, sizeof(*life));
	life->disk = disk;
	life->options = small_journal();
	m->options = *options;
	m->send = keep;
	m->pending = calloc(PENDING_MAX, sizeof(*m->pending));
	m->slots = calloc(INSTRUMENTS_MAX, sizeof(*m->slots));
	ck_assert(m->pending && m->slots);
	status = matcher_recover(m, disk, &life->options, &reason);
	if (status == ST_OK)
		m->now_us = engine_time_us(m->engine);
	return status;
}

/* The process is gone; what it had in memory with it. */
static void
die(struct life *life)
{
	if (life->matcher.journal)
		journal_abandon(life->matcher.journal);
	if (life->matcher.lookup)
		journal_lookup_close(life->matcher.lookup);
	engine_free(life->matcher.engine);
	free(life->matcher.pending);
	free(life->matcher.slots);
}

static union {
	struct frame frame;
	char bytes[FRAME_REQUEST_MAX];
} request;

static const struct frame *
frame_of(uint64_t tag, const struct command_envelope *who,
	const struct message *command)
{
	static const struct command_envelope nobody;

	memset(&request, 0, sizeof(request));
	request.frame = (struct frame){
		.length = (uint32_t)(sizeof(struct frame) + sizeof(*who) +
			command->size),
		.type = FRAME_COMMAND,
		.tag = tag,
	};
	memcpy(request.bytes + sizeof(struct frame), who ? who : &nobody,
		sizeof(nobody));
	memcpy(request.bytes + sizeof(struct frame) + sizeof(nobody), command,
		command->size);
	return &request.frame;
}

/* One command in a batch of its own. */
static void
send_one(struct life *life, const struct command_envelope *who, void *command)
{
	static uint64_t tag;

	client.last_tag = tag;
	ck_assert_int_eq(matcher_begin(&life->matcher,
				 life->matcher.now_us + 1),
		ST_OK);
	ck_assert(matcher_take(&life->matcher, &client.peer,
		frame_of(++tag, who, command)));
	ck_assert_int_eq(matcher_commit(&life->matcher), ST_OK);
	ck_assert_uint_eq(client.last_tag, tag);
}

/* ---- crashes ---- */

/* Run random batches until the power goes.  False when it did not. */
static bool
run_until_crash(struct life *life, struct disk_sim *sim, struct stream *stream)
{
	struct matcher *m = &life->matcher;
	union stream_command command;
	uint64_t tag = client.last_tag;
	int64_t now;
	int batch, n;

	for (batch = 0; batch < 60; batch++) {
		if (matcher_begin(m, stream->now) != ST_OK)
			return true;
		n = 1 + (int)disk_sim_random(sim, 30);
		while (n-- > 0) {
			stream_next(stream, &command, &now);
			m->now_us = now > m->now_us ? now : m->now_us;
			if (command.head.size > FRAME_REQUEST_MAX - 48)
				continue;
			ck_assert(matcher_take(m, &client.peer,
				frame_of(++tag, NULL, &command.head)));
		}
		if (matcher_commit(m) != ST_OK)
			return true;
		if (journal_tick(m->journal, m->now_us) != ST_OK)
			return true;
	}
	return disk_sim_failed(sim);
}

/* All that was ever answered is in this life, as it was answered. */
static void
check_acked(struct life *life)
{
	const struct record *record;
	struct reason reason = {""};
	char why[200] = "";
	uint64_t seq;

	ck_assert_uint_ge(engine_seq(life->matcher.engine), client.n_acked);
	ck_assert_msg(engine_sound(life->matcher.engine, why, sizeof(why)),
		"%s", why);
	for (seq = 1; seq <= client.n_acked; seq++) {
		/* The end of an unanswered batch may have been kept. */
		if (client.acked[seq] == 0)
			continue;
		ck_assert_int_eq(journal_lookup_find(life->matcher.lookup, seq,
					 &record, &reason),
			ST_OK);
		ck_assert_uint_eq(client.acked[seq],
			crc32c(0, record, record->length));
	}
}

static void
simulate(uint64_t seed)
{
	struct disk_sim *sim = disk_sim_new(seed);
	struct dice dice = dice_seeded(seed);
	struct engine_options options = stream_options(&dice);
	struct stream stream;
	struct life life;
	int crash;

	memset(&client, 0, sizeof(client));
	stream_init(&stream, dice);
	client.stream = &stream;
	for (crash = 0; crash < 5; crash++) {
		ck_assert_int_eq(live(&life, disk_sim_disk(sim), &options),
			ST_OK);
		check_acked(&life);
		/* What was durable but never answered counts from now on. */
		memset(client.acked + client.n_acked + 1, 0,
			sizeof(uint32_t) * 100);
		client.n_acked = engine_seq(life.matcher.engine);
		disk_sim_fail(sim, 1 + disk_sim_random(sim, 150), FAULT_POWER,
			true);
		run_until_crash(&life, sim, &stream);
		die(&life);
		disk_sim_crash(sim);
		disk_sim_fail(sim, 0, FAULT_POWER, false);
	}
	disk_sim_free(sim);
}

START_TEST(nothing_answered_is_lost)
{
	uint64_t seed, n = kit_scale(40, 20000);

	for (seed = 1; seed <= n; seed++)
		simulate(seed);
}
END_TEST

START_TEST(a_failed_sync_answers_nobody)
{
	static const enum disk_fault faults[] = {FAULT_EIO, FAULT_ENOSPC,
		FAULT_SHORT};
	struct disk_sim *sim = disk_sim_new(7);
	struct cmd_user_create create = {
		.head = {sizeof(create), CMD_USER_CREATE, 1}};
	struct life life;
	uint64_t answers;

	memset(&client, 0, sizeof(client));
	ck_assert_int_eq(live(&life, disk_sim_disk(sim), &engine_defaults),
		ST_OK);
	send_one(&life, NULL, &create);
	ck_assert_uint_eq(client.last_type, FRAME_DONE);
	answers = client.answers;
	create.head.user = 2;
	disk_sim_fail(sim, 1 + (uint64_t)(_i % 2), faults[_i / 2], false);
	ck_assert_int_eq(matcher_begin(&life.matcher, 1), ST_OK);
	ck_assert(matcher_take(&life.matcher, &client.peer,
		frame_of(1000, NULL, &create.head)));
	/* A write that stops for want of space may be healed by another
	 * segment; then it must be answered, and be there. */
	if (matcher_commit(&life.matcher) == ST_OK) {
		ck_assert_uint_eq(client.answers, answers + 1);
		client.n_acked = 2;
	} else {
		ck_assert_uint_eq(client.answers, answers);
	}
	die(&life);
	disk_sim_kill(sim);
	ck_assert_int_eq(live(&life, disk_sim_disk(sim), &engine_defaults),
		ST_OK);
	check_acked(&life);
	die(&life);
	disk_sim_free(sim);
}
END_TEST

/* ---- who may ---- */

#define SESSION ((struct ident){{7, 7, 7}})

static void
make_user(struct life *life, uint32_t number, enum user_role role)
{
	struct cmd_user_create create = {
		.head = {sizeof(create), CMD_USER_CREATE, number},
		.role = (uint8_t)role,
	};

	send_one(life, NULL, &create);
	ck_assert_uint_eq(client.last_type, FRAME_DONE);
}

static void
ask_guard(struct life *life, uint32_t user, uint32_t epoch)
{
	struct {
		struct frame frame;
		struct guard_request guard;
	} ask = {.frame = {sizeof(ask), FRAME_GUARD, 0, client.last_tag + 1},
		.guard = {.session = SESSION, .user = user, .epoch = epoch}};

	ck_assert_int_eq(matcher_begin(&life->matcher, 1), ST_OK);
	ck_assert(matcher_take(&life->matcher, &client.peer, &ask.frame));
	/* From memory: it does not wait for the batch. */
	ck_assert_uint_eq(client.last_type, FRAME_GUARDED);
	ck_assert_int_eq(matcher_commit(&life->matcher), ST_OK);
}

static uint16_t
cancel_all_as(struct life *life, struct command_envelope who, uint32_t whose)
{
	struct cmd_order_cancel_all cmd = {
		.head = {sizeof(cmd), CMD_ORDER_CANCEL_ALL, whose},
		.instrument = INSTRUMENT_ANY,
		.side = SIDE_BOTH,
	};

	send_one(life, &who, &cmd);
	return client.last_type == FRAME_DONE ? REFUSED_NONE
					      : client.last_refusal;
}

START_TEST(sessions_are_checked_with_each_command)
{
	struct disk_sim *sim = disk_sim_new(1);
	struct command_envelope ann = {SESSION, 1, 1, 0}, op = {SESSION, 2, 1, 0};
	struct cmd_user_set lock = {.head = {sizeof(lock), CMD_USER_SET, 1},
		.change = USER_CHANGE_LOCK, .locked = 1};
	struct cmd_user_set rise = {.head = {sizeof(rise), CMD_USER_SET, 1},
		.change = USER_CHANGE_ROLE, .role = ROLE_ADMIN};
	struct cmd_session_revoke revoke = {
		.head = {sizeof(revoke), CMD_SESSION_REVOKE, 1},
		.session = SESSION, .expires_us = KIT_TIME};
	struct command_envelope late = ann;
	struct life life;

	memset(&client, 0, sizeof(client));
	ck_assert_int_eq(live(&life, disk_sim_disk(sim), &engine_defaults),
		ST_OK);
	life.matcher.now_us = KIT_TIME;
	make_user(&life, 1, ROLE_USER);
	make_user(&life, 2, ROLE_OPERATOR);
	ck_assert_uint_eq(cancel_all_as(&life, ann, 1), REFUSED_NONE);
	ck_assert_uint_eq(cancel_all_as(&life, ann, 2), REFUSED_NOT_ALLOWED);
	ck_assert_uint_eq(cancel_all_as(&life, op, 1), REFUSED_NONE);
	late.not_after_us = 1; /* since the machine began */
	ck_assert_uint_eq(cancel_all_as(&life, late, 1), REFUSED_LATE);
	/* Nobody makes himself an admin, whatever the handler lets through. */
	send_one(&life, &ann, &rise);
	ck_assert_uint_eq(client.last_refusal, REFUSED_NOT_ALLOWED);
	ask_guard(&life, 1, 1);
	ck_assert_uint_eq(client.guard.verdict, GUARD_OK);
	ask_guard(&life, 1, 2);
	ck_assert_uint_eq(client.guard.verdict, GUARD_REVOKED);
	ask_guard(&life, 99, 1);
	ck_assert_uint_eq(client.guard.verdict, GUARD_REVOKED);
	ck_assert_uint_eq(client.guard.epoch, 0);
	send_one(&life, &ann, &revoke);
	ck_assert_uint_eq(client.last_type, FRAME_DONE);
	ck_assert_uint_eq(cancel_all_as(&life, ann, 1), REFUSED_SESSION_ENDED);
	ask_guard(&life, 1, 1);
	ck_assert_uint_eq(client.guard.verdict, GUARD_REVOKED);
	send_one(&life, NULL, &lock);
	ck_assert_uint_eq(cancel_all_as(&life, ann, 1), REFUSED_USER_LOCKED);
	ask_guard(&life, 1, 1);
	ck_assert_uint_eq(client.guard.verdict, GUARD_LOCKED);
	die(&life);
	disk_sim_free(sim);
}
END_TEST

START_TEST(what_was_done_is_answered_again_after_a_restart)
{
	struct disk_sim *sim = disk_sim_new(1);
	struct cmd_user_create create = {
		.head = {sizeof(create), CMD_USER_CREATE, 1}};
	struct life life;
	uint64_t seq;

	memset(&client, 0, sizeof(client));
	ck_assert_int_eq(live(&life, disk_sim_disk(sim), &engine_defaults),
		ST_OK);
	life.matcher.now_us = KIT_TIME;
	create.intent = ident_make(KIT_TIME / 1000, 1, 1);
	send_one(&life, NULL, &create);
	ck_assert(client.last_type == FRAME_DONE && !client.duplicate);
	seq = client.last_seq;
	send_one(&life, NULL, &create);
	ck_assert(client.last_type == FRAME_DONE && client.duplicate);
	die(&life);
	disk_sim_kill(sim);
	ck_assert_int_eq(live(&life, disk_sim_disk(sim), &engine_defaults),
		ST_OK);
	send_one(&life, NULL, &create);
	ck_assert(client.last_type == FRAME_DONE && client.duplicate);
	ck_assert_uint_eq(client.last_seq, seq);
	create.role = ROLE_ADMIN;
	send_one(&life, NULL, &create);
	ck_assert_uint_eq(client.last_refusal, REFUSED_INTENT_OTHER);
	die(&life);
	disk_sim_free(sim);
}
END_TEST

START_TEST(frames_that_are_none_are_refused)
{
	struct disk_sim *sim = disk_sim_new(1);
	struct cmd_tick tick = {{sizeof(tick), CMD_TICK, 0}};
	struct {
		struct frame frame;
		char rest[48];
	} raw = {.frame = {sizeof(struct frame), FRAME_COMMAND, 0, 1}};
	struct life life;
	uint16_t type;

	memset(&client, 0, sizeof(client));
	ck_assert_int_eq(live(&life, disk_sim_disk(sim), &engine_defaults),
		ST_OK);
	/* Only the matcher itself lets time pass. */
	send_one(&life, NULL, &tick);
	ck_assert_uint_eq(client.last_refusal, REFUSED_BAD_COMMAND);
	for (type = 0; type < 40; type++) {
		if (type == FRAME_STATS)
			continue;
		raw.frame.type = type;
		raw.frame.tag = client.last_tag + 1;
		ck_assert_int_eq(matcher_begin(&life.matcher, 1), ST_OK);
		ck_assert(matcher_take(&life.matcher, &client.peer,
			&raw.frame));
		ck_assert_int_eq(matcher_commit(&life.matcher), ST_OK);
		ck_assert_uint_eq(client.last_refusal, REFUSED_BAD_COMMAND);
	}
	ck_assert_uint_eq(engine_seq(life.matcher.engine), 0);
	die(&life);
	disk_sim_free(sim);
}
END_TEST

/* ---- stops ---- */

/* BTC/USD at a tick and lot of 1, and users 1 to 3 with plenty of both. */
static void
open_market(struct life *life)
{
	struct cmd_asset_set asset = {
		.head = {sizeof(asset), CMD_ASSET_SET, 0}, .code = "USD"};
	struct cmd_instrument_set set = {
		.head = {sizeof(set), CMD_INSTRUMENT_SET, 0},
		.terms = {.base = 1, .symbol = "BTC/USD", .tick = DECIMAL_ONE,
			.lot = DECIMAL_ONE, .collar = 100000}};
	struct cmd_deposit deposit = {.head = {sizeof(deposit), CMD_DEPOSIT, 0},
		.amount = 100000 * DECIMAL_ONE};
	uint32_t user;

	send_one(life, NULL, &asset);
	asset.asset = 1;
	memcpy(asset.code, "BTC", 4);
	send_one(life, NULL, &asset);
	send_one(life, NULL, &set);
	for (user = 1; user <= 3; user++) {
		make_user(life, user, ROLE_USER);
		deposit.head.user = user;
		for (deposit.asset = 0; deposit.asset < 2; deposit.asset++)
			send_one(life, NULL, &deposit);
	}
}

static struct cmd_order_place
order(uint32_t user, enum side side, enum order_type type, int price, int stop)
{
	return (struct cmd_order_place){
		.head = {ORDER_PLACE_SHORT, CMD_ORDER_PLACE, user},
		.side = (uint8_t)side,
		.type = (uint8_t)type,
		.price = price * DECIMAL_ONE,
		.stop_price = stop * DECIMAL_ONE,
		.quantity = DECIMAL_ONE,
	};
}

START_TEST(a_reached_stop_fires_before_the_next_command)
{
	struct disk_sim *sim = disk_sim_new(1);
	struct cmd_order_place ask = order(1, SIDE_SELL, TYPE_LIMIT, 100, 0);
	struct cmd_order_place stop = order(2, SIDE_BUY, TYPE_STOP_LOSS, 0, 100);
	struct cmd_order_place hit = order(3, SIDE_BUY, TYPE_LIMIT, 100, 0);
	const struct record *record;
	struct reason reason = {""};
	struct life life;
	uint64_t seq, tag;

	memset(&client, 0, sizeof(client));
	ck_assert_int_eq(live(&life, disk_sim_disk(sim), &engine_defaults),
		ST_OK);
	life.matcher.now_us = KIT_TIME;
	open_market(&life);
	send_one(&life, NULL, &ask);
	send_one(&life, NULL, &ask);
	send_one(&life, NULL, &stop);
	seq = client.last_seq;
	tag = client.last_tag;
	/* The trade, and in the same batch who would take the rest, too. */
	ck_assert_int_eq(matcher_begin(&life.matcher, KIT_TIME + 1000), ST_OK);
	ck_assert(matcher_take(&life.matcher, &client.peer,
		frame_of(tag + 1, NULL, &hit.head)));
	ck_assert(matcher_take(&life.matcher, &client.peer,
		frame_of(tag + 2, NULL, &hit.head)));
	ck_assert_int_eq(matcher_commit(&life.matcher), ST_OK);
	ck_assert_uint_eq(client.last_seq, seq + 3);
	ck_assert_int_eq(journal_lookup_find(life.matcher.lookup, seq + 2,
				 &record, &reason),
		ST_OK);
	ck_assert_uint_eq(record_command(record)->type, CMD_TICK);
	ck_assert_uint_eq(record_events(record)->type, EV_ORDER_TRIGGERED);
	ck_assert_uint_eq(record_events(record)->user, 2);
	ck_assert_int_eq(engine_balance(life.matcher.engine, 2, 1).available,
		100001 * DECIMAL_ONE);
	ck_assert_int_eq(engine_deadline_us(life.matcher.engine), INT64_MAX);
	die(&life);
	disk_sim_free(sim);
}
END_TEST

Suite *
suite(void)
{
	Suite *s = suite_create("matcher");
	TCase *crashes = tcase_create("crashes");
	TCase *who = tcase_create("who may");
	TCase *stops = tcase_create("stops");

	tcase_set_timeout(crashes, 3600);
	tcase_add_test(crashes, nothing_answered_is_lost);
	tcase_add_loop_test(crashes, a_failed_sync_answers_nobody, 0, 6);
	tcase_add_test(who, sessions_are_checked_with_each_command);
	tcase_add_test(who, what_was_done_is_answered_again_after_a_restart);
	tcase_add_test(who, frames_that_are_none_are_refused);
	suite_add_tcase(s, crashes);
	suite_add_tcase(s, who);
	tcase_add_test(stops, a_reached_stop_fires_before_the_next_command);
	suite_add_tcase(s, stops);
	return s;
}
