"""One dataclass for each type of section; its docstring and its options' texts are the reference page."""
