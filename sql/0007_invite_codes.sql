-- SPDX-License-Identifier: AGPL-3.0-or-later
--
-- invite_codes - what a registration may name; by their hash alone.

CREATE TABLE IF NOT EXISTS invite_codes (
	id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
	hash BINARY(32) NOT NULL,
	note VARCHAR(255) NOT NULL DEFAULT '',
	created_by BIGINT UNSIGNED NULL,
	created_at DATETIME(6) NOT NULL,
	expires_at DATETIME(6) NULL,
	uses_max INT UNSIGNED NOT NULL DEFAULT 1,
	uses INT UNSIGNED NOT NULL DEFAULT 0,
	PRIMARY KEY (id),
	UNIQUE KEY invite_codes_hash (hash),
	CONSTRAINT invite_codes_user_fk FOREIGN KEY (created_by)
		REFERENCES users (id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
