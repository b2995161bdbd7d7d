"""The broker between the levels of a campaign: started, cleaned, asked whether it lives, stopped; as `[broker]` says.

Promises: after `begin_level` the broker answers, and the result says whether that was a clean start and why; a service
that was running before runs after; nothing of ours is left when the block ends.
"""

from __future__ import annotations

import errno
import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

from malaria.broker.broker_host import BrokerHost, last
from malaria.broker.listeners import access_table, settings_of
from malaria.broker.persistence import remove_persistence
from malaria.broker.running import RunningBroker, private_directory
from malaria.broker.starting import BrokerEndpoint, StartContext, adopt, check_program, endpoint_of, start
from malaria.errors import OperatorError
from malaria.model.access import TLS_KEYS, Access
from malaria.model.broker import BrokerKind, BrokerTable, Clean
from malaria.model.target import SECURE, parse_target
from malaria.transport.failures import connect_error

REFUSED: Final = connect_error(errno.ECONNREFUSED)
GLANCE_S: Final = 1.0
CLEAN_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class CleanStart:
    """Whether a level began with a broker that remembered nothing; None: that is not known. `reason` says why."""

    clean: bool | None
    reason: str


class Lifecycle:
    """One campaign's broker. `door` is where the target lets in; brokers that we configure have their own.

    A context manager: the end of the block stops what was started, and starts again the service that was stopped.
    """

    def __init__(self, table: BrokerTable, door: BrokerEndpoint | None = None) -> None:
        self.table = table
        self.running: RunningBroker | None = None
        host = BrokerHost(table.ssh, Path(table.ssh_config) if table.ssh_config else None, table.sudo)
        ours = table.tells_its_url and table.kind is BrokerKind.MOSQUITTO
        self._directory = private_directory("keys") if ours else None
        settings = settings_of(table, self._directory) if self._directory else None
        self._ground = StartContext(table, host, door, settings)
        self._levels = 0
        self._since = ""
        self._served_before = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def check(self) -> None:
        """Raises OperatorError when the broker can never be started, because its program is not installed here."""
        check_program(self.table)

    def access(self, listener: str | None = None) -> dict[str, Any]:
        """The keys of `[target]` for one of our listeners, by its name; the first one if none is named.

        Empty for a broker that we do not configure. Raises OperatorError for a name that no listener has.
        """
        if self._ground.settings is None:
            embedded = self.running if self.table.kind is BrokerKind.EMBEDDED else None
            return {"url": f"mqtt://{embedded.host}:{embedded.port}"} if embedded else {}
        listeners = {one.name: one for one in self._ground.settings.listeners}
        if listener is not None and listener not in listeners:
            raise OperatorError(f"the broker has no listener {listener!r}", f"it has {', '.join(listeners)}")
        return access_table(listeners[listener] if listener else next(iter(listeners.values())))

    def way_in(self, stated: Access, listener: str | None = None) -> Access:
        """How clients get in: at our listener, if `stated` says no url, with what is stated in place of what we know.

        What is stated about TLS is left out at a listener that has none. Raises as `access` does.
        """
        ours = self.access(listener) if stated.url is None else {}
        if not ours:
            return stated
        if parse_target(ours["url"]).scheme not in SECURE:
            stated = Access(**{key: getattr(stated, key) for key in stated.model_fields_set - TLS_KEYS})
        return Access.model_validate(ours).overridden(stated)

    def begin_level(self, title: str) -> CleanStart:
        """Sees to it that the broker runs, anew where `clean` says so. Raises OperatorError when it does not answer."""
        first, self._levels = self._levels == 0, self._levels + 1
        anew = self.table.clean is Clean.EACH_LEVEL or (self.table.clean is Clean.FIRST and first)
        if self.table.kind is BrokerKind.NONE:
            return CleanStart(None, "it was not ours to start")
        if first:
            self._served_before = self._is_served()
        if first and self._served_before and not anew:
            self.running, self._since = adopt(self._ground), "before the campaign"
            return CleanStart(False, "it was running before the campaign began")
        death = self.death()
        if self.running is not None and death is None and not anew:
            return CleanStart(False, f"it has been running since {self._since}")
        self._end()
        removed = self._take_away() if anew else []
        self._refuse_a_stranger()
        self.running, self._since = start(self._ground), title
        return self._how(anew, removed, death)

    def death(self) -> str | None:
        """How the broker ended, in words; None while it runs, or was never started."""
        if self.running is None:
            return None
        died = self.running.death()
        if died is None and self.table.stop_command and self._look() == REFUSED:
            return f"an unknown end: {REFUSED}"
        return died

    def stop(self) -> None:
        """Stops what was started, and starts again the service that was running before. May be called twice."""
        try:
            if self._served_before and self.table.kind is not BrokerKind.NONE:
                self._leave_running()
            else:
                self._end()
        finally:
            if self._directory is not None:
                shutil.rmtree(self._directory, ignore_errors=True)

    # --- the steps ---------------------------------------------------------------------------------------------------

    def _is_served(self) -> bool:
        """Is a service that we only start and stop running already?"""
        if self.table.kind is BrokerKind.SYSTEMD:
            return self._ground.unit.poll() is None
        return bool(self.table.stop_command) and self._look() == ""

    def _look(self) -> str:
        """What keeps a client from being let in; empty when nothing does."""
        return endpoint_of(self._ground).look(GLANCE_S).problem

    def _end(self) -> None:
        """Stops it, be it started by us or before us."""
        running, self.running = self.running, None
        if running is not None:
            running.stop()
        elif self._served_before and self.table.kind is BrokerKind.SYSTEMD:
            self._ground.unit.terminate()
        elif self._served_before:
            self._ground.pair.terminate()

    def _leave_running(self) -> None:
        running, self.running = self.running, None
        if running is None or running.death() is not None:
            service = self._ground.unit if self.table.kind is BrokerKind.SYSTEMD else self._ground.pair
            with suppress(OperatorError):
                service.start()
        if running is not None:
            shutil.rmtree(running.log.parent, ignore_errors=True)

    def _take_away(self) -> list[str]:
        """Cleans; what was done, in words."""
        done = []
        for path in self.table.persistence:
            removed = remove_persistence(self._ground.host, path)
            done.append(f"{path} removed" if removed else f"{path} was not there")
        if self.table.clean_command:
            ended = self._ground.host.run(self.table.clean_command, CLEAN_S)
            if ended.code:
                message = f"clean_command ended with exit code {ended.code}: {last(ended.said)}"
                raise OperatorError(message, f"try it by hand on {self._ground.host.name}")
            done.append("clean_command done")
        return done

    def _refuse_a_stranger(self) -> None:
        """A broker that answers where ours is to be would be taken for it."""
        external = self.table.kind is BrokerKind.COMMAND or self.table.config is not None
        if external and self._look() == "":
            door = endpoint_of(self._ground)
            message = f"another broker answers at {door.host} port {door.port} already"
            raise OperatorError(message, 'stop it, or leave it to itself with kind = "none"')

    def _how(self, anew: bool, removed: list[str], death: str | None) -> CleanStart:
        start = "started for this level" if death is None else f"started again after {death}"
        if self.table.kind is BrokerKind.EMBEDDED or (self._ground.settings and not self.table.persistence):
            return CleanStart(True, f"{start}; it keeps nothing on its disk")
        if removed:
            return CleanStart(True, f"{start}, {', '.join(removed)}")
        if anew:
            return CleanStart(None, f"{start}, but with what it kept on its disk: name its persistence file")
        return CleanStart(False, f"{start}, with what it kept on its disk")
