"""Choose the endpoint of each attempt to connect: the client's own one first, then the others of the same host.

Each attempt begins with the client's own endpoint again, so that the spread over the addresses is as planned whenever
they all answer.
"""

from __future__ import annotations

from collections.abc import Sequence

from malaria.engine.address_book import AddressBook
from malaria.transport.connection_setup import ConnectionSetup
from malaria.transport.route import Endpoint, address_text


class Attempts:
    """The attempts under way, by client. `setups` has the setup of each client."""

    def __init__(self, setups: Sequence[ConnectionSetup], book: AddressBook) -> None:
        self._setups = setups
        self._book = book
        self._left: dict[int, tuple[Endpoint, ...]] = {}  # the present endpoint, and those to try after it

    def begin(self, client: int) -> None:
        setup = self._setups[client]
        self._left[client] = self._book.current(setup.host_of(client)).candidates(setup.turn_of(client))

    def endpoint(self, client: int) -> Endpoint:
        """Return the endpoint that the client is to connect to now."""
        return self._left[client][0]

    def advance(self, client: int) -> bool:
        """Go on to the next endpoint; False if the present one was the last."""
        left = self._left[client][1:]
        if left:
            self._left[client] = left
        return bool(left)

    def end(self, client: int) -> None:
        """Forget an attempt that has succeeded or failed."""
        self._left.pop(client, None)

    def renew(self, client: int) -> None:
        """Look up the addresses of the client's host for its next attempt."""
        self._book.renew(self._setups[client].host_of(client))

    def named(self, client: int, reason: str) -> str:
        """Return the reason of a failure with the endpoint, unless the target is a single numeric address."""
        left = self._left.get(client)
        if left is None or not self._setups[client].route.ambiguous:
            return reason
        return f"{reason} ({address_text(left[0])})"
