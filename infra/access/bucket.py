"""The buckets of a MinIO server and the one user with access to them; workers never get the root account."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from minio import Minio, MinioAdmin
from minio.credentials.providers import StaticProvider
from minio.error import MinioAdminException, MinioException, S3Error
from urllib3.exceptions import HTTPError

from catalog.common.digests import Json
from catalog.common.errors import MachineError

POLICY = "songline-line"
IN_BUCKET = ("s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketMultipartUploads")
ON_OBJECTS = (
    *("s3:GetObject", "s3:PutObject", "s3:DeleteObject"),
    *("s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"),
)
THERE = {"BucketAlreadyOwnedByYou", "BucketAlreadyExists"}


@dataclass(frozen=True, slots=True)
class Account:
    """Name and secret of one account."""

    name: str
    secret: str = field(repr=False)


def make_bucket_user(
    endpoint: str, *, root: Account, user: Account, locations: Sequence[str], region: str = "us-east-1"
) -> None:
    """Create the buckets of ``locations`` (s3://BUCKET or s3://BUCKET/PREFIX), and a user with access to these places
    only.

    Idempotent; an existing user gets this secret again. Raises MachineError.
    """
    url = urlsplit(endpoint)
    is_secure = url.scheme == "https"
    client = Minio(url.netloc, access_key=root.name, secret_key=root.secret, secure=is_secure, region=region)
    admin = MinioAdmin(
        endpoint=url.netloc, credentials=StaticProvider(root.name, root.secret), region=region, secure=is_secure
    )
    with _errors_translated(endpoint):
        for bucket in dict.fromkeys(urlsplit(place).netloc for place in locations):
            _make_bucket(client, bucket, region)
        admin.policy_add(POLICY, policy=policy(locations))
        admin.user_add(user.name, user.secret)
        admin.policy_set(POLICY, user=user.name)


def policy(locations: Sequence[str]) -> dict[str, Json]:
    """The policy of a worker: list, read, write and remove at these places, multipart uploads included.

    Whole buckets may be listed, since unfinished uploads can only be listed so; objects are accessible below the
    prefix only.
    """
    buckets_and_prefixes = [(url.netloc, url.path.strip("/")) for url in map(urlsplit, locations)]
    buckets: list[Json] = [
        f"arn:aws:s3:::{bucket}" for bucket in dict.fromkeys(bucket for bucket, _ in buckets_and_prefixes)
    ]
    objects: list[Json] = [
        f"arn:aws:s3:::{bucket}/{prefix}/*" if prefix else f"arn:aws:s3:::{bucket}/*"
        for bucket, prefix in buckets_and_prefixes
    ]
    return {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Action": list(IN_BUCKET), "Resource": buckets},
            {"Effect": "Allow", "Action": list(ON_OBJECTS), "Resource": objects},
        ],
    }


def _make_bucket(client: Minio, bucket: str, region: str) -> None:
    try:
        client.make_bucket(bucket, location=region)
    except S3Error as error:
        if error.code not in THERE:
            raise


@contextmanager
def _errors_translated(endpoint: str) -> Iterator[None]:
    try:
        yield
    except S3Error as error:
        raise _bucket_error(endpoint, error.code or "it was refused") from error
    except MinioAdminException as error:
        raise _bucket_error(endpoint, "its administration refused it") from error  # the response may name accounts
    except (MinioException, HTTPError) as error:
        raise _bucket_error(endpoint, type(error).__name__) from error


def _bucket_error(endpoint: str, reason: str) -> MachineError:
    return MachineError(
        f"the bucket and its user cannot be made at {endpoint}: {reason}",
        remedy="See that MinIO runs there and that MINIO_ROOT_USER and MINIO_ROOT_PASSWORD are its own",
    )
