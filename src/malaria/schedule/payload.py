"""The payload of a message: its size, a header that identifies the message, and the content after it.

The header is at the front of the payload. Loss, order and end-to-end latency are measured with it. Sizes are a pure
function of (seed, client, sequence), whichever worker carries the client.

Promises: `SizeSpec.at` is `SizeSpec.many` for one message; a payload source gives bytes or an `OperatorError`.
"""

from __future__ import annotations

import importlib
import math
import os
import re
import struct
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from random import Random
from threading import Thread
from typing import Final, NamedTuple, Protocol

import numpy as np

from malaria.errors import OperatorError
from malaria.input_file import read_input_bytes
from malaria.schedule import chance
from malaria.schedule.arrays import Ints
from malaria.units import BYTES_PATTERN, NotationError, exact_bytes

LARGEST_PAYLOAD: Final = 268_435_455 - 2
"""Bytes of a PUBLISH after its fixed header (MQTT 2.2.3), less the two bytes of a topic's length."""

_SIZE_REMEDY: Final = (
    'write bytes, for example 500, "5KB", "500~25" (mean~standard deviation) or "100-900" (evenly spread)'
)
SIZE_PATTERN: Final = rf"\s*({BYTES_PATTERN})\s*(?:-\s*({BYTES_PATTERN})|~\s*({BYTES_PATTERN}))?\s*"
_SIZE: Final = re.compile(SIZE_PATTERN, re.ASCII)
_TAIL_STDDEVS: Final = 6  # two normal draws in a thousand million lie beyond


@dataclass(frozen=True, slots=True)
class SizeSpec:
    """A distribution of sizes in bytes: fixed (`low == high`), uniform, or normal, clamped to low..high."""

    low: int
    high: int
    mean: int = 0
    stddev: float = 0.0  # 0: not normal

    @property
    def fixed(self) -> int | None:
        """Return the size if there is only one."""
        return self.low if self.low == self.high else None

    @property
    def largest(self) -> int:
        return self.high

    def at(self, seed: int, client: int, sequence: int, least: int = 0) -> int:
        """Return the size of one message, in about 3 us."""
        if self.low == self.high:
            return self.low
        if self.stddev:
            drawn = round(self.mean + self.stddev * chance.normal_at(seed, client, sequence))
        else:
            drawn = self.low + int(chance.uniform_at(seed, client, sequence) * (self.high - self.low + 1))
        return min(max(drawn, self.low, least), max(self.high, least))

    def many(self, seed: int, clients: Ints, sequences: Ints, least: int = 0) -> Ints:
        """Return the sizes of messages in parallel columns. Drawn sizes are at least `least`; fixed ones are not."""
        if self.fixed is not None:
            return np.full(len(clients), self.low, np.int64)
        streams = chance.streams(seed, clients)
        if self.stddev:
            drawn = np.rint(self.mean + self.stddev * chance.normal(streams, sequences))
        else:
            drawn = self.low + np.floor(chance.uniform(streams, sequences) * (self.high - self.low + 1))
        return np.clip(drawn, max(self.low, least), max(self.high, least)).astype(np.int64)


@lru_cache(typed=True)
def parse_size(value: str | int) -> SizeSpec:
    """Read 500, "500", "500~25" or "100-900". Raises NotationError (a ValueError) for anything else."""
    form = None if isinstance(value, bool) else _SIZE.fullmatch(str(value))
    if form is None:
        raise NotationError(f"{value!r} is not a size", _SIZE_REMEDY)
    first = _bytes(form[1])
    if form[3] and (stddev := float(exact_bytes(form[3]))):
        spec = SizeSpec(0, math.ceil(first + _TAIL_STDDEVS * stddev), first, stddev)
    else:
        spec = SizeSpec(first, _bytes(form[2]) if form[2] else first)
    if spec.low > spec.high:
        raise NotationError(f"size {value!r} ends before it begins", _SIZE_REMEDY)
    if spec.largest > LARGEST_PAYLOAD:
        raise NotationError(f"size {value!r} is more than MQTT can carry ({LARGEST_PAYLOAD:,} bytes)", _SIZE_REMEDY)
    return spec


def plain_size(value: str) -> str:
    """Return a size that `parse_size` takes without its units: "5KB" is "5000"."""
    form = _SIZE.fullmatch(value)
    if form is None:
        return value
    for number, sign in ((2, "-"), (3, "~")):
        if form[number]:
            return f"{exact_bytes(form[1])}{sign}{float(exact_bytes(form[number])):g}"
    return str(exact_bytes(form[1]))


def _bytes(text: str) -> int:
    """Raise NotationError for a part of a byte."""
    exact = exact_bytes(text)
    if exact.denominator != 1:
        raise NotationError(f"{text!r} is not a size", _SIZE_REMEDY)
    return int(exact)


HEADER: Final = struct.Struct(">HHIIQ")
HEADER_SIZE: Final = HEADER.size
HEADER_PROPERTY: Final = "malaria"
"""The user property of MQTT 5 that carries the header of a payload without room for it, as hexadecimal digits."""
MAGIC: Final = 0xA17A  # no UTF-8 text begins so, and no JSON

HEADER_DTYPE: Final = np.dtype(
    [("magic", ">u2"), ("run", ">u2"), ("client", ">u4"), ("sequence", ">u4"), ("due_ns", ">u8")]
)
"""The header as NumPy reads it, for many messages at once. Packed, big-endian."""


class Header(NamedTuple):
    """The identity of a message: `sequence` of `client` of `run`, due at `due_ns` since the run's epoch."""

    run: int
    client: int
    sequence: int
    due_ns: int


def pack_header(run: int, client: int, sequence: int, due_ns: int) -> bytes:
    """Pack the header of a message."""
    return HEADER.pack(MAGIC, run, client, sequence, due_ns)


def unpack_header(payload: bytes | bytearray | memoryview) -> Header | None:
    """Read the header at the front of a payload; None if the payload has no header of malaria."""
    if len(payload) < HEADER_SIZE:
        return None
    magic, *fields = HEADER.unpack_from(payload)
    return Header(*fields) if magic == MAGIC else None


class Content(StrEnum):
    """The content that fills a payload."""

    RANDOM = "random"  # any bytes: cannot be compressed
    HEX = "hex"  # random hexadecimal digits
    TEXT = "text"  # words
    ZERO = "zero"


_WORDS: Final = (
    "meter reading volts ampere power energy total phase load supply peak night day tariff signal battery valve flow "
    "pressure level pump outdoor indoor humidity wind sun rain north south east west gate door window light switch "
    "motor speed torque alarm normal warning fault uptime sensor device house street station grid"
)


def _random(size: int, source: Random) -> bytes:
    return source.randbytes(size)


def _hex(size: int, source: Random) -> bytes:
    return source.randbytes((size + 1) // 2).hex()[:size].encode()


def _text(size: int, source: Random) -> bytes:
    words = source.choices(
        _WORDS.split(), k=size // 3 + 1
    )  # the shortest takes three bytes, and each is followed by a space
    return " ".join(words).encode()[:size]


def _zero(size: int, source: Random) -> bytes:
    return bytes(size)


_FILLERS: Final[dict[Content, Callable[[int, Random], bytes]]] = {
    Content.RANDOM: _random,
    Content.HEX: _hex,
    Content.TEXT: _text,
    Content.ZERO: _zero,
}


def filler(content: Content, size: int, seed: int) -> bytes:
    """Make `size` bytes of a content, the same for the same seed; hex and text are printable ASCII."""
    return _FILLERS[content](size, Random(seed))


class PayloadSource(Protocol):
    """A source of payloads that malaria does not make itself."""

    def payload(self, client: int, sequence: int) -> bytes:
        """Return the payload of message `sequence` of client `client`. Raises OperatorError if there is none."""


_SOURCE_REMEDY: Final = "write file:PATH (a file, or a directory of them) or module:function"
PATIENCE_S: Final = 10.0
"""How long the first payload of a source may take: a large module has to be imported."""
LARGEST_DIRECTORY: Final = 1 << 30
"""Bytes of all files of a payload directory together: each worker holds them in memory."""
LONGEST_ERROR: Final = 200
"""Characters that are shown of the error of a payload function."""
_FUNCTION: Final = re.compile(r"([^\W\d]\w*(?:\.[^\W\d]\w*)*):([^\W\d]\w*(?:\.[^\W\d]\w*)*)")


def load_source(text: str) -> PayloadSource:
    """Load the source that "file:PATH" or "module:function" names. Raises OperatorError with the remedy."""
    kind, _, path = text.partition(":")
    if kind == "file" and path:
        return _FileSource(read_payload_files(Path(path).expanduser()))
    name = _FUNCTION.fullmatch(text)
    if name is None:
        raise OperatorError(f"{text!r} is not a source of payloads", _SOURCE_REMEDY)
    return _FunctionSource(text, _function(text, name[1], name[2]))


def check_source(text: str, patience_s: float = PATIENCE_S) -> None:
    """Take one payload from a source, to see before the load that it works in `patience_s`. Raises OperatorError."""
    faults: list[BaseException] = []

    def take_one() -> None:
        try:
            load_source(text).payload(0, 0)
        except BaseException as error:  # raised again below, in the thread that asked
            faults.append(error)

    taking = Thread(target=take_one, daemon=True)  # a function that never returns must not keep the command
    taking.start()
    taking.join(patience_s)
    if taking.is_alive():
        raise OperatorError(f"payload source {text} gave no payload within {patience_s:g} s", "mend the function")
    if faults:
        raise faults[0]


@dataclass(frozen=True, slots=True)
class _FileSource:
    """The contents of files in turn; client and sequence choose together, so that clients differ."""

    contents: tuple[bytes, ...]

    def payload(self, client: int, sequence: int) -> bytes:
        return self.contents[(client + sequence) % len(self.contents)]


def read_payload_files(path: Path) -> tuple[bytes, ...]:
    """Return the content of a file, or of the files of a directory in the order of their names.

    Raises OperatorError with the remedy.
    """
    try:
        files = sorted(file for file in path.iterdir() if file.is_file()) if path.is_dir() else [path]
        contents = tuple(_contents(files))
    except OSError as error:
        raise OperatorError(
            f"payload file {error.filename or path}: {error.strerror}", "give a file, or a directory of files"
        ) from None
    if not contents:
        raise OperatorError(f"payload directory {path} holds no file", "put the payloads there, one file for each")
    return contents


def _contents(files: Sequence[Path]) -> Iterator[bytes]:
    """Yield what the files hold. Raises OSError when one of them, or all together, are too large."""
    left = LARGEST_DIRECTORY
    for file in files:
        content = read_input_bytes(file, min(LARGEST_PAYLOAD, left))
        left -= len(content)
        yield content


@dataclass(frozen=True, slots=True)
class _FunctionSource:
    name: str
    function: Callable[[int, int], object]

    def payload(self, client: int, sequence: int) -> bytes:
        call = f"payload function {self.name}({client}, {sequence})"
        try:
            made = self.function(client, sequence)
        except (Exception, SystemExit) as error:  # a function must not end the command, or the worker
            raise OperatorError(f"{call} raised {_in_short(error)}", "mend the function") from error
        if not isinstance(made, bytes | bytearray | memoryview):
            remedy = "return bytes: text.encode()" if isinstance(made, str) else "return bytes"
            raise OperatorError(f"{call} returned {type(made).__name__}, not bytes", remedy)
        return _checked(bytes(made), call)


def _function(text: str, module_name: str, function_name: str) -> Callable[[int, int], object]:
    if os.getcwd() not in sys.path and "" not in sys.path:  # the command's own path is that of its installation
        sys.path.insert(0, os.getcwd())
    try:
        found: object = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        remedy = f"the file {error.name}.py is looked for in {os.getcwd()} and where Python finds its modules"
        raise OperatorError(f"payload function {text}: there is no module {error.name}", remedy) from None
    except (Exception, SystemExit) as error:
        message = f"payload function {text}: importing {module_name} raised {_in_short(error)}"
        raise OperatorError(message, "mend the module") from error
    for part in function_name.split("."):
        found = getattr(found, part, None)
    if not callable(found):
        remedy = f"define it there: def {function_name}(client: int, sequence: int) -> bytes"
        raise OperatorError(f"payload function {text}: {module_name} has no function {function_name}", remedy)
    return found


def _in_short(error: BaseException) -> str:
    """Return the type and the text of an error in one line of bounded length."""
    text = " ".join(f"{type(error).__name__}: {error}".split())
    return text if len(text) <= LONGEST_ERROR else f"{text[:LONGEST_ERROR]}..."


def _checked(payload: bytes, whose: str) -> bytes:
    if len(payload) > LARGEST_PAYLOAD:
        raise OperatorError(f"{whose}: {len(payload):,} bytes are more than MQTT can carry",
                            f"a payload has at most {LARGEST_PAYLOAD:,} bytes")  # fmt: skip
    return payload
