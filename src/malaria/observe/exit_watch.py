"""Tells how a process of this machine ended, also one whose parent has waited for it already.

Linux keeps the exit status of a process for those that hold a pidfd of it: `PIDFD_GET_INFO` of Linux 6.15 and later
(include/uapi/linux/pidfd.h). Elsewhere the status is unknown.
"""

from __future__ import annotations

import fcntl
import os
import struct
from contextlib import suppress
from typing import Final

INFO_BYTES: Final = 64
"""Size of `struct pidfd_info` in its first version: a mask of 64 bits at its begin, the exit status at its end."""
WANT_EXIT: Final = 1 << 3  # PIDFD_INFO_EXIT
GET_INFO: Final = 3 << 30 | INFO_BYTES << 16 | 0xFF << 8 | 11  # _IOWR(0xFF, 11, struct pidfd_info)


class ExitWatch:
    """A hold on one process. It needs one file descriptor until `close`, which may be called twice."""

    def __init__(self, pid: int) -> None:
        self._descriptor: int | None = None
        # AttributeError: a system without pidfds
        with suppress(OSError, AttributeError):
            self._descriptor = os.pidfd_open(pid)

    def wait_status(self) -> int | None:
        """Return the status as `waitpid` returns it; None while the process runs, or where it is not known."""
        if self._descriptor is None:
            return None
        info = bytearray(INFO_BYTES)
        struct.pack_into("=Q", info, 0, WANT_EXIT)
        try:
            fcntl.ioctl(self._descriptor, GET_INFO, info)
        except OSError:
            return None
        known: int = struct.unpack_from("=Q", info)[0] & WANT_EXIT
        status: int = struct.unpack_from("=i", info, INFO_BYTES - 4)[0]
        return status if known else None

    def close(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
