/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * conf.h - the settings of all programs, one table.
 *
 * Every key is a row of CONF_LIST: its name ("section.key" of quantora.ini),
 * its kind, its default, the bounds of a number, and what it means.  A key
 * that the table does not know, a number out of bounds, and a line that
 * cannot be read are errors of the file, not silently ignored.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"

/* X(symbol, "section.key", kind, default, min, max, "meaning") */
#define CONF_LIST(X)                                                           \
	X(PATHS_RUN, "paths.run", TEXT, "run", 0, 0, "run directory")          \
	X(PATHS_JOURNAL, "paths.journal", TEXT, "run/journal", 0, 0,           \
		"the matcher's journal and snapshots")                         \
	X(PATHS_ARCHIVE, "paths.archive", TEXT, "run/archive", 0, 0,           \
		"closed journal segments")                                     \
	X(PATHS_BOOK_PAGE, "paths.book_page", TEXT, "run/sock/book.page", 0, 0, \
		"shared book page")                                            \
	X(PATHS_RATE_PAGE, "paths.rate_page", TEXT, "run/sock/rate.page", 0, 0, \
		"counters of the rate limits, shared by all workers")          \
	X(PATHS_KEY_PAGE, "paths.key_page", TEXT, "run/sock/key.page", 0, 0,   \
		"program keys and used signatures, shared by all workers")     \
	X(PATHS_PERMISSION_PAGE, "paths.permission_page", TEXT,                \
		"run/sock/permission.page", 0, 0,                              \
		"who lacks which permission, shared by all workers")           \
	X(PATHS_METERS, "paths.meters", TEXT, "run/sock", 0, 0,                \
		"where programs keep their counters (*.meter)")                \
	X(PATHS_FIGURES, "paths.figures", TEXT, "run/sock/figures", 0, 0,      \
		"what the monitor found at its last look")                     \
	X(PATHS_SECRETS, "paths.secrets", TEXT, "run/secrets", 0, 0,           \
		"keys: master.key, jwt/, mysql passwords")                     \
	X(PATHS_SQL, "paths.sql", TEXT, PKGDATADIR "/sql", 0, 0,               \
		"migrations, grants and the auditors' views")                  \
	X(SOCKETS_MATCHER, "sockets.matcher", TEXT, "run/sock/matcher", 0, 0,  \
		"commands to the matcher")                                     \
	X(SOCKETS_SETTLER, "sockets.settler", TEXT, "run/sock/settler", 0, 0,  \
		"waiting for a sequence to be settled")                        \
	X(SOCKETS_API_TRADE, "sockets.api_trade", TEXT, "run/sock/trade", 0, 0, \
		"FastCGI, trade pool")                                         \
	X(SOCKETS_API, "sockets.api", TEXT, "run/sock/api", 0, 0,              \
		"FastCGI, api pool")                                           \
	X(SOCKETS_API_EGRESS, "sockets.api_egress", TEXT, "run/sock/egress", 0, \
		0, "FastCGI, egress pool")                                     \
	X(SOCKETS_STREAMD, "sockets.streamd", TEXT, "run/sock/streamd", 0, 0,  \
		"HTTP for WebSocket and SSE")                                  \
	X(SOCKETS_DOORBELL_DIR, "sockets.doorbell_dir", TEXT, "run/sock", 0, 0, \
		"where followers bind their doorbells (*.bell)")               \
	X(MATCHER_SEGMENT_BYTES, "matcher.segment_bytes", NUMBER, "67108864",  \
		8388608, 1073741824, "size of a journal segment")              \
	X(MATCHER_SNAPSHOT_EVERY, "matcher.snapshot_every", NUMBER, "2000000", \
		1000, 1000000000, "commands between snapshots")                \
	X(MATCHER_BATCH_BYTES, "matcher.batch_bytes", NUMBER, "4194304",       \
		2097152, 16777216, "most bytes of commands and events in a frame") \
	X(MATCHER_OPEN_ORDERS, "matcher.open_orders", NUMBER, "1000", 1,       \
		4000, "open orders a user, unless his limit says less")     \
	X(MATCHER_COLLAR_BPS, "matcher.collar_bps", NUMBER, "500", 1, 10000,   \
		"how far a market order may reach, in 1/100 % of the best price") \
	X(MYSQL_SOCKET, "mysql.socket", TEXT, "run/mysql/mysqld.sock", 0, 0,   \
		"MySQL's Unix socket")                                         \
	X(MYSQL_DATABASE, "mysql.database", TEXT, "quantora", 0, 0, "schema")  \
	X(MYSQL_API_USER, "mysql.api_user", TEXT, "quantora_api", 0, 0, "")    \
	X(MYSQL_SETTLER_USER, "mysql.settler_user", TEXT, "quantora_settler",  \
		0, 0, "")                                                      \
	X(MYSQL_STREAM_USER, "mysql.stream_user", TEXT, "quantora_stream", 0,  \
		0, "")                                                         \
	X(MYSQL_WORKER_USER, "mysql.worker_user", TEXT, "quantora_worker", 0,  \
		0, "")                                                         \
	X(MYSQL_MIGRATE_USER, "mysql.migrate_user", TEXT, "quantora_migrate",  \
		0, 0, "")                                                      \
	X(MYSQL_AUDITOR_USER, "mysql.auditor_user", TEXT, "quantora_auditor",  \
		0, 0, "")                                                      \
	X(MYSQL_API_PASSWORD_FILE, "mysql.api_password_file", TEXT,            \
		"run/secrets/mysql-api", 0, 0, "")                             \
	X(MYSQL_SETTLER_PASSWORD_FILE, "mysql.settler_password_file", TEXT,    \
		"run/secrets/mysql-settler", 0, 0, "")                         \
	X(MYSQL_STREAM_PASSWORD_FILE, "mysql.stream_password_file", TEXT,      \
		"run/secrets/mysql-stream", 0, 0, "")                          \
	X(MYSQL_WORKER_PASSWORD_FILE, "mysql.worker_password_file", TEXT,      \
		"run/secrets/mysql-worker", 0, 0, "")                          \
	X(MYSQL_MIGRATE_PASSWORD_FILE, "mysql.migrate_password_file", TEXT,    \
		"run/secrets/mysql-migrate", 0, 0, "")                         \
	X(MYSQL_AUDITOR_PASSWORD_FILE, "mysql.auditor_password_file", TEXT,    \
		"run/secrets/mysql-auditor", 0, 0, "")                         \
	X(REDIS_SOCKET, "redis.socket", TEXT, "run/redis/redis.sock", 0, 0,    \
		"Redis' Unix socket")                                          \
	X(HTTP_PUBLIC_HOST, "http.public_host", TEXT, "localhost:8000", 0, 0,  \
		"host and port that links name")                               \
	X(HTTP_WORKERS_TRADE, "http.workers_trade", NUMBER, "16", 1, 256,      \
		"processes of the trade pool")                                 \
	X(HTTP_WORKERS_API, "http.workers_api", NUMBER, "8", 1, 256,           \
		"processes of the api pool")                                   \
	X(HTTP_WORKERS_EGRESS, "http.workers_egress", NUMBER, "4", 1, 256,     \
		"processes of the egress pool")                                \
	X(HTTP_ENVIRONMENT, "http.environment", TEXT, "production", 0, 0,      \
		"what /health calls this installation")                        \
	X(HTTP_ACCESS_LOG, "http.access_log", NUMBER, "1", 0, 1,               \
		"whether the workers log a line for each request")             \
	X(RATE_TRADE_SECOND, "rate.trade_second", NUMBER, "100",               \
		0, 1000000000, "orders a user may enter a second, in every edition") \
	X(RATE_BOTPLATFORM_MINUTE, "rate.botplatform_minute", NUMBER, "100",   \
		0, 1000000000, "botplatform: requests a user, a minute")       \
	X(RATE_BOTPLATFORM_SECOND, "rate.botplatform_second", NUMBER, "10",    \
		0, 1000000000, "botplatform: a second")                        \
	X(RATE_INTERFACES_MINUTE, "rate.interfaces_minute", NUMBER, "100",     \
		0, 1000000000, "interfaces: requests a user, a minute")        \
	X(RATE_INTERFACES_SECOND, "rate.interfaces_second", NUMBER, "10",      \
		0, 1000000000, "interfaces: a second")                         \
	X(RATE_QUANTORA_MINUTE, "rate.quantora_minute", NUMBER, "600",         \
		0, 1000000000, "quantora: requests a user, a minute")          \
	X(RATE_QUANTORA_SECOND, "rate.quantora_second", NUMBER, "30",          \
		0, 1000000000, "quantora: a second")                           \
	X(RATE_AMARKTAI_MINUTE, "rate.amarktai_minute", NUMBER, "600",         \
		0, 1000000000, "amarktai: requests a user, a minute")          \
	X(RATE_AMARKTAI_SECOND, "rate.amarktai_second", NUMBER, "30",          \
		0, 1000000000, "amarktai: a second")                           \
	X(RATE_QUANTENERGX_HOUR, "rate.quantenergx_hour", NUMBER, "1000",      \
		0, 1000000000, "quantenergx: requests a user, an hour")        \
	X(RATE_QUANTENERGX_TEN_SECONDS, "rate.quantenergx_ten_seconds", NUMBER, "50", \
		0, 1000000000, "quantenergx: in ten seconds")                  \
	X(RATE_QUANTENERGX_REALTIME, "rate.quantenergx_realtime", NUMBER, "100", \
		0, 1000000000, "quantenergx: market and device data, a minute") \
	X(DEFAULT_MARKET, "exchange.default_market", TEXT, "BTC/USD", 0, 0,    \
		"the instrument where a document names no symbol")             \
	X(AUTH_ISSUER, "auth.issuer", TEXT, "quantora", 0, 0,                  \
		"who our tokens say made them")                                \
	X(AUTH_AUDIENCE, "auth.audience", TEXT, "quantora", 0, 0,              \
		"for whom our tokens are")                                     \
	X(AUTH_ACCESS_SECONDS, "auth.access_seconds", NUMBER, "3600", 60,      \
		86400, "life of an access token")                              \
	X(AUTH_REFRESH_SECONDS, "auth.refresh_seconds", NUMBER, "604800", 300, \
		31536000, "life of a refresh token, and so of a session")      \
	X(AUTH_PASSWORD_MIB, "auth.password_mib", NUMBER, "64", 19, 1024,      \
		"memory that hashing a password takes; 19 is the least that OWASP names") \
	X(AUTH_TOTP_ISSUER, "auth.totp_issuer", TEXT, "Amarktai", 0, 0,        \
		"what an authenticator app shows")                             \
	X(AUTH_INVITES, "auth.invites", TEXT, "optional", 0, 0,                \
		"invite codes at registration: off, optional or required")     \
	X(WITHDRAWAL_BLOCK_HOURS, "withdrawal.block_hours", NUMBER, "24", 0,   \
		8760, "how long a new password or second factor stops them")   \
	X(WITHDRAWAL_TWO_DECIDERS, "withdrawal.two_deciders", NUMBER, "10000", \
		0, 90000000000, "worth in USD above which two must approve")   \
	X(STREAM_CONNECTIONS, "stream.connections", NUMBER, "10000", 1,        \
		1000000, "WebSockets that streamd serves at once")             \
	X(STREAM_ORIGINS, "stream.origins", TEXT, "", 0, 0,                    \
		"origins whose pages may open a stream, beside our own")       \
	X(STREAM_USER_CONNECTIONS, "stream.user_connections", NUMBER, "20", 1, \
		100000, "WebSockets that a user may have at once")             \
	X(STREAM_HISTORY, "stream.history", NUMBER, "131072", 1, 100000000,    \
		"order updates that streamd keeps in memory, 150 bytes each")  \
	X(STREAM_REPLAY_RECORDS, "stream.replay_records", NUMBER, "1000000",   \
		1, 1000000000, "how far back in the journal missed updates are read") \
	X(MONITOR_LOOK, "monitor.look_seconds", NUMBER, "5", 1, 60,            \
		"how often the monitor looks at everything")                   \
	X(MONITOR_PERIOD, "monitor.period_seconds", NUMBER, "60", 1, 3600,     \
		"what a rate is over, and how often figures are kept")         \
	X(MONITOR_LISTEN, "monitor.listen", TEXT, "", 0, 0,                    \
		"/metrics: a port of 127.0.0.1, or a path; empty: nowhere")    \
	X(MONITOR_SETTLER_LAG, "monitor.settler_lag_seconds", NUMBER, "5", 0,  \
		86400, "alert when settlement is further behind; 0: never")    \
	X(MONITOR_SYNC, "monitor.sync_ms", NUMBER, "200", 0, 60000,            \
		"alert when the journal's sync takes longer on average")       \
	X(MONITOR_DISK, "monitor.disk_free_percent", NUMBER, "10", 0, 100,     \
		"alert when less of a disk is free")                           \
	X(MONITOR_ERRORS, "monitor.error_percent", NUMBER, "5", 0, 100,        \
		"alert when more requests are answered by 500 to 599")         \
	X(MONITOR_AWAY, "monitor.away_seconds", NUMBER, "10", 0, 86400,        \
		"alert when a daemon is away for so long; 0: never")           \
	X(MONITOR_RAISE, "monitor.raise_seconds", NUMBER, "30", 0, 86400,      \
		"how long another bound must be broken before it is an alert") \
	X(MONITOR_RESOLVE, "monitor.resolve_seconds", NUMBER, "30", 0, 86400,  \
		"how long it must be kept before the alert is resolved")       \
	X(DEMO_ENABLED, "demo.enabled", NUMBER, "0", 0, 1,                     \
		"whether the demo market trades")                              \
	X(DEMO_SEED, "demo.seed", NUMBER, "1", 0, INT64_MAX,                   \
		"of its random walks; the same seed walks the same way")

enum conf_key {
#define X(sym, ...) CONF_##sym,
	CONF_LIST(X)
#undef X
	CONF_N
};

enum conf_kind { CONF_KIND_TEXT, CONF_KIND_NUMBER };

struct conf_row {
	const char *name; /* "section.key" */
	enum conf_kind kind;
	const char *fallback;
	int64_t min, max; /* of a number */
	const char *meaning;
};

extern const struct conf_row conf_rows[CONF_N];

struct conf;

/*
 * Read FILE.  On failure NULL, and *REASON is one sentence, to be freed by
 * the caller.  FILE may be NULL: the defaults alone.
 */
struct conf *conf_load(const char *file, char **reason) MUST_USE;
void conf_free(struct conf *conf);

/* The value, or the default.  The text lives as long as CONF. */
const char *conf_text(const struct conf *conf, enum conf_key key);
int64_t conf_number(const struct conf *conf, enum conf_key key);

/* conf_load(), or end the program with the reason on stderr. */
struct conf *conf_load_or_exit(const char *file);
