/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * matcher_step.c - requests in, one durable batch, answers out.
 *
 * The engine writes each record straight into the journal's buffer, and the
 * answer to its command is that same memory: a record is encoded once.
 */
#include <assert.h>
#include <string.h>

#include "base/clock.h"
#include "daemons/matcher.h"

enum status
matcher_begin(struct matcher *m, int64_t now_us)
{
	void *buffer = NULL;
	enum status status = journal_begin(m->journal, &buffer, &m->capacity);

	if (status != ST_OK && status != ST_UNAVAILABLE)
		return status;
	/* No room at all: guards and figures are answered all the same. */
	if (status == ST_UNAVAILABLE) {
		m->capacity = 0;
		buffer = NULL;
	}
	m->buffer = buffer;
	m->used = 0;
	m->n_records = 0;
	m->n_pending = 0;
	m->first_seq = engine_seq(m->engine) + 1;
	/* Time never goes back, whatever the clock that was handed in does. */
	if (now_us > m->now_us)
		m->now_us = now_us;
	/* A deadline of two seconds must not wait for a clock that was put
	 * back by an hour, neither ours nor the sender's. */
	m->monotonic_us = clock_monotonic_us();
	return ST_OK;
}

static struct pending *
pend(struct matcher *m, struct peer *peer, uint64_t tag, enum frame_type kind)
{
	struct pending *p = &m->pending[m->n_pending++];

	p->peer = peer;
	p->tag = tag;
	p->kind = (uint8_t)kind;
	p->refusal = REFUSED_NONE;
	p->done_seq = 0;
	if (peer)
		peer->pending++;
	return p;
}

void
matcher_refuse(struct matcher *m, struct peer *peer, uint64_t tag,
	enum refusal refusal)
{
	m->refused++;
	pend(m, peer, tag, FRAME_REFUSED)->refusal = (uint16_t)refusal;
}

/* Does the command take room, which a full disk cannot give? */
static bool
takes_room(uint16_t type)
{
	return type == CMD_ORDER_PLACE || type == CMD_ORDER_AMEND ||
		type == CMD_DEPOSIT || type == CMD_WITHDRAW_HOLD ||
		type == CMD_USER_CREATE || type == CMD_ORDER_OCO ||
		type == CMD_RISK_CHECK;
}

/* The most that a command and its events can come to. */
static size_t
room_for(uint16_t type)
{
	if (type == CMD_ORDER_PLACE || type == CMD_ORDER_AMEND ||
		type == CMD_ORDER_OCO || type == CMD_ORDER_CANCEL_ALL ||
		type == CMD_USER_SET ||
		type == CMD_INSTRUMENT_SET || type == CMD_TICK)
		return RECORD_MAX_BYTES;
	/* A command of at most a frame, and a handful of events. */
	return 4 * FRAME_REQUEST_MAX;
}

static enum refusal
check_envelope(const struct matcher *m, const struct command_envelope *who,
	const struct message *command)
{
	struct user_facts facts;

	if (who->not_after_us != 0 && m->monotonic_us > who->not_after_us)
		return REFUSED_LATE;
	if (ident_is_none(who->session))
		return who->user == USER_HOUSE ? REFUSED_NONE
					       : REFUSED_SESSION_ENDED;
	facts = engine_user(m->engine, who->user);
	if (!facts.exists)
		return REFUSED_SESSION_ENDED;
	/* A lock raises the epoch; who is locked is told that, not this. */
	if (facts.locked)
		return REFUSED_USER_LOCKED;
	if (facts.epoch != who->epoch ||
		engine_session_revoked(m->engine, who->session))
		return REFUSED_SESSION_ENDED;
	if (command->user != who->user && facts.role < ROLE_OPERATOR)
		return REFUSED_NOT_ALLOWED;
	return REFUSED_NONE;
}

/* What a session of one's own, not an operator's, may command. */
static bool
is_for_users(const struct message *command)
{
	const struct cmd_user_set *set = (const void *)command;
	uint16_t type = command->type;

	/* Of what a user is, he may end his own sessions; nothing else. */
	if (type == CMD_USER_SET)
		return set->change == USER_CHANGE_EPOCH;
	return type == CMD_ORDER_PLACE || type == CMD_ORDER_CANCEL ||
		type == CMD_ORDER_CANCEL_ALL || type == CMD_ORDER_AMEND ||
		type == CMD_WITHDRAW_HOLD || type == CMD_WITHDRAW_RELEASE ||
		type == CMD_SESSION_REVOKE || type == CMD_LIMIT_SET ||
		type == CMD_ORDER_OCO || type == CMD_CANCEL_AFTER;
}

static enum refusal
check_command(const struct matcher *m, const struct frame *frame)
{
	const struct command_envelope *who = (const void *)(frame + 1);
	const struct message *command = (const void *)(who + 1);
	size_t head = sizeof(*frame) + sizeof(*who);
	enum refusal refusal;

	if (frame->length < head + sizeof(*command) ||
		!command_well_formed(command, frame->length - head) ||
		command->type == CMD_TICK)
		return REFUSED_BAD_COMMAND;
	refusal = check_envelope(m, who, command);
	if (refusal != REFUSED_NONE)
		return refusal;
	if (!ident_is_none(who->session) && !is_for_users(command) &&
		engine_user(m->engine, who->user).role < ROLE_OPERATOR)
		return REFUSED_NOT_ALLOWED;
	/* Here the batch is empty, or matcher_take() has seen to the room. */
	if (m->capacity - m->used < room_for(command->type) ||
		(journal_disk_low(m->journal) && takes_room(command->type)))
		return REFUSED_DISK_LOW;
	return REFUSED_NONE;
}

/* Apply COMMAND into the batch; its answer is pending as P. */
static void
apply(struct matcher *m, const struct message *command, struct pending *p)
{
	struct record *record = (struct record *)(void *)(m->buffer + m->used);
	enum refusal refusal = engine_apply(m->engine, m->now_us, command,
		record, &p->done_seq);

	if (refusal != REFUSED_NONE) {
		m->refused++;
		p->kind = FRAME_REFUSED;
		p->refusal = (uint16_t)refusal;
		return;
	}
	if (p->done_seq != 0)
		return;
	publish_note(m, record);
	p->record = (uint32_t)m->used;
	m->used += record->length;
	m->n_records++;
	m->commands++;
}

static void
tick(struct matcher *m)
{
	static const struct cmd_tick command = {{sizeof(command), CMD_TICK, 0}};

	apply(m, &command.head, pend(m, NULL, 0, FRAME_DONE));
	m->n_pending--; /* nobody waits for its answer */
}

void
matcher_tick(struct matcher *m)
{
	while (engine_deadline_us(m->engine) <= m->now_us &&
		m->n_pending < PENDING_MAX &&
		m->capacity - m->used >= room_for(CMD_TICK))
		tick(m);
}

static void
take_command(struct matcher *m, struct peer *peer, const struct frame *frame)
{
	const struct command_envelope *who = (const void *)(frame + 1);
	enum refusal refusal = check_command(m, frame);

	if (refusal != REFUSED_NONE)
		matcher_refuse(m, peer, frame->tag, refusal);
	else
		apply(m, (const void *)(who + 1),
			pend(m, peer, frame->tag, FRAME_DONE));
	/* Stops that its trades have reached come before the next command. */
	matcher_tick(m);
}

static void
take_guard(struct matcher *m, struct peer *peer, const struct frame *frame)
{
	const struct guard_request *ask = (const void *)(frame + 1);
	struct guard_answer verdict;
	struct user_facts facts;

	if (frame->length != sizeof(*frame) + sizeof(*ask)) {
		matcher_refuse(m, peer, frame->tag, REFUSED_BAD_COMMAND);
		return;
	}
	facts = engine_user(m->engine, ask->user);
	verdict = (struct guard_answer){
		.last_seq = facts.last_seq,
		.global_seq = engine_seq(m->engine),
		.verdict = GUARD_OK,
		.role = facts.role,
		.reduce_only = facts.reduce_only,
		.epoch = facts.epoch,
	};
	if (!facts.exists)
		verdict.verdict = GUARD_REVOKED;
	else if (facts.locked)
		verdict.verdict = GUARD_LOCKED;
	else if (facts.epoch != ask->epoch ||
		(!ident_is_none(ask->session) &&
			engine_session_revoked(m->engine, ask->session)))
		verdict.verdict = GUARD_REVOKED;
	m->guards++;
	/* It needs no sync; but answers keep the order of the requests. */
	if (peer->pending > 0)
		pend(m, peer, frame->tag, FRAME_GUARDED)->guard = verdict;
	else
		m->send(peer, &(struct answer){
				.frame = {.type = FRAME_GUARDED,
					.tag = frame->tag},
				.body = &verdict,
				.body_size = sizeof(verdict)});
}

static void
take_stats(struct matcher *m, struct peer *peer, const struct frame *frame)
{
	struct pending *p = pend(m, peer, frame->tag, FRAME_STATISTICS);

	p->stats = (struct stats_answer){
		.seq = engine_seq(m->engine),
		.durable_seq = journal_durable_seq(m->journal),
		.commands = m->commands,
		.refused = m->refused,
		.guards = m->guards,
		.batches = m->batches,
		.sync_us_total = m->sync_us_total,
		.sync_us_max = m->sync_us_max,
		.open_orders = engine_open_orders(m->engine),
		.users = engine_users(m->engine),
		.trades = engine_trades(m->engine),
		.journal_bytes = journal_bytes(m->journal),
		.started_us = m->started_us,
		.last_snapshot_seq = m->last_snapshot_seq,
		.connections = m->connections,
		.disk_low = journal_disk_low(m->journal),
	};
}

bool
matcher_take(struct matcher *m, struct peer *peer, const struct frame *frame)
{
	if (m->n_pending == PENDING_MAX)
		return false;
	if (frame->type == FRAME_COMMAND && m->n_records > 0 &&
		(m->used >= BATCH_TARGET_BYTES ||
			m->capacity - m->used < RECORD_MAX_BYTES))
		return false;
	switch (frame->type) {
	case FRAME_COMMAND:
		take_command(m, peer, frame);
		break;
	case FRAME_GUARD:
		take_guard(m, peer, frame);
		break;
	case FRAME_STATS:
		take_stats(m, peer, frame);
		break;
	default:
		matcher_refuse(m, peer, frame->tag, REFUSED_BAD_COMMAND);
		break;
	}
	return true;
}

static void
answer_done(struct matcher *m, const struct pending *p, struct answer *answer)
{
	const struct record *record =
		(const struct record *)(const void *)(m->buffer + p->record);
	struct answer_done done = {.flags = 0};
	struct reason reason = {""};
	enum status status;

	if (p->done_seq != 0) {
		done.flags = ANSWER_DUPLICATE;
		status = journal_lookup_find(m->lookup, p->done_seq, &record,
			&reason);
		if (status != ST_OK) {
			/* It was done, but what it did cannot be told here. */
			answer->frame.type = FRAME_REFUSED;
			answer->frame.refusal = REFUSED_FORGOTTEN;
			m->send(p->peer, answer);
			return;
		}
	}
	done.seq = record->seq;
	answer->body = &done;
	answer->body_size = sizeof(done);
	answer->tail = record;
	answer->tail_size = record->length;
	m->send(p->peer, answer);
}

static void
answer_all(struct matcher *m)
{
	size_t i;

	for (i = 0; i < m->n_pending; i++) {
		const struct pending *p = &m->pending[i];
		struct answer answer = {
			.frame = {.type = p->kind,
				.refusal = p->refusal,
				.tag = p->tag},
		};

		p->peer->pending--;
		switch (p->kind) {
		case FRAME_DONE:
			answer_done(m, p, &answer);
			continue;
		case FRAME_GUARDED:
			answer.body = &p->guard;
			answer.body_size = sizeof(p->guard);
			break;
		case FRAME_STATISTICS:
			answer.body = &p->stats;
			answer.body_size = sizeof(p->stats);
			break;
		default:
			break;
		}
		m->send(p->peer, &answer);
	}
}

enum status
matcher_commit(struct matcher *m)
{
	int64_t start;
	uint64_t took;

	if (m->n_records > 0) {
		TRY(journal_write(m->journal, m->used, m->n_records,
			m->first_seq, m->now_us));
		start = clock_monotonic_us();
		TRY(journal_sync(m->journal));
		took = (uint64_t)(clock_monotonic_us() - start);
		m->sync_us_total += took;
		if (took > m->sync_us_max)
			m->sync_us_max = took;
		m->batches++;
		publish_dirty(m);
		if (m->page)
			book_page_set_durable(m->page,
				journal_durable_seq(m->journal));
	}
	answer_all(m);
	m->n_pending = 0;
	return ST_OK;
}
