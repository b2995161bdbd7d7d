"""Lay out what the full screen shows, as lines of text: pure, so that golden files hold it letter by letter.

A screen of 80 x 24 has every figure; a larger one has charts, all readings of the observers and more events. Colour
says only good, doubtful or bad, and words or numbers say the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rich.text import Text

from malaria.analysis.distribution import BARS
from malaria.clock import NS_PER_MS
from malaria.printable import printable
from malaria.records.rows import BeeStanding, Counter, Gauge, Progress
from malaria.report.figure_text import UNKNOWN
from malaria.report.terminal.latest_readings import NOT_IN_LINE
from malaria.report.terminal.live_block import (
    FEWEST_SECONDS,
    HOT_PERCENT,
    LATENCIES,
    arriving,
    is_behind,
    per_second,
    phase_text,
    rate_text,
    ready,
    sparkline,
    target_of,
)
from malaria.report.terminal.so_far import BAD, DOUBTFUL, answered_by, so_far
from malaria.report.terminal.terminal_lines import INDENT, LABEL_WIDTH, row, wrapped
from malaria.tui.load_watch import Note, ObserverReadings, ScreenPicture, note_clock
from malaria.units import format_bytes, format_clock, format_count, format_ms, format_things

LEAST_WIDTH: Final = 80
LEAST_HEIGHT: Final = 24
WIDE: Final = 162
"""Columns from which panels stand side by side."""
BAR_HEIGHT: Final = 12
"""Lines of a chart where there is room for it."""
WIDEST_BAR: Final = 3
LEAST_BAR_HEIGHT: Final = 3
LEAST_NOTES: Final = 3
BETWEEN_COLUMNS: Final = 4
POINTS: Final = ("p50", "p99", "max")
MARGIN: Final = len(INDENT) + LABEL_WIDTH
OBSERVER_LABELS: Final = {"process": "broker", "docker": "broker", "sys": "$SYS"}
CLOCK_WIDTH: Final = 9
SMALL_CELL: Final = 9
SMALL_CELLS: Final = 3 * SMALL_CELL
"""The three figures of a bee where several bees share a line."""
NOT_IN_SHORT: Final = NOT_IN_LINE | {"clients_connected"}
"""Readings that a low screen has no room for; the broker's clients are those of the load, which are shown."""
UNSHOWN: Final = frozenset({"programs"})
"""Observers that watch this machine for the verdict."""


def screen_lines(picture: ScreenPicture, width: int, height: int, rows: int) -> list[Text]:
    """Return at most `height` lines for a screen of `rows`, of which answers and keys have the others.

    The newest events take what the figures leave.
    """
    lines = [*_small(width, rows), *_head(picture, width)]
    if picture.progress is not None:
        room = height - len(lines) - min(LEAST_NOTES, len(picture.notes))
        lines += _wide(picture, width, room) if width >= WIDE else _narrow(picture, width, room)
    return (lines + _notes(picture, width, height - len(lines)))[:height]


def _small(width: int, rows: int) -> list[Text]:
    """Return the notice that a screen is too small for all figures."""
    if width >= LEAST_WIDTH and rows >= LEAST_HEIGHT:
        return []
    return [Text(f"too small for every figure: make it {LEAST_WIDTH} x {LEAST_HEIGHT}", style=DOUBTFUL)]


def _head(picture: ScreenPicture, width: int) -> list[Text]:
    """Return the title, the place in a campaign, the bar of the phase, and how it goes."""
    lines = wrapped(picture.title, "", width)
    for line in lines:
        line.stylize("bold")
    if picture.place:
        lines += wrapped(picture.place, INDENT, width)
    if picture.progress is None:
        return [*lines, *wrapped(picture.stage, INDENT, width)]
    told, style = so_far(picture.progress)
    standing = wrapped(told, INDENT, width)
    for line in standing:
        line.stylize(style)
    bar = Text(f"{INDENT}{printable(picture.stage)}") if picture.stage else phase_bar(picture.progress, width)
    return [*lines, bar, *standing]


def phase_bar(progress: Progress, width: int) -> Text:
    """Return the phase and how much of it is done, as long as the line."""
    text = f"{INDENT}{phase_text(progress)}{INDENT}"
    room = max(width - len(text) - len(INDENT), 0)
    part = progress.phase_done / progress.phase_total if progress.phase_total > 0 else 0.0
    done = round(min(max(part, 0.0), 1.0) * room)
    return Text.assemble(text, "\N{BOX DRAWINGS HEAVY HORIZONTAL}" * done, ("\N{MIDDLE DOT}" * (room - done), "dim"))


# --- the two layouts -------------------------------------------------------------------------------------------------


def _narrow(picture: ScreenPicture, width: int, room: int) -> list[Text]:
    """Return the panels below each other; those that may be left out come when there is room."""
    progress = picture.progress
    assert progress is not None
    messages, latencies = _messages(picture), _latencies(progress)
    observed = _observed_in_short(picture, width)
    bees = bee_lines(progress.bees, room - len(messages) - len(latencies) - len(observed), width)
    panels = [panel for panel in (messages, latencies, observed, bees) if panel]
    spare = room - sum(map(len, panels))
    height = min(spare - len(panels) - 1, BAR_HEIGHT)
    chart = _rates_chart(picture, width, height if height >= LEAST_BAR_HEIGHT else 1) if spare > 0 else []
    messages += chart
    gap = [Text()] if spare - len(chart) >= len(panels) + 1 else []
    return [line for panel in panels for line in (*gap, *panel)] + gap


def _wide(picture: ScreenPicture, width: int, room: int) -> list[Text]:
    """Return messages and latencies side by side, each with its chart; below them the target and the bees."""
    progress = picture.progress
    assert progress is not None
    half = (width - BETWEEN_COLUMNS) // 2
    messages, latencies = _messages(picture), _latencies(progress)
    observed = _observed(picture, half if progress.bees else width)
    for panel in (messages, latencies):
        panel += [Text()] * (max(len(messages), len(latencies)) - len(panel))
    spare = room - len(messages) - len(observed) - LEAST_NOTES
    height = min(spare // 2, BAR_HEIGHT) if spare >= 2 * LEAST_BAR_HEIGHT else 1
    above = _beside(
        [*messages, Text(), *_rates_chart(picture, half, height)],
        [*latencies, Text(), *_acks_chart(picture, half, height)],
        half,
    )
    bees = bee_lines(progress.bees, max(room - len(above) - 3, LEAST_NOTES), half)
    return [Text(), *above, Text(), *(_beside(observed, bees, half) if bees else observed), Text()]


def _beside(left: Sequence[Text], right: Sequence[Text], width: int) -> list[Text]:
    """Return two panels side by side, the left one `width` wide."""
    lines = []
    for number in range(max(len(left), len(right))):
        line = left[number].copy() if number < len(left) else Text()
        if number < len(right):
            line.pad_right(max(width + BETWEEN_COLUMNS - len(line.plain), 0))
            line.append_text(right[number])
        lines.append(line)
    return lines


# --- messages and clients --------------------------------------------------------------------------------------------


def _messages(picture: ScreenPicture) -> list[Text]:
    """Return the rates now, the target, those since the start, and the totals; then the clients."""
    progress = picture.progress
    assert progress is not None
    rows = [_head_row("messages", ("now", "target", "since start", "in all"), 13)]
    for counter in (Counter.DUE, Counter.SENT, Counter.ACKED, arriving(progress.totals)):
        # a row of zeros, such as acked at QoS 0, would look like trouble
        if not progress.totals.get(counter):
            continue
        per_s = picture.average_per_s.get(counter)
        cells = (
            per_second(progress.second, counter),
            target_of(progress, counter),
            UNKNOWN if per_s is None else f"{rate_text(per_s)}/s",
            format_count(progress.totals[counter]),
        )
        rows.append(_row(counter, cells, 13, BAD if is_behind(progress, counter) else ""))
    return [*rows, _clients(progress)]


def _clients(progress: Progress) -> Text:
    line = Text(f"{INDENT}{'clients':<{LABEL_WIDTH}}")
    line.append(f"{format_count(ready(progress))} of {format_count(progress.clients_planned)}")
    for counter in (Counter.REFUSED, Counter.DROPPED):
        number = progress.totals.get(counter, 0)
        line.append(f"   {format_count(number)} {counter}", style=BAD if number else "")
    for gauge, words in ((Gauge.INFLIGHT, "in flight"), (Gauge.HELD, "held")):
        line.append(f"   {format_count(progress.gauges.get(gauge, 0))} {words}")
    return line


def _head_row(label: str, heads: Sequence[str], cell: int) -> Text:
    return Text(f"{INDENT}{label:<{LABEL_WIDTH}}" + "".join(f"{head:>{cell}}" for head in heads), style="dim")


def _row(label: str, cells: Sequence[str], cell: int, first_style: str = "") -> Text:
    line = Text(f"{INDENT}{label:<{LABEL_WIDTH}}")
    for number, text in enumerate(cells):
        line.append(f"{text:>{cell}}", style="" if number else first_style)
    return line


# --- latencies -------------------------------------------------------------------------------------------------------


def _latencies(progress: Progress) -> list[Text]:
    """Return each latency in the last second and since the start."""
    rows = []
    for metric, name in LATENCIES.items():
        since, now = progress.latency_ms.get(metric), progress.second_latency_ms.get(metric, {})
        if since:
            values = [each.get(point) for each in (now, since) for point in POINTS]
            rows.append(_row(name, _apart([UNKNOWN if value is None else format_ms(value) for value in values]), 10))
    heads = _apart([*(f"now {POINTS[0]}", *POINTS[1:]), *(f"so far {POINTS[0]}", *POINTS[1:])])
    return [_head_row("latency", heads, 10), *rows] if rows else []


def _apart(cells: Sequence[str]) -> list[str]:
    """Set the figures since the start apart from those of now."""
    apart = list(cells)
    apart[len(POINTS)] = f"{apart[len(POINTS)]:>15}"
    return apart


# --- charts ----------------------------------------------------------------------------------------------------------


def _rates_chart(picture: ScreenPicture, width: int, height: int) -> list[Text]:
    progress = picture.progress
    if progress is None or len(picture.rates) < FEWEST_SECONDS:
        return []
    most = max(*picture.rates, *picture.dues)
    label = f"{answered_by(progress)}/s"
    return _chart(label, picture.rates, (f"{rate_text(most)}/s", most), width, height)


def _acks_chart(picture: ScreenPicture, width: int, height: int) -> list[Text]:
    if len(picture.acks_ms) < FEWEST_SECONDS or not any(picture.acks_ms):
        return []
    most = max(picture.acks_ms)
    return _chart("ack p99", picture.acks_ms, (format_ms(most), most), width, height)


def _chart(label: str, values: Sequence[float], most: tuple[str, float], width: int, height: int) -> list[Text]:
    """Return bars of the last seconds, from zero to the largest value; one line high, or more."""
    most_text, largest = most
    if height == 1:
        room = width - MARGIN - len("   most 1,000,000/s ")
        return [Text(f"{INDENT}{label:<{LABEL_WIDTH}}{sparkline(values, room)}   most {most_text}")]
    room = width - MARGIN
    shown = list(values)[-room:]
    each = max(min(room // len(shown), WIDEST_BAR), 1)  # a short load uses the room, too
    stretched = [value for value in shown for _ in range(each)]
    lines = [Text(f"{'':<{MARGIN}}{bars}") for bars in bar_rows(stretched, largest, height)]
    title = f"{INDENT}{label:<{LABEL_WIDTH}}from 0 to {most_text}, the last {format_clock(len(shown))}"
    return [Text(title), *lines]


def bar_rows(values: Sequence[float], largest: float, height: int) -> list[str]:
    """Return bars in `height` rows, the highest first; a value above zero shows at least its lowest eighth."""
    levels = [_level(value, largest, height * len(BARS)) for value in values]
    rows = []
    for above in range(height - 1, -1, -1):
        parts = (min(max(level - above * len(BARS), 0), len(BARS)) for level in levels)
        rows.append("".join(BARS[part - 1] if part else " " for part in parts).rstrip())
    return rows


def _level(value: float, largest: float, steps: int) -> int:
    return max(round(value / largest * steps), 1) if value > 0 and largest > 0 else 0


# --- the target and the bees -----------------------------------------------------------------------------------------


def _observed_in_short(picture: ScreenPicture, width: int) -> list[Text]:
    """Return broker and host in one row, and each other observer in a row of its own."""
    about: list[tuple[str, str, str]] = []
    others: list[Text] = []
    for one in picture.observed:
        if one.observer in UNSHOWN:
            continue
        if one.gap:
            others += _gap_row(one, width)
        elif one.observer in ("process", "docker", "host"):
            before = "host " if one.observer == "host" else ""
            short = [reading for reading in one.readings if reading[0] not in NOT_IN_SHORT]
            about += [(name, label if n else f"{before}{label}", text) for n, (name, label, text) in enumerate(short)]
        else:
            short = [reading for reading in one.readings if reading[0] not in NOT_IN_SHORT]
            others += _reading_row(_label(one), short, width)
    return [*(_reading_row("broker", about, width) if about else []), *others]


def _observed(picture: ScreenPicture, width: int) -> list[Text]:
    """Return every reading of each observer, and what the generator uses."""
    lines: list[Text] = []
    for one in picture.observed:
        if one.observer in UNSHOWN:
            continue
        lines += _gap_row(one, width) if one.gap else _reading_row(_label(one), one.readings, width)
    rss_bytes = picture.progress.gauges.get(Gauge.RSS_BYTES) if picture.progress is not None else None
    own = [format_things(picture.workers, "worker")] if picture.workers else []
    own += [f"memory {format_bytes(rss_bytes)}"] if rss_bytes else []
    return [*lines, *(row("generator", own, width) if own else [])]


def _label(one: ObserverReadings) -> str:
    return printable(OBSERVER_LABELS.get(one.observer, one.observer))


def _gap_row(one: ObserverReadings, width: int) -> list[Text]:
    lines = row(_label(one), [printable(one.gap)], width)
    for line in lines:
        line.stylize(DOUBTFUL)
    return lines


def _reading_row(label: str, readings: Sequence[tuple[str, str, str]], width: int) -> list[Text]:
    """Return readings in as many lines as they need; a CPU that is nearly used up stands out."""
    lines = row(label, [f"{name} {text}" for _, name, text in readings], width)
    for key, name, text in readings:
        if key == "cpu_percent" and _percent(text) >= HOT_PERCENT:
            for line in lines:
                line.highlight_words([f"{name} {text}"], DOUBTFUL)
    return lines


def _percent(text: str) -> float:
    number = text.partition(" ")[0]
    return float(number) if number.isdigit() else 0.0


def bee_lines(bees: Sequence[BeeStanding], most: int, width: int) -> list[Text]:
    """Return the bees in at most so many lines, in their order; of too many, the lost ones and the latest.

    Where a line each is too much, several share one, without what they had acknowledged.
    """
    if not bees:
        return []
    room = max(most - 1, 2)
    if len(bees) <= room:
        return [_head_row("bee", ("clients", "sent", "acked", "latest"), 12), *map(_bee, bees)]
    columns = max(width // (MARGIN + SMALL_CELLS), 1)
    places = columns * room if len(bees) <= columns * room else columns * (room - 1)
    worst = sorted(range(len(bees)), key=lambda place: (not bees[place].lost, -(bees[place].lag_max_ns or 0)))[:places]
    small = [_small_bee(bees[place]) for place in sorted(worst)]
    head = _head_row("bee", ("clients", "sent", "latest"), SMALL_CELL)
    lines = [Text().join([head] * min(columns, len(small)))]
    lines += [Text().join(small[place : place + columns]) for place in range(0, len(small), columns)]
    if places < len(bees):
        lines.append(Text(f"{INDENT}and {format_count(len(bees) - places)} more", style="dim"))
    return lines


def _bee(one: BeeStanding) -> Text:
    if one.lost:
        return Text(f"{INDENT}{_bee_name(one)}{'lost':>12}", style=BAD)
    return _row(
        _bee_name(one),
        (format_count(one.clients_ready), *map(_bee_rate, (one.sent_per_s, one.acked_per_s)), _late(one)),
        12,
    )


def _small_bee(one: BeeStanding) -> Text:
    if one.lost:
        return Text(f"{INDENT}{_bee_name(one)}{'lost':>{SMALL_CELL}}{'':{SMALL_CELLS - SMALL_CELL}}", style=BAD)
    return _row(_bee_name(one), (format_count(one.clients_ready), _bee_rate(one.sent_per_s), _late(one)), SMALL_CELL)


def _bee_name(one: BeeStanding) -> str:
    name = printable(one.bee)
    return f"{name if len(name) < LABEL_WIDTH else f'{name[: LABEL_WIDTH - 2]}…':<{LABEL_WIDTH}}"


def _bee_rate(per_s: float | None) -> str:
    return UNKNOWN if per_s is None else f"{rate_text(per_s)}/s"


def _late(one: BeeStanding) -> str:
    return UNKNOWN if one.lag_max_ns is None else format_ms(one.lag_max_ns / NS_PER_MS)


# --- events ----------------------------------------------------------------------------------------------------------


def _notes(picture: ScreenPicture, width: int, room: int) -> list[Text]:
    """Return the newest events, as many as fit whole."""
    start_ns = None if picture.progress is None else picture.progress.load_start_ns
    lines: list[Text] = []
    for note in reversed(picture.notes):
        more = _note(note, start_ns, width)
        if len(lines) + len(more) > room:
            break
        lines = [*more, *lines]
    return lines


def _note(note: Note, load_start_ns: int | None, width: int) -> list[Text]:
    lines = wrapped(note.text, f"{note_clock(note, load_start_ns):>{CLOCK_WIDTH - 2}}  ", width)
    for line in lines:
        line.stylize(note.style)
    return lines
