"""The mosquitto of the benchmarks of TLS: a plain listener, one with pre-shared keys, two with certificates.

What it needs is made anew by the same code that makes it for the tests.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from malaria.broker import RunningBroker, find_mosquitto
from malaria.broker.configuration import MosquittoListener, MosquittoSettings
from malaria.broker.mosquitto import start_mosquitto, with_free_ports
from malaria.plan.keys import Format, make_lines

TESTS: Final = Path(__file__).parents[1] / "tests"
KEY_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class Secured:
    """The broker, and what `[target]` must say to come in by each way."""

    broker: RunningBroker
    ways: Mapping[str, Mapping[str, Any]]


@contextmanager
def secured_mosquitto(keys: int) -> Iterator[Secured]:
    """Starts it, for so many clients with a key each; stops it at the end."""
    if find_mosquitto() is None:
        sys.exit("mosquitto is not installed: apt install mosquitto")
    sys.path.append(str(TESTS))
    from certificates import Authority

    with tempfile.TemporaryDirectory() as directory:
        authority = Authority(Path(directory) / "ca")
        psk_file = Path(directory) / "malaria.psk"
        psk_file.touch(mode=0o600)
        psk_file.write_text("\n".join(make_lines(Format.PSK, keys, "malaria-{index}", KEY_BYTES)) + "\n")
        made = {name: authority.server(name, use_rsa=name == "rsa") for name in ("ecdsa", "rsa")}
        listeners = with_free_ports(
            [
                MosquittoListener(0, name="psk", psk_file=psk_file, identity_as_username=True),
                *(
                    MosquittoListener(0, name=n, cafile=authority.cafile, certfile=c.cert, keyfile=c.key)
                    for n, c in made.items()
                ),
            ]
        )
        proofs = {"psk": {"psk_file": str(psk_file)}} | {name: {"cafile": str(authority.cafile)} for name in made}
        with start_mosquitto(MosquittoSettings(listeners, log_connections=False)) as broker:
            ways = {one.name: {"url": f"mqtts://127.0.0.1:{one.port}"} | proofs[one.name] for one in listeners}
            yield Secured(broker, {"plain": {"url": f"mqtt://127.0.0.1:{broker.port}"}} | ways)
