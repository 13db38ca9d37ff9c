-- SPDX-License-Identifier: AGPL-3.0-or-later
--
-- users - one row serves all editions.
--
-- id is the core's user number too (1 to 2^28 - 1).  What the core decides about
-- a user (role, lock, epoch, reduce-only) is in core_users, not here.
--
-- All text is compared byte for byte (utf8mb4_bin); e-mail and username are
-- unique without regard to case by their generated folded twins: look up with
-- "WHERE email_folded = LOWER(?)".

CREATE TABLE IF NOT EXISTS users (
	id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
	public_id BINARY(16) NOT NULL,
	email VARCHAR(254) NOT NULL,
	email_folded VARCHAR(254) GENERATED ALWAYS AS (LOWER(email)) STORED,
	username VARCHAR(254) NOT NULL,
	username_folded VARCHAR(254) GENERATED ALWAYS AS (LOWER(username)) STORED,
	first_name VARCHAR(128) NOT NULL DEFAULT '',
	full_name VARCHAR(255) NOT NULL DEFAULT '',
	password_hash VARCHAR(255) NOT NULL,
	password_changed_at DATETIME(6) NULL,
	kyc_status ENUM('none', 'pending', 'approved', 'rejected') NOT NULL
		DEFAULT 'none',
	currency VARCHAR(12) NOT NULL DEFAULT 'ZAR',
	system_mode VARCHAR(16) NOT NULL DEFAULT 'testing',
	permissions JSON NOT NULL DEFAULT ('[]'),
	preferences JSON NOT NULL DEFAULT ('{}'),
	-- Sealed; pending is what was enrolled and not yet verified.
	totp_secret VARBINARY(255) NULL,
	totp_key_version SMALLINT UNSIGNED NOT NULL DEFAULT 0,
	totp_enabled TINYINT(1) NOT NULL DEFAULT 0,
	totp_last_step BIGINT UNSIGNED NOT NULL DEFAULT 0,
	totp_changed_at DATETIME(6) NULL,
	totp_pending_secret VARBINARY(255) NULL,
	totp_pending_key_version SMALLINT UNSIGNED NOT NULL DEFAULT 0,
	totp_pending_at DATETIME(6) NULL,
	withdrawals_blocked_until DATETIME(6) NULL,
	address_list_only TINYINT(1) NOT NULL DEFAULT 0,
	last_login_at DATETIME(6) NULL,
	created_at DATETIME(6) NOT NULL,
	updated_at DATETIME(6) NOT NULL,
	PRIMARY KEY (id),
	UNIQUE KEY users_public_id (public_id),
	UNIQUE KEY users_email (email_folded),
	UNIQUE KEY users_username (username_folded),
	KEY users_created (created_at)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
