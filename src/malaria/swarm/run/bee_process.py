"""The process of a bee: `python -m malaria.swarm.run.bee_process DIRECTORY`, its settings (JSON, with keys) on stdin.

It leaves its parent: an ssh connection that breaks must not end a load that its conductor still leads, and a bee that
has lost its conductor ends its load by itself. The parent waits until the bee has joined, so that one that cannot start
says why. DIRECTORY/bee.pid holds the process group of the bee while it lives, DIRECTORY/bee.log what it printed.
Nothing restarts what is gone.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import ssl
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from malaria.swarm.hosts.bee_layout import HOLDER_FILE, LOG_FILE, PID_FILE
from malaria.swarm.hosts.holding import Holder, holder_from
from malaria.swarm.run.certificates import RunCertificates
from malaria.swarm.run.conductor_channel import BeeSettings, ConductorChannel, run_bee
from malaria.swarm.run.version_check import VersionStamp, mismatch, own_stamp

OWN_S: Final = 15.0
"""How long a bee of the same person in the same directory may take to end."""
OTHERS_S: Final = 2.0
"""How long a bee of another person may: it may be ending, and is not waited for otherwise."""
JOINED: Final = "joined"
UNREACHABLE: Final = "cannot reach the conductor at"
CLOCK_IS_WRONG: Final = "its clock says"
NOT_YET_VALID: Final = 9
EXPIRED: Final = 10
"""Codes of OpenSSL."""


def main() -> None:
    """Start the bee. End with exit code 0 once it has joined its conductor, else with 1 and the reason."""
    directory = Path(sys.argv[1])
    settings = json.load(sys.stdin)
    if difference := mismatch(own_stamp(), VersionStamp(**settings["version"])):
        sys.exit(difference)
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    holder = Holder(**settings["holder"])
    if _wait_for_other(directory, holder):
        sys.exit(_busy(directory, holder))
    reader, writer = os.pipe()
    # the parent stays in the ssh session until the bee has joined; the child outlives that session
    if os.fork():
        os.close(writer)
        sys.exit(_first_report(reader))
    os.close(reader)
    os.setsid()
    _live(settings, directory, FirstReport(writer))
    os._exit(0)  # no thread needs to be waited for


class FirstReport:
    """Tells the process that started the bee, once, that it has joined or why it could not."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor: int | None = descriptor

    def send(self, text: str) -> None:
        if self._descriptor is not None:
            with suppress(OSError):  # the ssh connection is gone, and with it the reader
                os.write(self._descriptor, text.encode(errors="replace"))
            os.close(self._descriptor)
            self._descriptor = None


def _first_report(reader: int) -> str | None:
    """Wait for the first report of the bee; return None if it has joined, else why it ended."""
    # the pipe ends with the bee's first report, or with the bee
    with os.fdopen(reader, errors="replace") as pipe:
        text = pipe.read().strip()
    return None if text == JOINED else text or f"its process ended at once; see {LOG_FILE} in its directory"


def _live(settings: dict[str, Any], directory: Path, first: FirstReport) -> None:
    pid_file = directory / PID_FILE
    try:
        _redirect(directory / LOG_FILE)
        pid_file.write_text(f"{os.getpid()}\n")
        (directory / HOLDER_FILE).write_text(Holder(**settings["holder"]).to_text())
        asyncio.run(_serve(settings_from(settings), directory, lambda: first.send(JOINED)))
    except Exception as error:
        traceback.print_exc()
        first.send(_in_one_line(error))
    finally:
        with suppress(OSError, ValueError):
            # another bee may have the directory by now
            if int(pid_file.read_text()) == os.getpid():
                (directory / HOLDER_FILE).unlink(missing_ok=True)
                pid_file.unlink()
        sys.stdout.flush()


def settings_from(table: dict[str, Any]) -> BeeSettings:
    """Return the settings of the conductor as values."""
    return BeeSettings(table["name"], table["host"], table["port"], RunCertificates(**table["certificates"]))


def _in_one_line(error: Exception) -> str:
    if isinstance(error, JoinError):
        return str(error)
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return " ".join(f"{type(error).__name__}: {error}".split())


def _wait_for_other(directory: Path, holder: Holder) -> bool:
    """Wait until no other bee is in this directory; return whether one still is: that of the last attack may end."""
    begin_s = time.monotonic()
    while _living(directory / PID_FILE) is not None:
        other = _holder_in(directory)
        own = other is not None and other.who == holder.who and other.load != holder.load
        if time.monotonic() - begin_s >= (OWN_S if own else OTHERS_S):
            return True
        time.sleep(0.05)
    return False


def _busy(directory: Path, holder: Holder) -> str:
    """Return why this bee cannot start where another one is."""
    other = _holder_in(directory)
    if other is not None and other.load == holder.load:
        return f"another bee of this swarm is the same host and directory ({directory})"
    return f"in use by {other}" if other is not None else "in use by another attack"


def _holder_in(directory: Path) -> Holder | None:
    try:
        return holder_from((directory / HOLDER_FILE).read_text(errors="replace"))
    except OSError:
        return None


def _living(pid_file: Path) -> int | None:
    try:
        pid = int(pid_file.read_text())
        os.kill(pid, 0)
    except (OSError, ValueError):
        return None
    with suppress(OSError):
        # the number may have gone to another program since
        return pid if b"malaria" in Path(f"/proc/{pid}/cmdline").read_bytes() else None
    return pid


def _redirect(log: Path) -> None:
    """Let go of the terminal or connection that this process was started from."""
    nothing = os.open(os.devnull, os.O_RDONLY)
    sink = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    for descriptor, standard in ((nothing, 0), (sink, 1), (sink, 2)):
        os.dup2(descriptor, standard)


async def _serve(settings: BeeSettings, directory: Path, on_joined: Callable[[], None]) -> None:
    """Be a bee until the conductor is done with it, or is lost. Raises JoinError."""
    loop = asyncio.get_running_loop()

    def end_with_signals(channel: ConductorChannel) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, channel.break_off)

    joined = False

    def note_joined() -> None:
        nonlocal joined
        joined = True
        on_joined()

    try:
        await run_bee(settings, directory, note_joined, end_with_signals)
    except OSError as error:
        if joined:
            raise
        raise JoinError(why_not_joined(settings, error)) from None


class JoinError(Exception):
    """The conductor could not be joined."""


def why_not_joined(settings: BeeSettings, error: OSError) -> str:
    """Return why the conductor could not be joined."""
    if isinstance(error, ssl.SSLCertVerificationError) and error.verify_code in (NOT_YET_VALID, EXPIRED):
        return f"{CLOCK_IS_WRONG} {datetime.now(UTC):%Y-%m-%d %H:%M} UTC, when the certificate of this run is not valid"
    if isinstance(error, ssl.SSLError):
        return f"{UNREACHABLE} {settings.host} port {settings.port}: it has no certificate of this run"
    if isinstance(error, TimeoutError) and not error.errno:
        return f"{UNREACHABLE} {settings.host} port {settings.port}: no answer"
    return f"{UNREACHABLE} {settings.host} port {settings.port}: {os.strerror(error.errno or 0)}"


if __name__ == "__main__":
    main()
