"""Access logs: one line for each finished exchange (`fields`, `lines`), written in batches (`sink`, `log`)."""
