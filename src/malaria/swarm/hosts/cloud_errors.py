"""Errors of EC2 as errors of the operator, with remedies."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from malaria.errors import SwarmError

CREDENTIALS_REMEDY: Final = "set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, as for the AWS command"
QUOTA_REMEDY: Final = "ask Amazon for a larger quota, or take fewer bees"
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
    "InstanceLimitExceeded": QUOTA_REMEDY,
    "VcpuLimitExceeded": QUOTA_REMEDY,
    "MaxSpotInstanceCountExceeded": "ask Amazon for a larger quota, or leave --spot out",
    "InsufficientInstanceCapacity": "try another --type or --region, or later",
    "IdempotentParameterMismatch": "wait a minute: the last request, with other options, is still under way",
}


@contextmanager
def explaining_ec2() -> Iterator[None]:
    """Turn what EC2 and its client raise in the block into SwarmError, with a remedy."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except ClientError as error:
        details = error.response["Error"]
        code = details.get("Code", "")
        remedy = REMEDIES.get(code, f"look up {code} in Amazon's list of EC2 error codes")
        raise SwarmError(f"EC2: {details.get('Message', code)}", remedy) from None
    except BotoCoreError as error:
        kind = type(error).__name__
        remedy = CREDENTIALS_REMEDY if "Credential" in kind or "Token" in kind else "check --region and the network"
        raise SwarmError(f"EC2: {error}", remedy) from None
