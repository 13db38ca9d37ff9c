-- SPDX-License-Identifier: AGPL-3.0-or-later
--
-- core_cancel_after - the dead-man switches: when a user's open orders go, unless
-- he says before that he is there.  Only the settler writes it.
--
-- due_at NULL: it is off, or has done its work.

CREATE TABLE IF NOT EXISTS core_cancel_after (
	user_id INT UNSIGNED NOT NULL,
	due_at DATETIME(6) NULL,
	seq BIGINT UNSIGNED NOT NULL,
	updated_at DATETIME(6) NOT NULL,
	PRIMARY KEY (user_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
