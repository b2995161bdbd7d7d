"""The wheel, built and installed in an environment of its own outside the clone: every command works there.

Building and installing take what a package index or uv's cache has.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from importlib.metadata import PathDistribution
from pathlib import Path

import pytest

from conftest import lacking
from malaria.broker import RunningBroker
from malaria.swarm.hosts.uv_command import find_uv

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
HOME_PAGE = PROJECT["project"]["urls"]["Homepage"]
UNREACHABLE = re.compile(r"Failed to fetch|error sending request|dns error|No solution found|offline", re.IGNORECASE)
MOST_PACKAGES = 45
"""What `pip install` brings along: no developer's tool, no cloud."""

pytestmark = pytest.mark.xdist_group("wheel")


@dataclass(frozen=True)
class Installed:
    """The environment, and a directory to type commands in."""

    bin: Path
    place: Path
    wheel: Path

    @property
    def site(self) -> Path:
        (found,) = self.bin.parent.glob("lib/python*/site-packages")
        return found

    def run(self, *command: str, codes: tuple[int, ...] = (0,)) -> str:
        ended = subprocess.run(
            [self.bin / command[0], *command[1:]],
            cwd=self.place,
            env={"HOME": str(self.place), "PATH": f"{self.bin}:/usr/sbin:/usr/bin:/bin"},
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert ended.returncode in codes, f"{' '.join(command)}: {ended.returncode}\n{ended.stdout}\n{ended.stderr}"
        assert "Traceback" not in ended.stderr
        return ended.stdout


def uv(*arguments: str | Path) -> None:
    program = find_uv()
    if program is None:
        lacking("uv is not installed", "pip install uv")
    environment = {
        name: value for name, value in os.environ.items() if name not in ("VIRTUAL_ENV", "UV_PROJECT_ENVIRONMENT")
    }
    ended = subprocess.run([program, *arguments], capture_output=True, text=True, env=environment, timeout=110)
    if ended.returncode and UNREACHABLE.search(ended.stderr):
        lacking("no package index answers", "connect to one, or fill uv's cache: uv sync")
    assert ended.returncode == 0, ended.stderr


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    directory = tmp_path_factory.mktemp("wheel")
    pins = directory / "pins.txt"
    pins.write_text("\n".join(PROJECT["tool"]["uv"]["constraint-dependencies"]))
    uv("build", "--quiet", "--wheel", "--out-dir", directory, ROOT)
    (wheel,) = directory.glob("*.whl")
    uv("venv", "--quiet", "--python", sys.executable, directory / "venv")
    binaries = directory / "venv/bin"
    uv("pip", "install", "--quiet", "--python", binaries / "python", "--constraint", pins, wheel)
    place = directory / "place"
    place.mkdir()
    return Installed(binaries, place, wheel)


@pytest.fixture(scope="module")
def attacked(installed: Installed, mosquitto: RunningBroker) -> Path:
    """A run in the directory of the commands."""
    target = f"127.0.0.1:{mosquitto.port}"
    installed.run(
        "malaria", "attack", target, "-c", "5", "-I", "100ms", "-d", "1s", "-t", "wheel/{client}", "-o", "runs/first",
        "--observe", "none", codes=(0, 3),
    )  # fmt: skip
    return installed.place / "runs/first"


def test_it_runs_from_the_wheel_and_brings_little_along(installed: Installed) -> None:
    where = installed.run("python", "-c", "import malaria; print(malaria.__file__)")
    assert where.startswith(str(installed.site))
    assert len(list(installed.site.glob("*.dist-info"))) <= MOST_PACKAGES
    assert installed.run("malaria", "--version") == f"malaria {PROJECT['project']['version']}\n"


def test_every_command_has_its_help(installed: Installed) -> None:
    program = """
import typer
from malaria.cli.main import app, main
group = typer.main.get_group(app)
lines = [[name] for name in group.commands] + [["swarm", name] for name in group.commands["swarm"].commands]
for line in lines:
    assert main([*line, "--help"]) == 0, line
print(len(lines))
"""
    shown = installed.run("python", "-c", program)
    assert int(shown.splitlines()[-1]) > 25
    assert shown.count("Usage:") == int(shown.splitlines()[-1])


def test_pages_and_examples_are_there(installed: Installed) -> None:
    pages = sorted((ROOT / "docs").glob("*.md"))
    program = (
        "import sys; from malaria.cli.main import main; sys.exit(any([main(['docs', name]) for name in sys.argv[1:]]))"
    )
    shown = installed.run("python", "-c", program, *(page.stem for page in pages))
    assert shown == "".join(page.read_text() for page in pages)
    installed.run("malaria", "docs", "--copy", ".")
    for folder in ("examples", "campaigns", "warheads"):
        names = [path.relative_to(ROOT) for path in (ROOT / folder).rglob("*") if path.is_file()]
        assert names
        assert all((installed.place / name).read_bytes() == (ROOT / name).read_bytes() for name in names)


def test_schemas(installed: Installed) -> None:
    assert installed.run("malaria", "schema", "warhead") == (ROOT / "src/malaria/cli/schemas/warhead.json").read_text()


def test_a_run_is_made_and_read(installed: Installed, attacked: Path) -> None:
    summary = json.loads((attacked / "summary.json").read_text())
    assert summary["messages"]["acked"] == summary["messages"]["due"] == 50
    (attacked / "report.html").unlink()
    installed.run("malaria", "report", "runs/first", codes=(0, 3))
    assert "uPlot" in (attacked / "report.html").read_text()
    assert "first · attack" in installed.run("malaria", "runs")
    assert installed.run("malaria", "export", "runs/first").count("\n") > 1


def test_the_other_commands_at_a_broker(installed: Installed, mosquitto: RunningBroker) -> None:
    target = f"127.0.0.1:{mosquitto.port}"
    short = ("-c", "2", "-d", "1s", "--observe", "none", "-o")
    installed.run("malaria", "doctor", target, codes=(0, 1))
    installed.run("malaria", "publish", target, *short, "runs/publish", codes=(0, 3))
    installed.run("malaria", "subscribe", target, *short, "runs/subscribe", codes=(0, 3, 4))
    installed.run("malaria", "connect", target, *short, "runs/connect", codes=(0, 3))
    assert json.loads(installed.run("malaria", "watch", target, "-d", "1s", "--json-lines").splitlines()[-1])
    assert installed.run("malaria", "keygen", "-n", "3").count(":") == 3
    assert installed.run("malaria", "swarm", "list") is not None


def test_the_demo(installed: Installed, mosquitto: RunningBroker) -> None:
    """Its levels last a second here."""
    file = installed.site / "malaria/campaigns/demo.toml"
    file.write_text(file.read_text().replace('hold = "6s"', 'hold = "1s"'))
    installed.run("malaria", "demo", "--no-open", "-o", "runs/demo", codes=(0, 3))
    assert " meters, once a second" in (installed.place / "runs/demo/report.html").read_text()


def test_links_of_the_index_page_lead_into_the_repository(installed: Installed) -> None:
    (metadata,) = installed.site.glob("mqtt_malaria-*.dist-info")
    text = PathDistribution(metadata).metadata.get_payload()
    links = re.findall(r"\]\(([^)]+)\)", text)
    assert len(links) > 10
    for link in links:
        found = re.fullmatch(
            rf"{HOME_PAGE}/blob/HEAD/(.+)|https://raw\.githubusercontent\.com/etactica/mqtt-malaria/HEAD/(.+\.png)",
            link,
        )
        assert found, link
        assert (ROOT / (found[1] or found[2])).exists()
