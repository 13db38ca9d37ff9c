-- SPDX-License-Identifier: AGPL-3.0-or-later
--
-- strategies - what a user composed, for his bots and backtests.
--
-- config is JSON as text: MySQL's own JSON type would keep its decimals as
-- binary floats.  builtin names the type of the one that stands for a built-in
-- strategy; a user has at most one of each.  A deleted row stays for what
-- refers to it.

CREATE TABLE IF NOT EXISTS strategies (
	id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
	public_id BINARY(16) NOT NULL,
	user_id BIGINT UNSIGNED NOT NULL,
	name VARCHAR(100) NOT NULL,
	description VARCHAR(2000) NOT NULL DEFAULT '',
	config MEDIUMTEXT NOT NULL,
	is_active TINYINT(1) NOT NULL DEFAULT 1,
	builtin VARCHAR(24) NULL,
	created_at DATETIME(6) NOT NULL,
	updated_at DATETIME(6) NOT NULL,
	deleted_at DATETIME(6) NULL,
	PRIMARY KEY (id),
	UNIQUE KEY strategies_public_id (public_id),
	UNIQUE KEY strategies_builtin (user_id, builtin),
	KEY strategies_user (user_id, deleted_at, id),
	CONSTRAINT strategies_user_fk FOREIGN KEY (user_id)
		REFERENCES users (id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
