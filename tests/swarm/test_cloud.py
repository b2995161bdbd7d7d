"""Bees on EC2, against moto's server: made, found again, ended; nothing twice, and nothing of others."""

from __future__ import annotations

import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

from malaria.cli.main import main
from malaria.swarm.hosts.cloud import HOST_KEY_TAG, TAG, Cloud
from malaria.swarm.hosts.state import load_swarm, state_directory, state_file

REGION = "us-east-1"
UP = ("--region", REGION, "--image", "ami-12c6146b", "--type", "t3.micro", "--yes", "--wait", "0")


@pytest.fixture
def ec2(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    server = ThreadedMotoServer(port=0, verbose=False)
    server.start()
    _, port = server.get_host_and_port()
    for name, value in {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_SESSION_TOKEN": "testing",
        "AWS_EC2_METADATA_DISABLED": "true",
        "MALARIA_HOME": str(tmp_path / "home"),
    }.items():
        monkeypatch.setenv(name, value)
    urllib.request.urlopen(
        urllib.request.Request(f"http://127.0.0.1:{port}/moto-api/reset", method="POST"), timeout=10
    ).close()  # what one server holds, all of a process do
    yield boto3.client("ec2", region_name=REGION)
    server.stop()


def alive(ec2: Any) -> list[dict[str, Any]]:
    found = ec2.describe_instances(Filters=[{"Name": "instance-state-name", "Values": ["pending", "running"]}])
    return [one for group in found["Reservations"] for one in group["Instances"]]


def test_a_swarm_on_ec2_from_up_to_down(ec2: Any, capsys: pytest.CaptureFixture[str]) -> None:
    stranger = ec2.run_instances(ImageId="ami-12c6146b", MinCount=1, MaxCount=1)["Instances"][0]["InstanceId"]

    # the instances are announced, and without --yes and a terminal nothing is made
    assert main(["swarm", "up", "3", *(word for word in UP if word != "--yes")]) == 2
    assert "3 x t3.micro in us-east-1: Amazon charges" in capsys.readouterr().out
    assert len(alive(ec2)) == 1

    assert main(["swarm", "up", "3", *UP]) == 0
    swarm = load_swarm("bees")
    mine = {bee.instance for bee in swarm.hosts}
    assert [bee.name for bee in swarm.hosts] == ["bee-1", "bee-2", "bee-3"]
    assert mine == {one["InstanceId"] for one in alive(ec2)} - {stranger}
    made = ec2.describe_instances(InstanceIds=[swarm.hosts[0].instance])["Reservations"][0]["Instances"][0]
    tags = {tag["Key"]: tag["Value"] for tag in made["Tags"]}
    assert (tags[TAG], tags[HOST_KEY_TAG]) == ("bees", swarm.hosts[0].host_key)
    assert swarm.hosts[0].key == str(state_directory() / "bees.key")
    rules = ec2.describe_security_groups(GroupIds=[made["SecurityGroups"][0]["GroupId"]])["SecurityGroups"][0]
    assert [rule.get("FromPort") for rule in rules["IpPermissions"]] == [22, None]

    # again is nothing; more is what lacks; and one that was taken away is made anew
    assert main(["swarm", "up", "3", *UP]) == 0
    assert load_swarm("bees").hosts == swarm.hosts
    assert main(["swarm", "up", "5", *UP]) == 0
    ec2.terminate_instances(InstanceIds=[swarm.hosts[0].instance])
    assert main(["swarm", "up", "5", *UP]) == 0
    assert [bee.name for bee in load_swarm("bees").hosts] == ["bee-2", "bee-3", "bee-4", "bee-5", "bee-1"]
    assert len(alive(ec2)) == 6

    # the state file is lost: all are found again by their tag
    before = {bee.instance for bee in load_swarm("bees").hosts}
    state_file("bees").unlink()
    assert main(["swarm", "up", "5", *UP]) == 0
    assert {bee.instance for bee in load_swarm("bees").hosts} == before

    # it is lost for good: down by region ends exactly those, with their key pair and security group
    state_file("bees").unlink()
    capsys.readouterr()
    assert main(["swarm", "down", "--region", REGION]) == 0
    assert "5 instances ended" in capsys.readouterr().out
    assert [one["InstanceId"] for one in alive(ec2)] == [stranger]
    assert ec2.describe_key_pairs()["KeyPairs"] == []
    assert [group["GroupName"] for group in ec2.describe_security_groups()["SecurityGroups"]] == ["default"]
    assert not state_file("bees").exists()


def test_two_swarms_do_not_touch_each_other_and_spot_is_asked_for(ec2: Any) -> None:
    for name, more in (("day", ()), ("night", ("--spot", "--allow-from", "203.0.113.7/32"))):
        assert main(["swarm", "up", "2", *UP, *more, "--swarm", name]) == 0
    kinds = {
        tag["Value"]: one.get("InstanceLifecycle") for one in alive(ec2) for tag in one["Tags"] if tag["Key"] == TAG
    }
    assert kinds == {"day": None, "night": "spot"}
    groups = {group["GroupName"]: group["IpPermissions"] for group in ec2.describe_security_groups()["SecurityGroups"]}
    ways_in = {
        name: [rule.get("FromPort", "all") for rule in rules if rule["IpRanges"]] for name, rules in groups.items()
    }
    assert ways_in["malaria-day"] == [22]
    assert ways_in["malaria-night"] == ["all"]
    assert main(["swarm", "down", "--swarm", "night"]) == 0
    assert len(alive(ec2)) == 2
    assert len(Cloud("day", REGION).instances()) == 2
    assert [pair["KeyName"].startswith("malaria-day-") for pair in ec2.describe_key_pairs()["KeyPairs"]] == [True]


def test_what_amazon_refuses_is_said_with_the_remedy(ec2: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["swarm", "up", "1", *UP, "--subnet", "subnet-nothing"]) == 2
    said = capsys.readouterr().err
    assert "error: EC2: The subnet ID 'subnet-nothing' does not exist" in said
    assert "--subnet" in said
    assert alive(ec2) == []
