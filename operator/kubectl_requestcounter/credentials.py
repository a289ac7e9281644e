"""The passwords of a counter's Redis, as far as a diff needs them and its user may know them. Pure.

The operator derives them from a seed that is nobody else's business, by way of a root of their own for each counter.
Where the live Secret tells the root, rendering with that is exact. Where it does not, what depends on the passwords is
taken as it is, and so shows no difference.
"""

import base64
import binascii
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from request_counter_operator.render.credentials import fingerprint
from request_counter_operator.render.redis_secret import ROOT_KEY
from request_counter_operator.render.sentinel_statefulset import CERTIFICATE_ANNOTATION

FINGERPRINT_ANNOTATION = "requestcounter.io/credentials"
UNKNOWN = "(derived by the operator)"

Body = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Root:
    """What to render with.

    Attributes:
        value: The root of all passwords, or something in its place.
        is_known: Whether it is the one that the operator derives.
    """

    value: str
    is_known: bool

    def settle(self, manifest: dict[str, Any], live: Body | None) -> None:
        """Put the live fingerprint into a workload that was rendered with something in the root's place."""
        annotations = _template_annotations(manifest)
        if self.is_known or FINGERPRINT_ANNOTATION not in annotations:
            return
        found = None if live is None else _template_annotations(live).get(FINGERPRINT_ANNOTATION)
        annotations[FINGERPRINT_ANNOTATION] = found or UNKNOWN


def settle_certificate(manifest: dict[str, Any], live: Body | None) -> None:
    """Put the live certificate's digest into a workload that was rendered with something in its place.

    Whether the Secret has another one by now is the operator's to find out, and to do something about.
    """
    annotations = _template_annotations(manifest)
    if CERTIFICATE_ANNOTATION not in annotations or live is None:
        return
    found = _template_annotations(live).get(CERTIFICATE_ANNOTATION)
    if found is None:
        del annotations[CERTIFICATE_ANNOTATION]
    else:
        annotations[CERTIFICATE_ANNOTATION] = found


def root_of(secret: Body | None, workloads: Iterable[Body]) -> Root:
    """Return the root that a counter's live Secret holds.

    The workloads carry a fingerprint of it. Where they agree on another one, the Secret was changed by hand: then the
    operator would write its own password back, and start nothing anew.
    """
    value = None if secret is None else _root_in(secret)
    fingerprints = {_template_annotations(workload).get(FINGERPRINT_ANNOTATION) for workload in workloads} - {None}
    if value is None or (len(fingerprints) == 1 and fingerprints != {fingerprint(value)}):
        return Root(UNKNOWN, is_known=False)
    return Root(value, is_known=True)


def _root_in(secret: Body) -> str | None:
    try:
        return base64.b64decode((secret.get("data") or {})[ROOT_KEY], validate=True).decode()
    except (KeyError, binascii.Error, UnicodeDecodeError):
        return None


def _template_annotations(workload: Body) -> dict[str, Any]:
    template = (workload.get("spec") or {}).get("template") or {}
    annotations: dict[str, Any] = template.get("metadata", {}).get("annotations") or {}
    return annotations
