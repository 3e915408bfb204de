"""Names of the DNS: questions, replies, and who is asked. Knows nothing of servers or backends."""
