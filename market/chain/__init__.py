"""The option chain page: expirations, strikes, and the legs that are picked from them."""
