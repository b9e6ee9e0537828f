"""tastytrade's wire: REST, DXLink quotes, account streamer."""
