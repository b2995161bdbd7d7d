"""The broker's process, on a host that is made up."""

from __future__ import annotations

import os

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
    for _ in range(2):
        with pytest.raises(LostError, match=r"process 100 \(mosquitto\) has ended$"):
            observer.sample(1)
    tick(reader, 12, mosquitto=5)
    reader.files["/proc/100/stat"] = stat_line(100, "mosquitto", 5, started=999)
    again = observer.sample(2)
    assert again["restarts"] == 1
    assert "cpu_percent" not in again


def test_a_restart_between_two_samples_is_an_end_too() -> None:
    reader = host(10, mosquitto=100)
    observer = ProcessObserver(reader, ProcessSelector(name="mosquitto"))
    observer.sample(0)
    reader.files["/proc/100/stat"] = stat_line(100, "mosquitto", 5, started=999)
    with pytest.raises(LostError, match=r"process 100 \(mosquitto\) has ended$"):
        observer.sample(1)
    assert observer.sample(2)["restarts"] == 1


@pytest.mark.parametrize(
    ("status", "end"), [(0x0300, "exit code 3"), (9, "signal KILL"), (139, "signal SEGV"), (0, "exit code 0")]
)
def test_the_end_of_a_child_of_ours_has_its_signal_or_exit_code(status: int, end: str) -> None:
    reader = host(10, mosquitto=100)
    observer = ProcessObserver(reader, ProcessSelector(pid=100))
    observer.sample(0)
    fields = reader.files["/proc/100/stat"].replace(" S ", " Z ").split()
    fields += ["0"] * (51 - len(fields)) + [str(status)]
    reader.files["/proc/100/stat"] = " ".join(fields)
    with pytest.raises(LostError, match=rf"process 100 \(mosquitto\) has ended with {end}$") as ended:
        observer.sample(1)
    assert ended.value.readings == {"exit_code": os.waitstatus_to_exitcode(status)}
    tick(reader, 12)
    with pytest.raises(LostError, match=end):
        observer.sample(2)


def test_cpu_is_a_share_of_what_the_process_may_use() -> None:
    reader = host(10, mosquitto=100)
    limit(reader, throttled_ns=0, first_thread=60, second_thread=40)
    observer = ProcessObserver(reader, ProcessSelector(pid=100))
    first = observer.sample(0)
    assert (first["cpu_limit_percent"], first["memory_limit_bytes"], first["descriptors_limit"]) == (150.0, 4096, 1024)
    tick(reader, 12, mosquitto=250)
    limit(reader, throttled_ns=NS_PER_S // 2, first_thread=190, second_thread=60)
    second = observer.sample(1)
    assert (second["cpu_percent"], second["cpu_share_percent"]) == (75.0, 50.0)
    assert (second["busiest_thread_percent"], second["throttled_percent"]) == (65.0, 25.0)


def test_affinity_is_a_limit_as_well() -> None:
    reader = host(10, mosquitto=100)
    reader.files["/proc/100/status"] = "Cpus_allowed_list:\t3\n"
    assert ProcessObserver(reader, ProcessSelector(pid=100)).sample(0)["cpu_limit_percent"] == 100.0


def limit(reader: FakeReader, throttled_ns: int, first_thread: int, second_thread: int) -> None:
    """Gives the process a quota of 1.5 of 4 cores, and two threads that have used these ticks."""
    reader.files |= {
        "/proc/100/cgroup": "2:cpu:/broker\n1:memory:/broker\n",
        "/proc/100/status": "Cpus_allowed_list:\t0-3\n",
        "/proc/100/limits": "Limit  Soft Limit  Hard Limit  Units\nMax open files  1024  4096  files\n",
        "/proc/100/task/100/stat": stat_line(100, "mosquitto", first_thread),
        "/proc/100/task/101/stat": stat_line(101, "mosquitto", second_thread),
        "/sys/fs/cgroup/cpu/broker/cpu.cfs_quota_us": "150000\n",
        "/sys/fs/cgroup/cpu/broker/cpu.cfs_period_us": "100000\n",
        "/sys/fs/cgroup/cpu/broker/cpu.stat": f"throttled_time {throttled_ns}\n",
        "/sys/fs/cgroup/memory/broker/memory.limit_in_bytes": "4096\n",
    }


def test_the_same_id_may_be_another_process() -> None:
    reader = host(10, mosquitto=100)
    observer = ProcessObserver(reader, ProcessSelector(pid=100))
    observer.sample(0)
    reader.files["/proc/100/stat"] = stat_line(100, "bash", 5, started=999)
    for _ in range(2):
        with pytest.raises(LostError, match=r"process 100 \(mosquitto\) has ended$"):
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
