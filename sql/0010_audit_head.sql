-- SPDX-License-Identifier: AGPL-3.0-or-later
--
-- audit_head - the end of the audit chain, locked by who appends to it.
--
-- One row.  The seal is a keyed hash of the other columns, so that a log that was
-- cut at its end is noticed.

CREATE TABLE IF NOT EXISTS audit_head (
	id TINYINT UNSIGNED NOT NULL,
	last_id BIGINT UNSIGNED NOT NULL,
	hash BINARY(32) NOT NULL,
	seal BINARY(32) NOT NULL,
	PRIMARY KEY (id),
	CONSTRAINT audit_head_one CHECK (id = 1)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
