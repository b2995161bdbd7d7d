"""/proc of another host over the system's own ssh client, with nothing there but a POSIX shell.

One connection stays open; the shell at its other end reads a line of patterns and prints what it finds, again and
again, until its input ends: it is gone as soon as we are. Host keys are checked, with the user's own known_hosts, and
an unknown host is refused, never trusted silently; no password is ever asked for. A connection that drops is a
`LostError`, and is made anew with the next sample.
"""

from __future__ import annotations

import os
import selectors
import shutil
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from threading import Lock
from typing import IO, Final

from malaria.observe.observer import LostError, clean

CONNECT_S: Final = 10.0
ANSWER_S: Final = 5.0
LARGEST_ANSWER_BYTES: Final = 32 << 20
END_MARK: Final = "@malaria-end"

SCRIPT: Final = f"""
exec 2>/dev/null
LC_ALL=C
export LC_ALL
echo {END_MARK}
while IFS= read -r line; do
  set -- $line
  what=$1
  shift
  if [ "$what" = t ]; then grep -s "" /dev/null "$@"; else ls -l "$@" /proc/self/fdinfo; fi
  echo
  echo {END_MARK}
done
"""
"""`set -- $line` expands the patterns. One process answers each line: a host under load is not to be loaded by us.
With more than one file grep writes its path before each line, and with more than one directory ls writes a heading.
"""

REASONS: Final = (
    ("Host key verification failed", "its host key is not in known_hosts, or has changed; call ssh to it by hand once"),
    ("Permission denied", "it does not let us in without a password; add a key to its authorized_keys or to the agent"),
    ("Could not resolve hostname", "no such host"),
    ("Connection refused", "nothing listens at its ssh port"),
    ("timed out", "no answer"),
    ("No route to host", "no way to it"),
)
"""What ssh says -> in our words."""


@dataclass(frozen=True, slots=True)
class Destination:
    """`ssh://user@host:port`. `config` is a file for `ssh -F`, empty: the user's own."""

    host: str
    user: str = ""
    port: int | None = None
    config: str = ""

    def __str__(self) -> str:
        user = f"{self.user}@" if self.user else ""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"ssh://{user}{host}" + (f":{self.port}" if self.port else "")


class SshProcReader:
    """One host over ssh. May be shared by several observers: one question at a time."""

    def __init__(self, destination: Destination) -> None:
        self.place = str(destination)
        self._destination = destination
        self._process: subprocess.Popen[bytes] | None = None
        self._rest = b""
        self._lock = Lock()

    def open(self) -> None:
        with self._lock:
            self._connect()

    def texts(self, patterns: Sequence[str]) -> Mapping[str, str]:
        found: dict[str, list[str]] = {}
        for line in self._ask("t", patterns).splitlines():
            path, _, text = line.partition(":")
            if path.startswith("/"):
                found.setdefault(path, []).append(text)
        return {path: "\n".join(lines) for path, lines in found.items()}

    def links(self, patterns: Sequence[str]) -> Mapping[str, Sequence[str]]:
        found: dict[str, list[str]] = {}
        targets: list[str] = []
        for line in self._ask("l", patterns).splitlines():
            if line.startswith("/") and line.endswith(":"):
                targets = found.setdefault(line[:-1], [])
            elif " -> " in line:
                targets.append(line.partition(" -> ")[2])
        return found

    def close(self) -> None:
        with self._lock:
            self._drop()

    def _ask(self, what: str, patterns: Sequence[str]) -> str:
        with self._lock:
            process = self._connect()
            try:
                assert process.stdin is not None
                process.stdin.write(f"{what} {' '.join(patterns)}\n".encode())
                process.stdin.flush()
            except OSError:
                raise self._failure("the connection is gone") from None
            return self._answer(ANSWER_S)

    def _connect(self) -> subprocess.Popen[bytes]:
        if self._process is not None and self._process.poll() is None:
            return self._process
        self._drop()
        try:
            self._process = subprocess.Popen(
                command_to(self._destination),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,  # Ctrl-C is for us: what we see goes on until we stop it
            )
        except OSError as error:
            raise LostError(f"ssh cannot be called: {error.strerror}") from None
        for stream in (self._process.stdout, self._process.stderr):
            assert stream is not None
            os.set_blocking(stream.fileno(), False)
        self._answer(CONNECT_S)  # the first end mark says that the shell is there
        return self._process

    def _answer(self, patience_s: float) -> str:
        """Everything up to the end mark."""
        assert self._process is not None
        assert self._process.stdout is not None
        mark = f"{END_MARK}\n".encode()
        data, end = self._rest, time.monotonic() + patience_s
        while not data.startswith(mark) and b"\n" + mark not in data:
            if len(data) > LARGEST_ANSWER_BYTES:
                raise self._failure("it answers without end")
            fresh = _read(self._process.stdout, end - time.monotonic())
            if fresh is None:
                raise self._failure(f"no answer in {patience_s:.0f} s")
            if not fresh:
                raise self._failure("the connection is gone")
            data += fresh
        answer, _, self._rest = (b"\n" + data).partition(b"\n" + mark)
        return answer.decode(errors="replace")

    def _failure(self, otherwise: str) -> LostError:
        """Why, in words, from what ssh said last; the connection is given up."""
        process = self._process
        said = ""
        if process is not None and process.stderr is not None:
            with suppress(subprocess.TimeoutExpired):
                process.wait(0.2)
            said = (process.stderr.read() or b"").decode(errors="replace")
        self._drop()
        reason = next((words for key, words in REASONS if key in said), "")
        last = clean(said.strip().splitlines()[-1]) if said.strip() else ""
        return LostError(f"{self.place}: {reason or last or otherwise}")

    def _drop(self) -> None:
        process, self._process, self._rest = self._process, None, b""
        if process is None:
            return
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout, process.stderr):
            if stream is not None:
                with suppress(OSError):
                    stream.close()


def command_to(destination: Destination) -> list[str]:
    """The ssh command. The host is checked beforehand (`malaria.model.observe`): it cannot look like an option."""
    options = {
        "BatchMode": "yes",  # ask nothing: there is nobody at the keyboard
        "StrictHostKeyChecking": "yes",
        "ConnectTimeout": "8",
        "ServerAliveInterval": "2",
        "ServerAliveCountMax": "2",
        "ForwardAgent": "no",
        "ForwardX11": "no",
        "ClearAllForwardings": "yes",
    }
    command = [shutil.which("ssh") or "ssh", "-T"]
    command += ["-F", destination.config] if destination.config else []
    command += [part for name, value in options.items() for part in ("-o", f"{name}={value}")]
    command += ["-p", str(destination.port)] if destination.port else []
    command += ["-l", destination.user] if destination.user else []
    return [*command, "--", destination.host, f"exec sh -c '{SCRIPT}'"]


def _read(stream: IO[bytes], patience_s: float) -> bytes | None:
    """What there is; empty at the end, None when nothing comes in time."""
    with selectors.DefaultSelector() as selector:
        selector.register(stream, selectors.EVENT_READ)
        if patience_s <= 0 or not selector.select(patience_s):
            return None
    return os.read(stream.fileno(), 1 << 16)
