"""The claim of the volume that a counter's backups are kept on."""

from request_counter_operator.api import RequestCounter
from request_counter_operator.names import metadata
from request_counter_operator.render.manifest import Manifest, volume_claim


def render_backup_claim(counter: RequestCounter) -> Manifest | None:
    """Return the claim, or None without backups, or where they go to a claim that somebody else has made.

    It has no owner: backups outlive the RequestCounter, and the wish for more of them. One of the same name takes the
    claim over. Only people delete it; the operator has no right to.
    """
    backup = counter.spec.store.backup
    if backup is None or backup.volume.claim_name is not None:
        return None
    claim = volume_claim({}, backup.volume.size, backup.volume.storage_class_name)
    meta = {key: value for key, value in metadata(counter, "backup").items() if key != "ownerReferences"}
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": meta, "spec": claim["spec"]}
