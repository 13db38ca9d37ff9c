-- SPDX-License-Identifier: AGPL-3.0-or-later
--
-- refresh_tokens - single use, by their hash alone.  The session is the family:
-- one that is used twice ends it.

CREATE TABLE IF NOT EXISTS refresh_tokens (
	hash BINARY(32) NOT NULL,
	session_id BINARY(16) NOT NULL,
	user_id BIGINT UNSIGNED NOT NULL,
	created_at DATETIME(6) NOT NULL,
	expires_at DATETIME(6) NOT NULL,
	used_at DATETIME(6) NULL,
	PRIMARY KEY (hash),
	KEY refresh_tokens_session (session_id),
	KEY refresh_tokens_expires (expires_at),
	CONSTRAINT refresh_tokens_session_fk FOREIGN KEY (session_id)
		REFERENCES sessions (id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
