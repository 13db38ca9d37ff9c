-- SPDX-License-Identifier: AGPL-3.0-or-later
--
-- security_alerts - what people report; read by administrators.

CREATE TABLE IF NOT EXISTS security_alerts (
	id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
	public_id BINARY(16) NOT NULL,
	user_id BIGINT UNSIGNED NOT NULL,
	severity ENUM('info', 'warning', 'critical') NOT NULL,
	message VARCHAR(1000) NOT NULL,
	created_at DATETIME(6) NOT NULL,
	resolved_at DATETIME(6) NULL,
	PRIMARY KEY (id),
	UNIQUE KEY security_alerts_public_id (public_id),
	KEY security_alerts_user (user_id, id),
	CONSTRAINT security_alerts_user_fk FOREIGN KEY (user_id)
		REFERENCES users (id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
