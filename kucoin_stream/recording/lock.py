"""One writer at a time: a lock on an open file, which the system takes back however its holder ends."""

from __future__ import annotations

import errno
import os
import sys

_TAKEN = (errno.EACCES, errno.EAGAIN, errno.EDEADLK)

if sys.platform == "win32":
    import msvcrt

    _PLACE = 1 << 60  # locks keep others from reading there too: a byte that no tape ever has

    def _lock(descriptor: int) -> None:
        place = os.lseek(descriptor, 0, os.SEEK_CUR)
        os.lseek(descriptor, _PLACE, os.SEEK_SET)
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        finally:
            os.lseek(descriptor, place, os.SEEK_SET)
else:
    import fcntl

    def _lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


def lock(descriptor: int) -> bool:
    """Lock an open file until it is closed; return whether nobody else holds it, in this process or another.

    True as well where the file system knows no locks: such as some that are mounted over a network.
    """
    try:
        _lock(descriptor)
    except OSError as exc:
        return exc.errno not in _TAKEN
    return True
