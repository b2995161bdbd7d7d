"""What a cgroup allows, in the texts of the kernel."""

from __future__ import annotations

import pytest

from malaria.observe.cgroup import CgroupLimits, cgroup_files, cgroup_limits, cpu_count

BASE = "/sys/fs/cgroup"


def test_the_files_of_v2_are_those_of_the_group_and_its_ancestors() -> None:
    files = cgroup_files("0::/docker/abc\n")
    assert f"{BASE}/docker/abc/cpu.max" in files
    assert f"{BASE}/docker/memory.max" in files
    assert f"{BASE}/cpu.stat" in files


def test_the_files_of_v1_are_those_of_its_controllers() -> None:
    files = cgroup_files("5:cpu,cpuacct:/a\n4:memory:/b\n3:pids:/c\n")
    assert f"{BASE}/cpu/a/cpu.cfs_quota_us" in files
    assert f"{BASE}/memory/b/memory.limit_in_bytes" in files
    assert not [path for path in files if "/c/" in path]


@pytest.mark.parametrize("text", ["", "nonsense", "0::/a b", "0::/../x", "0::relative", ":::"])
def test_a_text_without_a_usable_path_names_no_files_of_its_own(text: str) -> None:
    assert [path for path in cgroup_files(text) if "x" in path.rpartition("/")[0].removeprefix(BASE)] == []


def test_the_tightest_limit_counts() -> None:
    texts = {
        f"{BASE}/a/b/cpu.max": "max 100000\n",
        f"{BASE}/a/cpu.max": "150000 100000\n",
        f"{BASE}/cpu.max": "400000 100000\n",
        f"{BASE}/a/b/memory.max": "1000\n",
        f"{BASE}/a/memory.max": "max\n",
        f"{BASE}/a/b/cpu.stat": "usage_usec 5\nthrottled_usec 7\n",
        f"{BASE}/a/cpu.stat": "throttled_usec 9\n",
    }
    assert cgroup_limits(texts) == CgroupLimits(1.5, 1000, 9000)


def test_v1_has_its_own_files_and_units() -> None:
    texts = {
        f"{BASE}/cpu/a/cpu.cfs_quota_us": "50000\n",
        f"{BASE}/cpu/a/cpu.cfs_period_us": "100000\n",
        f"{BASE}/cpu/cpu.cfs_quota_us": "-1\n",
        f"{BASE}/cpu/cpu.cfs_period_us": "100000\n",
        f"{BASE}/cpu/a/cpu.stat": "nr_periods 1\nthrottled_time 77\n",
        f"{BASE}/memory/a/memory.limit_in_bytes": "9223372036854771712\n",
    }
    assert cgroup_limits(texts) == CgroupLimits(0.5, None, 77)


def test_without_files_nothing_is_known() -> None:
    assert cgroup_limits({f"{BASE}/cpu.max": "", f"{BASE}/cpu.stat": "x", f"{BASE}/memory.max": "?"}) == CgroupLimits()


@pytest.mark.parametrize(("text", "count"), [("0-3", 4), ("0", 1), ("0-1,4,6-7\n", 5), ("", None), ("a-b", None)])
def test_processors_are_counted(text: str, count: int | None) -> None:
    assert cpu_count(text) == count
