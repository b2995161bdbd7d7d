"""Read a file that the operator names: regular, of bounded size, and text in UTF-8 where text is wanted.

Promises: never waits (a pipe or a terminal is refused) and never reads more than the given size, so that `/dev/zero` or
the wrong file cannot use up memory. A fault is an OSError whose `strerror` says what is wrong.
"""

from __future__ import annotations

import errno
import stat
from pathlib import Path

from malaria.units import format_bytes


def read_input_bytes(path: Path, largest_bytes: int) -> bytes:
    """Return the content of a file. Raises OSError if it is not a regular file, is too large or cannot be read."""
    check_regular(path)
    with path.open("rb") as file:
        content = file.read(largest_bytes + 1)  # a file of /proc has a size of 0, and a log may grow
    if len(content) > largest_bytes:
        raise OSError(errno.EFBIG, f"is larger than {format_bytes(largest_bytes)}", str(path))
    return content


def check_regular(path: Path) -> None:
    """Check that somebody else's code can read a path without waiting or reading for ever. Raises OSError.

    A pipe would make the command wait, a device could be endless.
    """
    mode = path.stat().st_mode
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, "is a directory", str(path))
    if not stat.S_ISREG(mode):
        raise OSError(errno.EINVAL, "is not a regular file", str(path))


def read_input_text(path: Path, largest_bytes: int) -> str:
    """Return the text of a file, without the byte order mark that editors of Windows write.

    Raises OSError as `read_input_bytes` does, and UnicodeDecodeError if the file is not UTF-8.
    """
    return read_input_bytes(path, largest_bytes).decode("utf-8-sig").replace("\r\n", "\n")
