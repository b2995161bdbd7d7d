"""Renders a page from its template into one HTML file that works offline and loads nothing.

Jinja2 escapes every text (autoescape); an undefined name is an error. The Content-Security-Policy of a page allows only
its own style sheet and scripts, each by its hash. A page that is served live can use the same templates: take
`template_environment()` and import the macros of `elements.html`.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Final

import jinja2
from markupsafe import Markup

from malaria.report.definitions import DEFINITIONS, LABELS
from malaria.report.figure_text import NO_LATENCY
from malaria.report.headings import Heading

PACKAGE: Final = "malaria.report.page"
EMPTY_STYLE: Final = ""
"""plotly makes an empty style element and adds its rules to it by script."""
_STYLE_OF_MAPS: Final = re.compile(r'document\.getElementById\("([0-9a-f]{64})"\)')
"""The id of the style element for maps. plotly adds it, unless the page has an element of that id: it has no maps."""


def render_document(template: str, page: object, charts: Mapping[str, object]) -> str:
    """Return the whole file: the template shows `page`, the script draws `charts` at their places.

    Lone surrogates, which a file name that is not UTF-8 gives to the command line, are spelled out as in the store.
    """
    from plotly.offline import get_plotlyjs  # 4.8 MB of JavaScript from the installed package

    css, plotly, script = _resource("page.css"), get_plotlyjs(), _resource("page.js")
    scripts = (plotly, script)
    html = (
        template_environment()
        .get_template(template)
        .render(
            page=page,
            charts=charts,
            # our own files: escaped, they would not work
            css=Markup(css),
            unneeded_styles=_STYLE_OF_MAPS.findall(plotly),
            scripts=[Markup(script) for script in scripts],
            policy=content_security_policy([css, EMPTY_STYLE], scripts),
        )
    )
    # a lone surrogate cannot be written as UTF-8
    return html.encode("utf-8", errors="backslashreplace").decode("utf-8")


@cache
def template_environment() -> jinja2.Environment:
    """Return the environment of all templates. Its globals are what every page shows alike."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader(PACKAGE),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    # NaN is no JSON, and the script of the page would fail on it
    environment.policies["json.dumps_kwargs"] = {"allow_nan": False, "separators": (",", ":")}
    environment.globals.update(Heading=Heading, definitions=DEFINITIONS, labels=LABELS, NO_LATENCY=NO_LATENCY)
    return environment


def content_security_policy(styles: list[str], scripts: tuple[str, ...]) -> str:
    """Return a policy that allows these style elements and scripts, and no request at all.

    Style attributes are allowed: plotly writes them, and autoescape keeps texts from adding any.
    """
    return "; ".join(
        [
            "default-src 'none'",
            f"script-src {' '.join(map(_hash, scripts))}",
            f"style-src-elem {' '.join(map(_hash, styles))}",
            "style-src-attr 'unsafe-inline'",
            "img-src data:",
            "connect-src 'none'",
            "base-uri 'none'",
            "form-action 'none'",
        ]
    )


def _hash(content: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}'"


def _resource(name: str) -> str:
    return files(PACKAGE).joinpath(name).read_text(encoding="utf-8")
