-- SPDX-License-Identifier: AGPL-3.0-or-later
--
-- sessions - one log-in each; tokens name it by id.
--
-- amr is what it passed, as in the token: 'pwd' or 'pwd otp'.

CREATE TABLE IF NOT EXISTS sessions (
	id BINARY(16) NOT NULL,
	user_id BIGINT UNSIGNED NOT NULL,
	epoch INT UNSIGNED NOT NULL,
	amr VARCHAR(32) NOT NULL,
	edition VARCHAR(32) NOT NULL DEFAULT '',
	ip VARCHAR(45) NOT NULL DEFAULT '',
	user_agent VARCHAR(255) NOT NULL DEFAULT '',
	created_at DATETIME(6) NOT NULL,
	last_seen_at DATETIME(6) NOT NULL,
	expires_at DATETIME(6) NOT NULL,
	ended_at DATETIME(6) NULL,
	end_reason VARCHAR(32) NULL,
	PRIMARY KEY (id),
	KEY sessions_user (user_id, ended_at, created_at),
	KEY sessions_expires (expires_at),
	CONSTRAINT sessions_user_fk FOREIGN KEY (user_id) REFERENCES users (id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
