-- SPDX-License-Identifier: AGPL-3.0-or-later
--
-- notices - what users are told on their streams, to be published through Redis.
--
-- Written in the transaction of what they tell; published_at is NULL until Redis
-- took it, so that nothing is lost while that is away.  payload is the "data" of
-- the message, a JSON object.

CREATE TABLE IF NOT EXISTS notices (
	id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
	user_id BIGINT UNSIGNED NOT NULL,
	kind VARCHAR(32) NOT NULL,
	level ENUM('info', 'warning', 'critical') NOT NULL,
	message VARCHAR(255) NOT NULL,
	symbol VARCHAR(24) NULL,
	payload JSON NOT NULL,
	created_at DATETIME(6) NOT NULL,
	published_at DATETIME(6) NULL,
	PRIMARY KEY (id),
	KEY notices_user (user_id, id),
	KEY notices_published (published_at, id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
