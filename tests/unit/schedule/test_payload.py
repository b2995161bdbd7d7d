from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from malaria.errors import OperatorError
from malaria.schedule import payload
from malaria.schedule.payload import Content, SizeSpec, check_source, load_source, parse_size


def sizes(text: str | int, messages: int = 5000, least: int = 0) -> np.ndarray:
    return parse_size(text).many(7, np.arange(messages) % 50, np.arange(messages) // 50, least)


@pytest.mark.parametrize(
    ("text", "spec", "fixed", "largest"),
    [
        (500, SizeSpec(500, 500), 500, 500),
        ("500", SizeSpec(500, 500), 500, 500),
        (0, SizeSpec(0, 0), 0, 0),
        ("500~25", SizeSpec(0, 650, 500, 25), None, 650),
        (" 500 ~ 12.5 ", SizeSpec(0, 575, 500, 12.5), None, 575),
        ("500~0", SizeSpec(500, 500), 500, 500),
        ("100-900", SizeSpec(100, 900), None, 900),
        ("5KB", SizeSpec(5000, 5000), 5000, 5000),
        ("1.5k-2kB", SizeSpec(1500, 2000), None, 2000),
        ("5MB", SizeSpec(5_000_000, 5_000_000), 5_000_000, 5_000_000),
        ("7-7", SizeSpec(7, 7), 7, 7),
    ],
)
def test_sizes_in_words(text: str | int, spec: SizeSpec, fixed: int | None, largest: int) -> None:
    assert parse_size(text) == spec
    assert (parse_size(text).fixed, parse_size(text).largest) == (fixed, largest)


@pytest.mark.parametrize("text", ["", "big", "-1", -1, "500q", "1~", "~5", "1-2-3", "1.5", True, "500~-3"])
def test_no_sizes(text: str | int) -> None:
    with pytest.raises(ValueError, match=r"is not a size; write bytes, for example 500"):
        parse_size(text)


@pytest.mark.parametrize(("text", "sentence"), [("9-1", "ends before it begins"), (268435455, "more than MQTT"),
                                                ("268435000~100", "more than MQTT")])  # fmt: skip
def test_impossible_sizes(text: str | int, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        parse_size(text)


def test_normal_sizes_have_their_mean_and_deviation() -> None:
    drawn = sizes("500~25")
    assert (drawn.mean(), drawn.std()) == pytest.approx((500, 25), rel=0.05)


def test_even_sizes_reach_both_ends() -> None:
    assert sorted(set(sizes("10-15").tolist())) == [10, 11, 12, 13, 14, 15]


def test_wide_normal_sizes_are_clamped() -> None:
    drawn = sizes("10~100")
    assert drawn.min() == 0
    assert drawn.max() <= 610


def test_drawn_sizes_leave_room_for_what_must_fit() -> None:
    assert sizes("10~100", least=20).min() == 20
    assert sizes("0-30", least=20).min() == 20
    assert sizes("5~1", least=20).tolist() == [20] * 5000
    assert sizes(10, 3, least=20).tolist() == [10, 10, 10]


def test_the_header_is_twenty_bytes_big_endian() -> None:
    packed = payload.pack_header(run=2, client=3, sequence=4, due_ns=5)
    assert packed.hex() == "a17a" + "0002" + "00000003" + "00000004" + "0000000000000005"
    assert payload.HEADER_SIZE == payload.HEADER_DTYPE.itemsize == 20
    row = np.frombuffer(packed, payload.HEADER_DTYPE)[0]
    assert row.tolist() == (payload.MAGIC, 2, 3, 4, 5)


@pytest.mark.parametrize("foreign", [b"", b"\xa1\x7a", bytes(20), b"mqtt-malaria wrote this text"])
def test_a_foreign_payload_has_no_header(foreign: bytes) -> None:
    assert payload.unpack_header(foreign) is None


def test_fillers() -> None:
    assert payload.filler(Content.ZERO, 3, 1) == b"\0\0\0"
    assert set(payload.filler(Content.HEX, 1001, 1)) <= set(b"0123456789abcdef")
    text = payload.filler(Content.TEXT, 1000, 1).decode("ascii")
    assert text.isprintable()
    assert len(text.split()) > 100
    assert len(set(payload.filler(Content.RANDOM, 10_000, 1))) == 256


def test_a_file_is_the_payload_of_all(tmp_path: Path) -> None:
    (tmp_path / "one.bin").write_bytes(b"\0one")
    source = load_source(f"file:{tmp_path}/one.bin")
    assert {source.payload(client, sequence) for client in range(3) for sequence in range(3)} == {b"\0one"}


def test_the_files_of_a_directory_take_turns(tmp_path: Path) -> None:
    for name in ("b", "a", "c"):
        (tmp_path / name).write_text(name)
    (tmp_path / "directory").mkdir()
    source = load_source(f"file:{tmp_path}")
    assert [source.payload(0, sequence) for sequence in range(4)] == [b"a", b"b", b"c", b"a"]
    assert source.payload(1, 0) == b"b"


def test_files_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(OperatorError, match="No such file") as missing:
        load_source(f"file:{tmp_path}/none")
    assert missing.value.remedy
    with pytest.raises(OperatorError, match="holds no file"):
        load_source(f"file:{tmp_path}")


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A module of the operator's in the directory where he is."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [p for p in sys.path if p])
    monkeypatch.delitem(sys.modules, "payloads_of_mine", raising=False)
    file = tmp_path / "payloads_of_mine.py"
    file.write_text(
        "class Meter:\n"
        "    @staticmethod\n"
        "    def reading(client, sequence): return bytearray(f'{client}/{sequence}', 'ascii')\n"
        "def text(client, sequence): return 'no bytes'\n"
        "def broken(client, sequence): return 1 // sequence\n"
        "number = 5\n"
        "def leaves(client, sequence): raise SystemExit(7)\n"
        "def waits(client, sequence): import time; time.sleep(600)\n"
        "def wordy(client, sequence): raise ValueError('x\\n' * 1000)\n"
    )
    return file


def test_a_function_is_called_for_each_message(module: Path) -> None:
    assert load_source("payloads_of_mine:Meter.reading").payload(3, 4) == b"3/4"


@pytest.mark.parametrize(
    ("name", "message", "remedy"),
    [
        ("text", r"text\(3, 0\) returned str, not bytes", "return bytes: text.encode()"),
        ("broken", r"broken\(3, 0\) raised ZeroDivisionError: ", "mend the function"),
        ("leaves", r"leaves\(3, 0\) raised SystemExit: 7", "mend the function"),
        ("wordy", r"raised ValueError: [x ]{188}\.\.\.", "mend the function"),
        ("dict", r"has no function dict", "define it there: def dict(client: int, sequence: int) -> bytes"),
        ("number", r"has no function number", "define it there: def number(client: int, sequence: int) -> bytes"),
    ],
)
def test_functions_that_do_not_work(module: Path, name: str, message: str, remedy: str) -> None:
    with pytest.raises(OperatorError, match=message) as caught:
        load_source(f"payloads_of_mine:{name}").payload(3, 0)
    assert caught.value.remedy == remedy


def test_modules_that_do_not_work(module: Path) -> None:
    with pytest.raises(OperatorError, match="there is no module nowhere_to_be_found"):
        load_source("nowhere_to_be_found:f")
    module.write_text("import nowhere_to_be_found_either")
    with pytest.raises(OperatorError, match="there is no module nowhere_to_be_found_either"):
        load_source("payloads_of_mine:f")
    module.write_text("1 / 0")
    with pytest.raises(OperatorError, match="importing payloads_of_mine raised ZeroDivisionError"):
        load_source("payloads_of_mine:f")


@pytest.mark.parametrize("text", ["", "file:", "text", "a:b:c", "no module:f", ":f", "m:"])
def test_what_is_no_source(text: str) -> None:
    with pytest.raises(OperatorError, match="is not a source of payloads") as caught:
        load_source(text)
    assert "file:PATH" in caught.value.remedy


def test_a_payload_that_is_too_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(payload, "LARGEST_PAYLOAD", 3)
    (tmp_path / "big").write_bytes(b"1234")
    with pytest.raises(OperatorError, match="is larger than 3 B"):
        load_source(f"file:{tmp_path}/big")


def test_a_function_that_does_not_return_is_found_before_the_load(module: Path) -> None:
    with pytest.raises(OperatorError, match=r"payloads_of_mine:waits gave no payload within 0\.1 s"):
        check_source("payloads_of_mine:waits", 0.1)


def test_a_source_that_works_passes_the_check(module: Path) -> None:
    check_source("payloads_of_mine:Meter.reading")


def test_a_module_that_leaves_while_it_is_imported(module: Path) -> None:
    module.write_text("import sys; sys.exit(3)")
    with pytest.raises(OperatorError, match="importing payloads_of_mine raised SystemExit: 3"):
        check_source("payloads_of_mine:f")


@pytest.mark.parametrize("make", [os.mkfifo, lambda path: os.symlink("/dev/zero", path)], ids=["fifo", "/dev/zero"])
def test_what_never_ends_is_no_payload_file(make: Callable[[str], None], tmp_path: Path) -> None:
    make(str(tmp_path / "endless"))
    with pytest.raises(OperatorError, match="is not a regular file"):
        check_source(f"file:{tmp_path / 'endless'}")


def test_the_files_of_a_directory_are_bounded_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(payload, "LARGEST_DIRECTORY", 10)
    for name in "ab":
        (tmp_path / name).write_bytes(bytes(6))
    with pytest.raises(OperatorError, match="b: is larger than 4 B"):
        load_source(f"file:{tmp_path}")
