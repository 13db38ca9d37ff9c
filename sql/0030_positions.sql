-- SPDX-License-Identifier: AGPL-3.0-or-later
--
-- positions - what users have, or had, of an instrument by trading, at average
-- cost.  Only the settler writes it.
--
-- id is that of the trade that opened it, so ids sort by time.  quantity is what
-- is left, and cost what that cost; bought, bought_quote and realised (proceeds
-- less the cost of what was sold) are over its whole life.  Fees are not in it.
-- closed_at NULL: it is open, and there is at most one such of a user and an
-- instrument.  What was deposited is in no position.

CREATE TABLE IF NOT EXISTS positions (
	id BINARY(16) NOT NULL,
	user_id INT UNSIGNED NOT NULL,
	instrument_id SMALLINT UNSIGNED NOT NULL,
	quantity DECIMAL(20,8) NOT NULL,
	cost DECIMAL(20,8) NOT NULL,
	bought DECIMAL(20,8) NOT NULL,
	bought_quote DECIMAL(20,8) NOT NULL,
	realised DECIMAL(20,8) NOT NULL,
	opened_at DATETIME(6) NOT NULL,
	updated_at DATETIME(6) NOT NULL,
	closed_at DATETIME(6) NULL,
	seq BIGINT UNSIGNED NOT NULL,
	PRIMARY KEY (id),
	KEY positions_user_time (user_id, id),
	KEY positions_user_open (user_id, closed_at, id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
