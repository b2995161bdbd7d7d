"""Renders a page from its template into one HTML file that works offline and loads nothing.

Jinja2 escapes every text (autoescape); an undefined name is an error. The Content-Security-Policy of a page allows only
its own style sheet and scripts, each by its hash. A page that is served live is made of the same parts, and of its own.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final

import jinja2
from markupsafe import Markup

from malaria.analysis.figure_names import LABELS
from malaria.report.definitions import DEFINITIONS
from malaria.report.figure_text import NO_LATENCY, STEERED
from malaria.report.headings import Heading
from malaria.report.page.page_data import PageData, packed
from malaria.report.page.whole_phrases import whole

PACKAGE: Final = "malaria.report.page"
STYLES: Final = ("vendor/uPlot.min.css", "page.css")
SCRIPTS: Final = ("vendor/uPlot.iife.min.js", "charts.js", "page.js")
"""The scripts of a page in the order in which they run. docs/design/010-charts.md says where the first is from."""


@dataclass(frozen=True, slots=True)
class OwnParts:
    """The parts that a page has besides those of every page. `package` has its templates, styles and scripts by name.

    `connects`: its scripts may ask the server that it came from.
    """

    package: str
    styles: tuple[str, ...] = ()
    scripts: tuple[str, ...] = ()
    connects: bool = False


def render_document(template: str, page: object, data: PageData, own: OwnParts | None = None) -> str:
    """Return the whole file: the template shows `page`, the scripts draw the charts of `data` at their places.

    Lone surrogates, which a file name that is not UTF-8 gives to the command line, are spelled out as in the store.
    """
    own = own or OwnParts(PACKAGE)
    css = "".join([*map(_resource, STYLES), *(_resource(name, own.package) for name in own.styles)])
    scripts = (*map(_resource, SCRIPTS), *(_resource(name, own.package) for name in own.scripts))
    html = (
        template_environment(own.package)
        .get_template(template)
        .render(
            page=page,
            data=packed(data),
            # our own files: escaped, they would not work
            css=Markup(css),
            scripts=[Markup(script) for script in scripts],
            policy=content_security_policy([css], scripts, connects=own.connects),
        )
    )
    # a lone surrogate cannot be written as UTF-8
    return html.encode("utf-8", errors="backslashreplace").decode("utf-8")


@cache
def template_environment(package: str = PACKAGE) -> jinja2.Environment:
    """Return the environment of all templates, those of a package first. Its globals are what all pages show alike."""
    packages = dict.fromkeys((package, PACKAGE))
    environment = jinja2.Environment(
        loader=jinja2.ChoiceLoader([jinja2.PackageLoader(each) for each in packages]),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["whole"] = whole
    environment.globals.update(
        Heading=Heading, definitions=DEFINITIONS, labels=LABELS, NO_LATENCY=NO_LATENCY, STEERED=STEERED
    )
    return environment


def content_security_policy(styles: list[str], scripts: tuple[str, ...], *, connects: bool = False) -> str:
    """Return a policy that allows these style elements and scripts, and no request, or none but to its own server.

    Style attributes are allowed: autoescape keeps texts from adding any.
    """
    return "; ".join(
        [
            "default-src 'none'",
            f"script-src {' '.join(map(_hash, scripts))}",
            f"style-src-elem {' '.join(map(_hash, styles))}",
            "style-src-attr 'unsafe-inline'",
            "img-src data:",
            f"connect-src {"'self'" if connects else "'none'"}",
            "base-uri 'none'",
            "form-action 'none'",
        ]
    )


def _hash(content: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}'"


def _resource(name: str, package: str = PACKAGE) -> str:
    return files(package).joinpath(name).read_text(encoding="utf-8")
