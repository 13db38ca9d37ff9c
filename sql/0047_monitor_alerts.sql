-- SPDX-License-Identifier: AGPL-3.0-or-later
--
-- monitor_alerts - what the monitor's rules have found.  A rule has at most one
-- active row a component: active is 1, and NULL once it is resolved.

CREATE TABLE IF NOT EXISTS monitor_alerts (
	id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
	public_id BINARY(16) NOT NULL,
	rule VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	component VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	severity ENUM('info', 'warning', 'critical') NOT NULL,
	message VARCHAR(255) NOT NULL,
	triggered_at DATETIME(6) NOT NULL,
	resolved_at DATETIME(6) NULL,
	active TINYINT UNSIGNED NULL,
	PRIMARY KEY (id),
	UNIQUE KEY monitor_alerts_public_id (public_id),
	UNIQUE KEY monitor_alerts_active (rule, component, active),
	KEY monitor_alerts_triggered (triggered_at),
	KEY monitor_alerts_resolved (resolved_at),
	CONSTRAINT monitor_alerts_ended
		CHECK ((active = 1 AND resolved_at IS NULL) OR
			(active IS NULL AND resolved_at IS NOT NULL))
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
