-- SPDX-License-Identifier: AGPL-3.0-or-later
--
-- assets - what can be owned; id is the core's number.  Only the settler writes it.

CREATE TABLE IF NOT EXISTS assets (
	id SMALLINT UNSIGNED NOT NULL,
	code VARCHAR(12) NOT NULL,
	seq BIGINT UNSIGNED NOT NULL,
	PRIMARY KEY (id),
	KEY assets_code (code)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
