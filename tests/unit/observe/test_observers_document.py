"""What docs/observers.md says of the observers is what they do."""

from __future__ import annotations

import inspect
import re
import shlex
import tomllib
from collections.abc import Iterable
from itertools import takewhile
from pathlib import Path

import pytest
import typer

from malaria.cli.main import app
from malaria.model.observe import OPTIONS, Observe, observe_from_options
from malaria.observe import docker
from malaria.observe import prometheus_names as series
from malaria.observe.host_observer import HostObserver
from malaria.observe.observer import LostError
from malaria.observe.perf import PerfObserver
from malaria.observe.process_observer import ProcessObserver, ProcessSelector
from malaria.observe.sys_names import COUNTERS, LEFT_OUT, TEXTS, TOPICS_BY_NAME
from proc_fakes import FakeReader, stat_line

DOCUMENT = (Path(__file__).parents[3] / "docs/observers.md").read_text()
COMMANDS = re.findall(r"^malaria .*", "".join(re.findall(r"```sh\n(.*?)```", DOCUMENT, re.DOTALL)), re.MULTILINE)
UNITS = {"_bytes": "bytes", "_s": "s", "_percent": "%"}
"""End of a name -> what its unit begins with."""


def section(name: str) -> str:
    return DOCUMENT.partition(f"\n## `{name}`\n")[2].partition("\n## ")[0]


def rows(text: str, head: str) -> list[list[str]]:
    """The cells of the table under a heading row."""
    lines = text.partition(f"| {head} |\n")[2].splitlines()[1:]
    return [line.strip("| ").split(" | ") for line in takewhile(lambda line: line.startswith("|"), lines)]


def units(name: str) -> dict[str, str]:
    """Of the readings of an observer, as the document has them."""
    return {cells[0].strip("`"): cells[1] for cells in rows(section(name), "name | unit | meaning")}


def test_names_of_sys() -> None:
    told = units("sys")
    assert set(told) == set(TOPICS_BY_NAME) | {f"{name}_per_s" for name in COUNTERS} | {LEFT_OUT}
    assert {name for name, unit in told.items() if unit == "text"} == TEXTS


def test_topics_of_sys() -> None:
    table = {cells[0].strip("`"): tuple(re.findall("`([^`]+)`", cells[1])) for cells in rows(section("sys"), "name | topics")}  # fmt: skip  # noqa: E501
    assert table == TOPICS_BY_NAME


def test_series_of_prometheus() -> None:
    table = {cells[0].strip("`"): tuple(re.findall("`([^`]+)`", cells[1])) for cells in rows(section("prometheus"), "name | series")}  # fmt: skip  # noqa: E501
    assert table == series.SERIES_BY_NAME
    assert set(table) < set(TOPICS_BY_NAME), "names that $SYS has too"


def processes(uptime_s: int) -> dict[str, str]:
    return {
        "/proc/uptime": f"{uptime_s} 0",
        "/proc/7/stat": stat_line(7, "mosquitto", uptime_s),
        "/proc/7/task/7/status": f"voluntary_ctxt_switches: {uptime_s}",
    }


def test_names_of_a_process() -> None:
    reader = FakeReader(processes(1))
    observer = ProcessObserver(reader, ProcessSelector(pid=7))
    observer.sample(0)
    reader.files = processes(2)
    second = observer.sample(1)
    reader.files = {"/proc/uptime": "3 0"}
    with pytest.raises(LostError) as ended:
        observer.sample(2)
    assert set(second) | set(ended.value.readings) == set(units("process"))


def kernel(uptime_s: int) -> dict[str, str]:
    device = f"{uptime_s} " * 16
    return {
        "/proc/uptime": f"{uptime_s} 0",
        "/proc/stat": f"cpu {uptime_s} 0 0 9 0 0 0 0\ncpu0",
        "/proc/meminfo": "MemTotal: 9 kB",
        "/proc/net/dev": f"\n\nlo: {device}\neth0: {device}",
    }


def test_names_of_a_host() -> None:
    reader = FakeReader(kernel(1))
    observer = HostObserver(reader)
    observer.sample(0)
    reader.files = kernel(2)
    assert set(observer.sample(1)) == set(units("host"))


def test_names_of_a_container() -> None:
    assert set(docker.container_figures({})) | {"cpu_percent"} == set(units("docker"))


def test_names_of_a_recording() -> None:
    assert set(re.findall(r'"(\w+)": ', inspect.getsource(PerfObserver))) == set(units("perf"))


@pytest.mark.parametrize("observer", ["sys", "process", "host", "docker", "perf", "prometheus"])
def test_units_are_those_of_the_names(observer: str) -> None:
    for name, unit in units(observer).items():
        if name.endswith(("_per_s", "_per_min")):
            assert unit.endswith(f"/{name.rpartition('_')[2]}")
            continue
        for end, begin in UNITS.items():
            assert not name.endswith(end) or unit.startswith(begin), name


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_one(command: str) -> None:
    words = shlex.split(command)
    parsed = typer.main.get_group(app).commands[words[1]].make_context(words[1], words[2:])  # type: ignore[attr-defined]
    observe_from_options(parsed.params["observe"])


def test_the_table_of_a_campaign_shows_every_key() -> None:
    (block,) = re.findall(r"```toml\n(.*?)```", DOCUMENT, re.DOTALL)
    table = tomllib.loads(block)["observe"]
    Observe.model_validate(table)
    fields: Iterable[str] = (field.alias or name for name, field in Observe.model_fields.items())
    assert set(table) == set(fields) >= set(OPTIONS)


def test_every_observer_is_in_the_first_table() -> None:
    told = [cells[0].strip("`") for cells in rows(DOCUMENT, "observer | watches | needs")]
    assert all(section(name) for name in told)
    assert set(told) | {"interval", "ssh_config"} == set(OPTIONS)
