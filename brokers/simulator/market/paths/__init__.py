"""Where prices are at any time, and what is quoted and traded along them."""
