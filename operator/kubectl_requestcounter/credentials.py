"""The password of a counter's Redis, as far as a diff needs it and its user may know it. Pure.

The operator derives it from a seed that is nobody else's business. Where the live Secret tells the password, rendering
with that is exact. Where it does not, what depends on the password is taken as it is, and so shows no difference.
"""

import base64
import binascii
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from request_counter_operator.render.credentials import fingerprint
from request_counter_operator.render.redis_secret import PASSWORD_KEY

FINGERPRINT_ANNOTATION = "requestcounter.io/credentials"
UNKNOWN = "(derived by the operator)"

Body = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Password:
    """What to render with.

    Attributes:
        value: The password, or something in its place.
        is_known: Whether it is the one that the operator derives.
    """

    value: str
    is_known: bool

    def settle(self, manifest: dict[str, Any], live: Body | None) -> None:
        """Put the live fingerprint into a workload that was rendered with something in the password's place."""
        annotations = _template_annotations(manifest)
        if self.is_known or FINGERPRINT_ANNOTATION not in annotations:
            return
        found = None if live is None else _template_annotations(live).get(FINGERPRINT_ANNOTATION)
        annotations[FINGERPRINT_ANNOTATION] = found or UNKNOWN


def password_of(secret: Body | None, workloads: Iterable[Body]) -> Password:
    """Return the password that a counter's live Secret holds.

    The workloads carry a fingerprint of it. Where they agree on another one, the Secret was changed by hand: then the
    operator would write its own password back, and start nothing anew.
    """
    value = None if secret is None else _password_in(secret)
    fingerprints = {_template_annotations(workload).get(FINGERPRINT_ANNOTATION) for workload in workloads} - {None}
    if value is None or (len(fingerprints) == 1 and fingerprints != {fingerprint(value)}):
        return Password(UNKNOWN, is_known=False)
    return Password(value, is_known=True)


def _password_in(secret: Body) -> str | None:
    try:
        return base64.b64decode((secret.get("data") or {})[PASSWORD_KEY], validate=True).decode()
    except (KeyError, binascii.Error, UnicodeDecodeError):
        return None


def _template_annotations(workload: Body) -> dict[str, Any]:
    template = (workload.get("spec") or {}).get("template") or {}
    annotations: dict[str, Any] = template.get("metadata", {}).get("annotations") or {}
    return annotations
