"""What is deployed, as its file says it."""

from __future__ import annotations

from malaria.swarm.hosts.layout import SETTLE, Deployed, deployed_from_json


def test_what_is_deployed_comes_back_from_its_file() -> None:
    deployed = Deployed("0.1.0", "0123456789abcdef", "3.13.5")
    assert deployed_from_json(deployed.to_json()) == deployed


def test_the_script_has_room_for_all_its_words() -> None:
    filled = SETTLE.format(directory='"$HOME"/.malaria', marker="m", keys="k", wheels="w")
    assert "{" not in filled
