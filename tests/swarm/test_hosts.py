"""The parts of a file of keys on the hosts of a swarm."""

from __future__ import annotations

import asyncio
import stat
from pathlib import Path

import pytest
import tomli_w

from malaria.cli.main import main
from malaria.model.key_part import Claim
from malaria.plan.credentials import read_keys
from malaria.schedule.share import WHOLE
from malaria.swarm.hosts.each_host import on_each
from malaria.swarm.hosts.inventory import Swarm
from malaria.swarm.hosts.key_shares import part_name, parts_there, read_key_file, serves
from malaria.swarm.hosts.state import load_swarm

KEYS = [f"meter-{n}:{n:04x}" for n in range(10)]


@pytest.fixture
def named(swarm: Swarm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Swarm:
    """The four bees, added through an inventory."""
    monkeypatch.delenv("MALARIA_HOME", raising=False)  # fetched Pythons are kept between sessions
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    inventory = tmp_path / "bees.toml"
    bees = [bee.model_dump(exclude_defaults=True) for bee in swarm.hosts]
    inventory.write_text(tomli_w.dumps({"bee": bees}))
    assert main(["swarm", "add", "--inventory", str(inventory)]) == 0
    return load_swarm("bees")


def place_of(swarm: Swarm, number: int) -> Path:
    return Path(swarm.hosts[number - 1].directory)


def private(path: Path) -> bool:
    return stat.S_IMODE(path.stat().st_mode) & 0o077 == 0


def test_each_bee_has_its_part_of_the_keys_and_no_other(
    named: Swarm, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, warhead = tmp_path / "malaria.psk", tmp_path / "w.toml"
    file.write_text("".join(f"{line}\n" for line in KEYS))
    warhead.write_text(f"""
        [target]
        psk_file = "{file}"
        [[group]]
        name = "first"
        clients = 3
        [[group]]
        name = "rest"
        clients = 7
        target = {{ first_key = 3 }}
        [attack]
        duration = "1s"
    """)
    assert main(["swarm", "share-keys", str(file), "-w", str(warhead)]) == 0
    assert "part 4 of 4: 1 of 10 lines" in capsys.readouterr().out
    there = asyncio.run(on_each(named.hosts, parts_there))
    seen: list[str] = []
    tag = read_key_file(file).tag
    for number, (outcome, share) in enumerate(zip(there, WHOLE.split(4), strict=True), 1):
        assert outcome.value is not None, outcome.error
        assert all(serves(outcome.value[0], tag, share, claim) for claim in (Claim("first", 0, 3), Claim("rest", 3, 7)))
        part = place_of(named, number) / "keys" / part_name(tag)
        assert private(part)
        assert private(place_of(named, number))
        keys = read_keys(part)
        for first, clients in ((0, 3), (3, 7)):
            for index in share.members(clients).tolist():
                identity, key = keys[first + index]
                assert f"{identity}:{key.hex()}" == KEYS[first + index]
        seen += [line for line in part.read_text().splitlines() if not line.startswith("#")]
    assert sorted(seen) == sorted(KEYS)
