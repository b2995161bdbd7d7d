"""Instances as bees of a swarm: make them, find them again, end them, and keep the swarm's file right."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from malaria.swarm.hosts.cloud import HOST_KEY_TAG, Cloud, InstanceRequest, address_of
from malaria.swarm.hosts.cloud_keys import forget_keys, key_file
from malaria.swarm.hosts.inventory import BeeHost, Swarm
from malaria.swarm.hosts.state import changing


@dataclass(frozen=True, slots=True)
class EndedInstances:
    """The ids of ended instances. `group_in_use`: the security group could not be removed yet."""

    instances: tuple[str, ...]
    group_in_use: bool


def make_bees(cloud: Cloud, request: InstanceRequest, wait_s: float) -> Swarm:
    """Make the instances that are missing, and return the swarm with all of them. Raises SwarmError.

    The region is stored first, so that `down` finds the instances whatever fails later.
    """
    named_pair = request.key and not Path(request.key).expanduser().exists()
    key = "" if named_pair else str(key_file(request.swarm, request.key))
    with changing(request.swarm) as draft:
        draft.swarm = draft.swarm.model_copy(update={"region": request.region})
        draft.store()  # before the first instance costs money
        cloud.make(request)
        instances = cloud.wait(wait_s) if wait_s else cloud.instances()
        bees = merge_bees(draft.swarm.hosts, bee_tables(instances, request.region, request.user, key))
        known = [bee for bee in bees if not isinstance(bee, dict)]
        new = [bee for bee in bees if isinstance(bee, dict)]
        draft.swarm = draft.swarm.with_hosts(known).with_more(new)
        return draft.swarm


def end_bees(cloud: Cloud) -> EndedInstances:
    """End the instances of a swarm, and remove its keys and its security group. Raises SwarmError."""
    ended = cloud.end()
    cloud.remove_key_pair()
    removed = cloud.remove_group()
    forget_keys(cloud.swarm)
    return EndedInstances(tuple(ended), group_in_use=not removed)


def bee_tables(instances: Sequence[Mapping[str, Any]], region: str, user: str, key: str) -> list[dict[str, Any]]:
    """Return the tables of bees for those instances that have an address."""
    return [
        {
            "host": address_of(one),
            "user": user,
            "key": key,
            "host_key": next((tag["Value"] for tag in one.get("Tags", ()) if tag["Key"] == HOST_KEY_TAG), ""),
            "instance": one["InstanceId"],
            "region": region,
        }
        for one in instances
        if address_of(one)
    ]


def merge_bees(bees: Sequence[BeeHost], found: Sequence[dict[str, Any]]) -> list[BeeHost | dict[str, Any]]:
    """Return a swarm's bees by what was found: instances with their present address, without those that are gone.

    Bees that are not instances stay as they are; the tables of new instances follow at the end.
    """
    by_instance = {table["instance"]: table for table in found}
    merged: list[BeeHost | dict[str, Any]] = []
    for bee in bees:
        if not bee.of_cloud:
            merged.append(bee)
        elif (table := by_instance.pop(bee.instance, None)) is not None:
            merged.append(bee.model_copy(update={"host": table["host"], "host_key": table["host_key"]}))
    return [*merged, *by_instance.values()]
