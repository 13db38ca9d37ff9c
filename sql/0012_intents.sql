-- SPDX-License-Identifier: AGPL-3.0-or-later
--
-- intents - commands that a transaction in MySQL has promised to send.
--
-- Written in the transaction that decides, sent after it, sent again by workerd
-- while open.  (source, reference) says what it is for, once: ('withdrawal-pay',
-- the withdrawal's id).  seq is that of the command once done; refusal is the
-- core's number (wire/refusal.h) of the last time that it would not.  A stale one
-- was not sent within the 24 hours that the core remembers it for, and waits for
-- an operator.

CREATE TABLE IF NOT EXISTS intents (
	id BINARY(16) NOT NULL,
	source VARCHAR(32) NOT NULL,
	reference BINARY(16) NOT NULL,
	user_id BIGINT UNSIGNED NOT NULL,
	command VARBINARY(512) NOT NULL,
	state ENUM('open', 'done', 'refused', 'stale') NOT NULL
		DEFAULT 'open',
	refusal SMALLINT UNSIGNED NOT NULL DEFAULT 0,
	seq BIGINT UNSIGNED NOT NULL DEFAULT 0,
	attempts INT UNSIGNED NOT NULL DEFAULT 0,
	created_at DATETIME(6) NOT NULL,
	tried_at DATETIME(6) NULL,
	finished_at DATETIME(6) NULL,
	PRIMARY KEY (id),
	UNIQUE KEY intents_reference (source, reference),
	KEY intents_state (state, created_at),
	KEY intents_user (user_id, state)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
