"""Discovery: servers that are looked for while relay runs. The kinds of places stand in `assemble`."""
