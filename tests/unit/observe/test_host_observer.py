"""The host, from texts."""

from __future__ import annotations

import pytest

from malaria.observe.host_observer import HostObserver
from malaria.observe.observer import LostError
from proc_fakes import FakeReader

HEADS = "Inter-| Receive\n face |bytes\n"


def texts(uptime_s: float, busy: int, idle: int, sent: int = 0, overflows: int = 5) -> dict[str, str]:
    return {
        "/proc/uptime": f"{uptime_s} 0\n",
        "/proc/stat": f"cpu {busy} 0 0 {idle} 0 0 0 0 0 0\ncpu0 0\ncpu1 0\n",
        "/proc/meminfo": "MemTotal: 1000 kB\nMemAvailable: 400 kB\n",
        "/proc/net/dev": f"{HEADS} lo: 1 1 0 0 0 0 0 0 70 7 0\neth0: 10 1 0 0 0 0 0 0 {sent} 4 0\n",
        "/proc/net/netstat": f"TcpExt: ListenOverflows ListenDrops\nTcpExt: {overflows} 6\n",
        "/proc/net/snmp": "Tcp: RetransSegs\nTcp: 100\n",
        "/proc/net/sockstat": "sockets: used 9\nTCP: inuse 8 orphan 0 tw 7\n",
    }


def test_figures_and_rates() -> None:
    reader = FakeReader(texts(10, 100, 900, 0))
    observer = HostObserver(reader)
    first = observer.sample(0)
    assert "cpu_percent" not in first
    reader.files = texts(12, 150, 950, 500, overflows=8)
    second = observer.sample(0)
    assert second["cpu_percent"] == 50.0
    assert (second["memory_bytes"], second["memory_used_bytes"]) == (1024_000, 600 * 1024)
    assert (second["listen_overflows"], second["listen_drops"], second["tcp_retransmits"]) == (3, 0, 0)
    assert second["network_sent_bytes_per_s"] == 250.0
    assert second["loopback_bytes_per_s"] == 0.0
    assert (second["tcp_sockets"], second["sockets"], second["tcp_time_wait"]) == (8, 9, 7)
    assert second["processors"] == 2


def test_a_reboot_begins_anew() -> None:
    reader = FakeReader(texts(1000, 100, 900, 10**6, overflows=50))
    observer = HostObserver(reader)
    observer.sample(0)
    reader.files = texts(3, 5, 10, 3, overflows=1)
    after = observer.sample(0)
    assert "cpu_percent" not in after
    assert after["listen_overflows"] == 0


def test_two_readings_at_one_time_give_no_rate() -> None:
    reader = FakeReader(texts(10, 100, 900))
    observer = HostObserver(reader)
    observer.sample(0)
    assert "cpu_percent" not in observer.sample(0)


def test_what_is_missing_is_unknown() -> None:
    reader = FakeReader(texts(10, 1, 1) | {"/proc/net/netstat": "", "/proc/net/sockstat": "", "/proc/net/dev": ""})
    values = HostObserver(reader).sample(0)
    assert values["listen_drops"] is values["tcp_sockets"] is None


@pytest.mark.parametrize("path", ["/proc/uptime", "/proc/stat", "/proc/meminfo"])
def test_without_the_essential_there_is_nothing(path: str) -> None:
    reader = FakeReader(texts(10, 1, 1) | {path: "nonsense"})
    with pytest.raises(LostError, match="no readable /proc"):
        HostObserver(reader).sample(0)


def test_the_reader_is_opened_and_closed() -> None:
    reader = FakeReader()
    observer = HostObserver(reader)
    observer.start()
    observer.stop()
    assert (reader.opened, reader.closed) == (1, 1)
