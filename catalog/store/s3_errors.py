"""Translates an S3 service's errors into messages for the user, each with its remedy."""

from __future__ import annotations

from collections.abc import Mapping

from catalog.common.errors import StoreError

KEYS = "Check SONGLINE_S3_ACCESS_KEY and SONGLINE_S3_SECRET_KEY"
REGION = "Set SONGLINE_S3_REGION to the bucket's region"
SPACE = "Free space there, for instance with `songline gc`, then run it again"
UNREACHABLE = "Check SONGLINE_S3_ENDPOINT and that the service runs; `songline render` continues where it stopped"

MEANINGS: Mapping[str, tuple[str, str]] = {
    "InvalidAccessKeyId": ("does not know this access key", KEYS),
    "SignatureDoesNotMatch": ("refuses the secret key", KEYS),
    "ExpiredToken": ("says that the credentials have expired", KEYS),
    "AccessDenied": (
        "does not allow this with these credentials",
        f"{KEYS}, and that they may list, read, write and delete in the bucket",
    ),
    "RequestTimeTooSkewed": (
        "says that this machine's clock is wrong by more than 15 minutes",
        "Set the clock (for instance by NTP), then run it again",
    ),
    "NoSuchBucket": ("has no such bucket", "Make the bucket, or correct SONGLINE_STORE_URL"),
    "BucketAlreadyExists": ("says that the bucket belongs to somebody else", "Choose another in SONGLINE_STORE_URL"),
    "InvalidBucketName": ("refuses the bucket's name", "Correct SONGLINE_STORE_URL"),
    "AuthorizationHeaderMalformed": ("expects another region", REGION),
    "IllegalLocationConstraintException": ("expects another region", REGION),
    "InvalidLocationConstraint": ("expects another region", REGION),
    "InvalidRegion": ("expects another region", REGION),
    "PermanentRedirect": ("keeps the bucket in another region", REGION),
    "Redirect": ("keeps the bucket in another region", REGION),
    "XMinioStorageFull": ("has no space left", SPACE),
    "XMinioAdminBucketQuotaExceeded": ("has no space left in the bucket's quota", SPACE),
    "QuotaExceeded": ("has no space left in the bucket's quota", SPACE),
    "InsufficientStorage": ("has no space left", SPACE),
}


def refusal(code: str, message: str, *, location: str, digest: str = "") -> StoreError:
    """The error for an S3 error code; an unknown one has the service's own message."""
    meaning, remedy = MEANINGS.get(code, (f"could not do it: {message or code}".rstrip("."), UNREACHABLE))
    return _error(f"{location} {meaning}", remedy, code=code, digest=digest)


def unreachable(problem: str, *, location: str, digest: str = "") -> StoreError:
    """The error for a service that did not respond; ``problem`` is the connection's error."""
    return _error(f"{location} cannot be reached: {problem}", UNREACHABLE, digest=digest)


def not_s3(*, location: str, digest: str = "") -> StoreError:
    """The error for an address whose server does not speak S3."""
    return _error(f"{location} does not answer as an S3 service does", "Check SONGLINE_S3_ENDPOINT", digest=digest)


def _error(what: str, remedy: str, **ids: str) -> StoreError:
    return StoreError(what, remedy=remedy, **{name: value for name, value in ids.items() if value})
