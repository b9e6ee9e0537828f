"""TradeStation's wire: REST and HTTP streams."""
