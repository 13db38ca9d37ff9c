-- SPDX-License-Identifier: AGPL-3.0-or-later
--
-- withdrawal_decisions - who approved or rejected; nobody twice.

CREATE TABLE IF NOT EXISTS withdrawal_decisions (
	id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
	withdrawal_id BIGINT UNSIGNED NOT NULL,
	decider_id BIGINT UNSIGNED NOT NULL,
	verdict ENUM('approve', 'reject') NOT NULL,
	note VARCHAR(255) NOT NULL DEFAULT '',
	decided_at DATETIME(6) NOT NULL,
	PRIMARY KEY (id),
	UNIQUE KEY withdrawal_decisions_once (withdrawal_id, decider_id),
	CONSTRAINT withdrawal_decisions_fk FOREIGN KEY (withdrawal_id)
		REFERENCES withdrawals (id),
	CONSTRAINT withdrawal_decisions_user_fk FOREIGN KEY (decider_id)
		REFERENCES users (id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
