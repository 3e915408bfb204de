"""Who a client is: credentials, users, and what happens to those who guess. It does not know where requests go."""
