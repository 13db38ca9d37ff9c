-- SPDX-License-Identifier: AGPL-3.0-or-later
--
-- ledger - double entry: the legs of all postings.  Insert-only by grant.  Only
-- the settler writes it.
--
-- The legs of a sequence sum to zero per asset.  account: 0 a customer's (of
-- user_id), 1 the house's fees, 2 the outside world, 3 corrections; user_id is 0
-- for all but the first.  cause is the number of the command (wire/command.h):
-- 9 deposit, 11 withdrawal paid, 13 correction, and 0 for a trade.  reference is
-- the trade's id, the withdrawal's, or the intent's.  balance_after is what the
-- account then holds in all, available and held.

CREATE TABLE IF NOT EXISTS ledger (
	seq BIGINT UNSIGNED NOT NULL,
	leg SMALLINT UNSIGNED NOT NULL,
	account TINYINT UNSIGNED NOT NULL,
	user_id INT UNSIGNED NOT NULL,
	asset_id SMALLINT UNSIGNED NOT NULL,
	amount DECIMAL(20,8) NOT NULL,
	balance_after DECIMAL(20,8) NOT NULL,
	cause TINYINT UNSIGNED NOT NULL,
	reference BINARY(16) NOT NULL,
	posted_at DATETIME(6) NOT NULL,
	PRIMARY KEY (seq, leg),
	KEY ledger_user (user_id, seq)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
