"""What a user may ask for and should know the price of. Accepted as it is, and said. Pure."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from request_counter_operator.api import RequestCounter


class Caution(NamedTuple):
    """A reason in CamelCase, and a sentence that names the field."""

    reason: str
    message: str


def cautions(
    counter: RequestCounter, missing_secrets: Sequence[str], backup_failure: str | None = None
) -> list[Caution]:
    """Return what is to be said of a resource, what matters most first.

    Args:
        counter: the resource.
        missing_secrets: each Secret, or key of one, that it refers to and that is not there.
        backup_failure: what the newest backup failed with; None when it did not.
    """
    return [
        *_of_secrets(missing_secrets),
        *_of_backups(backup_failure),
        *_of_counts(counter),
        *_of_images(counter),
    ]


def _of_secrets(missing: Sequence[str]) -> Iterator[Caution]:
    if missing:
        yield Caution("SecretNotFound", f"pods wait for what is not there: {', '.join(missing)}")


def _of_backups(failure: str | None) -> Iterator[Caution]:
    if failure is not None:
        yield Caution("BackupFailing", f"spec.store.backup: the newest backup has failed: {failure}")


def _of_counts(counter: RequestCounter) -> Iterator[Caution]:
    store = counter.spec.store
    if store.redis.mode == "Standalone" and not store.redis.persistence.enabled:
        yield Caution(
            "CountsOnlyInMemory", "spec.store.redis.persistence.enabled is false: the counts are lost with Redis's pod"
        )
    elif store.durability == "None":
        yield Caution(
            "AcknowledgedCountsCanBeLost",
            "spec.store.durability is None: counts are acknowledged before they are on Redis's disk",
        )
    if store.redis.replicas_per_primary == 1 and store.durability == "Replicated":
        yield Caution(
            "ReplicaHasNoSubstitute",
            "spec.store.redis.replicas is 1 and durability Replicated: no counts while one of two servers is away",
        )
    limits = store.redis.resources.limits
    if store.redis.mode == "Standalone" and (limits is None or limits.memory is None):
        yield Caution(
            "RedisMemoryUnbounded",
            "spec.store.redis.resources.limits.memory is not set: Redis is killed, not full, when its node has no more",
        )


def _of_images(counter: RequestCounter) -> Iterator[Caution]:
    images = {"spec.image": counter.spec.image, "spec.store.redis.image": counter.spec.store.redis.image}
    for field, image in images.items():
        if image is not None and _is_floating(image):
            yield Caution("ImageNotPinned", f"{field} has no version: two pods may run two programs")


def _is_floating(image: str) -> bool:
    """Return whether an image's name has neither digest nor a tag that says which version it is."""
    if "@" in image:
        return False
    _, _, tag = image.rpartition("/")[2].partition(":")
    return tag in {"", "latest"}
