"""The state of a broker's `$SYS` tree: topics in, figures out. No I/O.

Rates come from differences of the broker's own counters between two of its announcements, over the time between them:
mosquitto's one-minute averages need minutes to settle. What the broker sent to the observer itself is taken off the
counters of what it sent: at a low load the watching would be a large part of it.

Promises: whatever a broker sends, the memory is bounded, and what does not fit is counted.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from malaria.clock import NS_PER_S
from malaria.observe import sys_names
from malaria.observe.observer import clean
from malaria.records.rows import Reading

MOST_TOPICS: Final = 2_000
LONGEST_TOPIC: Final = 250
LONGEST_PAYLOAD_BYTES: Final = 4_000
"""What of a payload is looked at."""
SHORTEST_STEP_NS: Final = NS_PER_S // 5
"""Announcements nearer than this are one: what came between is no rate."""
ROUND_NS: Final = NS_PER_S // 10
"""How long the topics of one announcement take to come."""
LONGEST_INTERVAL_NS: Final = 15 * NS_PER_S
"""Of announcements whose next one is worth waiting for: mosquitto's ten seconds are, EMQX's minute is not."""


@dataclass(slots=True)
class _CounterHistory:
    """A counter's last two announcements, as (time, value)."""

    before: tuple[int, float] | None = None
    last: tuple[int, float] | None = None
    retained: float | None = None  # of an unknown time before the first announcement

    def announce(self, at_ns: int, value: float) -> None:
        if self.last is not None and at_ns - self.last[0] < SHORTEST_STEP_NS:
            self.last = self.last[0], value
        else:
            self.before, self.last = self.last, (at_ns, value)

    def stand_still(self, at_ns: int) -> None:
        """It was not announced when others were."""
        if self.last is not None and self.last[0] < at_ns:
            self.before, self.last = self.last, (at_ns, self.last[1])
        elif self.last is None and self.retained is not None:
            self.last = at_ns, self.retained

    def per_s(self) -> float | None:
        if self.before is None or self.last is None or self.last[1] < self.before[1]:  # the broker began anew
            return None
        return (self.last[1] - self.before[1]) * NS_PER_S / (self.last[0] - self.before[0])


@dataclass(slots=True)
class SysTree:
    """What the broker has said so far on one connection."""

    topics: dict[str, str] = field(default_factory=dict)
    messages: int = 0  # that came to us
    ignored: int = 0  # comings and goings, topics too many or too long
    last_ns: int | None = None  # when something came last
    round_ns: int | None = None  # when the last announcement began
    longest_pause_ns: int = 0  # between two announcements
    _bytes: int = 0
    _courses: dict[str, _CounterHistory] = field(default_factory=dict)
    _heartbeat_ns: int | None = None
    _fresh: set[str] = field(default_factory=set)

    def take(self, topic: str, payload: bytes, at_ns: int, retained: bool) -> None:
        """One message. What is retained is of an unknown earlier time, so no rate begins there."""
        sent_to_us = {"messages": self.messages, "bytes": self._bytes}
        self._note_pause(at_ns, retained)
        self.messages += 1
        self._bytes += _publish_bytes(topic, payload)
        if sys_names.is_per_client(topic) or len(topic) > LONGEST_TOPIC or self._too_many(topic):
            self.ignored += 1
            return
        text = payload[:LONGEST_PAYLOAD_BYTES].decode(errors="replace")
        self.topics[topic] = clean(text)
        self._fresh.add(topic)
        if topic == sys_names.HEARTBEAT and not retained:
            self._beat(at_ns)
        self._follow(topic, text, None if retained else at_ns, sent_to_us)

    @property
    def has_news(self) -> bool:
        """Whether something has come since the last `values`."""
        return bool(self._fresh)

    def outstanding_ns(self, since_ns: int, at_ns: int) -> int:
        """How long the whole of an announcement from after `since_ns` may take, by the interval of those before."""
        interval_ns = self.longest_pause_ns
        if self.last_ns is None or not 0 < interval_ns <= LONGEST_INTERVAL_NS:
            return 0
        began_ns = self.round_ns
        if began_ns is None or began_ns < since_ns:  # the next one is still to come
            began_ns = self.last_ns + interval_ns * 5 // 4
        return max(0, began_ns + ROUND_NS - at_ns)

    def values(self) -> dict[str, Reading]:
        """Figures under our names, rates, and the topics that have come since the last call."""
        found: dict[str, Reading] = {}
        ranks: dict[str, int] = {}
        for topic, text in self.topics.items():
            meaning = sys_names.meaning_of(topic)
            if meaning is None:
                continue
            rank = ranks.setdefault(meaning.name, meaning.rank)
            if meaning.rank < rank:
                found.pop(meaning.name, None)
                found.pop(f"{meaning.name}_per_s", None)
            elif meaning.rank > rank:
                continue
            ranks[meaning.name] = meaning.rank
            self._add(found, meaning.name, topic, text)
        found |= {sys_names.LEFT_OUT: self.ignored} if self.ignored else {}
        found |= {topic: self.topics[topic] for topic in sorted(self._fresh)}
        self._fresh.clear()
        return found

    def _add(self, found: dict[str, Reading], name: str, topic: str, text: str) -> None:
        """Numbers of several nodes are added up; of words the first stands."""
        if name in sys_names.TEXTS:
            found.setdefault(name, text)
            return
        _sum_up(found, name, sys_names.figure_of(topic, text))
        if name in sys_names.COUNTERS:
            course = self._courses.get(topic)
            per_s = None if course is None else course.per_s()
            _sum_up(found, f"{name}_per_s", None if per_s is None else round(per_s, 3))

    def _follow(self, topic: str, text: str, at_ns: int | None, sent_to_us: dict[str, int]) -> None:
        meaning = sys_names.meaning_of(topic)
        number = sys_names.number_of(text)
        if meaning is None or meaning.name not in sys_names.COUNTERS or number is None:
            return
        course = self._courses.setdefault(topic, _CounterHistory())
        if at_ns is not None:
            course.announce(at_ns, number - sent_to_us.get(sys_names.SENT_TO_US.get(meaning.name, ""), 0))
        elif meaning.name not in sys_names.SENT_TO_US:
            course.retained = number

    def _beat(self, at_ns: int) -> None:
        """A new round begins: a counter that was not in the one before stood still then, but for what we got."""
        before, self._heartbeat_ns = self._heartbeat_ns, at_ns
        if before is not None:
            for course in self._courses.values():
                course.stand_still(before)

    def _note_pause(self, at_ns: int, retained: bool) -> None:
        if self.last_ns is not None and not retained and at_ns - self.last_ns > SHORTEST_STEP_NS:
            self.longest_pause_ns = max(self.longest_pause_ns, at_ns - self.last_ns)
            self.round_ns = at_ns
        self.last_ns = at_ns

    def _too_many(self, topic: str) -> bool:
        return topic not in self.topics and len(self.topics) >= MOST_TOPICS


def _sum_up(found: dict[str, Reading], name: str, value: float | int | None) -> None:
    before = found.get(name)
    if value is None:
        found.setdefault(name, None)
    else:
        found[name] = value + before if isinstance(before, int | float) else value


def _publish_bytes(topic: str, payload: bytes) -> int:
    """The bytes of the PUBLISH (QoS 0, MQTT 3.1.1) that brought it."""
    rest = 2 + len(topic.encode(errors="replace")) + len(payload)
    return 1 + (1 if rest < 128 else 2 if rest < 16_384 else 3 if rest < 2_097_152 else 4) + rest
