-- SPDX-License-Identifier: AGPL-3.0-or-later
--
-- access_keys - a program's keys for signed requests; the secret is sealed.

CREATE TABLE IF NOT EXISTS access_keys (
	id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
	public_id BINARY(16) NOT NULL,
	user_id BIGINT UNSIGNED NOT NULL,
	name VARCHAR(128) NOT NULL DEFAULT '',
	secret VARBINARY(255) NOT NULL,
	key_version SMALLINT UNSIGNED NOT NULL,
	permissions JSON NOT NULL DEFAULT ('[]'),
	addresses JSON NOT NULL DEFAULT ('[]'),
	created_at DATETIME(6) NOT NULL,
	last_used_at DATETIME(6) NULL,
	expires_at DATETIME(6) NULL,
	revoked_at DATETIME(6) NULL,
	PRIMARY KEY (id),
	UNIQUE KEY access_keys_public_id (public_id),
	KEY access_keys_user (user_id, revoked_at),
	CONSTRAINT access_keys_user_fk FOREIGN KEY (user_id)
		REFERENCES users (id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
