"""The records that a bee keeps."""

from __future__ import annotations

import json
import pickle
from dataclasses import asdict
from pathlib import Path

import pytest

from malaria.control.messages import Finished, Prepared, Started
from malaria.swarm.run.bee_messages import SpooledReport
from malaria.swarm.run.spool import Spool, SpoolHeader, read_spool, spool_name

REPORTS = [
    SpooledReport(0, "bee-1/1", Prepared(10)),
    SpooledReport(1, "bee-1/1", Started(5)),
    SpooledReport(2, "bee-1/1", Finished()),
]


def spool_in(directory: Path) -> Spool:
    return Spool(directory / "spool", "run", "bee-1")


def test_what_was_kept_is_read_again(tmp_path: Path) -> None:
    one = spool_in(tmp_path)
    one.append(REPORTS[:1])
    one.append(REPORTS[1:])
    heading, reports = read_spool(one.path.read_bytes())  # while it is still open
    assert (heading.run, heading.bee, reports) == ("run", "bee-1", REPORTS)
    one.close()


def test_every_cut_of_a_file_gives_the_whole_reports_before_it(tmp_path: Path) -> None:
    one = spool_in(tmp_path)
    head = one.path.stat().st_size
    one.append(REPORTS)
    one.close()
    data = one.path.read_bytes()
    for cut in range(head, len(data)):
        _, reports = read_spool(data[:cut])
        assert reports == REPORTS[: len(reports)]
        assert len(reports) < len(REPORTS)


def test_what_is_no_such_file_is_refused(tmp_path: Path) -> None:
    newer = json.dumps(asdict(SpoolHeader(99, "run", "bee-1"))).encode()
    for data in (b"", b"hello", b"[]", b"{}\n", b"[" * 100_000, pickle.dumps(REPORTS[0]), newer):
        with pytest.raises(ValueError, match="not a spool file"):
            read_spool(data)


def test_it_is_for_its_owner_alone_and_gone_when_it_is_not_needed(tmp_path: Path) -> None:
    one = spool_in(tmp_path)
    assert one.path == tmp_path / "spool" / spool_name("run", "bee-1")
    assert one.path.stat().st_mode & 0o777 == 0o600
    assert one.path.parent.stat().st_mode & 0o777 == 0o700
    one.remove()
    assert not one.path.exists()


def test_a_full_disk_ends_the_keeping_and_is_told(tmp_path: Path) -> None:
    class Full:
        def write(self, _: bytes) -> None:
            raise OSError(28, "No space left on device")

        def flush(self) -> None: ...
        def close(self) -> None: ...

    one = spool_in(tmp_path)
    one._file.close()
    one._file = Full()  # type: ignore[assignment]
    one.append(REPORTS)
    assert one.failure == "No space left on device"
    one.append(REPORTS)  # and no more of it
    one.close()


def test_nothing_behind_a_line_that_does_not_fit_is_taken(tmp_path: Path) -> None:
    one = spool_in(tmp_path)
    one.append(REPORTS[:1])
    one.close()
    with one.path.open("ab") as file:
        file.write(pickle.dumps(REPORTS[1]) + b"\n")
    data = one.path.read_bytes()
    assert read_spool(data)[1] == REPORTS[:1]
    strangers = data.replace(b"bee-1/1", b"bee-2/1")
    assert read_spool(strangers)[1] == []
