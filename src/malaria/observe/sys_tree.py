"""The state of a broker's `$SYS` tree: topics in, figures out. No I/O.

A rate is the difference of one of the broker's counters between two of its announcements, divided by the time between
them; mosquitto's own one-minute averages need minutes to settle. Messages that the broker sent to the observer are
subtracted from what it sent: at a low load they would be a large part of it.

Promises: memory is bounded, whatever a broker sends, and what does not fit is counted.
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
"""The part of a payload that is read."""
SHORTEST_STEP_NS: Final = NS_PER_S // 5
"""Messages closer together than this belong to one announcement; their difference is not a rate."""
ROUND_NS: Final = NS_PER_S // 10
"""The time that the topics of one announcement take to arrive."""
LONGEST_INTERVAL_NS: Final = 15 * NS_PER_S
"""The longest interval of announcements that is waited for at the end: mosquitto's 10 s, but not EMQX's minute."""


@dataclass(slots=True)
class _CounterHistory:
    """The last two announcements of one counter, as (time, value)."""

    before: tuple[int, float] | None = None
    last: tuple[int, float] | None = None
    retained: float | None = None  # its time, before the first announcement, is unknown

    def announce(self, at_ns: int, value: float) -> None:
        # a second value of the same announcement
        if self.last is not None and at_ns - self.last[0] < SHORTEST_STEP_NS:
            self.last = self.last[0], value
        else:
            self.before, self.last = self.last, (at_ns, value)

    def stand_still(self, at_ns: int) -> None:
        """Note that others were announced and this one was not: it has not changed."""
        if self.last is not None and self.last[0] < at_ns:
            self.before, self.last = self.last, (at_ns, self.last[1])
        elif self.last is None and self.retained is not None:
            self.last = at_ns, self.retained

    def per_s(self) -> float | None:
        """Return the rate between the last two announcements; None if there were none, or the broker was restarted."""
        if self.before is None or self.last is None or self.last[1] < self.before[1]:
            return None
        return (self.last[1] - self.before[1]) * NS_PER_S / (self.last[0] - self.before[0])


@dataclass(slots=True)
class SysTree:
    """Everything that the broker has published so far on one connection."""

    topics: dict[str, str] = field(default_factory=dict)
    messages: int = 0  # received by the observer
    ignored: int = 0  # about single clients, with too long a topic, or beyond MOST_TOPICS
    last_ns: int | None = None  # time of the last message
    round_ns: int | None = None  # start of the last announcement
    longest_pause_ns: int = 0  # between two announcements; 0 until the second one
    _bytes: int = 0
    _histories: dict[str, _CounterHistory] = field(default_factory=dict)
    _live_ns: int | None = None  # time of the last message that was not retained
    _heartbeat_ns: int | None = None
    _fresh: set[str] = field(default_factory=set)

    def take(self, topic: str, payload: bytes, at_ns: int, retained: bool) -> None:
        """Take one message. A retained value is of an unknown earlier time, so no rate begins with it."""
        sent_to_observer = {"messages": self.messages, "bytes": self._bytes}
        self._measure_pause(at_ns, retained)
        self.messages += 1
        self._bytes += _publish_bytes(topic, payload)
        if sys_names.is_per_client(topic) or len(topic) > LONGEST_TOPIC or self._too_many(topic):
            self.ignored += 1
            return
        text = payload[:LONGEST_PAYLOAD_BYTES].decode(errors="replace")
        self.topics[topic] = clean(text)
        self._fresh.add(topic)
        # a retained heartbeat was announced before this connection
        if topic == sys_names.HEARTBEAT and not retained:
            self._beat(at_ns)
        self._follow(topic, text, None if retained else at_ns, sent_to_observer)

    @property
    def has_news(self) -> bool:
        """Return whether a message came since the last call of `values`."""
        return bool(self._fresh)

    def outstanding_ns(self, since_ns: int, at_ns: int) -> int:
        """Return how long the first announcement from after `since_ns` may still take to arrive in full; 0: it is here.

        The estimate is the longest pause between announcements so far and a quarter more.
        """
        interval_ns = self.longest_pause_ns
        if self.last_ns is None or not 0 < interval_ns <= LONGEST_INTERVAL_NS:
            return 0
        began_ns = self.round_ns
        if began_ns is None or began_ns < since_ns:  # the next one is still to come
            began_ns = self.last_ns + interval_ns * 5 // 4
        return max(0, began_ns + ROUND_NS - at_ns)

    def values(self) -> dict[str, Reading]:
        """Return all figures under malaria's names, their rates, and the topics that came since the last call."""
        found: dict[str, Reading] = {}
        ranks: dict[str, int] = {}
        for topic, text in self.topics.items():
            meaning = sys_names.meaning_of(topic)
            if meaning is None:
                continue
            rank = ranks.setdefault(meaning.name, meaning.rank)
            if meaning.rank < rank:  # a better topic for this name than the ones so far
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
        """Add a topic to its figure: numbers of several nodes are summed, of texts the first is kept."""
        if name in sys_names.TEXTS:
            found.setdefault(name, text)
            return
        _add_up(found, name, sys_names.figure_of(topic, text))
        if name in sys_names.COUNTERS:
            history = self._histories.get(topic)
            per_s = None if history is None else history.per_s()
            _add_up(found, f"{name}_per_s", None if per_s is None else round(per_s, 3))

    def _follow(self, topic: str, text: str, at_ns: int | None, sent_to_observer: dict[str, int]) -> None:
        """Record the value of a counter, so that its rate can be computed. `at_ns` is None for a retained value."""
        meaning = sys_names.meaning_of(topic)
        number = sys_names.number_of(text)
        if meaning is None or meaning.name not in sys_names.COUNTERS or number is None:
            return
        history = self._histories.setdefault(topic, _CounterHistory())
        if at_ns is not None:
            history.announce(at_ns, number - sent_to_observer.get(sys_names.SENT_TO_OBSERVER.get(meaning.name, ""), 0))
        # what was sent to the observer up to a retained value is unknown, so it cannot be subtracted
        elif meaning.name not in sys_names.SENT_TO_OBSERVER:
            history.retained = number

    def _beat(self, at_ns: int) -> None:
        """Begin a new announcement: counters that were missing in the one before have not changed in it."""
        before, self._heartbeat_ns = self._heartbeat_ns, at_ns
        if before is not None:
            for history in self._histories.values():
                history.stand_still(before)

    def _measure_pause(self, at_ns: int, retained: bool) -> None:
        """Note the time of a message. The age of retained values is unknown: they are not an announcement."""
        self.last_ns = at_ns
        if retained:
            return
        before_ns, self._live_ns = self._live_ns, at_ns
        if before_ns is None:
            self.round_ns = at_ns
        elif at_ns - before_ns > SHORTEST_STEP_NS:
            self.longest_pause_ns = max(self.longest_pause_ns, at_ns - before_ns)
            self.round_ns = at_ns

    def _too_many(self, topic: str) -> bool:
        return topic not in self.topics and len(self.topics) >= MOST_TOPICS


def _add_up(found: dict[str, Reading], name: str, value: float | int | None) -> None:
    before = found.get(name)
    if value is None:
        found.setdefault(name, None)
    else:
        found[name] = value + before if isinstance(before, int | float) else value


def _publish_bytes(topic: str, payload: bytes) -> int:
    """Return the size of the PUBLISH (QoS 0, MQTT 3.1.1) that carried a message."""
    rest = 2 + len(topic.encode(errors="replace")) + len(payload)
    return 1 + (1 if rest < 128 else 2 if rest < 16_384 else 3 if rest < 2_097_152 else 4) + rest
