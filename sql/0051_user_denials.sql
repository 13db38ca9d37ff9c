-- SPDX-License-Identifier: AGPL-3.0-or-later
--
-- user_denials - the permissions that were taken from users, by name, with a
-- space between.  Who has no row lacks none that his role brings.

CREATE TABLE IF NOT EXISTS user_denials (
	user_id BIGINT UNSIGNED NOT NULL,
	denied VARCHAR(512) NOT NULL,
	updated_at DATETIME(6) NOT NULL,
	PRIMARY KEY (user_id),
	CONSTRAINT user_denials_user_fk FOREIGN KEY (user_id)
		REFERENCES users (id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
