"""Check the texts of a table that are sent in MQTT packets, and the templates among them.

Promises: a refusal names the key, and never quotes a secret.
"""

from __future__ import annotations

from malaria.model.faults import SECRETS, KeyPathError, Location
from malaria.model.placeholders import check_template
from malaria.mqtt.wire import text_fault
from malaria.units import NotationError


def check_text(key: str | Location, text: str, allowed: frozenset[str]) -> None:
    """Raise KeyPathError for a template that MQTT cannot carry, or that uses placeholders of another place."""
    check_carried(key, text)
    check_template_of(key, text, allowed)


def check_carried(key: str | Location, text: str) -> None:
    """Raise KeyPathError for a text that MQTT cannot carry, such as bytes of the command line that are not UTF-8."""
    if fault := text_fault(text):
        raise KeyPathError(key, fault, "change it: MQTT cannot carry that")


def check_template_of(key: str | Location, text: str, allowed: frozenset[str]) -> None:
    """Raise KeyPathError for a text that is not a template of these placeholders."""
    try:
        check_template(text, allowed)
    except NotationError as error:
        # the sentence of a NotationError quotes the text
        message = "holds a brace that belongs to no placeholder" if key in SECRETS else error.message
        raise KeyPathError(key, message, error.remedy) from None
