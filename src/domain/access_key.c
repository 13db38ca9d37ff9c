/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * access_key.c - rows of access_keys, and their shadow in the shared page.
 */
#include "domain/access_key.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "auth/auth.h"
#include "auth/session.h"
#include "db/db.h"
#include "domain/audit.h"
#include "domain/core.h"

#define TABLE "access_keys"

/* ---- Addresses ----------------------------------------------------------- */

/* IPv4 as IPv6 sees it; its 32 bits are the last. */
static bool
parse_ip(const char *text, uint8_t out[16], unsigned *bits)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

	*bits = 128;
	if (inet_pton(AF_INET6, text, out) == 1)
		return true;
	*bits = 32;
	memcpy(out, mapped, sizeof(mapped));
	return inet_pton(AF_INET, text, out + sizeof(mapped)) == 1;
}

static bool
parse_address(const char *text, struct key_address *out)
{
	char ip[ACCESS_KEY_ADDRESS_MAX + 1];
	size_t length = strcspn(text, "/");
	const char *prefix = text[length] ? text + length + 1 : NULL;
	unsigned most;
	long bits;
	char *end;

	if (length >= sizeof(ip))
		return false;
	memcpy(ip, text, length);
	ip[length] = '\0';
	if (!parse_ip(ip, out->bytes, &most))
		return false;
	bits = (long)most;
	if (prefix) {
		if (*prefix < '0' || *prefix > '9')
			return false;
		bits = strtol(prefix, &end, 10);
		if (*end || bits > (long)most)
			return false;
	}
	out->bits = (uint8_t)(128 - most + (unsigned)bits);
	return true;
}

static bool
address_fits(const struct key_address *rule, const uint8_t ip[16])
{
	size_t whole = rule->bits / 8;
	unsigned rest = rule->bits % 8;

	return memcmp(rule->bytes, ip, whole) == 0 &&
	       (rest == 0 || (rule->bytes[whole] ^ ip[whole]) >> (8 - rest) == 0);
}

static bool
is_allowed(const struct key_entry *entry, const char *address)
{
	uint8_t ip[16];
	unsigned bits;
	size_t i;

	if (entry->n_addresses == 0)
		return true;
	if (!address || !parse_ip(address, ip, &bits))
		return false;
	for (i = 0; i < entry->n_addresses; i++)
		if (address_fits(&entry->addresses[i], ip))
			return true;
	return false;
}

/* The JSON list of ADDRESSES: none of them holds a character to be escaped. */
static const char *
addresses_json(struct ctx *ctx, const struct access_key_new *new)
{
	const char *json = "[";
	size_t i;

	for (i = 0; i < new->n_addresses; i++)
		json = arena_printf(ctx->arena, "%s%s\"%s\"", json,
			i > 0 ? ", " : "", new->addresses[i]);
	return arena_printf(ctx->arena, "%s]", json);
}

/* And back: what stands between quotes. */
static size_t
addresses_of(struct ctx *ctx, const char *json,
	const char *out[KEY_ADDRESSES_MAX])
{
	size_t n = 0, length;

	while (n < KEY_ADDRESSES_MAX && (json = strchr(json, '"')) != NULL) {
		length = strcspn(++json, "\"");
		out[n++] = arena_strndup(ctx->arena, json, length);
		json += length + (json[length] == '"');
	}
	return n;
}

/* ---- Making one ----------------------------------------------------------- */

struct making {
	const struct access_key_new *new;
	struct key_entry entry;
	const char *addresses;
};

static struct vault_place
place_of(const struct key_entry *entry)
{
	return (struct vault_place){TABLE, entry->user, entry->id};
}

static enum status
audit_key(struct ctx *ctx, const char *action, struct ident id,
	const char *details)
{
	return audit_write(ctx,
		&(struct audit_event){
			.action = action,
			.outcome = AUDIT_OK,
			.user = ctx->session->user,
			.subject = id,
			.details = details,
		});
}

static enum status
make_tx(struct ctx *ctx, void *arg)
{
	const struct making *m = arg;
	uint64_t user, n;

	/* One at a time for a user, so that they can be counted. */
	TRY(db_one(ctx, "SELECT id FROM users WHERE id = ? FOR UPDATE",
		DB_IN(db_u64(ctx->session->user)), DB_OUT(db_to_u64(&user))));
	TRY(db_one(ctx,
		"SELECT COUNT(*) FROM access_keys "
		"WHERE user_id = ? AND revoked_at IS NULL LOCK IN SHARE MODE",
		DB_IN(db_u64(user)), DB_OUT(db_to_u64(&n))));
	if (n >= ACCESS_KEYS_MAX)
		return fail(ctx, ST_CONFLICT, NULL,
			"you have %d keys already; delete one",
			ACCESS_KEYS_MAX);
	TRY(db_exec(ctx,
		"INSERT INTO access_keys (public_id, user_id, name, secret, "
		"key_version, permissions, addresses, created_at) "
		"VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
		DB_IN(db_ident(m->entry.id), db_u64(user),
			db_text(m->new->name),
			db_bytes(m->entry.sealed, sizeof(m->entry.sealed)),
			db_u64(vault_sealed_version(m->entry.sealed)),
			db_text(m->new->may_trade ? "[\"read\", \"trade\"]"
						  : "[\"read\"]"),
			db_text(m->addresses), db_time(ctx->now_us)),
		NULL));
	return audit_key(ctx, "key.created", m->entry.id,
		arena_printf(ctx->arena, "permissions=%s addresses=%zu",
			m->new->may_trade ? "read,trade" : "read",
			m->new->n_addresses));
}

static enum status
check_addresses(struct ctx *ctx, const struct access_key_new *new,
	struct key_entry *entry)
{
	size_t i;

	if (new->n_addresses > KEY_ADDRESSES_MAX)
		return fail(ctx, ST_INVALID, "addresses",
			"there can be %d of them", KEY_ADDRESSES_MAX);
	for (i = 0; i < new->n_addresses; i++)
		if (!parse_address(new->addresses[i], &entry->addresses[i]))
			return fail(ctx, ST_INVALID, "addresses",
				"one is no IP address or network");
	entry->n_addresses = (uint8_t)new->n_addresses;
	return ST_OK;
}

/* In MySQL and in the page, or in neither. */
static enum status
make_held(struct ctx *ctx, struct making *m)
{
	TRY(db_tx(ctx, make_tx, m));
	if (key_page_put(ctx->auth->keys, &m->entry) == ST_OK)
		return ST_OK;
	TRY(db_exec(ctx,
		"UPDATE access_keys SET revoked_at = ? WHERE public_id = ?",
		DB_IN(db_time(ctx->now_us), db_ident(m->entry.id)), NULL));
	return fail(ctx, ST_UNAVAILABLE, NULL,
		"there is no room for another program key");
}

enum status
access_key_create(struct ctx *ctx, const struct access_key_new *new,
	struct access_key *out, char secret[RANDOM_TOKEN_MAX])
{
	struct key_page *page = ctx->auth->keys;
	struct making m = {
		.new = new,
		.entry = {.id = ident_random(ctx->now_us),
			.owner = ctx->session->public_id,
			.user = ctx->session->user,
			.may_trade = new->may_trade},
	};
	struct vault_place place = place_of(&m.entry);
	enum status status;

	TRY(check_addresses(ctx, new, &m.entry));
	m.addresses = addresses_json(ctx, new);
	random_token(secret);
	vault_seal(ctx->auth->vault, VAULT_ACCESS_KEY, &place, secret,
		KEY_SECRET_BYTES, m.entry.sealed);
	TRY(key_page_hold(page));
	status = make_held(ctx, &m);
	key_page_release(page);
	TRY(status);
	*out = (struct access_key){
		.id = m.entry.id,
		.name = new->name,
		.may_trade = new->may_trade,
		.addresses = new->addresses,
		.n_addresses = new->n_addresses,
		.created_us = ctx->now_us,
		.used_us = DB_NO_TIME,
	};
	return ST_OK;
}

/* ---- Listing and revoking --------------------------------------------------- */

enum status
access_key_list(struct ctx *ctx, struct access_key_list *out)
{
	struct access_key_list list = {.n = 0};
	struct access_key row = {.n_addresses = 0};
	const char *json;
	struct db_rows *rows;

	TRY(db_query(ctx,
		"SELECT public_id, name, JSON_CONTAINS(permissions, "
		"'\"trade\"'), addresses, created_at FROM access_keys "
		"WHERE user_id = ? AND revoked_at IS NULL ORDER BY id LIMIT ?",
		DB_IN(db_u64(ctx->session->user), db_i64(ACCESS_KEYS_MAX)),
		&rows));
	list.rows = arena_array(ctx->arena, db_count(rows) + 1, sizeof(row));
	while (db_next(rows,
		DB_OUT(db_to_ident(&row.id), db_to_text(&row.name),
			db_to_bool(&row.may_trade), db_to_text(&json),
			db_to_time(&row.created_us)))) {
		const char **addresses = arena_array(ctx->arena,
			KEY_ADDRESSES_MAX, sizeof(*addresses));

		row.n_addresses = addresses_of(ctx, json, addresses);
		row.addresses = addresses;
		row.used_us = key_page_last_used(ctx->auth->keys, row.id);
		if (row.used_us == 0)
			row.used_us = DB_NO_TIME;
		list.rows[list.n++] = row;
	}
	*out = list;
	return ST_OK;
}

static enum status
revoke_tx(struct ctx *ctx, void *arg)
{
	const struct ident *id = arg;
	struct db_done done;

	TRY(db_exec(ctx,
		"UPDATE access_keys SET revoked_at = ? WHERE public_id = ? "
		"AND user_id = ? AND revoked_at IS NULL",
		DB_IN(db_time(ctx->now_us), db_ident(*id),
			db_u64(ctx->session->user)),
		&done));
	if (done.affected == 0)
		return ST_NOT_FOUND;
	return audit_key(ctx, "key.revoked", *id, NULL);
}

/*
 * Out of the page first: whatever comes after, the key is out of force.  When
 * MySQL will not have it, what is in force is read anew.
 */
static enum status
revoke_held(struct ctx *ctx, struct ident id)
{
	struct key_page *page = ctx->auth->keys;
	enum status status;

	key_page_drop(page, id);
	status = db_tx(ctx, revoke_tx, &id);
	if (status != ST_OK)
		key_page_set_loaded(page, false);
	return status;
}

enum status
access_key_revoke(struct ctx *ctx, struct ident id)
{
	struct key_page *page = ctx->auth->keys;
	enum status status;
	uint64_t mine;

	TRY(db_one(ctx,
		"SELECT id FROM access_keys WHERE public_id = ? "
		"AND user_id = ? AND revoked_at IS NULL",
		DB_IN(db_ident(id), db_u64(ctx->session->user)),
		DB_OUT(db_to_u64(&mine))));
	TRY(key_page_hold(page));
	status = revoke_held(ctx, id);
	key_page_release(page);
	return status;
}

/* ---- The page ---------------------------------------------------------------- */

static enum status
put_row(struct ctx *ctx, struct key_entry *entry, const char *json)
{
	const char *addresses[KEY_ADDRESSES_MAX];
	size_t i, n = addresses_of(ctx, json, addresses);

	for (i = 0; i < n; i++)
		if (!parse_address(addresses[i], &entry->addresses[i]))
			return fail(ctx, ST_INTERNAL, NULL,
				"a key's addresses cannot be read");
	entry->n_addresses = (uint8_t)n;
	return key_page_put(ctx->auth->keys, entry);
}

static enum status
load_held(struct ctx *ctx)
{
	struct key_entry entry = {.user = 0};
	struct db_rows *rows;
	const char *json;

	if (key_page_loaded(ctx->auth->keys))
		return ST_OK;
	TRY(db_query(ctx,
		"SELECT k.public_id, u.public_id, k.user_id, "
		"JSON_CONTAINS(k.permissions, '\"trade\"'), k.addresses, "
		"k.secret FROM access_keys k JOIN users u ON u.id = k.user_id "
		"WHERE k.revoked_at IS NULL",
		DB_NOTHING, &rows));
	while (db_next(rows,
		DB_OUT(db_to_ident(&entry.id), db_to_ident(&entry.owner),
			db_to_u32(&entry.user), db_to_bool(&entry.may_trade),
			db_to_text(&json),
			db_to_fixed(entry.sealed, sizeof(entry.sealed)))))
		TRY(put_row(ctx, &entry, json));
	key_page_set_loaded(ctx->auth->keys, true);
	return ST_OK;
}

enum status
access_keys_load(struct ctx *ctx)
{
	enum status status;

	if (key_page_loaded(ctx->auth->keys))
		return ST_OK;
	TRY(key_page_hold(ctx->auth->keys));
	status = load_held(ctx);
	key_page_release(ctx->auth->keys);
	return status;
}

/* ---- Requests ------------------------------------------------------------------ */

static enum status
refuse(struct ctx *ctx, enum status status, const char *header,
	const char *reason)
{
	ctx->fault = (struct fault){
		.place = FAULT_HEADER, .field = header, .reason = reason};
	return status;
}

/* The core knows under which epoch its user is now. */
static enum status
learn_epoch(struct ctx *ctx, struct session *session)
{
	struct guard_answer answer;

	TRY(core_ask(ctx,
		&(struct guard_request){.session = session->id,
			.user = session->user},
		&answer));
	session->epoch = answer.epoch;
	return ST_OK;
}

static enum status
find_key(struct ctx *ctx, const struct signed_request *request,
	struct key_entry *out)
{
	struct ident id;
	enum status status;

	if (ident_parse(request->key, strlen(request->key), &id) != ST_OK)
		return refuse(ctx, ST_UNAUTHENTICATED, "X-Key",
			"the key or the signature is wrong");
	status = key_page_find(ctx->auth->keys, id, out);
	if (status == ST_NOT_FOUND)
		return refuse(ctx, ST_UNAUTHENTICATED, "X-Key",
			"the key or the signature is wrong");
	if (status == ST_UNAVAILABLE)
		return fail(ctx, ST_UNAVAILABLE, NULL,
			"program keys are not loaded yet");
	return status;
}

static enum status
check_signature(struct ctx *ctx, const struct signed_request *request,
	const struct key_entry *entry, struct signer *out)
{
	struct vault_place place = place_of(entry);
	char secret[KEY_SECRET_BYTES];
	size_t length;
	bool good;

	TRY(vault_open_sealed(ctx->auth->vault, VAULT_ACCESS_KEY, &place,
		entry->sealed, sizeof(entry->sealed), secret, &length));
	good = signed_by(request, secret, length, out->nonce);
	explicit_bzero(secret, sizeof(secret));
	return good ? ST_OK
		    : refuse(ctx, ST_UNAUTHENTICATED, "X-Key",
			      "the key or the signature is wrong");
}

enum status
access_key_verify(struct ctx *ctx, const struct signed_request *request,
	struct signer *out)
{
	struct key_entry entry;
	struct signer signer = {.may_trade = false};

	if (signed_in_time(request, ctx->now_us, &signer.nonce_until_us) !=
		ST_OK)
		return refuse(ctx, ST_UNAUTHENTICATED, "X-Timestamp",
			"the timestamp is missing or outside the window");
	TRY(find_key(ctx, request, &entry));
	TRY(check_signature(ctx, request, &entry, &signer));
	if (!is_allowed(&entry, ctx->remote_address))
		return refuse(ctx, ST_FORBIDDEN, "X-Key",
			"the key may not be used from this address");
	signer.may_trade = entry.may_trade;
	signer.session = (struct session){
		.id = entry.id,
		.public_id = entry.owner,
		.user = entry.user,
		.role = ROLE_USER,
		.issued_us = ctx->now_us,
		.expires_us = ctx->now_us,
	};
	TRY(learn_epoch(ctx, &signer.session));
	*out = signer;
	return ST_OK;
}

enum status
access_key_spend(struct ctx *ctx, const struct signer *signer)
{
	enum status status = key_page_spend(ctx->auth->keys,
		signer->session.id, signer, ctx->now_us);

	if (status == ST_CONFLICT)
		return refuse(ctx, ST_UNAUTHENTICATED, "X-Signature",
			"the signature was used before");
	if (status == ST_UNAVAILABLE)
		return fail(ctx, ST_UNAVAILABLE, NULL,
			"there are too many signed requests");
	return status;
}
