"""The tables `[target]` and `[group.target]`: the address of the broker, TLS, and the credentials of the clients.

Promises: keys that contradict each other are refused with their name; secrets are in no `repr` and no error. A key in
a group's table replaces the same key of `[target]`; a pre-shared key there replaces a certificate of `[target]`, and
the other way round.
Does not promise that files exist or are good: `malaria.plan.credentials` and `malaria.transport.tls` read them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, Self

from pydantic import BeforeValidator, Field, PlainSerializer, WithJsonSchema, model_validator

from malaria.errors import TargetError
from malaria.model.faults import KeyPathError
from malaria.model.fields import Flag
from malaria.model.placeholders import OF_CLIENT, OF_CLIENT_ID
from malaria.model.table import Table
from malaria.model.target import parse_target
from malaria.model.template_checks import check_carried, check_template_of

SMALLEST_KEY_BYTES: Final = 1
LARGEST_KEY_BYTES: Final = 64
"""What mosquitto and OpenSSL's examples take; OpenSSL's own limit is 512 (PSK_MAX_PSK_LEN)."""
FILES: Final = ("cafile", "cert", "key", "psk_file", "credentials_file")
KEY_PROOF: Final = frozenset({"psk_file", "psk_identity", "psk"})
CERTIFICATE_PROOF: Final = frozenset({"cert", "key"})
PROOFS: Final = KEY_PROOF | CERTIFICATE_PROOF
OF_FILE: Final = frozenset({"first_key"})
"""Where in a file of keys, users or certificates; a group that says it alone means another part of the same file."""
TLS_KEYS: Final = (
    KEY_PROOF | CERTIFICATE_PROOF | {"cafile", "insecure", "server_name", "tls_version", "ciphers", "resume"}
)
LONGEST_HOST_NAME: Final = 253
_UPGRADE_HEADERS: Final = frozenset({"connection", "content-length", "expect", "transfer-encoding", "upgrade"})
LATIN_1_END: Final = 0xFF
_HEADER_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


def _version(value: Any) -> Any:
    # TOML reads 1.3 without quotes as a float
    return str(value) if isinstance(value, float) else value


def _headers(value: Any) -> Any:
    # pairs are frozen and hashable, which the tables have to be
    return tuple(value.items()) if isinstance(value, Mapping) else value


type HeaderPairs = Annotated[
    tuple[tuple[str, str], ...], BeforeValidator(_headers), PlainSerializer(dict),
    WithJsonSchema({"type": "object", "additionalProperties": {"type": "string"}}),
]  # fmt: skip

type TlsVersion = Annotated[
    Literal["1.2", "1.3"] | None, BeforeValidator(_version),
    WithJsonSchema({"enum": ["1.2", "1.3", 1.2, 1.3]}),
]  # fmt: skip


class Access(Table):
    """The keys of `[target]` and `[group.target]`."""

    url: str | None = None
    """The broker: mqtt://host:1883, mqtts://host, ws://host/path or wss://host/path."""
    username: str | None = None
    """Template of the user names, for groups that have none of their own."""
    password: str | None = Field(default=None, repr=False)
    """Template of the passwords. Never stored with a run."""
    credentials_file: str | None = None
    """CSV file of user,password; client i of a group takes line i."""
    headers: HeaderPairs = Field(default=(), repr=False)
    """Headers of the WebSocket upgrade. Never stored with a run."""
    cafile: str | None = None
    """CA certificates to trust (PEM), in place of those of the system."""
    cert: str | None = None
    """Client certificate (PEM): a file, a template with {index}, or a directory."""
    key: str | None = None
    """Private key of `cert`, unless it is in the same file."""
    insecure: Flag = False
    """Accept any broker without verifying its certificate."""
    server_name: str | None = None
    """Host name to ask for (SNI) and to verify, in place of the target's host."""
    tls_version: TlsVersion = None
    """TLS version; left out, what the broker prefers."""
    ciphers: str | None = None
    """Ciphers of TLS 1.2, in OpenSSL's notation."""
    resume: Flag = True
    """Shorten the TLS handshake of a client that reconnects."""
    psk_file: str | None = None
    """File of pre-shared keys, identity:hexkey on each line; client i of a group takes line i."""
    psk_identity: str | None = None
    """Template of the PSK identities, with one key for all clients."""
    psk: str | None = Field(default=None, repr=False)
    """The key for all clients, hexadecimal. Never stored with a run."""
    first_key: int = Field(default=0, strict=True, ge=0)
    """Line of the group's first client in a file of keys, users or certificates, counted from 0."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        for check in _CHECKS:
            check(self)
        return self

    @property
    def uses_psk(self) -> bool:
        return self.psk_file is not None or self.psk_identity is not None

    @property
    def tls_keys(self) -> list[str]:
        """Return the stated keys that only TLS uses."""
        return sorted(TLS_KEYS & self.model_fields_set)

    def overridden(self, by: Access) -> Access:
        """Return these keys with those that `by` states in their place."""
        kept = {name: getattr(self, name) for name in self.model_fields_set}
        stated = by.model_fields_set
        # one proof of identity takes the place of the other, and with it the lines of its file
        if stated & PROOFS:
            kept = {name: value for name, value in kept.items() if name not in PROOFS | OF_FILE}
        if "credentials_file" in stated:
            kept = {name: value for name, value in kept.items() if name not in OF_FILE}
        return Access(**kept | {name: getattr(by, name) for name in stated})


def _check_url(access: Access) -> None:
    if access.url is None:
        return
    try:
        target = parse_target(access.url)
    except TargetError as error:
        raise KeyPathError("url", error.message, error.remedy) from None
    # a URL is stored with the run and shown on the page, where no login may be
    if target.username is not None:
        raise KeyPathError("url", "holds a user name", "write username and password as keys of their own")


def _check_proof(access: Access) -> None:
    if access.uses_psk and access.cert is not None:
        raise KeyPathError(
            "cert", "cannot be used with a pre-shared key: a client has one proof of identity", "remove one of them"
        )
    if access.psk_file is not None and access.psk_identity is not None:
        raise KeyPathError(
            "psk_identity", "cannot be used with psk_file, which has the identities", "remove one of them"
        )
    # an identity without a key, or the other way round, proves nothing
    if (access.psk_identity is None) != (access.psk is None):
        lack, given = ("psk", "psk_identity") if access.psk is None else ("psk_identity", "psk")
        raise KeyPathError(lack, f"is missing beside {given}", "give both, or psk_file, with one identity per client")
    if access.key is not None and access.cert is None:
        raise KeyPathError("cert", "is missing beside key", "name the certificate of that key too")


def _check_psk(access: Access) -> None:
    if access.psk is None:
        return
    try:
        key = bytes.fromhex(access.psk)
    except ValueError:
        # an empty key fails the bounds below, so that both faults get one sentence
        key = b""
    if not SMALLEST_KEY_BYTES <= len(key) <= LARGEST_KEY_BYTES:
        raise KeyPathError(
            "psk", "is not a key", f"write 1 to {LARGEST_KEY_BYTES} bytes in hexadecimal; malaria keygen makes keys"
        )


def _check_login(access: Access) -> None:
    if access.password is not None and access.username is None:
        raise KeyPathError("password", "needs a user name", "write username too")
    if access.credentials_file is not None and access.username is not None:
        raise KeyPathError(
            "username", "cannot be used with credentials_file, which has the users", "remove one of them"
        )


def _check_texts(access: Access) -> None:
    """Refuse texts that MQTT, OpenSSL or TLS cannot carry."""
    for name in ("username", "password", "psk_identity"):
        check_carried(name, getattr(access, name) or "")
    if access.ciphers is not None and not (access.ciphers.isascii() and access.ciphers.isprintable()):
        raise KeyPathError("ciphers", "is not a list of ciphers", "`openssl ciphers -v ALL` lists their names")
    if access.server_name is not None and not _is_host_name(access.server_name):
        raise KeyPathError("server_name", "is not the name of a host", "write one such as broker.example.com")


def _is_host_name(text: str) -> bool:
    """Tell whether TLS and HTTP can ask for this name: both turn it into its form for DNS (IDNA)."""
    try:
        text.encode("idna")
    except UnicodeError:  # an empty label, one over 63 bytes, or bytes that are not UTF-8
        return False
    # IDNA lets pass what is no host name: blanks, and labels that begin with a dash
    return 0 < len(text) <= LONGEST_HOST_NAME and text.isprintable() and " " not in text and text[0] not in ".-"


def _check_templates(access: Access) -> None:
    for name, allowed in (("username", OF_CLIENT), ("password", OF_CLIENT), ("psk_identity", OF_CLIENT_ID),
                          ("cert", OF_CLIENT), ("key", OF_CLIENT)):  # fmt: skip
        check_template_of(name, getattr(access, name) or "", allowed)


def _check_headers(access: Access) -> None:
    for name, value in access.headers:
        # a line break in a value would begin another header; HTTP carries Latin-1 at most
        if not _HEADER_NAME.fullmatch(name) or not _is_header_value(value):
            raise KeyPathError(("headers", name), "is not a header of HTTP", 'write it on one line, Name = "value"')
        if name.lower() in _UPGRADE_HEADERS or name.lower().startswith("sec-websocket-"):
            raise KeyPathError(("headers", name), "is a header that the upgrade itself sets", "leave it out")
        if name.lower() == "host" and not _is_host_name(value):
            raise KeyPathError(("headers", name), "is not the name of a host", "write one such as broker.example.com")


def _is_header_value(text: str) -> bool:
    return text.isprintable() and text == text.strip() and all(ord(char) <= LATIN_1_END for char in text)


_CHECKS: Final = (_check_url, _check_proof, _check_psk, _check_login, _check_texts, _check_templates, _check_headers)
