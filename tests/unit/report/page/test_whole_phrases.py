"""What stays on one line of a page."""

from __future__ import annotations

import re

import pytest

from malaria.report.page.whole_phrases import whole

_SPAN = re.compile('<span class="whole">(.*?)</span>')


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("messages left 8.4 ms late", ["8.4 ms"]),
        ("python 52 %, pytest 31 %", ["python 52 %", "pytest 31 %"]),
        ("at most 1.0 ms, --own-lag-limit)", ["1.0 ms", "--own-lag-limit"]),
        ("--allow-stall 5s allows it", ["--allow-stall 5s"]),
        ("= 100 % of planned", ["= 100 %"]),
        ("is 24 ms, needs < 1ms", ["24 ms", "&lt; 1ms"]),
        ("500/s (100 %), = 0/s", ["500/s (100 %)", "= 0/s"]),
        ("grew by 93 messages/s", ["93 messages/s"]),
        ("ack p99 7.1 ms", ["7.1 ms"]),
        ("nothing was lost", []),
    ],
)
def test_numbers_keep_their_unit_and_options_their_value(text: str, kept: list[str]) -> None:
    assert _SPAN.findall(whole(text)) == kept


def test_the_rest_is_escaped() -> None:
    assert whole("<b> & 3 ms & --x") == (
        '&lt;b&gt; &amp; <span class="whole">3 ms</span> &amp; <span class="whole">--x</span>'
    )
