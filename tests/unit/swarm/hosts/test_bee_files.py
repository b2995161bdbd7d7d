"""Files in a bee's directory, and paths below it."""

from __future__ import annotations

from malaria.swarm.hosts.bee_files import MAKE_DIRECTORY, sftp_path, shell_path
from malaria.swarm.hosts.bee_layout import Deployed, deployed_from_json
from malaria.swarm.hosts.inventory import BeeHost


def test_what_is_deployed_comes_back_from_its_file() -> None:
    deployed = Deployed("0.1.0", "0123456789abcdef", "3.13.5")
    assert deployed_from_json(deployed.to_json()) == deployed


def test_the_script_has_room_for_all_its_words() -> None:
    filled = MAKE_DIRECTORY.format(directory='"$HOME"/.malaria', marker="m", keys="k")
    assert "{" not in filled


def test_paths_on_a_bee() -> None:
    home, other = BeeHost(name="bee-1", host="10.0.0.1"), BeeHost(name="x", host="x", directory="/srv/malaria/")
    assert shell_path(home, "venv", "bin/python") == '"$HOME"/.malaria/venv/bin/python'
    assert sftp_path(home, "venv") == ".malaria/venv"
    assert shell_path(other, "a b") == "'/srv/malaria/a b'"
    assert sftp_path(other) == "/srv/malaria"
