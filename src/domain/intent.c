/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * intent.c - promised commands: written, sent, and what became of them.
 */
#include "domain/intent.h"

#include <assert.h>
#include <string.h>

#include "base/clock.h"
#include "db/db.h"
#include "domain/core.h"
#include "domain/settled.h"

enum status
intent_write(struct ctx *ctx, struct ident id, const char *source,
	struct ident reference, const struct message *command)
{
	assert(command_well_formed(command, command->size));
	return db_exec(ctx,
		"INSERT INTO intents (id, source, reference, user_id, command, "
		"created_at) VALUES (?, ?, ?, ?, ?, ?)",
		DB_IN(db_ident(id), db_text(source), db_ident(reference),
			db_u64(command->user), db_bytes(command, command->size),
			db_time(ctx->now_us)),
		NULL);
}

enum status
intent_find(struct ctx *ctx, const char *source, struct ident reference,
	struct ident *id)
{
	return db_one(ctx,
		"SELECT id FROM intents WHERE source = ? AND reference = ?",
		DB_IN(db_text(source), db_ident(reference)),
		DB_OUT(db_to_ident(id)));
}

/* ---- Sending ---------------------------------------------------------- */

/* Of these the core may think differently later. */
static bool
is_passing(unsigned refusal)
{
	return refusal_row(refusal)->status == ST_UNAVAILABLE;
}

static enum status
note_tried(struct ctx *ctx, struct ident id, unsigned refusal)
{
	return db_exec(ctx,
		"UPDATE intents SET attempts = attempts + 1, tried_at = ?, "
		"refusal = ? WHERE id = ? AND state = 'open'",
		DB_IN(db_time(clock_wall_us()), db_u64(refusal), db_ident(id)),
		NULL);
}

static enum status
note_end(struct ctx *ctx, struct ident id, const struct core_reply *reply)
{
	const char *state = reply->refusal == 0                    ? "done"
			    : reply->refusal == REFUSED_INTENT_OLD ? "stale"
								   : "refused";
	int64_t now_us = clock_wall_us();

	return db_exec(ctx,
		"UPDATE intents SET state = ?, refusal = ?, seq = ?, "
		"attempts = attempts + 1, tried_at = ?, finished_at = ? "
		"WHERE id = ? AND state = 'open'",
		DB_IN(db_text(state), db_u64(reply->refusal),
			db_u64(reply->refusal == 0 ? reply->seq : 0),
			db_time(now_us), db_time(now_us), db_ident(id)),
		NULL);
}

static enum status
ask_core(struct ctx *ctx, const struct message *command,
	struct core_reply *reply)
{
	/* A log-in may have hashed for seconds since its request came. */
	struct command_envelope nobody = {
		.not_after_us = clock_monotonic_us() + CORE_PATIENCE_US};

	TRY(core_send(ctx->core, &nobody, command));
	TRY(core_flush(ctx->core));
	return core_receive(ctx->core, CORE_PATIENCE_US, reply);
}

/* What the row says of ID; a command that was done is not sent again. */
struct promise {
	const char *state;
	uint64_t seq;
	uint16_t refusal;
	const uint8_t *bytes;
	size_t length;
};

static enum status
load(struct ctx *ctx, struct ident id, struct promise *out)
{
	return db_one(ctx,
		"SELECT state, seq, refusal, command FROM intents WHERE id = ?",
		DB_IN(db_ident(id)),
		DB_OUT(db_to_text(&out->state), db_to_u64(&out->seq),
			db_to_u16(&out->refusal),
			db_to_bytes(&out->bytes, &out->length)));
}

/* Aligned as a message has to be; NULL when it is none. */
static const struct message *
command_of(struct ctx *ctx, const uint8_t *bytes, size_t length)
{
	struct message *command = arena_alloc(ctx->arena, length);

	memcpy(command, bytes, length);
	return command_well_formed(command, length) ? command : NULL;
}

enum status
intent_send_seq(struct ctx *ctx, struct ident id, uint64_t *seq)
{
	const struct message *command;
	struct core_reply reply = {0};
	struct promise promise;
	enum status status, noted;

	TRY(load(ctx, id, &promise));
	if (strcmp(promise.state, "done") == 0) {
		*seq = promise.seq;
		settled_expect(ctx->settled, promise.seq);
		return ST_OK;
	}
	if (strcmp(promise.state, "open") != 0)
		return core_refused(ctx, promise.refusal);
	command = command_of(ctx, promise.bytes, promise.length);
	if (!command)
		return fail(ctx, ST_INTERNAL, NULL,
			"a stored command cannot be read");
	status = ask_core(ctx, command, &reply);
	if (status == ST_OK && reply.refusal != 0)
		status = core_refused(ctx, reply.refusal);
	/*
	 * Should the note fail it stays open and is sent again, which the core
	 * answers as it did now: the outcome is what counts.
	 */
	noted = status == ST_UNAVAILABLE || status == ST_OUTCOME_UNKNOWN ||
				is_passing(reply.refusal)
			? note_tried(ctx, id, reply.refusal)
			: note_end(ctx, id, &reply);
	(void)noted;
	if (status == ST_OK) {
		*seq = reply.seq;
		settled_expect(ctx->settled, reply.seq);
	}
	return status;
}

enum status
intent_send(struct ctx *ctx, struct ident id)
{
	uint64_t seq;

	return intent_send_seq(ctx, id, &seq);
}

/* ---- In turn ---------------------------------------------------------- */

/* What is looked through at once for those that were promised before. */
#define OLDER_BATCH 64

struct word {
	uint32_t user;
	uint64_t number;
	const struct message *command; /* NULL: it cannot be read */
};

/* Does it set what another one of its kind sets too? */
static bool
is_word(const struct message *command)
{
	return command && (command->type == CMD_LIMIT_SET ||
				  command->type == CMD_USER_SET);
}

static enum status
load_word(struct ctx *ctx, struct ident id, struct word *out)
{
	const uint8_t *bytes;
	size_t length;

	TRY(db_one(ctx,
		"SELECT user_id, number, command FROM intents WHERE id = ?",
		DB_IN(db_ident(id)),
		DB_OUT(db_to_u32(&out->user), db_to_u64(&out->number),
			db_to_bytes(&bytes, &length))));
	out->command = command_of(ctx, bytes, length);
	return ST_OK;
}

/* Not ST_OK: OLDER stays open. */
static enum status
send_older(struct ctx *ctx, struct ident older)
{
	enum status status = intent_send(ctx, older);

	if (status == ST_UNAVAILABLE || status == ST_OUTCOME_UNKNOWN)
		return status;
	ctx->fault = (struct fault){0};
	return ST_OK;
}

static enum status
send_all_older(struct ctx *ctx, const struct word *word)
{
	const struct message *command;
	const uint8_t *bytes;
	struct db_rows *rows;
	uint64_t number = 0;
	struct ident id;
	size_t length;

	do {
		TRY(db_query(ctx,
			"SELECT id, number, command FROM intents "
			"WHERE user_id = ? AND state = 'open' "
			"AND number > ? AND number < ? ORDER BY number LIMIT ?",
			DB_IN(db_u64(word->user), db_u64(number),
				db_u64(word->number), db_u64(OLDER_BATCH)),
			&rows));
		while (db_next(rows,
			DB_OUT(db_to_ident(&id), db_to_u64(&number),
				db_to_bytes(&bytes, &length)))) {
			command = command_of(ctx, bytes, length);
			if (command && command->type == word->command->type)
				TRY(send_older(ctx, id));
		}
	} while (db_count(rows) == OLDER_BATCH);
	return ST_OK;
}

enum status
intent_send_in_turn(struct ctx *ctx, struct ident id)
{
	enum status status, noted;
	struct word word;

	TRY(load_word(ctx, id, &word));
	if (!is_word(word.command))
		return intent_send(ctx, id);
	status = send_all_older(ctx, &word);
	if (status == ST_OK)
		return intent_send(ctx, id);
	/* It was its turn as well, and is so again after the same pause. */
	noted = note_tried(ctx, id, 0);
	(void)noted;
	return status;
}

/* ---- What is still open ----------------------------------------------- */

static enum status
take_row(struct ctx *ctx, struct db_rows *rows, struct intent *out, bool *more)
{
	const uint8_t *bytes;
	size_t length;

	*more = db_next(rows,
		DB_OUT(db_to_ident(&out->id), db_to_text(&out->source),
			db_to_ident(&out->reference), db_to_u32(&out->user),
			db_to_u32(&out->attempts), db_to_time(&out->created_us),
			db_to_bytes(&bytes, &length)));
	if (!*more)
		return ST_OK;
	out->command = command_of(ctx, bytes, length);
	out->command_length = length;
	if (!out->command)
		return fail(ctx, ST_INTERNAL, NULL,
			"a stored command cannot be read");
	return ST_OK;
}

static enum status
take_rows(struct ctx *ctx, struct db_rows *rows, struct intent_list *out)
{
	struct intent_list list = {0};
	bool more = true;

	list.intents = arena_array(
		ctx->arena, db_count(rows) + 1, sizeof(*list.intents));
	for (;;) {
		TRY(take_row(ctx, rows, &list.intents[list.n], &more));
		if (!more)
			break;
		list.n++;
	}
	*out = list;
	return ST_OK;
}

enum status
intent_open(struct ctx *ctx, uint32_t user, int64_t before_us, unsigned limit,
	struct intent_list *out)
{
	static const char of_user[] =
		"SELECT id, source, reference, user_id, attempts, created_at, "
		"command FROM intents WHERE user_id = ? AND state = 'open' AND "
		"created_at < ? AND (tried_at IS NULL OR tried_at < ?) "
		"ORDER BY number LIMIT ?";
	static const char of_all[] =
		"SELECT id, source, reference, user_id, attempts, created_at, "
		"command FROM intents WHERE state = 'open' AND created_at < ? "
		"AND (tried_at IS NULL OR tried_at < ?) "
		"ORDER BY created_at LIMIT ?";
	struct db_rows *rows;

	if (user)
		TRY(db_query(ctx, of_user,
			DB_IN(db_u64(user), db_time(before_us),
				db_time(before_us), db_u64(limit)),
			&rows));
	else
		TRY(db_query(ctx, of_all,
			DB_IN(db_time(before_us), db_time(before_us),
				db_u64(limit)),
			&rows));
	return take_rows(ctx, rows, out);
}

enum status
intent_due(struct ctx *ctx, unsigned limit, struct intent_list *out)
{
	struct db_rows *rows;

	TRY(db_query(ctx,
		"SELECT id, source, reference, user_id, attempts, created_at, "
		"command FROM intents WHERE state = 'open' AND created_at < ? "
		"AND (tried_at IS NULL OR TIMESTAMPADD(SECOND, "
		"LEAST(1 << LEAST(attempts, 16), ?), tried_at) < ?) "
		"ORDER BY COALESCE(tried_at, created_at) LIMIT ?",
		DB_IN(db_time(ctx->now_us - INTENT_PAUSE_US),
			db_u64(INTENT_PAUSE_MAX_S), db_time(ctx->now_us),
			db_u64(limit)),
		&rows));
	return take_rows(ctx, rows, out);
}

enum status
intent_retire(struct ctx *ctx, uint64_t *out)
{
	struct db_done done;

	TRY(db_exec(ctx,
		"UPDATE intents SET state = 'stale', finished_at = ? "
		"WHERE state = 'open' AND created_at < ?",
		DB_IN(db_time(ctx->now_us),
			db_time(ctx->now_us - INTENT_LIFE_US)),
		&done));
	*out = done.affected;
	return ST_OK;
}
