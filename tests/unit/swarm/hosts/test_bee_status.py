"""The status of a bee, and how many clients it allows."""

from __future__ import annotations

import pytest

from malaria.model.key_part import KeyPart
from malaria.swarm.hosts.bee_layout import Deployed
from malaria.swarm.hosts.bee_status import ASK, BeeCapacity, BeeStatus, capacity_of, status_from, swarm_capacity
from malaria.transport.host_limits import CLIENT_BYTES, TLS_BYTES, WORKER_BYTES

PART = KeyPart(1, 20, 3000, (0,), "0" * 16)
SAID = f"""\
cores 2
files 1048576
ports 32768	60999
backlog 4096
memory 8000000
free 4000000
disk 1000000
load 0.07
deployed {{"version": "0.1.0", "digest": "0123", "python": "3.13.5"}}
running 4711
part {PART.heading}
part # something else
"""
KNOWN = status_from(SAID)


def test_all_is_read() -> None:
    assert (
        BeeStatus(
            cores=2,
            open_files=1_048_576,
            ports=28_232,
            backlog=4096,
            memory_bytes=8_192_000_000,
            free_bytes=4_096_000_000,
            disk_bytes=1_024_000_000,
            load="0.07",
            deployed=Deployed("0.1.0", "0123", "3.13.5"),
            running=4711,
            parts=(PART,),
        )
        == KNOWN
    )


def test_what_a_host_does_not_say_is_unknown() -> None:
    unknown = status_from("cores \nfiles unlimited\nports \n")
    assert (unknown.cores, unknown.open_files, unknown.ports, unknown.deployed, unknown.parts) == (None,) * 4 + ((),)
    assert capacity_of(unknown) is None


@pytest.mark.parametrize(
    ("said", "sources", "room"),
    [
        (SAID, 1, BeeCapacity(28_232, "local ports")),
        (SAID, 3, BeeCapacity(3 * 28_232, "local ports")),
        (SAID.replace("1048576", "1064"), 1, BeeCapacity(2_000, "open files")),
        (SAID.replace("free 4000000", "free 200000"), 1,
         BeeCapacity((204_800_000 - 2 * WORKER_BYTES) // (CLIENT_BYTES + TLS_BYTES), "memory")),
        (SAID.replace("free 4000000", "free 100"), 1, BeeCapacity(0, "memory")),
    ],
)  # fmt: skip
def test_what_runs_out_first_says_how_many_clients_fit(said: str, sources: int, room: BeeCapacity) -> None:
    assert capacity_of(status_from(said), sources) == room


def test_shares_are_equal_so_the_smallest_bee_decides() -> None:
    rooms = {
        "bee-1": BeeCapacity(1000, "memory"),
        "bee-2": BeeCapacity(10, "open files"),
        "bee-3": BeeCapacity(500, "memory"),
    }
    assert swarm_capacity(rooms) == (30, "bee-2", rooms["bee-2"])
    assert swarm_capacity({}) is None


def test_the_script_has_room_for_all_its_words() -> None:
    assert ASK.format(directory="d", python="p", deployed="e", pid="i", keys="k", holder="h").count("{") == 0
