"""What docs/swarm.md and the manifests for Kubernetes say is so."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml
from distributed.cli.dask_scheduler import main as dask_scheduler
from distributed.cli.dask_worker import main as dask_worker

from malaria.cli.main import app
from malaria.swarm.hosts.inventory import BeeHost, inventory_from
from malaria.swarm.hosts.preparation import PREPARE
from malaria.swarm.run.certificates import EARLY, LIFE

ROOT = Path(__file__).parents[2]
DOCUMENT = (ROOT / "docs/swarm.md").read_text()
MANIFEST = ROOT / "examples/kubernetes/malaria.yaml"
COMMANDS = re.findall(r"^(malaria swarm [^#\n]*)", DOCUMENT, re.MULTILINE)


def parts() -> dict[tuple[str, str], dict[str, Any]]:
    return {(part["kind"], part["metadata"]["name"]): part for part in yaml.safe_load_all(MANIFEST.read_text())}


def command_of(kind: str, name: str) -> list[str]:
    (container,) = parts()[kind, name]["spec"]["template"]["spec"]["containers"]
    return [str(word) for word in container["command"]]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_of_the_document_is_one(command: str) -> None:
    words = shlex.split(command)
    group = typer.main.get_group(app).commands["swarm"]
    group.commands[words[2]].make_context(words[2], words[3:])  # type: ignore[attr-defined]


def test_the_inventory_of_the_document_has_every_key_of_a_bee() -> None:
    (block,) = re.findall(r"```toml\n(.*?)```", DOCUMENT, re.DOTALL)
    (bee,) = inventory_from(block, "bees.toml")
    assert set(bee) == set(BeeHost.model_fields) - {"region", "instance"}


def test_the_manifests_start_dask_with_options_that_it_has() -> None:
    scheduler, worker = command_of("Deployment", "malaria-scheduler"), command_of("StatefulSet", "malaria-bee")
    assert scheduler[:2] == ["dask", "scheduler"]
    assert dask_scheduler.make_context("scheduler", scheduler[2:]).params["protocol"] == "tls"
    assert worker[:2] == ["dask", "worker"]
    options = dask_worker.make_context("worker", worker[2:]).params
    assert (options["nanny"], options["nthreads"], options["scheduler"]) == (False, 1, "tls://malaria-scheduler:8786")


def test_the_manifests_make_no_load_twice_and_speak_to_nobody_unencrypted() -> None:
    settings = parts()["ConfigMap", "malaria-dask"]["data"]
    assert settings["DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES"] == "0"
    assert settings["DASK_DISTRIBUTED__COMM__REQUIRE_ENCRYPTION"] == "True"
    assert parts()["Job", "malaria-attack"]["spec"]["backoffLimit"] == 0


def test_the_attack_of_the_manifests_is_a_command() -> None:
    command = command_of("Job", "malaria-attack")
    assert command[0] == "malaria"
    attack = typer.main.get_group(app).commands["attack"]
    words = [word for word in command[2:] if word not in ("--scheduler", "tls://malaria-scheduler:8786")]
    assert attack.make_context("attack", words).params["warhead"] == Path("/warhead/warhead.toml")


def test_the_commands_that_can_be_limited_to_a_bee() -> None:
    group = typer.main.get_group(app).commands["swarm"]
    limited = [
        name
        for name, command in group.commands.items()  # type: ignore[attr-defined]
        if any("--bee" in parameter.opts for parameter in command.params)
    ]
    (sentence,) = re.findall(r"`--bee NAME` limits (.*?) to that bee\.", DOCUMENT, re.DOTALL)
    assert re.findall(r"`([\w-]+)`", sentence) == limited


def test_the_dates_at_which_a_bee_is_let_in() -> None:
    assert (EARLY.days, LIFE.days) == (1, 31)
    assert "up to a day behind the conductor's and up to 31 days ahead" in " ".join(DOCUMENT.split())


def test_what_prepare_leaves() -> None:
    files = re.findall(r'persist "\$etc/([\w./-]+)"', PREPARE)
    assert [path.rpartition("/")[2] for path in files] == ["90-malaria.conf"] * 2
    assert all(f"`/etc/{path.rpartition('/')[0]}`" in DOCUMENT for path in files)
