-- SPDX-License-Identifier: AGPL-3.0-or-later
--
-- settle_state - how far the settler has come, and in which journal.  One row,
-- made by the settler when it first sees a journal.
--
-- applied_seq is in the same transaction as the rows that it speaks of.
-- applied_at is the time of that command; updated_at the settler's own clock.

CREATE TABLE IF NOT EXISTS settle_state (
	id TINYINT UNSIGNED NOT NULL,
	journal_id BINARY(16) NOT NULL,
	applied_seq BIGINT UNSIGNED NOT NULL,
	applied_at DATETIME(6) NOT NULL,
	updated_at DATETIME(6) NOT NULL,
	PRIMARY KEY (id),
	CONSTRAINT settle_state_one CHECK (id = 1)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
