"""TradeStation's wire over the one market and exchange: sign-in, reads, orders, market data, streams."""
