"""The number and length of texts in a broker's own words are bounded."""

from __future__ import annotations

from malaria.records.first_texts import LONGEST_TEXT, MOST_TEXTS, MOST_TEXTS_OF_RUN, OTHERS, FirstTexts, most_common


def test_the_first_texts_are_kept_and_the_others_share_one() -> None:
    texts = FirstTexts()
    first = [f"client {number}" for number in range(MOST_TEXTS)]
    assert [texts.limited(text) for text in first] == first
    assert texts.limited("client 4711") == OTHERS
    assert texts.limited(first[0]) == first[0]


def test_a_long_text_is_cut_and_the_same_text_as_before() -> None:
    texts = FirstTexts()
    assert {texts.limited("x" * 1000), texts.limited("x" * 1001)} == {"x" * LONGEST_TEXT}


def test_no_client_is_lost_in_the_sum_of_the_rare_texts() -> None:
    counts = {f"cause {number}": number for number in range(1, MOST_TEXTS_OF_RUN + 3)} | {OTHERS: 5}
    kept = most_common(counts)
    assert sum(kept.values()) == sum(counts.values())
    assert len(kept) == MOST_TEXTS_OF_RUN + 1
    assert kept[OTHERS] == 5 + 1 + 2
    assert most_common({"one": 1, OTHERS: 2}) == {"one": 1, OTHERS: 2}
