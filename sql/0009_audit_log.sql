-- SPDX-License-Identifier: AGPL-3.0-or-later
--
-- audit_log - who did what; insert-only by grant.
--
-- Each row's hash is keyed and covers the row and the hash before it.  details is
-- text, not JSON: MySQL rewrites JSON, and the hash is over the bytes as given.

CREATE TABLE IF NOT EXISTS audit_log (
	id BIGINT UNSIGNED NOT NULL,
	at DATETIME(6) NOT NULL,
	action VARCHAR(64) NOT NULL,
	outcome VARCHAR(32) NOT NULL,
	actor_id BIGINT UNSIGNED NULL,
	actor VARCHAR(64) NOT NULL DEFAULT '',
	user_id BIGINT UNSIGNED NULL,
	subject VARCHAR(128) NOT NULL DEFAULT '',
	session_id BINARY(16) NULL,
	request_id VARCHAR(64) NOT NULL DEFAULT '',
	ip VARCHAR(45) NOT NULL DEFAULT '',
	details TEXT NOT NULL,
	key_version SMALLINT UNSIGNED NOT NULL DEFAULT 1,
	previous_hash BINARY(32) NOT NULL,
	hash BINARY(32) NOT NULL,
	PRIMARY KEY (id),
	KEY audit_log_user (user_id, id),
	KEY audit_log_actor (actor_id, id),
	KEY audit_log_action (action, id),
	KEY audit_log_at (at)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
