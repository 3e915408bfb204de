"""`twistd` that gives back what the C library keeps for later as soon as it gets SIGUSR2: what is left is in use.

Without it nobody can say from outside whether memory grows because it is used, or because it is in pieces.
"""

import ctypes
import signal

from twisted.scripts.twistd import run

signal.signal(signal.SIGUSR2, lambda *_: ctypes.CDLL(None).malloc_trim(0))
run()
