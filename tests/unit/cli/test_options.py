"""Every option of the load reaches the model as it was typed."""

from __future__ import annotations

from dataclasses import fields

import pytest

from malaria.cli.options import Conversation, Course, Crowd, Entry, FromFile, Messages, Result, Where, load_options
from malaria.model.options import LoadOptions

SHAPES = (FromFile, Crowd, Entry, Conversation, Messages, Course, Result)


def test_every_option_of_the_model_is_on_the_command_line() -> None:
    offered = {field.name for shape in SHAPES for field in fields(shape)}
    assert {field.name for field in fields(LoadOptions)} <= offered


def test_no_option_is_in_two_shapes() -> None:
    names = [field.name for shape in (*SHAPES, Where) for field in fields(shape)]
    assert len(names) == len(set(names))


def test_nothing_said_is_nothing_told() -> None:
    assert load_options(*(shape() for shape in SHAPES)) == LoadOptions()


def test_said_is_told() -> None:
    options = load_options(
        Crowd(clients=5, keep_session=True, source_address=["a", "b"]),
        Conversation(qos=0),
        Messages(interval="0", retain=True, seed=0),
        Result(fail_if=["ack.p99 > 1s"]),
    )
    assert options == LoadOptions(
        clients=5, keep_session=True, source_address=("a", "b"), qos=0, interval="0", retain=True, seed=0,
        fail_if=("ack.p99 > 1s",),
    )  # fmt: skip


@pytest.mark.parametrize("shape", [*SHAPES, Where])
def test_options_have_names_in_the_help(shape: type) -> None:
    for field in fields(shape):
        assert field.name.isidentifier()
        assert shape.__annotations__[field.name]
