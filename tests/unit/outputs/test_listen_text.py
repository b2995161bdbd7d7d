"""Where to listen, as options have it."""

from __future__ import annotations

import pytest

from malaria.errors import OperatorError
from malaria.outputs.listen_text import parse_listen


@pytest.mark.parametrize(
    ("text", "listen"),
    [
        (":9464", ("127.0.0.1", 9464)),
        ("9464", ("127.0.0.1", 9464)),
        ("127.0.0.1:1", ("127.0.0.1", 1)),
        ("[::1]:9", ("::1", 9)),
    ],
)
def test_addresses(text: str, listen: tuple[str, int]) -> None:
    assert parse_listen("--prometheus", text, 9464) == listen


@pytest.mark.parametrize("text", ["", ":", ":x", ":99999", "a:b:c", ":-1", ":٣"])
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(OperatorError, match=r"--prometheus: .* is not an address to listen on") as refusal:
        parse_listen("--prometheus", text, 9464)
    assert "0.0.0.0:9464 for all" in refusal.value.remedy
