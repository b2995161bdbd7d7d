"""Say why a client could not connect, and what to do about it, from one table."""

from __future__ import annotations

import errno
import os
import re
import ssl
from collections.abc import Collection, Mapping
from enum import StrEnum
from typing import Final

from malaria.mqtt.packets import Connack, Protocol
from malaria.mqtt.reasons import connack_reason
from malaria.mqtt.session import SessionPhase
from malaria.plan.terms_check import REMEDIES as TERMS
from malaria.transport.stream import Stage

_PORTS: Final = "add --source-address auto, or see: malaria doctor TARGET -c N"
_DESCRIPTORS: Final = "add --workers, or raise the limit of open files (ulimit -n); see: malaria doctor -c N"
_MEMORY: Final = "use fewer clients, or spread them over several machines; see: malaria doctor -c N"
_ROUTE: Final = "check the address and this machine's routes"
_BLACKHOLE: Final = "see: ip route get ADDRESS; a link-local address is written with its interface: [fe80::1%eth0]"
_FORBIDDEN: Final = "this machine forbids the connection: a prohibit route, or a rule of its firewall"
_FIREWALL: Final = "see: ip route get ADDRESS, and the rules for what leaves this machine (nft list ruleset)"
_WEBSOCKET: Final = (
    "check host, port and path of the WebSocket listener: ws://host:port/path, where the path is often /mqtt"
)
_CERTIFICATE_FILES: Final = "check --cert and --key: PEM, without a passphrase, the key in its own file or in the same"
_SILENT: Final = "check address and firewall: packets vanish on the way"
_ANSWER: Final = "the broker is overloaded or hangs: look at its log, or lower -R and --connects-in-progress"
_PLAIN_THERE: Final = "is it a TLS listener? A plain one waits like this (mqtt://); or the broker is overloaded"
_PORT: Final = "check the port: TLS is usually 8883; a plain listener (mqtt://) hangs up like this"
_KEY: Final = "the key of this identity differs from the broker's: give both the same file (malaria keygen makes one)"
_IDENTITY: Final = (
    "add the identity to the broker's PSK file and reload it, or check --psk-identity, --psk-file and --ciphers"
)
_OTHER_CIPHERS: Final = "name one that the broker has with --ciphers, or try --tls-version 1.2; its log says more"
_OWN_CERTIFICATE: Final = "give --cert and --key of a certificate that the broker's CA has signed"
_PROOF_OR_CIPHER: Final = (
    "give --cert and --key, or --psk-file, if it wants them (its log says so), or other --ciphers if you chose some"
)
_NAME: Final = "check the host of the target, give the certificate's with --server-name, or --insecure"
_VERSION: Final = "TLS 1.2 and 1.3 are spoken here; older ones are broken: enable a newer one at the broker"

_LIMIT: Final = "look at the broker's log: a limit of connections, perhaps"
CLOSED: Final = "the broker closed the connection"

NOT_READING: Final = (
    "the broker does not read: it left more than 1 MiB of our answers unread",
    "look at the broker's log: it may hang, or it sends faster than it handles acknowledgements",
)

ERRORS: Final = {
    errno.ECONNREFUSED: ("nothing listens at this port", "is the broker running, and listening on this address?"),
    errno.EADDRNOTAVAIL: ("no free local port (or source address) for this target", _PORTS),
    errno.EMFILE: ("no free file descriptor (limit of the process)", _DESCRIPTORS),
    errno.ENFILE: ("no free file descriptor (limit of the system)", "raise fs.file-max (sysctl)"),
    errno.ENOBUFS: ("no buffer left in the kernel for a connection", _MEMORY),
    errno.ENOMEM: ("no memory left in the kernel for a connection", _MEMORY),
    errno.ENETUNREACH: ("no route to the target's network", _ROUTE),
    errno.EHOSTUNREACH: ("no route to the target", _ROUTE),
    # of connect(2), Linux: a route of the type blackhole, or an IPv6 address of a link without the link
    errno.EINVAL: ("a blackhole route of this machine, or a link-local address without its interface", _BLACKHOLE),
    errno.EACCES: (_FORBIDDEN, _FIREWALL),
    errno.EPERM: (_FORBIDDEN, _FIREWALL),
    errno.ETIMEDOUT: ("timeout: no answer to the TCP connect", _SILENT),
    errno.EPIPE: (CLOSED, _LIMIT),
    errno.ECONNRESET: ("the broker reset the connection", _LIMIT),
}
OWN_SHORTAGES: Final = frozenset({errno.EADDRNOTAVAIL, errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
TIMEOUTS: Final = {
    SessionPhase.CONNECTING: ("timeout: no answer to the TCP connect", _SILENT),
    SessionPhase.GREETING: ("timeout: connected, but no CONNACK came", _ANSWER),
    SessionPhase.SUBSCRIBING: ("timeout: no SUBACK came", _ANSWER),
}
STAGE_TIMEOUTS: Final = {
    Stage.TLS: ("timeout: the TLS handshake did not come to an end", _PLAIN_THERE),
    Stage.UPGRADE: ("timeout: no answer to the WebSocket upgrade", "is it a WebSocket listener? Check port and path"),
}
_REFUSED: Final = "look at the broker's log"
_LOGIN: Final = "check -u/--username and -P/--password"
_NO_LOGIN: Final = (
    "give -u/--username and -P/--password of a user that the broker lets in, or allow anonymous clients there"
)
_CLIENT_ID: Final = "the broker refuses this client id; choose another --client-id pattern"
_NOT_READY: Final = "the broker says that it is not ready; look at its log"
_TOO_FAST: Final = "lower -R/--connect-rate, or raise the broker's limit"
_ELSEWHERE: Final = "attack the server that it refers to"
CONNACKS: Final[Mapping[Protocol, Mapping[int, str]]] = {
    Protocol.V311: {
        1: "the broker does not speak MQTT 3.1.1: try -V 5, or look for another listener",
        2: _CLIENT_ID,
        3: _NOT_READY,
        4: _LOGIN,
        5: _NO_LOGIN,
    },
    Protocol.V5: {
        1: "the broker does not speak MQTT 5: leave -V 5 away, or look for another listener",
        0x84: "the broker does not speak MQTT 5: leave -V 5 away, or look for another listener",
        0x85: _CLIENT_ID,
        0x86: _LOGIN,
        0x87: _NO_LOGIN,
        0x88: _NOT_READY,
        0x89: _NOT_READY,
        0x8A: "the broker has banned us; look at its log",
        0x95: "the broker takes no packet of that size: shorten the will or the user properties",
        0x97: "raise the broker's quota, or lower -c/--clients",
        0x9A: "the broker keeps no messages: leave retain out of the will",
        0x9B: "the broker does not take that QoS of the will",
        0x9C: _ELSEWHERE,
        0x9D: _ELSEWHERE,
        0x9F: _TOO_FAST,
    },
}


_ADDRESS: Final = re.compile(r" \((?:[0-9.]+|\[[0-9A-Za-z:.%_-]+\]):[0-9]+\)$")
"""The endpoint that a cause names at its end."""


class Proof(StrEnum):
    """The client's proof of identity in TLS."""

    NONE = "none"
    CERTIFICATE = "certificate"
    KEY = "key"


_HUNG_UP: Final = "HUNG_UP"
_FAILURE: Final = "SSLV3_ALERT_HANDSHAKE_FAILURE"
_BINDER: Final = "SSLV3_ALERT_ILLEGAL_PARAMETER"
_GAVE_UP: Final = "TLS: the broker gave up the handshake"
_LEFT: Final = "TLS: the broker hung up in the handshake: is it a TLS listener"
HANDSHAKES: Final = {
    (Proof.KEY, _FAILURE): (f"{_GAVE_UP}: unknown PSK identity, or no cipher in common", _IDENTITY),
    (Proof.KEY, _BINDER): ("TLS: wrong key (the broker could not verify it)", _KEY),
    (Proof.KEY, _HUNG_UP): (f"{_LEFT} with pre-shared keys?", _PORT),
    (Proof.NONE, _FAILURE): (
        f"{_GAVE_UP}: it wants a client certificate or a pre-shared key, or there is no cipher in common",
        _PROOF_OR_CIPHER,
    ),
    (Proof.NONE, _HUNG_UP): (f"{_LEFT}?", _PORT),
    (Proof.CERTIFICATE, _HUNG_UP): (f"{_LEFT}?", _PORT),
}
"""Failures that depend on the client's proof. The rest is in ALERTS."""
PSK_UNUSED: Final = (
    "TLS: the broker proved itself with a certificate, and did not ask for our pre-shared key",
    "use the broker's listener for pre-shared keys, or leave --psk-file away and give --cafile",
)
SILENT_END: Final = (
    "the broker closed the connection right after the TLS handshake: does it want a client certificate?",
    _OWN_CERTIFICATE,
)
REFUSED_END: Final = (
    "the broker closed the connection right after the TLS handshake: it may not accept our certificate",
    "look whether --cert has expired and which CA has signed it; the broker's log says why",
)
SILENT_ENDS: Final = {Proof.NONE: SILENT_END[0], Proof.CERTIFICATE: REFUSED_END[0]}
"""Reasons for a silent end: a broker of TLS 1.3 checks the client after the handshake, and its alert is often lost."""
ALERTS: Final = {
    "WRONG_VERSION_NUMBER": (
        "TLS: this port does not speak TLS",
        "use mqtt:// (or ws://), or the TLS port: usually 8883",
    ),
    "RECORD_LAYER_FAILURE": (
        "TLS: this port does not speak TLS",
        "use mqtt:// (or ws://), or the TLS port: usually 8883",
    ),
    "HTTP_REQUEST": ("TLS: this port speaks HTTP", "use ws://"),
    "UNSUPPORTED_PROTOCOL": ("TLS: no version in common (the broker offers only an old one)", _VERSION),
    "VERSION_TOO_LOW": ("TLS: no version in common (the broker offers only an old one)", _VERSION),
    "TLSV1_ALERT_PROTOCOL_VERSION": ("TLS: no version in common (the broker refused ours)", _VERSION),
    "SSLV3_ALERT_HANDSHAKE_FAILURE": ("TLS: no cipher in common (the broker gave up the handshake)", _OTHER_CIPHERS),
    "TLSV1_ALERT_INSUFFICIENT_SECURITY": ("TLS: the broker wants a stronger cipher", _OTHER_CIPHERS),
    "NO_CIPHERS_AVAILABLE": ("TLS: no cipher is left for this version", "check --ciphers and --tls-version"),
    "NO_SHARED_CIPHER": ("TLS: no cipher in common", _OTHER_CIPHERS),
    "UNKNOWN_PSK_IDENTITY": ("TLS: the broker does not know this PSK identity", _IDENTITY),
    "TLSV1_ALERT_UNKNOWN_PSK_IDENTITY": ("TLS: the broker does not know this PSK identity", _IDENTITY),
    "SSLV3_ALERT_BAD_RECORD_MAC": ("TLS: wrong key", _KEY),
    "TLSV1_ALERT_DECRYPT_ERROR": ("TLS: wrong key (the broker could not verify the handshake)", _KEY),
    "TLSV1_ALERT_DECRYPTION_FAILED": ("TLS: wrong key", _KEY),
    "DECRYPTION_FAILED_OR_BAD_RECORD_MAC": ("TLS: wrong key", _KEY),
    "DIGEST_CHECK_FAILED": ("TLS: wrong key", _KEY),
    "PSK_IDENTITY_NOT_FOUND": (
        "TLS: the broker wants a pre-shared key",
        "give --psk-file, or --psk-identity and --psk",
    ),
    "TLSV13_ALERT_CERTIFICATE_REQUIRED": ("TLS: the broker wants a client certificate", _OWN_CERTIFICATE),
    "SSLV3_ALERT_NO_CERTIFICATE": ("TLS: the broker wants a client certificate", _OWN_CERTIFICATE),
    "SSLV3_ALERT_BAD_CERTIFICATE": ("TLS: the broker refused our certificate as bad", _OWN_CERTIFICATE),
    "SSLV3_ALERT_CERTIFICATE_EXPIRED": ("TLS: the broker says that our certificate has expired", "renew --cert"),
    "SSLV3_ALERT_CERTIFICATE_REVOKED": ("TLS: the broker says that our certificate is revoked", "replace --cert"),
    "SSLV3_ALERT_CERTIFICATE_UNKNOWN": ("TLS: the broker refused our certificate", _OWN_CERTIFICATE),
    "SSLV3_ALERT_UNSUPPORTED_CERTIFICATE": ("TLS: the broker cannot use our kind of certificate", _OWN_CERTIFICATE),
    "TLSV1_ALERT_UNKNOWN_CA": ("TLS: the broker does not know the CA of our certificate", _OWN_CERTIFICATE),
    "TLSV1_ALERT_ACCESS_DENIED": ("TLS: the broker denies access", "look at the broker's log"),
    "TLSV1_UNRECOGNIZED_NAME": ("TLS: the broker does not know the name we asked for", "check --server-name"),
}
"""OpenSSL's name of a failed handshake -> cause and remedy."""
_CA: Final = "give the CA's certificate with --cafile, or --insecure to believe anybody"
_RENEW: Final = "renew the broker's certificate (or check the clocks), or --insecure to believe anybody"
CERTIFICATES: Final = {
    9: ("the broker's certificate is not valid yet", _RENEW),
    10: ("the broker's certificate has expired", _RENEW),
    18: ("the broker's certificate is self-signed", _CA),
    19: ("the broker's certificate is signed by a CA that we do not trust", _CA),
    20: ("the broker's certificate is signed by a CA that we do not know", _CA),
    21: ("the broker's certificate is signed by a CA that we do not know", _CA),
    23: ("the broker's certificate is revoked", _RENEW),
    62: ("the broker's certificate is for another name", _NAME),
    64: ("the broker's certificate is for another address", _NAME),
}
"""OpenSSL's verify code (`man 3 X509_verify_cert_error_string`) -> cause and remedy."""


def failure_of(error: OSError) -> str:
    """Describe a failure of a connection, whichever layer it comes from."""
    if isinstance(error, ssl.SSLEOFError):
        return CLOSED
    if isinstance(error, ssl.SSLError):
        return _tls_failure(error)
    if error.errno is not None:
        return connect_error(error.errno)
    return error.strerror or str(error)


def handshake_failure(error: OSError, proof: Proof) -> str:
    """Describe a failed TLS handshake. `proof` is the client's proof of identity."""
    known = HANDSHAKES.get((proof, _alert_name(error)))
    return known[0] if known else failure_of(error)


def _tls_failure(error: ssl.SSLError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        known = CERTIFICATES.get(error.verify_code)
        return f"TLS: {known[0]}" if known else f"TLS: the broker's certificate: {error.verify_message}"
    name = _alert_name(error)
    return ALERTS[name][0] if name in ALERTS else f"TLS: {name.replace('_', ' ').lower()}"


def _alert_name(error: OSError) -> str:
    """OpenSSL's name of what happened. Newer names have no `reason` in Python, only a text."""
    if isinstance(error, ssl.SSLEOFError | ConnectionError):
        return _HUNG_UP
    if isinstance(error, ssl.SSLError):
        text = str(error.strerror or error).partition("] ")[2].partition(" (_ssl")[0]
        return error.reason or text.upper().replace(" ", "_")
    return ""


def connect_error(code: int) -> str:
    """Describe a failed connect (an errno)."""
    return ERRORS[code][0] if code in ERRORS else os.strerror(code)


def refusal(packet: Connack, protocol: Protocol) -> str:
    """Describe a CONNACK that refuses."""
    return f"the broker refused: {connack_reason(packet, protocol)}"


def _adds(cause: str, refused: str) -> bool:
    """Return True if a cause is this refusal with what the broker of MQTT 5 added: its own words, another server."""
    return cause.startswith((f"{refused} (", f"{refused}; "))


def remedies(causes: Collection[str]) -> dict[str, str]:
    """Return the remedy of each cause that the tables know, with or without the address at its end."""
    plain = {cause: _ADDRESS.sub("", cause) for cause in causes}
    known = _remedies(set(plain.values()))
    return {cause: known[text] for cause, text in plain.items() if text in known}


def own_shortages(clients: Mapping[str, int]) -> dict[str, int]:
    """Return those of the causes, with their clients, that this host is the cause of: it ran out of something."""
    own = {ERRORS[code][0] for code in OWN_SHORTAGES}
    return {cause: count for cause, count in clients.items() if _ADDRESS.sub("", cause) in own}


def _remedies(causes: Collection[str]) -> dict[str, str]:
    known = dict([*ERRORS.values(), *TIMEOUTS.values(), *STAGE_TIMEOUTS.values(), *ALERTS.values(),
                  *HANDSHAKES.values(), NOT_READING, PSK_UNUSED, SILENT_END, REFUSED_END])  # fmt: skip
    known |= {f"TLS: {cause}": remedy for cause, remedy in CERTIFICATES.values()}
    for protocol, table in CONNACKS.items():
        refusals = {refusal(Connack(False, code), protocol): remedy for code, remedy in table.items()}
        known |= refusals | {
            cause: remedy for cause in causes for start, remedy in refusals.items() if _adds(cause, start)
        }
    known |= {cause: remedy for cause in causes for start, remedy in TERMS.items() if cause.startswith(start)}
    known |= {cause: _REFUSED for cause in causes if cause.startswith("the broker refused: ") and cause not in known}
    known |= {cause: _WEBSOCKET for cause in causes if cause.startswith("WebSocket: ")}
    known |= {cause: _CERTIFICATE_FILES for cause in causes if cause.startswith("our certificate ")}
    return {cause: known[cause] for cause in causes if cause in known}
