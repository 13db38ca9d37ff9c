-- SPDX-License-Identifier: AGPL-3.0-or-later
--
-- Who may do what.  "quantoractl migrate" puts the accounts of the settings in
-- for :api, :settler, :stream, :worker and :auditor.  A statement ends with a
-- semicolon at the end of a line.
--
-- Three rules: what the core decides is written by the settler alone; the
-- ledger, the trades and the audit log can be added to and never changed; an
-- auditor reads everything but secrets, and writes nothing.

-- ---- api: the workers behind HTTP ------------------------------------------

GRANT SELECT, INSERT, UPDATE ON users TO :api;
GRANT SELECT, INSERT, UPDATE ON sessions TO :api;
GRANT SELECT, INSERT, UPDATE, DELETE ON refresh_tokens TO :api;
GRANT SELECT, INSERT, UPDATE, DELETE ON recovery_codes TO :api;
GRANT SELECT, INSERT, UPDATE, DELETE ON login_failures TO :api;
GRANT SELECT, INSERT, UPDATE ON invite_codes TO :api;
GRANT SELECT, INSERT, UPDATE ON access_keys TO :api;
GRANT SELECT, INSERT ON audit_log TO :api;
GRANT SELECT, UPDATE ON audit_head TO :api;
GRANT SELECT, INSERT, UPDATE ON intents TO :api;
GRANT SELECT, INSERT, UPDATE ON withdrawals TO :api;
GRANT SELECT, INSERT ON withdrawal_decisions TO :api;
GRANT SELECT, INSERT, DELETE ON withdrawal_addresses TO :api;
GRANT SELECT, INSERT, UPDATE ON security_alerts TO :api;
GRANT SELECT ON metrics_minute TO :api;
GRANT SELECT ON metrics_hour TO :api;
GRANT SELECT ON monitor_alerts TO :api;
GRANT SELECT, INSERT, UPDATE ON strategies TO :api;
GRANT SELECT, INSERT, UPDATE ON user_denials TO :api;
GRANT SELECT ON core_users TO :api;
GRANT SELECT ON core_withdrawals TO :api;
GRANT SELECT ON core_revocations TO :api;
GRANT SELECT ON core_limits TO :api;
GRANT SELECT ON core_risk TO :api;
GRANT SELECT ON core_cancel_after TO :api;
GRANT SELECT ON assets TO :api;
GRANT SELECT ON instruments TO :api;
GRANT SELECT ON orders TO :api;
GRANT SELECT ON order_names TO :api;
GRANT SELECT, INSERT, UPDATE, DELETE ON order_links TO :api;
GRANT SELECT ON trades TO :api;
GRANT SELECT ON positions TO :api;
GRANT SELECT ON ledger TO :api;
GRANT SELECT ON balances TO :api;
GRANT SELECT ON house_balances TO :api;
GRANT SELECT ON candles_1m TO :api;
GRANT SELECT, INSERT, UPDATE, DELETE ON risk_limits TO :api;
GRANT SELECT, UPDATE ON risk_alerts TO :api;
GRANT SELECT, INSERT ON notices TO :api;
GRANT SELECT, INSERT, DELETE ON price_alerts TO :api;
GRANT SELECT ON candles_1h TO :api;
GRANT SELECT ON candles_1d TO :api;
GRANT SELECT ON candle_series TO :api;
GRANT SELECT ON imported_candles TO :api;
GRANT SELECT ON settle_state TO :api;

-- ---- settler: the projection of the core ------------------------------------

GRANT SELECT, INSERT, UPDATE ON core_users TO :settler;
GRANT SELECT, INSERT, UPDATE ON core_withdrawals TO :settler;
GRANT SELECT, INSERT, UPDATE, DELETE ON core_revocations TO :settler;
GRANT SELECT, INSERT, UPDATE ON core_limits TO :settler;
GRANT SELECT, INSERT, UPDATE ON core_risk TO :settler;
GRANT SELECT, INSERT, UPDATE ON core_cancel_after TO :settler;
GRANT SELECT, INSERT, UPDATE ON assets TO :settler;
GRANT SELECT, INSERT, UPDATE ON instruments TO :settler;
GRANT SELECT, INSERT, UPDATE ON orders TO :settler;
GRANT SELECT, INSERT ON order_names TO :settler;
GRANT SELECT, INSERT ON trades TO :settler;
GRANT SELECT, INSERT, UPDATE ON positions TO :settler;
GRANT SELECT, INSERT ON ledger TO :settler;
GRANT SELECT, INSERT, UPDATE ON balances TO :settler;
GRANT SELECT, INSERT, UPDATE ON house_balances TO :settler;
GRANT SELECT, INSERT, UPDATE ON candles_1m TO :settler;
GRANT SELECT, INSERT, UPDATE ON candles_1h TO :settler;
GRANT SELECT, INSERT, UPDATE ON candles_1d TO :settler;
GRANT SELECT, INSERT, UPDATE ON settle_state TO :settler;

-- ---- stream: who may listen to what ------------------------------------------

GRANT SELECT (id, public_id, email, username, currency, system_mode, created_at)
	ON users TO :stream;
GRANT SELECT ON sessions TO :stream;
GRANT SELECT ON core_users TO :stream;
GRANT SELECT ON core_revocations TO :stream;
GRANT SELECT ON assets TO :stream;
GRANT SELECT ON instruments TO :stream;
GRANT SELECT ON orders TO :stream;
GRANT SELECT ON trades TO :stream;
GRANT SELECT ON balances TO :stream;
GRANT SELECT ON candles_1m TO :stream;
GRANT SELECT ON notices TO :stream;
GRANT SELECT ON settle_state TO :stream;

-- ---- worker: jobs, intents, what has expired ----------------------------------

GRANT SELECT (id, public_id, email, email_folded, created_at) ON users
	TO :worker;
GRANT SELECT, UPDATE, DELETE ON sessions TO :worker;
GRANT SELECT, DELETE ON refresh_tokens TO :worker;
GRANT SELECT, DELETE ON login_failures TO :worker;
GRANT SELECT, INSERT ON audit_log TO :worker;
GRANT SELECT, UPDATE ON audit_head TO :worker;
GRANT SELECT, INSERT, UPDATE, DELETE ON intents TO :worker;
GRANT SELECT, UPDATE ON withdrawals TO :worker;
GRANT SELECT ON withdrawal_decisions TO :worker;
GRANT SELECT ON strategies TO :worker;
GRANT SELECT, INSERT, UPDATE, DELETE ON metrics_minute TO :worker;
GRANT SELECT, INSERT, UPDATE, DELETE ON metrics_hour TO :worker;
GRANT SELECT, INSERT, UPDATE, DELETE ON monitor_alerts TO :worker;
GRANT SELECT ON user_denials TO :worker;
GRANT SELECT ON core_users TO :worker;
GRANT SELECT ON core_withdrawals TO :worker;
GRANT SELECT ON core_revocations TO :worker;
GRANT SELECT ON core_limits TO :worker;
GRANT SELECT ON core_risk TO :worker;
GRANT SELECT ON assets TO :worker;
GRANT SELECT ON instruments TO :worker;
GRANT SELECT ON orders TO :worker;
GRANT SELECT ON order_names TO :worker;
GRANT SELECT, UPDATE, DELETE ON order_links TO :worker;
GRANT SELECT ON trades TO :worker;
GRANT SELECT ON positions TO :worker;
GRANT SELECT ON ledger TO :worker;
GRANT SELECT ON balances TO :worker;
GRANT SELECT ON house_balances TO :worker;
GRANT SELECT ON candles_1m TO :worker;
GRANT SELECT ON risk_limits TO :worker;
GRANT SELECT, INSERT, UPDATE, DELETE ON risk_alerts TO :worker;
GRANT SELECT, INSERT, UPDATE, DELETE ON notices TO :worker;
GRANT SELECT, UPDATE, DELETE ON price_alerts TO :worker;
GRANT SELECT, INSERT, UPDATE ON price_alert_mark TO :worker;
GRANT SELECT ON candles_1h TO :worker;
GRANT SELECT ON candles_1d TO :worker;
GRANT SELECT, INSERT, UPDATE ON candle_series TO :worker;
GRANT SELECT, INSERT, UPDATE ON imported_candles TO :worker;
GRANT SELECT ON settle_state TO :worker;

-- ---- auditor ------------------------------------------------------------------

GRANT SELECT (id, public_id, email, email_folded, username, username_folded,
	first_name, full_name, password_changed_at, kyc_status, currency,
	system_mode, permissions, preferences, totp_enabled, totp_changed_at,
	withdrawals_blocked_until, address_list_only, last_login_at, created_at,
	updated_at) ON users TO :auditor;
GRANT SELECT ON sessions TO :auditor;
GRANT SELECT (id, note, created_by, created_at, expires_at, uses_max, uses)
	ON invite_codes TO :auditor;
GRANT SELECT (id, public_id, user_id, name, permissions, addresses, created_at,
	last_used_at, expires_at, revoked_at) ON access_keys TO :auditor;
GRANT SELECT ON audit_log TO :auditor;
GRANT SELECT ON audit_head TO :auditor;
GRANT SELECT ON intents TO :auditor;
GRANT SELECT ON withdrawals TO :auditor;
GRANT SELECT ON withdrawal_decisions TO :auditor;
GRANT SELECT ON withdrawal_addresses TO :auditor;
GRANT SELECT ON security_alerts TO :auditor;
GRANT SELECT ON metrics_minute TO :auditor;
GRANT SELECT ON metrics_hour TO :auditor;
GRANT SELECT ON monitor_alerts TO :auditor;
GRANT SELECT ON strategies TO :auditor;
GRANT SELECT ON user_denials TO :auditor;
GRANT SELECT ON core_users TO :auditor;
GRANT SELECT ON core_withdrawals TO :auditor;
GRANT SELECT ON core_revocations TO :auditor;
GRANT SELECT ON core_limits TO :auditor;
GRANT SELECT ON core_risk TO :auditor;
GRANT SELECT ON core_cancel_after TO :auditor;
GRANT SELECT ON assets TO :auditor;
GRANT SELECT ON instruments TO :auditor;
GRANT SELECT ON orders TO :auditor;
GRANT SELECT ON order_names TO :auditor;
GRANT SELECT ON order_links TO :auditor;
GRANT SELECT ON trades TO :auditor;
GRANT SELECT ON positions TO :auditor;
GRANT SELECT ON ledger TO :auditor;
GRANT SELECT ON balances TO :auditor;
GRANT SELECT ON house_balances TO :auditor;
GRANT SELECT ON candles_1m TO :auditor;
GRANT SELECT ON risk_limits TO :auditor;
GRANT SELECT ON risk_alerts TO :auditor;
GRANT SELECT ON notices TO :auditor;
GRANT SELECT ON price_alerts TO :auditor;
GRANT SELECT ON candles_1h TO :auditor;
GRANT SELECT ON candles_1d TO :auditor;
GRANT SELECT ON candle_series TO :auditor;
GRANT SELECT ON imported_candles TO :auditor;
GRANT SELECT ON settle_state TO :auditor;
GRANT SELECT ON schema_migrations TO :auditor;
GRANT SELECT ON report_asset_sums TO :auditor;
GRANT SELECT ON report_balance_differences TO :auditor;
GRANT SELECT ON report_order_differences TO :auditor;
GRANT SELECT ON report_statement TO :auditor;
GRANT SELECT ON report_trade_differences TO :auditor;
GRANT SELECT ON report_unbalanced_postings TO :auditor;
