"""The EC2 instances of a swarm: make those that are missing, find them again by their tags, end them.

Every instance has the swarm's name in a tag from its first moment, so that it is found also when the state file is
lost. Making is idempotent: instances that exist count, and a request that was never answered has the same token when it
is made again. An instance's host key is made here and given to it at its first start (cloud-init), so that even the
first connection is checked; its public half is in a tag.

Promises: `make` ends with at most as many instances as were asked for; `end` ends exactly those with the swarm's tag.
Does not promise images without cloud-init: they have another host key, and are refused.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from malaria.errors import SwarmError
from malaria.extras import need_extra
from malaria.swarm.hosts.cloud_errors import explaining_ec2
from malaria.swarm.hosts.cloud_keys import forget_nonce, host_key, key_file, nonce, public_key, user_data

TAG: Final = "malaria:swarm"
HOST_KEY_TAG: Final = "malaria:host-key"
ALIVE: Final = ("pending", "running", "stopping", "stopped")
SSH_PORT: Final = 22
START_S: Final = 300.0
POLL_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class InstanceRequest:
    """The options of `malaria swarm up`. `key`: a file of a private key, or a key pair; empty: one is made."""

    swarm: str
    bees: int
    region: str
    image: str
    kind: str
    key: str = ""
    user: str = ""
    subnet: str = ""
    spot: bool = False
    allow_from: str = ""  # addresses that may reach every port; empty: all may reach the ssh port alone


class Cloud:
    """The instances of one swarm in one region."""

    def __init__(self, swarm: str, region: str) -> None:
        need_extra("boto3")
        import boto3

        self.swarm = swarm
        self.region = region
        with explaining_ec2():
            self._ec2: Any = boto3.client("ec2", region_name=region)

    def instances(self) -> list[Mapping[str, Any]]:
        """Return the swarm's instances that are not ended, in the order in which they were started."""
        filters = [{"Name": f"tag:{TAG}", "Values": [self.swarm]}, {"Name": "instance-state-name", "Values": [*ALIVE]}]
        with explaining_ec2():
            pages = self._ec2.get_paginator("describe_instances").paginate(Filters=filters)
            found = [one for page in pages for group in page["Reservations"] for one in group["Instances"]]
        return sorted(found, key=lambda one: (str(one["LaunchTime"]), one["AmiLaunchIndex"], one["InstanceId"]))

    def make(self, request: InstanceRequest) -> list[str]:
        """Start as many instances as are missing; return the ids of the new ones. Raises SwarmError."""
        existing = [one["InstanceId"] for one in self.instances()]
        missing = request.bees - len(existing)
        if missing <= 0:
            return []
        public = host_key(request.swarm)
        settings: dict[str, Any] = {
            "ImageId": request.image,
            "InstanceType": request.kind,
            "MinCount": missing,
            "MaxCount": missing,
            "KeyName": self._key_pair(request),
            "UserData": user_data(request.swarm),
            "ClientToken": token(request, existing, nonce(request.swarm)),
            "TagSpecifications": [
                {"ResourceType": kind, "Tags": self._tags(public)} for kind in ("instance", "volume")
            ],
            "InstanceInitiatedShutdownBehavior": "terminate",
            "MetadataOptions": {"HttpTokens": "required"},
        }
        network: dict[str, Any] = {"SecurityGroupIds": [self._security_group(request)]}
        settings |= network | ({"SubnetId": request.subnet} if request.subnet else {})
        if request.spot:
            settings["InstanceMarketOptions"] = {
                "MarketType": "spot",
                "SpotOptions": {"SpotInstanceType": "one-time", "InstanceInterruptionBehavior": "terminate"},
            }
        with explaining_ec2():
            made = [one["InstanceId"] for one in self._ec2.run_instances(**settings)["Instances"]]
        forget_nonce(request.swarm)
        return made

    def wait(self, patience_s: float = START_S, sleep: Callable[[float], None] = time.sleep) -> list[Mapping[str, Any]]:
        """Wait until all instances run and have an address; return them. Raises SwarmError when that takes too long."""
        end = time.monotonic() + patience_s
        while True:
            found = self.instances()
            if all(one["State"]["Name"] == "running" and address_of(one) for one in found):
                return found
            if time.monotonic() >= end:
                late = [one["InstanceId"] for one in found if one["State"]["Name"] != "running"]
                raise SwarmError(
                    f"{', '.join(late)} did not start in {patience_s:.0f} s",
                    "look at them in the EC2 console, or end them: malaria swarm down",
                )
            sleep(POLL_S)

    def end(self, only: Collection[str] | None = None) -> list[str]:
        """End the swarm's instances, or those of the ids in `only`; return the ids. Instances of others never end."""
        ids = [one["InstanceId"] for one in self.instances() if only is None or one["InstanceId"] in only]
        with explaining_ec2():
            if ids:
                self._ec2.terminate_instances(InstanceIds=ids)
        return ids

    def remove_key_pair(self) -> None:
        """Remove the key pair that was imported for the swarm, if there is one."""
        with explaining_ec2():
            for pair in self._ec2.describe_key_pairs(Filters=self._by_tag())["KeyPairs"]:
                self._ec2.delete_key_pair(KeyName=pair["KeyName"])

    def remove_group(self, patience_s: float = START_S, sleep: Callable[[float], None] = time.sleep) -> bool:
        """Remove the swarm's security group once its instances are gone; return False if it is still in use."""
        end = time.monotonic() + patience_s
        while self.instances() or self._shutting_down():
            if time.monotonic() >= end:
                return False
            sleep(POLL_S)
        with explaining_ec2():
            for group in self._ec2.describe_security_groups(Filters=self._by_tag())["SecurityGroups"]:
                self._ec2.delete_security_group(GroupId=group["GroupId"])
        return True

    def _shutting_down(self) -> bool:
        filters = [*self._by_tag(), {"Name": "instance-state-name", "Values": ["shutting-down"]}]
        with explaining_ec2():
            return any(group["Instances"] for group in self._ec2.describe_instances(Filters=filters)["Reservations"])

    def _key_pair(self, request: InstanceRequest) -> str:
        """Return the name of the key pair: one of the account, else the swarm's own, imported once."""
        if request.key and not Path(request.key).expanduser().exists():
            return request.key
        public = public_key(key_file(request.swarm, request.key))
        name = f"malaria-{request.swarm}-{hashlib.sha256(public.encode()).hexdigest()[:8]}"
        with explaining_ec2():
            existing = self._ec2.describe_key_pairs(Filters=[{"Name": "key-name", "Values": [name]}])["KeyPairs"]
            if not existing:
                tags = [{"ResourceType": "key-pair", "Tags": self._tags()}]
                self._ec2.import_key_pair(KeyName=name, PublicKeyMaterial=public.encode(), TagSpecifications=tags)
        return name

    def _security_group(self, request: InstanceRequest) -> str:
        """Return the id of the group that lets ssh in and bees reach each other; made if missing."""
        with explaining_ec2():
            vpc = self._vpc(request.subnet)
            filters = [*self._by_tag(), {"Name": "vpc-id", "Values": [vpc]}]
            found = self._ec2.describe_security_groups(Filters=filters)["SecurityGroups"]
            if found:
                group = str(found[0]["GroupId"])
            else:
                made = self._ec2.create_security_group(
                    GroupName=f"malaria-{self.swarm}",
                    Description="bees of malaria: ssh from outside, all among themselves",
                    VpcId=vpc,
                    TagSpecifications=[{"ResourceType": "security-group", "Tags": self._tags()}],
                )
                group = str(made["GroupId"])
            self._allow(group, _inbound_rule(request.allow_from))
            self._allow(group, {"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": group}]})
        return group

    def _allow(self, group: str, rule: Mapping[str, Any]) -> None:
        from botocore.exceptions import ClientError

        try:
            self._ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[rule])
        except ClientError as error:
            if error.response["Error"]["Code"] != "InvalidPermission.Duplicate":
                raise

    def _vpc(self, subnet: str) -> str:
        if subnet:
            return str(self._ec2.describe_subnets(SubnetIds=[subnet])["Subnets"][0]["VpcId"])
        found = self._ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"]
        if not found:
            raise SwarmError(f"{self.region} has no default network", "name one: --subnet subnet-...")
        return str(found[0]["VpcId"])

    def _tags(self, host_key: str = "") -> list[dict[str, str]]:
        tags = {"Name": f"malaria-{self.swarm}", TAG: self.swarm} | ({HOST_KEY_TAG: host_key} if host_key else {})
        return [{"Key": key, "Value": value} for key, value in tags.items()]

    def _by_tag(self) -> list[dict[str, Any]]:
        return [{"Name": f"tag:{TAG}", "Values": [self.swarm]}]


def token(request: InstanceRequest, existing: Sequence[str], nonce: str) -> str:
    """Return EC2's idempotency token: the same for the same request while the same instances exist."""
    parts = (
        nonce,
        request.swarm,
        str(request.bees),
        request.region,
        request.image,
        request.kind,
        str(request.spot),
        *sorted(existing),
    )
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:40]


def address_of(instance: Mapping[str, Any]) -> str:
    """Return the address at which an instance is reached; empty while it has none."""
    return str(instance.get("PublicIpAddress") or instance.get("PrivateIpAddress") or "")


def _inbound_rule(allow_from: str) -> dict[str, Any]:
    """Return the rule for connections from outside: the conductor needs all ports of its bees, others only ssh."""
    if allow_from:
        return {"IpProtocol": "-1", "IpRanges": [{"CidrIp": allow_from}]}
    return {"IpProtocol": "tcp", "FromPort": SSH_PORT, "ToPort": SSH_PORT, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
