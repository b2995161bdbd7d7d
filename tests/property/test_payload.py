"""Sizes stay in their bounds and do not depend on who asks; headers and fillers keep what they promise."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from malaria.schedule import payload
from malaria.schedule.payload import Content, Header, parse_size
from malaria.schedule.share import WHOLE

even = st.tuples(st.integers(0, 3000), st.integers(0, 3000)).map(lambda ends: f"{min(ends)}-{max(ends)}")
normal = st.tuples(st.integers(0, 3000), st.integers(0, 900)).map(lambda both: f"{both[0]}~{both[1]}")
texts = even | normal | st.integers(0, 3000).map(str)
seeds = st.integers(0, 2**64)
headers = st.builds(
    Header, st.integers(0, 2**16 - 1), st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1), st.integers(0, 2**64 - 1)
)


@given(texts, seeds, st.integers(0, 40))
def test_sizes_stay_in_their_bounds(text: str, seed: int, least: int) -> None:
    spec = parse_size(text)
    drawn = spec.many(seed, np.arange(100), np.arange(100) % 7, least)
    assert drawn.dtype == np.int64
    assert drawn.max() <= max(spec.largest, least)
    assert drawn.min() >= (spec.fixed if spec.fixed is not None else max(spec.low, least))


@given(texts, seeds, st.integers(1, 5), st.integers(0, 2**31))
def test_a_size_does_not_depend_on_who_carries_the_client(text: str, seed: int, parts: int, sequence: int) -> None:
    spec = parse_size(text)
    whole = spec.many(seed, np.arange(40), np.full(40, sequence))
    for part in WHOLE.split(parts):
        members = part.members(40)
        assert spec.many(seed, members, np.full(len(members), sequence)).tolist() == whole[members].tolist()
    assert [spec.at(seed, client, sequence) for client in range(40)] == whole.tolist()


@given(headers, st.binary(max_size=20))
def test_a_header_comes_back(header: Header, rest: bytes) -> None:
    packed = payload.pack_header(*header) + rest
    assert payload.unpack_header(packed) == payload.unpack_header(memoryview(packed)) == header


@given(st.binary(max_size=60))
def test_any_bytes_give_a_header_or_none(junk: bytes) -> None:
    header = payload.unpack_header(junk)
    assert header is None or payload.pack_header(*header) == junk[:20]


@given(st.sampled_from(Content), st.integers(0, 2000), seeds)
def test_a_filler_has_its_size_and_is_the_same_again(content: Content, size: int, seed: int) -> None:
    made = payload.filler(content, size, seed)
    assert len(made) == size
    assert payload.filler(content, size, seed) == made
    if content in (Content.HEX, Content.TEXT):
        assert all(32 <= byte < 127 for byte in made)
