-- SPDX-License-Identifier: AGPL-3.0-or-later
--
-- withdrawal_addresses - a user's allow-list, used when he has switched it on
-- (users.address_list_only).

CREATE TABLE IF NOT EXISTS withdrawal_addresses (
	id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
	public_id BINARY(16) NOT NULL,
	user_id BIGINT UNSIGNED NOT NULL,
	asset_id SMALLINT UNSIGNED NOT NULL,
	address VARCHAR(128) NOT NULL,
	label VARCHAR(128) NOT NULL DEFAULT '',
	created_at DATETIME(6) NOT NULL,
	usable_from DATETIME(6) NOT NULL,
	PRIMARY KEY (id),
	UNIQUE KEY withdrawal_addresses_public_id (public_id),
	UNIQUE KEY withdrawal_addresses_once (user_id, asset_id, address),
	CONSTRAINT withdrawal_addresses_user_fk FOREIGN KEY (user_id)
		REFERENCES users (id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
