"""Push the figures of a running attack to an OpenTelemetry collector: OTLP over HTTP, as protobuf.

All figures are cumulative, so a push that is lost loses nothing that the next one does not have. Each run is a resource
of its own; its last figures, with the verdict, are pushed until they have arrived or the command ends.
"""

from __future__ import annotations

from typing import Final

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceResponse

from malaria.clock import NS_PER_S
from malaria.outputs.live.followed_attack import FollowedAttack
from malaria.outputs.live.http_endpoint import EndpointPosts, HttpEndpoint
from malaria.outputs.live.live_figures import LiveFigures
from malaria.outputs.live.otlp_metrics import otlp_request
from malaria.records.rows import Event, Observation, Progress, Sample

PUSH_EVERY_NS: Final = 5 * NS_PER_S
_CONTENT_TYPE: Final = "application/x-protobuf"
_MOST_WAITING: Final = 2
"""A push that waits has the figures of the moment at which it is made: more of them would say the same."""


class OtlpPush:
    """A follower that pushes. `figures` follow the same attacks; they are told of each row first."""

    def __init__(self, endpoint: HttpEndpoint, figures: LiveFigures) -> None:
        self._figures = figures
        self._posts = EndpointPosts(endpoint, _CONTENT_TYPE, _MOST_WAITING)
        self._arrived: set[str] = set()  # runs whose last figures have arrived
        self._next_ns = 0

    def begin(self, attack: FollowedAttack) -> None:
        self._next_ns = 0
        self._posts.begin(attack)

    def sample(self, sample: Sample) -> None:
        """Do nothing: the figures take it."""

    def observation(self, row: Observation) -> None:
        """Do nothing: a collector watches a broker by itself."""

    def event(self, event: Event) -> None:
        """Do nothing: marks are not figures."""

    def progress(self, progress: Progress) -> None:
        if progress.at_ns >= self._next_ns:
            self._next_ns = progress.at_ns + PUSH_EVERY_NS
            self._posts.put(self._push)

    def end(self, failure: str) -> None:
        """Do nothing: the last figures go with the next push, or with the last one."""

    def close(self) -> str:
        """Push for the last time, and wait for it no longer than 2 s. Return what there is to tell."""
        self._figures.close()
        self._posts.put(self._push)
        done = self._posts.close()
        if self._posts.failing or (not done and not self._posts.failed):
            return f"{self._posts}: the last figures were not taken: {self._posts.failing or 'it did not answer'}"
        return "" if done else f"{self._posts}: {self._posts.failed} of the pushes were not taken, the last ones were"

    def _push(self) -> None:
        with self._figures.reading() as runs:
            fresh = [run for run in runs if run.name not in self._arrived]
            over = {run.name for run in fresh if run.summary is not None}
            request = otlp_request(fresh)
        if not fresh:
            return
        answer = self._posts.post(request)
        if answer is not None:
            self._arrived |= over
            self._look_for_rejections(answer)

    def _look_for_rejections(self, answer: bytes) -> None:
        try:
            partial = ExportMetricsServiceResponse.FromString(answer).partial_success
        except DecodeError:  # it has taken them, and says something of its own
            return
        if partial.rejected_data_points:
            self._posts.warn(f"{partial.rejected_data_points} figures were rejected: {partial.error_message}")
