-- SPDX-License-Identifier: AGPL-3.0-or-later
--
-- login_failures - what has gone wrong for a name, known or not.
--
-- subject is a hash of what is counted (kind and folded name), so that unknown
-- names are counted alike and none is kept in clear.

CREATE TABLE IF NOT EXISTS login_failures (
	subject BINARY(32) NOT NULL,
	failures INT UNSIGNED NOT NULL,
	first_at DATETIME(6) NOT NULL,
	last_at DATETIME(6) NOT NULL,
	blocked_until DATETIME(6) NULL,
	PRIMARY KEY (subject),
	KEY login_failures_last (last_at)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
