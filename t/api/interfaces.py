# SPDX-License-Identifier: AGPL-3.0-or-later
"""What the API Interfaces document says: paths, words, types; and orders by it."""

from decimal import Decimal

from shapes import BOOL, FULL, INT, JWT, NUMBER, OBJECT, TEXT, TIME, Maybe

EDITION = "interfaces"
SYMBOL = "ETH/USDT"
IN_USD = "ETH/USD"     # which risk is reckoned in
PRICE = Decimal("2500.25")
ORDERS = "/api/v1/trading/orders"
POSITIONS = "/api/v1/trading/positions"
STRATEGIES = "/api/v1/strategies"
SYMBOLS = "/api/v1/market-data/symbols"
OHLCV = "/api/v1/market-data/symbols/ETHUSDT/ohlcv"
LIMITS = "/api/v1/risk/limits"
METRICS = "/api/v1/monitoring/metrics"
ALERTS = "/api/v1/monitoring/alerts"
NOBODY = "00000000-0000-4000-8000-000000000000"

TYPES = ("market", "limit", "stop_loss", "take_profit")
STATUSES = ("placed", "filled", "partially_filled", "cancelled", "rejected")

# ---- What the document says ------------------------------------------------------

LOGIN = {"access_token": JWT, "refresh_token": FULL, "expires_in": 3600,
         "user": {"id": INT, "username": FULL, "email": FULL}}
POSITION = {"id": FULL, "symbol": FULL, "exchange": FULL, "side": ("buy", "sell"),
            "quantity": NUMBER, "entry_price": NUMBER, "current_price": NUMBER,
            "pnl": NUMBER, "pnl_percentage": NUMBER, "opened_at": TIME,
            "updated_at": TIME}
PLACED = {"order_id": FULL, "status": ("placed", "rejected"), "placed_at": TIME}
ORDER = {"order_id": FULL, "symbol": FULL, "exchange": FULL, "side": ("buy", "sell"),
         "type": TYPES, "quantity": NUMBER, "price": Maybe(NUMBER),
         "stop_price": Maybe(NUMBER), "status": STATUSES, "filled_quantity": NUMBER,
         "avg_fill_price": Maybe(NUMBER), "fees": NUMBER, "placed_at": TIME,
         "updated_at": TIME}
CANCELLED = {"order_id": FULL, "status": ("cancelled", "cancel_failed"),
             "cancelled_at": TIME}
STRATEGY = {"id": FULL, "name": FULL, "description": TEXT, "is_active": BOOL}
LISTED = {**STRATEGY, "created_at": TIME, "updated_at": TIME}
CREATED = {**STRATEGY, "config": OBJECT, "created_at": TIME}
UPDATED = {**STRATEGY, "config": OBJECT, "updated_at": TIME}
MARKET = {"symbol": FULL, "exchange": FULL, "base_currency": FULL,
          "quote_currency": FULL, "status": ("active", "inactive")}
CANDLES = {"symbol": SYMBOL, "exchange": FULL, "interval": FULL, "candles": [
    {"timestamp": TIME, "open": NUMBER, "high": NUMBER, "low": NUMBER,
     "close": NUMBER, "volume": NUMBER}]}
RISK = {"max_position_value": Maybe(NUMBER), "max_daily_loss": Maybe(NUMBER),
        "max_drawdown": Maybe(NUMBER), "updated_at": Maybe(TIME)}
METRIC = {"component": FULL, "metric": FULL, "value": NUMBER, "timestamp": TIME}
ALERT = {"id": FULL, "component": FULL, "severity": ("info", "warning", "critical"),
         "message": FULL, "status": ("active", "resolved"), "triggered_at": TIME,
         "resolved_at": Maybe(TIME)}
MARKET_DATA = {"type": "market_data", "symbol": SYMBOL, "exchange": "quantora",
               "price": NUMBER, "volume": NUMBER, "timestamp": TIME}
ORDER_UPDATE = {"type": "order_update", "order_id": FULL, "status": STATUSES,
                "filled_quantity": NUMBER, "avg_fill_price": Maybe(NUMBER),
                "timestamp": TIME}
RISK_ALERT = {"type": "risk_alert", "level": ("info", "warning", "critical"),
              "message": FULL, "timestamp": TIME}
WS_ERROR = {"type": "error", "code": FULL, "message": FULL}


def terms(kind="limit", side="buy", **more):
    """A good order that nothing in an empty book meets."""
    body = {"symbol": SYMBOL, "exchange": "quantora", "side": side, "type": kind,
            "quantity": 0.5}
    far = "1000.01" if side == "buy" else "9000.01"
    if kind == "limit":
        body["price"] = float(far)
    elif kind == "stop_loss":
        body["stop_price"] = 9000.01 if side == "buy" else 1000.01
    elif kind == "take_profit":
        body["stop_price"] = float(far)
    body.update(more)
    return {k: v for k, v in body.items() if v is not ...}


def place(caller, *what, **more):
    return caller.ask("POST", ORDERS, 200, PLACED,
                      terms(*what, **more))["order_id"]


def show(caller, order_id):
    return caller.get(f"{ORDERS}/{order_id}", ORDER)


def trade(seller, buyer, price=PRICE, quantity=0.5, **more):
    """Make PRICE the last; the ids of both orders."""
    return [place(caller, "limit", side, price=str(price), quantity=quantity, **more)
            for caller, side in ((seller, "sell"), (buyer, "buy"))]
