-- SPDX-License-Identifier: AGPL-3.0-or-later
--
-- price_alerts - prices that users want to be told of, once.
--
-- Due when a trade is at or beyond price: above = 1 from below, 0 from above.

CREATE TABLE IF NOT EXISTS price_alerts (
	id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
	public_id BINARY(16) NOT NULL,
	user_id BIGINT UNSIGNED NOT NULL,
	instrument_id SMALLINT UNSIGNED NOT NULL,
	above TINYINT(1) NOT NULL,
	price DECIMAL(20,8) NOT NULL,
	triggered TINYINT(1) NOT NULL DEFAULT 0,
	created_at DATETIME(6) NOT NULL,
	triggered_at DATETIME(6) NULL,
	triggered_price DECIMAL(20,8) NULL,
	PRIMARY KEY (id),
	UNIQUE KEY price_alerts_public_id (public_id),
	KEY price_alerts_user (user_id, id),
	KEY price_alerts_due (triggered, instrument_id, above, price),
	KEY price_alerts_young (triggered, created_at),
	CONSTRAINT price_alerts_user_fk FOREIGN KEY (user_id)
		REFERENCES users (id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
