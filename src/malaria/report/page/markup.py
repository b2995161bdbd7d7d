"""Building blocks of HTML. Whatever comes from outside (topics, brokers, hosts) passes through `text` or `as_json`."""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Iterable, Mapping, Sequence

from malaria.report.page.style import CSS, SCRIPT

type Row = Sequence[str]


def text(value: object) -> str:
    """Any value as text inside an element or a quoted attribute."""
    return html.escape(str(value), quote=True)


def as_json(value: object) -> str:
    """JSON that can stand inside <script>: no `<` can end the element or open a comment."""
    return json.dumps(value, ensure_ascii=True, allow_nan=False).replace("<", "\\u003c")


def table(head: Row, rows: Iterable[Row], words: Iterable[int] = (), kind: str = "") -> str:
    """Cells are markup already, and the first of a row names it.

    The columns numbered in `words` hold sentences, the others figures.
    """
    classes = dict.fromkeys(words, ' class="words"')

    def line(cells: Row, tags: Sequence[str], scope: str) -> str:
        parts = zip(tags, cells, strict=True)
        scopes = {"th": f' scope="{scope}"', "td": ""}
        return "".join(f"<{tag}{classes.get(n, '')}{scopes[tag]}>{cell}</{tag}>" for n, (tag, cell) in enumerate(parts))

    heads = f"<thead><tr>{line(head, ['th'] * len(head), 'col')}</tr></thead>" if any(head) else ""
    body = "".join(f"<tr>{line(row, ['th', *['td'] * (len(row) - 1)], 'row')}</tr>" for row in rows)
    return f'<div class="scroll"><table class="{kind}">{heads}<tbody>{body}</tbody></table></div>'


def card(label: str, value: str, note: str = "") -> str:
    """A figure that matters; `label` is markup already."""
    below = f'<span class="soft small">{text(note)}</span>' if note else ""
    return f'<div class="card"><span class="soft small">{label}</span><b>{text(value)}</b>{below}</div>'


def chart(name: str, height_px: int, says: str) -> str:
    """The place of a chart; the script at the end of the page draws it. `says` is for those who cannot see it."""
    return (
        f'<div class="chart" id="{text(name)}" role="img" aria-label="{text(says)}" style="height:{height_px}px"></div>'
    )


def download(name: str, kind: str, content: bytes, label: str) -> str:
    """A link that carries its file inside the page."""
    encoded = base64.b64encode(content).decode()
    return f'<a download="{text(name)}" href="data:{kind};base64,{encoded}">{text(label)}</a>'


def command(identity: str, line: str) -> str:
    return (
        f'<div class="command"><pre id="{text(identity)}"><code>{text(line)}</code></pre>'
        f'<button data-copy="{text(identity)}">copy</button></div>'
    )


def folded(label: str, content: str) -> str:
    return f"<details><summary>{text(label)}</summary>{content}</details>"


def document(title: str, body: str, charts: Mapping[str, object]) -> str:
    """The whole file. plotly.js comes out of the installed package; nothing is fetched when the page is read."""
    from plotly.offline import get_plotlyjs

    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<link rel="icon" href="data:,">\n'
        f"<title>{text(title)}</title>\n<style>{CSS}</style>\n</head>\n<body>\n<main>\n{body}\n</main>\n"
        f'<script type="application/json" id="charts">{as_json(charts)}</script>\n'
        f"<script>{get_plotlyjs()}</script>\n<script>{SCRIPT}</script>\n</body>\n</html>\n"
    )
