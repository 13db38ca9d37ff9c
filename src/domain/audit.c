/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * audit.c - appending to the chain, and walking it.
 */
#include "domain/audit.h"

#include <string.h>

#include "auth/auth.h"
#include "auth/session.h"
#include "db/db.h"

#define KEY_VERSION 1

/* A row as it is hashed and stored. */
struct row {
	uint64_t id;
	int64_t at_us;
	const char *action, *outcome;
	uint32_t actor_id;
	const char *actor;
	uint32_t user_id;
	const char *subject;
	struct ident session;
	const char *request_id, *ip, *details;
	uint16_t key_version;
	struct digest previous, hash;
};

const char *
audit_tame(struct ctx *ctx, const char *text, size_t max)
{
	char *copy, *at;

	if (!text)
		return "";
	copy = arena_strndup(ctx->arena, text, strnlen(text, max));
	for (at = copy; *at; at++)
		if (*at < 0x20 || *at > 0x7e)
			*at = '?';
	return copy;
}

static struct digest
row_hash(const struct vault *vault, const struct row *row)
{
	struct digest_state state;

	digest_begin(&state, vault, DIGEST_AUDIT);
	digest_part(&state, row->previous.bytes, DIGEST_BYTES);
	digest_number(&state, (int64_t)row->id);
	digest_number(&state, row->at_us);
	digest_text(&state, row->action);
	digest_text(&state, row->outcome);
	digest_number(&state, row->actor_id);
	digest_text(&state, row->actor);
	digest_number(&state, row->user_id);
	digest_text(&state, row->subject);
	digest_part(&state, row->session.bytes, sizeof(row->session.bytes));
	digest_text(&state, row->request_id);
	digest_text(&state, row->ip);
	digest_text(&state, row->details);
	digest_number(&state, row->key_version);
	return digest_end(&state);
}

/* What keeps audit_head from being written by who has no key. */
static struct digest
head_seal(const struct vault *vault, uint64_t last_id,
	const struct digest *hash)
{
	struct digest_state state;

	digest_begin(&state, vault, DIGEST_AUDIT);
	digest_text(&state, "audit_head");
	digest_number(&state, (int64_t)last_id);
	digest_part(&state, hash->bytes, DIGEST_BYTES);
	return digest_end(&state);
}

/* ---- Writing ------------------------------------------------------------- */

static enum status
insert(struct ctx *ctx, const struct row *row)
{
	return db_exec(ctx,
		"INSERT INTO audit_log (id, at, action, outcome, actor_id, "
		"actor, user_id, subject, session_id, request_id, ip, details, "
		"key_version, previous_hash, hash) "
		"VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
		DB_IN(db_u64(row->id), db_time(row->at_us), db_text(row->action),
			db_text(row->outcome),
			row->actor_id ? db_u64(row->actor_id) : db_null(),
			db_text(row->actor),
			row->user_id ? db_u64(row->user_id) : db_null(),
			db_text(row->subject), db_ident_or_null(row->session),
			db_text(row->request_id), db_text(row->ip),
			db_text(row->details), db_u64(row->key_version),
			db_bytes(row->previous.bytes, DIGEST_BYTES),
			db_bytes(row->hash.bytes, DIGEST_BYTES)),
		NULL);
}

static void
fill(struct ctx *ctx, const struct audit_event *event, struct row *row)
{
	const struct session *session = ctx->session;
	char subject[IDENT_TEXT_MAX] = "";

	if (!ident_is_none(event->subject))
		ident_format(event->subject, subject);
	*row = (struct row){
		.at_us = ctx->now_us,
		.action = event->action,
		.outcome = event->outcome,
		.actor_id = event->actor,
		.actor = "",
		.user_id = event->user,
		.subject = arena_strdup(ctx->arena, subject),
		.session = session ? session->id : IDENT_NONE,
		.request_id = audit_tame(ctx, ctx->request_id, 64),
		.ip = audit_tame(ctx, ctx->remote_address, 45),
		.details = event->details ? event->details : "",
		.key_version = KEY_VERSION,
	};
	if (row->actor_id == 0 && session)
		row->actor_id = session->user;
	/* A program of ours acts for nobody: its name is its request. */
	if (row->actor_id == 0 && !ctx_is_remote(ctx))
		row->actor = row->request_id;
}

static enum status
write_tx(struct ctx *ctx, void *arg)
{
	const struct vault *vault = ctx->auth->vault;
	struct row row;
	struct digest seal;

	fill(ctx, arg, &row);
	TRY(db_one(ctx,
		"SELECT last_id, hash FROM audit_head WHERE id = 1 FOR UPDATE",
		DB_NOTHING,
		DB_OUT(db_to_u64(&row.id),
			db_to_fixed(row.previous.bytes, DIGEST_BYTES))));
	row.id++;
	row.hash = row_hash(vault, &row);
	TRY(insert(ctx, &row));
	seal = head_seal(vault, row.id, &row.hash);
	return db_exec(ctx,
		"UPDATE audit_head SET last_id = ?, hash = ?, seal = ? "
		"WHERE id = 1",
		DB_IN(db_u64(row.id), db_bytes(row.hash.bytes, DIGEST_BYTES),
			db_bytes(seal.bytes, DIGEST_BYTES)),
		NULL);
}

enum status
audit_write(struct ctx *ctx, const struct audit_event *event)
{
	struct audit_event copy = *event;

	return db_tx(ctx, write_tx, &copy);
}

/* ---- Walking ------------------------------------------------------------- */

struct walk {
	struct row row; /* as read */
	struct audit_mark at;
	const struct audit_mark *known;
	bool known_seen;
	struct audit_report *report;
};

static enum status
walk_row(struct ctx *ctx, void *arg)
{
	struct walk *walk = arg;
	struct audit_report *report = walk->report;
	struct digest hash = row_hash(ctx->auth->vault, &walk->row);

	/* All further rows hang on the first bad one. */
	if (report->finding != AUDIT_SOUND)
		return ST_OK;
	if (walk->row.id != walk->at.id + 1) {
		report->finding = AUDIT_MISSING;
		report->id = walk->at.id + 1;
		return ST_OK;
	}
	if (!digest_equal(&hash, &walk->row.hash) ||
		!digest_equal(&walk->row.previous, &walk->at.hash)) {
		report->finding = AUDIT_EDITED;
		report->id = walk->row.id;
		return ST_OK;
	}
	walk->at = (struct audit_mark){walk->row.id, hash};
	if (walk->known && walk->known->id == walk->at.id &&
		digest_equal(&walk->known->hash, &hash))
		walk->known_seen = true;
	report->rows++;
	return ST_OK;
}

static enum status
walk_rows(struct ctx *ctx, struct walk *walk)
{
	struct row *row = &walk->row;

	return db_each(ctx,
		"SELECT id, at, action, outcome, actor_id, actor, user_id, "
		"subject, session_id, request_id, ip, details, key_version, "
		"previous_hash, hash FROM audit_log ORDER BY id",
		DB_NOTHING,
		DB_OUT(db_to_u64(&row->id), db_to_time(&row->at_us),
			db_to_text(&row->action), db_to_text(&row->outcome),
			db_to_u32(&row->actor_id), db_to_text(&row->actor),
			db_to_u32(&row->user_id), db_to_text(&row->subject),
			db_to_ident(&row->session),
			db_to_text(&row->request_id), db_to_text(&row->ip),
			db_to_text(&row->details),
			db_to_u16(&row->key_version),
			db_to_fixed(row->previous.bytes, DIGEST_BYTES),
			db_to_fixed(row->hash.bytes, DIGEST_BYTES)),
		walk_row, walk);
}

/* The end that was walked to, against those that are known from elsewhere. */
static void
judge_end(const struct vault *vault, struct walk *walk,
	const struct audit_mark *head, const struct digest *seal)
{
	static const struct digest none;
	const struct audit_mark *known = walk->known;
	struct audit_report *report = walk->report;
	struct digest want = head_seal(vault, head->id, &head->hash);
	bool sealed = head->id == 0 ? digest_equal(&head->hash, &none)
				    : digest_equal(&want, seal);

	report->end = walk->at;
	if (known && known->id > 0 && !walk->known_seen) {
		report->finding =
			known->id > walk->at.id ? AUDIT_CUT : AUDIT_EDITED;
		report->id = known->id > walk->at.id ? walk->at.id + 1
						     : known->id;
	} else if (!sealed || head->id != walk->at.id ||
		!digest_equal(&head->hash, &walk->at.hash)) {
		report->finding = AUDIT_CUT;
		report->id = walk->at.id + 1;
	}
}

static enum status
verify_snapshot(struct ctx *ctx, void *arg)
{
	struct walk *walk = arg;
	struct audit_mark head;
	struct digest seal;

	*walk->report = (struct audit_report){.finding = AUDIT_SOUND};
	walk->at = (struct audit_mark){.id = 0};
	walk->known_seen = false;
	TRY(walk_rows(ctx, walk));
	if (walk->report->finding != AUDIT_SOUND)
		return ST_OK;
	TRY(db_one(ctx,
		"SELECT last_id, hash, seal FROM audit_head WHERE id = 1",
		DB_NOTHING,
		DB_OUT(db_to_u64(&head.id),
			db_to_fixed(head.hash.bytes, DIGEST_BYTES),
			db_to_fixed(seal.bytes, DIGEST_BYTES))));
	judge_end(ctx->auth->vault, walk, &head, &seal);
	return ST_OK;
}

enum status
audit_verify(struct ctx *ctx, const struct audit_mark *known,
	struct audit_report *out)
{
	struct audit_report report;
	struct walk walk = {.known = known, .report = &report};

	/* One moment: rows that come meanwhile are not seen by half. */
	TRY(db_snapshot(ctx, verify_snapshot, &walk));
	*out = report;
	return ST_OK;
}
