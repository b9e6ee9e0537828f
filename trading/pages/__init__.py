"""The pages of orders, their forms, and what is drawn on them."""
