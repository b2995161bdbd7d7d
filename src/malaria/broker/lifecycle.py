"""Starts, cleans, checks and stops the broker between the levels of a campaign, as `[broker]` says.

Promises: after `begin_level` the broker answers, and the result says whether that was a clean start, and why. A service
that was running before the campaign runs after it. Nothing that malaria started is left when the block ends.
"""

from __future__ import annotations

import errno
import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

from malaria.broker.broker_host import BrokerHost, last_line
from malaria.broker.listeners import access_table, settings_of
from malaria.broker.persistence import remove_persistence
from malaria.broker.private_directory import private_directory
from malaria.broker.running import RunningBroker
from malaria.broker.starting import BrokerEndpoint, StartContext, adopt, check_program, endpoint_of, start
from malaria.errors import OperatorError
from malaria.model.access import TLS_KEYS, Access
from malaria.model.broker import BrokerKind, BrokerTable, Clean
from malaria.model.target import SECURE, parse_target
from malaria.transport.failures import connect_error

REFUSED: Final = connect_error(errno.ECONNREFUSED)
CHECK_S: Final = 1.0
CLEAN_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class CleanStart:
    """The state in which a level found its broker: clean, with old state, or None if unknown; and the reason."""

    clean: bool | None
    reason: str


class Lifecycle:
    """The broker of one campaign. `endpoint` is the target's address; a broker that malaria configures has its own.

    A context manager: the end of the block stops what was started, and restarts a service that it had stopped.
    """

    def __init__(self, table: BrokerTable, endpoint: BrokerEndpoint | None = None) -> None:
        self.table = table
        self.running: RunningBroker | None = None
        host = BrokerHost(table.ssh, Path(table.ssh_config) if table.ssh_config else None, table.sudo)
        # an embedded broker has no keys and no listeners to choose from
        configured = table.tells_its_url and table.kind is BrokerKind.MOSQUITTO
        self._directory = private_directory("keys") if configured else None
        settings = settings_of(table, self._directory) if self._directory else None
        self._context = StartContext(table, host, endpoint, settings)
        self._levels = 0
        self._since = ""
        self._served_before = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def check(self) -> None:
        """Raise OperatorError if the broker can never be started, because its program is not installed here."""
        check_program(self.table)

    def access(self, listener: str | None = None) -> dict[str, Any]:
        """Return the keys of `[target]` for a listener that malaria configured, by name; by default the first one.

        Empty for a broker that malaria does not configure. Raises OperatorError for a name that no listener has.
        """
        if self._context.settings is None:
            embedded = self.running if self.table.kind is BrokerKind.EMBEDDED else None
            return {"url": f"mqtt://{embedded.host}:{embedded.port}"} if embedded else {}
        listeners = {listener.name: listener for listener in self._context.settings.listeners}
        if listener is not None and listener not in listeners:
            raise OperatorError(f"the broker has no listener {listener!r}", f"it has {', '.join(listeners)}")
        return access_table(listeners[listener] if listener else next(iter(listeners.values())))

    def way_in(self, stated: Access, listener: str | None = None) -> Access:
        """Return how clients log in: at malaria's own listener if `stated` has no url; stated values take precedence.

        Stated TLS options are left out at a listener without TLS. Raises as `access` does.
        """
        configured = self.access(listener) if stated.url is None else {}
        if not configured:
            return stated
        # one [target] serves all listeners of a campaign; its TLS options do not fit the plain one
        if parse_target(configured["url"]).scheme not in SECURE:
            stated = Access(**{key: getattr(stated, key) for key in stated.model_fields_set - TLS_KEYS})
        return Access.model_validate(configured).overridden(stated)

    def begin_level(self, title: str) -> CleanStart:
        """Make sure that the broker runs; restart it where `clean` says so.

        Raises OperatorError when it does not answer.
        """
        first, self._levels = self._levels == 0, self._levels + 1
        restart = self.table.clean is Clean.EACH_LEVEL or (self.table.clean is Clean.FIRST and first)
        # not malaria's broker: it is neither stopped nor cleaned
        if self.table.kind is BrokerKind.NONE:
            return CleanStart(None, "malaria did not start it")
        if first:
            self._served_before = self._is_served()
        # a service that may keep its data is measured as it runs
        if first and self._served_before and not restart:
            self.running, self._since = adopt(self._context), "before the campaign"
            return CleanStart(False, "it was running before the campaign began")
        death = self.death()
        if self.running is not None and death is None and not restart:
            return CleanStart(False, f"it has been running since {self._since}")
        self._end()
        # only while it is stopped: a running broker would write its data again
        removed = self._clean() if restart else []
        self._refuse_other_broker()
        # `title` is what a later level reports: running since 1,000 clients
        self.running, self._since = start(self._context), title
        return self._describe_start(restart, removed, death)

    def pause(self) -> None:
        """Stop the broker until the next `begin_level` starts it, for another one to be measured meanwhile."""
        self._end()

    def death(self) -> str | None:
        """Return how the broker ended; None while it runs, or if it was never started."""
        if self.running is None:
            return None
        died = self.running.death()
        if died is None and self.table.stop_command and self._problem() == REFUSED:  # its process is not known
            return f"an unknown end: {REFUSED}"
        return died

    def stop(self) -> None:
        """Stop what was started, and restart the service that was running before. May be called twice."""
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
        """Return whether a service, a unit or a pair of commands, is running already."""
        if self.table.kind is BrokerKind.SYSTEMD:
            return self._context.unit.poll() is None
        return bool(self.table.stop_command) and self._problem() == ""

    def _problem(self) -> str:
        """Return why the broker lets no client in; empty if it does."""
        return endpoint_of(self._context).check(CHECK_S).problem

    def _end(self) -> None:
        """Stop the broker, whether malaria started it or it was running before."""
        # forgotten first, so that a second call after an error does not stop it again
        running, self.running = self.running, None
        if running is not None:
            running.stop()
        elif self._served_before and self.table.kind is BrokerKind.SYSTEMD:
            self._context.unit.terminate()
        elif self._served_before:
            self._context.pair.terminate()

    def _leave_running(self) -> None:
        """Leave a service that was running before the campaign running; start it if it is not."""
        running, self.running = self.running, None
        if running is None or running.death() is not None:
            service = self._context.unit if self.table.kind is BrokerKind.SYSTEMD else self._context.pair
            # the campaign is over: its result must not become an error here
            with suppress(OperatorError):
                service.start()
        if running is not None:
            shutil.rmtree(running.log.parent, ignore_errors=True)

    def _clean(self) -> list[str]:
        """Remove what the broker kept; return what was done, for people."""
        done = []
        for path in self.table.persistence:
            removed = remove_persistence(self._context.host, path)
            done.append(f"{path} removed" if removed else f"{path} was not there")
        if self.table.clean_command:
            result = self._context.host.run(self.table.clean_command, CLEAN_S)
            if result.code:
                message = f"clean_command ended with exit code {result.code}: {last_line(result.output)}"
                raise OperatorError(message, f"try it by hand on {self._context.host.name}")
            done.append("clean_command done")
        return done

    def _refuse_other_broker(self) -> None:
        """Raise OperatorError if another broker answers at the address: it would be taken for the one started."""
        # brokers that malaria configures get free ports of their own
        external = self.table.kind is BrokerKind.COMMAND or self.table.config is not None
        if external and self._problem() == "":
            endpoint = endpoint_of(self._context)
            message = f"another broker answers at {endpoint.host} port {endpoint.port} already"
            raise OperatorError(message, 'stop it, or set kind = "none" to test that one')

    def _describe_start(self, restart: bool, removed: list[str], death: str | None) -> CleanStart:
        started = "started for this level" if death is None else f"started again after {death}"
        # both run without persistence
        if self.table.kind is BrokerKind.EMBEDDED or (self._context.settings and not self.table.persistence):
            return CleanStart(True, f"{started}; it keeps nothing on its disk")
        if removed:
            return CleanStart(True, f"{started}, {', '.join(removed)}")
        if restart:
            return CleanStart(None, f"{started}, but with what it kept on its disk: name its persistence file")
        return CleanStart(False, f"{started}, with what it kept on its disk")
