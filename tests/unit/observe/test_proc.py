"""Texts of /proc as kernels have written them."""

from __future__ import annotations

import pytest

from malaria.observe import proc

STAT_LINE = (
    "4711 (my (odd) name) S 1 4711 4711 0 -1 4194560 1183 0 0 0 250 150 0 0 20 0 3 0 55312 24813568 1893"
    " 18446744073709551615 1 1 0 0 0 0 0 4096 18435 0 0 0 17 1 0 0 0 0 0 0 0 0 0 0 0 0 0\n"
)
STAT = """cpu  100 5 200 1000 50 7 8 30 11 0
cpu0 50 2 100 500 25 3 4 15 5 0
cpu1 50 3 100 500 25 4 4 15 6 0
intr 12 3
ctxt 99
"""
SNMP = """Ip: Forwarding DefaultTTL
Ip: 2 64
Tcp: RtoAlgorithm MaxConn RetransSegs
Tcp: 1 -1 49405
"""
NETSTAT = "TcpExt: SyncookiesSent ListenOverflows ListenDrops\nTcpExt: 0 3 4\n"
SOCKSTAT = "sockets: used 100\nTCP: inuse 71 orphan 0 tw 254 alloc 76 mem 83\nUDP: inuse 0 mem 0\n"
DEVICES = """Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier
    lo: 1000 10 0 0 0 0 0 0 1000 10 0 0 0 0 0 0
  eth0:2000 20 0 0 0 0 0 0 300 3 0 0 0 0 0 0
"""
TCP = """  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:075B 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 12345 1 0000 100 0 0 10 0
   1: 0100007F:075B 0100007F:8001 01 00000000:00000000 00:00000000 00000000     0        0 12346 1 0000 20 4 30 10 -1
   2: 00000000:22B3 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 777 1 0000 100 0 0 10 0
"""


def test_a_process() -> None:
    stat = proc.process_stat(STAT_LINE)
    assert stat == proc.ProcessStat(4711, "my (odd) name", "S", 1, 400, 3, 55312, 1893)


@pytest.mark.parametrize("text", ["", "4711", "4711 (x)", "4711 (x) S 1", "x (y) S " + "1 " * 30, ")" * 9])
def test_what_is_no_process(text: str) -> None:
    assert proc.process_stat(text) is None


def test_the_processors() -> None:
    assert proc.cpu_ticks(STAT) == proc.CpuTicks(busy=320, whole=1400, processors=2)


@pytest.mark.parametrize("text", ["", "cpu", "cpu 1 2", "cpu a b c d e f g h", "intr 1 2 3 4 5 6 7 8 9"])
def test_what_is_no_processor(text: str) -> None:
    assert proc.cpu_ticks(text) is None


def test_memory() -> None:
    found = proc.keyed_numbers(
        "MemTotal:  1000 kB\nMemAvailable:   400 kB\nHugePages_Total:  0\nName:\tmosquitto\nX:\n"
    )
    assert found == {"MemTotal": 1000, "MemAvailable": 400, "HugePages_Total": 0}


def test_counters_of_tcp() -> None:
    found = proc.paired_counters(SNMP) | proc.paired_counters(NETSTAT)
    assert (found["Tcp.RetransSegs"], found["Tcp.MaxConn"]) == (49405, -1)
    assert (found["TcpExt.ListenOverflows"], found["TcpExt.ListenDrops"]) == (3, 4)
    assert proc.paired_counters("Tcp: A B\n") == {}


def test_sockets_and_devices() -> None:
    assert proc.socket_counts(SOCKSTAT)["TCP.inuse"] == 71
    assert proc.socket_counts(SOCKSTAT)["sockets.used"] == 100
    assert proc.device_counters(DEVICES) == {"lo": (1000, 10, 1000, 10), "eth0": (2000, 20, 300, 3)}
    assert proc.device_counters("") == proc.socket_counts("") == {}


def test_who_listens() -> None:
    assert proc.listening_sockets(TCP, 1883) == {"12345"}
    assert proc.listening_sockets(TCP, 8883) == {"777"}
    assert proc.listening_sockets(TCP, 1) == proc.listening_sockets("x\n a:zz b 0A", 1) == set()
    links = {"/proc/9/fd": ["socket:[1]", ""], "/proc/17/fd": ["/dev/null", "socket:[12345]"]}
    assert proc.holders(links, {"12345"}) == [17]


def test_a_tree_of_processes() -> None:
    parents = {1: 0, 2: 1, 3: 2, 4: 2, 5: 1, 6: 6}
    stats = {pid: proc.ProcessStat(pid, "x", "S", parent, 0, 1, 0, 0) for pid, parent in parents.items()}
    assert sorted(proc.tree(stats, 2)) == [2, 3, 4]
    assert proc.tree(stats, 2)[0] == 2
    assert proc.tree(stats, 6) == [6]


@pytest.mark.parametrize(("text", "seconds"), [("5577.50 11000.1\n", 5577.5), ("", None), ("x", None)])
def test_uptime(text: str, seconds: float | None) -> None:
    assert proc.uptime_s(text) == seconds
