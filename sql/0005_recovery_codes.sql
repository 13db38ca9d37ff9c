-- SPDX-License-Identifier: AGPL-3.0-or-later
--
-- recovery_codes - for who has lost his second factor; single use, hashed.

CREATE TABLE IF NOT EXISTS recovery_codes (
	id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
	user_id BIGINT UNSIGNED NOT NULL,
	hash VARBINARY(64) NOT NULL,
	created_at DATETIME(6) NOT NULL,
	used_at DATETIME(6) NULL,
	PRIMARY KEY (id),
	UNIQUE KEY recovery_codes_hash (user_id, hash),
	CONSTRAINT recovery_codes_user_fk FOREIGN KEY (user_id)
		REFERENCES users (id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
