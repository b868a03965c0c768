"""The only room that knows every part: builds them, connects them, starts and stops them."""
