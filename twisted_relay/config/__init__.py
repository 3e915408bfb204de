"""The configuration: read, checked, and given out as a tree of frozen dataclasses."""
