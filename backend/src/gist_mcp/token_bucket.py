"""Token buckets: so many units at once, and new ones at a constant rate. Pure rules, no I/O.

Times are seconds of one clock. With `burst` and `per_second`, whoever takes all that there is gets
`burst + per_second * t` units in `t` seconds, and never more.
"""

from dataclasses import dataclass, replace

ROUNDING_UNITS = 1e-6
"""What a sum of units may lack by rounding."""

ROUNDING_SECONDS = 1e-6
"""What a difference of two times may lack: Unix times in floating point are a quarter of that
apart. A wait that was told is always long enough."""


@dataclass(frozen=True, kw_only=True)
class Rate:
    """How many units a bucket holds, and how many come in a second."""

    burst: float
    per_second: float


@dataclass(frozen=True, kw_only=True)
class Bucket:
    """The units that were there at a time."""

    units: float
    updated_at_seconds: float


def full(rate: Rate, *, now_seconds: float) -> Bucket:
    """A bucket from which nothing was taken yet."""
    return Bucket(units=rate.burst, updated_at_seconds=now_seconds)


def refilled(bucket: Bucket, rate: Rate, *, now_seconds: float) -> Bucket:
    """The bucket with the units that have come since."""
    elapsed_seconds = now_seconds - bucket.updated_at_seconds
    if elapsed_seconds >= 0:
        units = min(rate.burst, bucket.units + elapsed_seconds * rate.per_second)
        return Bucket(units=units, updated_at_seconds=now_seconds)
    # A clock that goes back, or another process's: nothing is added, and nothing twice when the
    # time comes again. Only a time that was far ahead is not waited for.
    if -elapsed_seconds * rate.per_second > rate.burst:
        return replace(bucket, updated_at_seconds=now_seconds)
    return bucket


def wait_seconds(bucket: Bucket, rate: Rate, *, cost: float) -> float:
    """How long after its time the bucket has `cost` units; 0 if it has them."""
    lacking = cost - bucket.units
    rounding = ROUNDING_UNITS + ROUNDING_SECONDS * rate.per_second
    return 0.0 if lacking <= rounding else lacking / rate.per_second


def less(bucket: Bucket, *, cost: float) -> Bucket:
    """The bucket without `cost` units, whether or not it had them."""
    return replace(bucket, units=bucket.units - cost)


def given_back(bucket: Bucket, rate: Rate, *, cost: float) -> Bucket:
    """The bucket with `cost` units that were taken and not used."""
    return replace(bucket, units=min(rate.burst, bucket.units + cost))
