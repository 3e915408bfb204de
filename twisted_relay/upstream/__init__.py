"""Towards servers: backends, their servers, the connections to them, and what is tried again."""
