"""Keeps lists up to date: reads their files and fetches their URLs, in the background, and swaps them at once."""
