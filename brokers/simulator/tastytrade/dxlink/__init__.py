"""The quote feed (wire reference, section 7): protocol, events made from the market's books, candles, the socket."""
