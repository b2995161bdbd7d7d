"""Bees on EC2: made when they lack, found again by their tags, ended when they are ours, and no other instance touched.

Every instance has the swarm's name in a tag from its first moment, so that it is found also when the state file is
lost. Making is idempotent: what is there counts, and a request that was answered by silence has the same token when it
is made again. A bee's host key is made here and given to it at its first start (cloud-init), so that even the first
connection is to it and to nobody else; its public half is in a tag.

Promises: `make` ends with at most as many instances as were asked for; `end` ends exactly those with our tags.
Does not promise images without cloud-init: their host key is another, and they are refused.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from malaria.errors import SwarmError
from malaria.extras import need_extra
from malaria.swarm.hosts.inventory import BeeHost
from malaria.swarm.hosts.state import PRIVATE_FILE, state_directory

TAG: Final = "malaria:swarm"
HOST_KEY_TAG: Final = "malaria:host-key"
ALIVE: Final = ("pending", "running", "stopping", "stopped")
SSH_PORT: Final = 22
START_S: Final = 300.0
POLL_S: Final = 5.0
CREDENTIALS_REMEDY: Final = "set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, as for the AWS command"
REMEDIES: Final[Mapping[str, str]] = {
    "UnauthorizedOperation": "the account needs ec2:RunInstances, Describe*, CreateTags, TerminateInstances, "
    "ImportKeyPair, CreateSecurityGroup and AuthorizeSecurityGroupIngress",
    "AuthFailure": CREDENTIALS_REMEDY,
    "InvalidClientTokenId": CREDENTIALS_REMEDY,
    "InvalidAMIID.NotFound": "images have other names in each region: --image ami-... of this one",
    "InvalidAMIID.Malformed": "write --image ami-...",
    "InvalidKeyPair.NotFound": "name a key pair of this region, or a file: --key FILE",
    "InvalidParameterValue": "see: malaria swarm up --help",
    "InvalidSubnetID.NotFound": "name one of this region: --subnet subnet-..., or none",
    "InstanceLimitExceeded": "ask Amazon for a larger quota, or take less bees",
    "VcpuLimitExceeded": "ask Amazon for a larger quota, or take less bees",
    "MaxSpotInstanceCountExceeded": "ask Amazon for a larger quota, or leave --spot out",
    "InsufficientInstanceCapacity": "try another --type or --region, or later",
    "IdempotentParameterMismatch": "wait a minute: the last request is still under way with other wishes",
}


@dataclass(frozen=True, slots=True)
class InstanceRequest:
    """What `malaria swarm up` asks for. `key`: a file of our private key; empty: one is made for the swarm."""

    swarm: str
    bees: int
    region: str
    image: str
    kind: str
    key: str = ""
    user: str = ""
    subnet: str = ""
    spot: bool = False
    allow_from: str = ""  # who may reach every port; empty: everybody, and the ssh port alone


class Cloud:
    """The instances of one swarm in one region."""

    def __init__(self, swarm: str, region: str) -> None:
        need_extra("boto3")
        import boto3

        self.swarm = swarm
        self.region = region
        with _in_words():
            self._ec2: Any = boto3.client("ec2", region_name=region)

    def instances(self) -> list[Mapping[str, Any]]:
        """All that are ours and not ended, in the order in which they were started."""
        filters = [{"Name": f"tag:{TAG}", "Values": [self.swarm]}, {"Name": "instance-state-name", "Values": [*ALIVE]}]
        with _in_words():
            pages = self._ec2.get_paginator("describe_instances").paginate(Filters=filters)
            found = [one for page in pages for group in page["Reservations"] for one in group["Instances"]]
        return sorted(found, key=lambda one: (str(one["LaunchTime"]), one["AmiLaunchIndex"], one["InstanceId"]))

    def make(self, wish: InstanceRequest) -> list[str]:
        """Starts as many as lack; the numbers of the new ones. Raises SwarmError."""
        there = [one["InstanceId"] for one in self.instances()]
        lacking = wish.bees - len(there)
        if lacking <= 0:
            return []
        public = host_key(wish.swarm)
        settings: dict[str, Any] = {
            "ImageId": wish.image,
            "InstanceType": wish.kind,
            "MinCount": lacking,
            "MaxCount": lacking,
            "KeyName": self._key_pair(wish),
            "UserData": user_data(wish.swarm),
            "ClientToken": token(wish, there, nonce(wish.swarm)),
            "TagSpecifications": [
                {"ResourceType": kind, "Tags": self._tags(public)} for kind in ("instance", "volume")
            ],
            "InstanceInitiatedShutdownBehavior": "terminate",
            "MetadataOptions": {"HttpTokens": "required"},
        }
        network: dict[str, Any] = {"SecurityGroupIds": [self._security_group(wish)]}
        settings |= network | ({"SubnetId": wish.subnet} if wish.subnet else {})
        if wish.spot:
            settings["InstanceMarketOptions"] = {
                "MarketType": "spot",
                "SpotOptions": {"SpotInstanceType": "one-time", "InstanceInterruptionBehavior": "terminate"},
            }
        with _in_words():
            made = [one["InstanceId"] for one in self._ec2.run_instances(**settings)["Instances"]]
        _nonce_file(wish.swarm).unlink()
        return made

    def wait(self, patience_s: float = START_S, sleep: Callable[[float], None] = time.sleep) -> list[Mapping[str, Any]]:
        """Until all of them run and have an address. Raises SwarmError when that takes too long."""
        end = time.monotonic() + patience_s
        while True:
            found = self.instances()
            if all(one["State"]["Name"] == "running" and _address(one) for one in found):
                return found
            if time.monotonic() >= end:
                late = [one["InstanceId"] for one in found if one["State"]["Name"] != "running"]
                raise SwarmError(
                    f"{', '.join(late)} did not start in {patience_s:.0f} s", "look at them, or swarm down"
                )
            sleep(POLL_S)

    def end(self) -> list[str]:
        """Ends all that are ours, and removes their key pair and security group if we made them; their numbers."""
        ids = [one["InstanceId"] for one in self.instances()]
        with _in_words():
            if ids:
                self._ec2.terminate_instances(InstanceIds=ids)
            for pair in self._ec2.describe_key_pairs(Filters=self._ours())["KeyPairs"]:
                self._ec2.delete_key_pair(KeyName=pair["KeyName"])
        return ids

    def remove_group(self, patience_s: float = START_S, sleep: Callable[[float], None] = time.sleep) -> bool:
        """Removes our security group, which works only when its instances are gone; False: it is still in use."""
        end = time.monotonic() + patience_s
        while self.instances() or self._going():
            if time.monotonic() >= end:
                return False
            sleep(POLL_S)
        with _in_words():
            for group in self._ec2.describe_security_groups(Filters=self._ours())["SecurityGroups"]:
                self._ec2.delete_security_group(GroupId=group["GroupId"])
        return True

    def _going(self) -> bool:
        filters = [*self._ours(), {"Name": "instance-state-name", "Values": ["shutting-down"]}]
        with _in_words():
            return any(group["Instances"] for group in self._ec2.describe_instances(Filters=filters)["Reservations"])

    def _key_pair(self, wish: InstanceRequest) -> str:
        """The name of the key pair: ours is brought there if it lacks; one of that name in the account is taken."""
        if wish.key and not Path(wish.key).expanduser().exists():
            return wish.key
        public = public_key(key_file(wish.swarm, wish.key))
        name = f"malaria-{wish.swarm}-{hashlib.sha256(public.encode()).hexdigest()[:8]}"
        with _in_words():
            there = self._ec2.describe_key_pairs(Filters=[{"Name": "key-name", "Values": [name]}])["KeyPairs"]
            if not there:
                tags = [{"ResourceType": "key-pair", "Tags": self._tags()}]
                self._ec2.import_key_pair(KeyName=name, PublicKeyMaterial=public.encode(), TagSpecifications=tags)
        return name

    def _security_group(self, wish: InstanceRequest) -> str:
        """The number of the group that lets ssh in and bees speak to each other; made if it lacks."""
        with _in_words():
            vpc = self._vpc(wish.subnet)
            filters = [*self._ours(), {"Name": "vpc-id", "Values": [vpc]}]
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
            self._allow(group, _way_in(wish.allow_from))
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

    def _ours(self) -> list[dict[str, Any]]:
        return [{"Name": f"tag:{TAG}", "Values": [self.swarm]}]


def bees_of(instances: Sequence[Mapping[str, Any]], region: str, user: str, key: str) -> list[dict[str, Any]]:
    """The tables of bees for running instances."""
    return [
        {
            "host": _address(one),
            "user": user,
            "key": key,
            "host_key": next((tag["Value"] for tag in one.get("Tags", ()) if tag["Key"] == HOST_KEY_TAG), ""),
            "instance": one["InstanceId"],
            "region": region,
        }
        for one in instances
        if _address(one)
    ]


def merged(bees: Sequence[BeeHost], found: Sequence[dict[str, Any]]) -> list[BeeHost | dict[str, Any]]:
    """What a swarm's bees are now: those of ssh as they are, instances as they are found; the new ones at the end."""
    by_instance = {table["instance"]: table for table in found}
    kept: list[BeeHost | dict[str, Any]] = []
    for bee in bees:
        if not bee.of_cloud:
            kept.append(bee)
        elif (table := by_instance.pop(bee.instance, None)) is not None:
            kept.append(bee.model_copy(update={"host": table["host"], "host_key": table["host_key"]}))
    return [*kept, *by_instance.values()]


def nonce(swarm: str) -> str:
    """Of the request that is under way; the same until it has been answered."""
    file = _nonce_file(swarm)
    if not file.exists():
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        file.write_text(secrets.token_hex(8))
    return file.read_text()


def token(wish: InstanceRequest, there: Sequence[str], nonce: str) -> str:
    """The same for the same wish while the same instances are there: repeated, it makes nothing twice."""
    parts = (nonce, wish.swarm, str(wish.bees), wish.region, wish.image, wish.kind, str(wish.spot), *sorted(there))
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:40]


def key_file(swarm: str, stated: str = "") -> Path:
    """The file of the private key that lets us into bees: the one named, else the swarm's own, made once."""
    return Path(stated).expanduser() if stated else _kept_key(f"{swarm}.key")


def public_key(file: Path) -> str:
    """`ssh-ed25519 AAAA...`. Raises SwarmError for a file that is no key, or one with a passphrase."""
    import asyncssh

    beside = file.with_name(f"{file.name}.pub")
    try:
        key = asyncssh.read_public_key(beside) if beside.exists() else asyncssh.read_private_key(file)
    except (OSError, asyncssh.KeyImportError) as error:
        raise SwarmError(f"{file}: {error}", f"name a private key that has {beside.name} beside it") from None
    return " ".join(key.export_public_key().decode().split()[:2])


def host_key(swarm: str) -> str:
    """The public half of the key that the swarm's instances have as hosts."""
    return public_key(_kept_key(f"{swarm}.host_key"))


def user_data(swarm: str) -> str:
    """What an instance does at its first start: it takes the host key that we made for it."""
    private = _kept_key(f"{swarm}.host_key").read_text()
    indented = "".join(f"    {line}\n" for line in private.splitlines())
    return (
        "#cloud-config\nssh_deletekeys: true\nssh_keys:\n"
        f"  ed25519_private: |\n{indented}  ed25519_public: {host_key(swarm)}\n"
    )


def forget_keys(swarm: str) -> None:
    """The keys that were made for a swarm that is no more."""
    for name in (f"{swarm}.key", f"{swarm}.host_key"):
        (state_directory() / name).unlink(missing_ok=True)
    _nonce_file(swarm).unlink(missing_ok=True)


def _nonce_file(swarm: str) -> Path:
    return state_directory() / f"{swarm}.launch"


def _kept_key(name: str) -> Path:
    import asyncssh

    file = state_directory() / name
    if not file.exists():
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        content = asyncssh.generate_private_key("ssh-ed25519", comment="malaria").export_private_key()
        with open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE_FILE), "wb") as out:
            out.write(content)
    return file


def _address(instance: Mapping[str, Any]) -> str:
    return str(instance.get("PublicIpAddress") or instance.get("PrivateIpAddress") or "")


def _way_in(allow_from: str) -> dict[str, Any]:
    """The conductor speaks to its bees at ports of theirs; strangers have no business but at the ssh port."""
    if allow_from:
        return {"IpProtocol": "-1", "IpRanges": [{"CidrIp": allow_from}]}
    return {"IpProtocol": "tcp", "FromPort": SSH_PORT, "ToPort": SSH_PORT, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}


@contextmanager
def _in_words() -> Iterator[None]:
    """What Amazon says, as an error of the operator's with its remedy."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except ClientError as error:
        said = error.response["Error"]
        code = said.get("Code", "")
        raise SwarmError(
            f"EC2: {said.get('Message', code)}", REMEDIES.get(code, f"see Amazon's word on {code}")
        ) from None
    except BotoCoreError as error:
        kind = type(error).__name__
        remedy = CREDENTIALS_REMEDY if "Credential" in kind or "Token" in kind else "check --region and the network"
        raise SwarmError(f"EC2: {error}", remedy) from None
