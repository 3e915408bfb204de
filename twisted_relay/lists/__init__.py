"""Lists of names and networks: how their files are written, and sets of a million of them that are quickly asked."""
