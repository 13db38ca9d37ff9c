-- SPDX-License-Identifier: AGPL-3.0-or-later
--
-- core_revocations - ended sessions whose tokens have not died yet.  Only the
-- settler writes it.

CREATE TABLE IF NOT EXISTS core_revocations (
	session_id BINARY(16) NOT NULL,
	user_id INT UNSIGNED NOT NULL,
	expires_at DATETIME(6) NOT NULL,
	seq BIGINT UNSIGNED NOT NULL,
	PRIMARY KEY (session_id),
	KEY core_revocations_user (user_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
