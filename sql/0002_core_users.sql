-- SPDX-License-Identifier: AGPL-3.0-or-later
--
-- core_users - what the core knows about a user.  Only the settler writes it.
--
-- role: 0 user, 1 operator, 2 admin.  No row yet: the core does not know him.

CREATE TABLE IF NOT EXISTS core_users (
	user_id INT UNSIGNED NOT NULL,
	public_id BINARY(16) NOT NULL,
	role TINYINT UNSIGNED NOT NULL,
	locked TINYINT(1) NOT NULL,
	reduce_only TINYINT(1) NOT NULL,
	epoch INT UNSIGNED NOT NULL,
	seq BIGINT UNSIGNED NOT NULL,
	updated_at DATETIME(6) NOT NULL,
	PRIMARY KEY (user_id),
	KEY core_users_role (role)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
