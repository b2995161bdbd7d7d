"""`$SYS` of several brokers, as it comes."""

from __future__ import annotations

from malaria.clock import NS_PER_S as S
from malaria.observe.sys_tree import LONGEST_INTERVAL_NS, LONGEST_TOPIC, MOST_TOPICS, ROUND_NS, SysTree

B = "$SYS/broker/"


def tell(figures: SysTree, at_ns: int, *, retained: bool = False, **payloads: object) -> None:
    """`messages__received=5`: mosquitto's topic `messages/received`; its uptime comes first, as from mosquitto."""
    for name, payload in payloads.items():
        figures.take(B + name.replace("__", "/"), str(payload).encode(), at_ns, retained)


def test_figures_of_mosquitto() -> None:
    figures = SysTree()
    tell(figures, 0, retained=True, version="mosquitto version 2.0.11", clients__active=502, clients__connected=504,
         messages__stored=575, uptime="3600 seconds")  # fmt: skip
    values = figures.values()
    assert values["version"] == "mosquitto version 2.0.11"
    assert values["clients_connected"] == 504
    assert (values["messages_stored"], values["uptime_s"]) == (575, 3600)
    assert values[B + "clients/active"] == "502"


def test_an_old_mosquitto_says_active() -> None:
    figures = SysTree()
    tell(figures, 0, retained=True, clients__active=504)
    assert figures.values()["clients_connected"] == 504


def test_the_order_in_which_topics_come_does_not_matter() -> None:
    figures = SysTree()
    tell(figures, 0, retained=True, clients__connected=504, clients__active=502)
    assert figures.values()["clients_connected"] == 504


def test_topics_are_told_when_they_change() -> None:
    figures = SysTree()
    tell(figures, 0, retained=True, version="x", clients__connected=1)
    assert B + "version" in figures.values()
    tell(figures, S, clients__connected=2)
    values = figures.values()
    assert B + "version" not in values
    assert values[B + "clients/connected"] == "2"
    assert values["version"] == "x"


def test_rates_come_from_differences_over_the_time_between_announcements() -> None:
    figures = SysTree()
    tell(figures, 0, retained=True, messages__received=0)
    tell(figures, 10 * S, uptime=10, messages__received=1000)
    assert figures.values()["messages_received_per_s"] is None
    tell(figures, 20 * S, uptime=20, messages__received=6000)
    assert figures.values()["messages_received_per_s"] == 500.0
    assert figures.values()["messages_received_per_s"] == 500.0


def test_a_counter_that_was_left_out_stood_still() -> None:
    figures = SysTree()
    tell(figures, 0, retained=True, publish__messages__dropped=7)
    for second in range(1, 4):
        tell(figures, second * S, uptime=second)
    assert figures.values()["publish_dropped_per_s"] == 0.0
    tell(figures, 4 * S, uptime=4, publish__messages__dropped=27)
    assert figures.values()["publish_dropped_per_s"] == 20.0


def test_a_broker_without_a_heartbeat_is_not_taken_to_stand_still() -> None:
    figures, node = SysTree(), "$SYS/brokers/emqx@127.0.0.1/"
    for at_s, total in ((0, 100), (60, 700)):
        figures.take(f"{node}uptime", b"5 seconds", at_s * S, False)
        figures.take(f"{node}metrics/packets/received", str(total).encode(), at_s * S, False)
        figures.take(f"{node}uptime", b"5 seconds", (at_s + 30) * S, False)
    assert figures.values()["messages_received_per_s"] == 10.0


def test_what_was_sent_to_us_is_taken_off() -> None:
    figures = SysTree()
    sent = 1000
    for second in range(1, 4):
        tell(figures, second * S, uptime=second, **{f"load__x{number}": number for number in range(20)})
        sent += 21 + 100  # to us, and to others
        tell(figures, second * S, messages__sent=sent)
        sent += 1
    assert figures.values()["messages_sent_per_s"] == 100.0


def test_bytes_that_were_sent_to_us_are_taken_off() -> None:
    figures = SysTree()
    total = 0
    for second in range(1, 3):
        tell(figures, second * S, uptime=second)
        total += 1 + 1 + 2 + len(B + "uptime") + 1 + 5000
        tell(figures, second * S, bytes__sent=total)
        total += 1 + 1 + 2 + len(B + "bytes/sent") + len(str(total))
    assert figures.values()["bytes_sent_per_s"] == 5000.0


def test_a_broker_that_began_anew_has_no_rate() -> None:
    figures = SysTree()
    tell(figures, 1 * S, uptime=1, messages__received=1000)
    tell(figures, 2 * S, uptime=1, messages__received=3)
    assert figures.values()["messages_received_per_s"] is None


def test_nodes_of_a_cluster_are_added_up() -> None:
    figures = SysTree()
    for node, clients in (("emqx@a", b"100"), ("emqx@b", b"23")):
        figures.take(f"$SYS/brokers/{node}/stats/connections/count", clients, 0, False)
        figures.take(f"$SYS/brokers/{node}/version", b"5.8.0", 0, False)
    values = figures.values()
    assert (values["clients_connected"], values["version"]) == (123, "5.8.0")


def test_a_flood_of_clients_is_counted_and_not_kept() -> None:
    figures = SysTree()
    for number in range(5000):
        figures.take(f"$SYS/brokers/n/clients/c{number}/connected", b"{}", 0, False)
    assert (figures.ignored, len(figures.topics)) == (5000, 0)
    tell(figures, 0, version="x")
    assert figures.values()["messages_left_out"] == 5000


def test_hostile_topics_and_values_are_bounded() -> None:
    figures = SysTree()
    for number in range(MOST_TOPICS + 10):
        figures.take(f"$SYS/x/{number}", b"\xff\x00\x1b[31m" * 10_000, 0, False)
    figures.take("$SYS/" + "x" * LONGEST_TOPIC, b"1", 0, False)
    assert figures.ignored == 11
    assert len(figures.topics) == MOST_TOPICS
    assert all(len(text) < 250 and text.isprintable() for text in figures.topics.values())


def test_a_number_that_is_none_is_unknown() -> None:
    figures = SysTree()
    tell(figures, 0, clients__connected="many", messages__received="", version="\x1b[0m")
    values = figures.values()
    assert values["clients_connected"] is values["messages_received"] is None
    assert "\x1b" not in str(values["version"])


def test_the_pause_between_two_live_announcements_is_the_interval() -> None:
    figures = SysTree()
    tell(figures, 0, retained=True, uptime=0)
    tell(figures, 2 * S, uptime=1)
    tell(figures, 2 * S + 1, clients__connected=1)
    assert figures.longest_pause_ns == 0, "the retained ones were published at an unknown time"
    tell(figures, 12 * S + 1, uptime=2)
    assert figures.longest_pause_ns == 10 * S


def test_the_next_announcement_is_waited_for_as_long_as_they_are_apart() -> None:
    figures = SysTree()
    assert figures.outstanding_ns(S, S) == 0, "nothing is known of this broker"
    tell(figures, 0, retained=True, uptime=0)
    assert figures.outstanding_ns(S, S) == 0, "nor how far apart its announcements are"
    tell(figures, 2 * S, uptime=2)
    assert figures.outstanding_ns(3 * S, 3 * S) == 0, "nor after the first one"
    tell(figures, 4 * S, uptime=4)
    over_ns = 5 * S
    assert figures.outstanding_ns(over_ns, over_ns) == 6.5 * S + ROUND_NS - over_ns
    assert figures.outstanding_ns(over_ns, 7 * S) == 0, "it has fallen silent"
    tell(figures, 6 * S, uptime=6)
    assert figures.outstanding_ns(over_ns, 6 * S) == ROUND_NS, "the rest of it is on its way"
    assert figures.outstanding_ns(over_ns, 6 * S + ROUND_NS) == 0


def test_nobody_waits_for_a_broker_that_speaks_once_a_minute() -> None:
    figures = SysTree()
    tell(figures, 0, uptime=0)
    tell(figures, LONGEST_INTERVAL_NS + 1, uptime=15)
    assert figures.outstanding_ns(20 * S, 20 * S) == 0
