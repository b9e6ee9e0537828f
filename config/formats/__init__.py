"""How Django itself writes times and dates, by language: the admin; pages have filters of their own."""
