"""The stamp by which conductor and bee know that they have the same messages."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import make_dataclass, replace

import pytest

from malaria.swarm.run import bee_messages
from malaria.swarm.run.version_check import digest_of_messages, mismatch, own_stamp


def test_the_same_malaria_has_the_same_stamp_in_every_process() -> None:
    program = "from malaria.swarm.run.version_check import own_stamp; print(own_stamp())"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(own_stamp())


def test_another_field_of_a_message_is_another_stamp(monkeypatch: pytest.MonkeyPatch) -> None:
    before = digest_of_messages()
    changed = make_dataclass("SpooledReport", ["sequence", "worker", "report", "more"], module=bee_messages.__name__)
    monkeypatch.setattr(bee_messages, "SpooledReport", changed)
    assert digest_of_messages() != before


def test_a_difference_is_named() -> None:
    own = own_stamp()
    assert mismatch(own, own) == ""
    assert "malaria 0.0.1" in mismatch(replace(own, malaria="0.0.1"), own)
