"""How what is configured becomes the way of every request."""
