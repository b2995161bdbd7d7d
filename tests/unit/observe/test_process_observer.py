"""The broker's process, on a host that is made up."""

from __future__ import annotations

import pytest

from malaria.clock import NS_PER_S
from malaria.observe.observer import LostError
from malaria.observe.process_observer import PAGE_BYTES, ProcessObserver, ProcessSelector
from proc_fakes import FakeReader, stat_line

LISTENING = (
    "  sl  local_address rem_address   st tx rx tr tm uid timeout inode\n"
    "   0: 0100007F:075B 00000000:0000 0A 0:0 0:0 0 0 0 555 1\n"
)


def host(uptime_s: float, **ticks: int) -> FakeReader:
    reader = FakeReader()
    tick(reader, uptime_s, **ticks)
    return reader


def tick(reader: FakeReader, uptime_s: float, **ticks: int) -> None:
    """`mosquitto=5`: a process of that name (id 100, 101, ...) has used 5 ticks; the others are gone."""
    reader.files = {"/proc/uptime": f"{uptime_s} 1.0\n"}
    for number, (name, used) in enumerate(ticks.items(), 100):
        reader.files[f"/proc/{number}/stat"] = stat_line(number, name, used, parent=100 if number > 100 else 1)
        reader.files[f"/proc/{number}/smaps_rollup"] = "Rss: 40 kB\nPss: 30 kB\n"
        status = "Threads:\t2\nvoluntary_ctxt_switches:\t{0}\nnonvoluntary_ctxt_switches:\t1\n"
        reader.files[f"/proc/{number}/task/{number}/status"] = status.format(used * 10)
        reader.directories[f"/proc/{number}/fd"] = ["/dev/null", "socket:[555]"]


def test_cpu_is_in_percent_of_one_core_with_the_children() -> None:
    reader = host(10, mosquitto=100, child=50)
    observer = ProcessObserver(reader, ProcessSelector(name="mosquitto"))
    first = observer.sample(0)
    assert "cpu_percent" not in first
    tick(reader, 12, mosquitto=300, child=100)
    second = observer.sample(2 * NS_PER_S)
    assert second["cpu_percent"] == 125.0
    assert (second["processes"], second["threads"], second["descriptors"]) == (2, 4, 4)
    assert second["rss_bytes"] == 20 * PAGE_BYTES
    assert second["context_switches_per_s"] == 1250.0
    assert second["pss_bytes"] == 60 * 1024


def test_a_child_that_came_counts_whole_and_one_that_went_not() -> None:
    reader = host(10, mosquitto=100, child=50)
    observer = ProcessObserver(reader, ProcessSelector(pid=100))
    observer.sample(0)
    tick(reader, 11, mosquitto=110)
    assert observer.sample(1)["cpu_percent"] == 10.0
    tick(reader, 12, mosquitto=110, fresh=30)
    assert observer.sample(2)["cpu_percent"] == 30.0


def test_pss_is_read_seldom() -> None:
    reader = host(10, mosquitto=1)
    observer = ProcessObserver(reader, ProcessSelector(pid=100))
    observer.sample(0)
    del reader.files["/proc/100/smaps_rollup"]
    assert observer.sample(9 * NS_PER_S)["pss_bytes"] == 30 * 1024
    assert observer.sample(10 * NS_PER_S)["pss_bytes"] is None


def test_what_may_not_be_seen_is_unknown() -> None:
    reader = host(10, mosquitto=1)
    reader.directories.clear()
    for path in [path for path in reader.files if "task" in path or "smaps" in path]:
        del reader.files[path]
    values = ProcessObserver(reader, ProcessSelector(pid=100)).sample(0)
    assert (values["descriptors"], values["pss_bytes"]) == (None, None)
    assert values["rss_bytes"] == 10 * PAGE_BYTES


def test_it_is_found_by_the_port_on_which_it_listens() -> None:
    reader = host(10, other=1, mosquitto=1)
    reader.files["/proc/net/tcp"] = LISTENING
    reader.directories["/proc/100/fd"] = ["/dev/null"]
    assert ProcessObserver(reader, ProcessSelector(port=1883)).sample(0)["pid"] == 101


def test_what_only_forwards_a_port_into_a_container_is_not_the_broker() -> None:
    reader = host(10, mosquitto=1)
    reader.files["/proc/100/stat"] = stat_line(100, "docker-proxy", 1)
    reader.files["/proc/net/tcp"] = LISTENING
    observer = ProcessObserver(reader, ProcessSelector(port=1883))
    with pytest.raises(LostError, match=r"belongs to a container .*docker=NAME"):
        observer.sample(0)
    assert observer.find() is None


@pytest.mark.parametrize(
    ("wanted", "reason"),
    [
        (ProcessSelector(pid=7), "there is no process 7 on the host"),
        (ProcessSelector(name="emqx"), "there is no process named emqx on the host"),
        (ProcessSelector(port=1884), "there is no process that listens on port 1884 on the host"),
    ],
)
def test_what_is_not_there_is_said(wanted: ProcessSelector, reason: str) -> None:
    with pytest.raises(LostError, match=reason):
        ProcessObserver(host(10, mosquitto=1), wanted).sample(0)


def test_a_listener_of_another_user_is_not_called_absent() -> None:
    reader = host(10, mosquitto=1)
    reader.files["/proc/net/tcp"] = LISTENING
    reader.directories.clear()
    with pytest.raises(LostError, match="only root"):
        ProcessObserver(reader, ProcessSelector(port=1883)).sample(0)


def test_one_that_ended_is_lost_and_found_again_by_name() -> None:
    reader = host(10, mosquitto=100)
    observer = ProcessObserver(reader, ProcessSelector(name="mosquitto"))
    observer.sample(0)
    tick(reader, 11)
    with pytest.raises(LostError, match="no process named mosquitto"):
        observer.sample(1)
    tick(reader, 12, mosquitto=5)
    reader.files["/proc/100/stat"] = stat_line(100, "mosquitto", 5, started=999)
    again = observer.sample(2)
    assert again["restarts"] == 1
    assert "cpu_percent" not in again


def test_the_same_id_may_be_another_process() -> None:
    reader = host(10, mosquitto=100)
    observer = ProcessObserver(reader, ProcessSelector(pid=100))
    observer.sample(0)
    reader.files["/proc/100/stat"] = stat_line(100, "bash", 5, started=999)
    with pytest.raises(LostError, match="process 100 has ended"):
        observer.sample(1)


def test_a_zombie_is_no_process() -> None:
    reader = host(10, mosquitto=100)
    reader.files["/proc/100/stat"] = reader.files["/proc/100/stat"].replace(" S ", " Z ")
    with pytest.raises(LostError):
        ProcessObserver(reader, ProcessSelector(pid=100)).sample(0)


def test_a_host_without_proc() -> None:
    with pytest.raises(LostError, match="no readable /proc"):
        ProcessObserver(FakeReader(), ProcessSelector(pid=1)).sample(0)


def test_who_looks_closer_asks_for_the_id() -> None:
    reader = host(10, mosquitto=100)
    assert ProcessObserver(reader, ProcessSelector(name="mosquitto")).find() == 100
    assert ProcessObserver(reader, ProcessSelector(name="emqx")).find() is None
    reader.away = "gone"
    assert ProcessObserver(reader, ProcessSelector(name="mosquitto")).find() is None
