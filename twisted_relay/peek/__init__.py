"""What clients say first in a tunnel, read without I/O, and how a tunnel is told what follows from it."""
