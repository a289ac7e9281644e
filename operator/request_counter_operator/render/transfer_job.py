"""The Job that copies all counts from one Redis to another, while the service is stopped."""

from request_counter_operator.api import RequestCounter
from request_counter_operator.api.model import ResourceList, Resources
from request_counter_operator.names import child_name, counter_key, labels, metadata
from request_counter_operator.render.deployment import SERVICE_USER_ID
from request_counter_operator.render.facts import Facts
from request_counter_operator.render.manifest import (
    RESTRICTED_CONTAINER,
    Manifest,
    container_resources,
    restricted_pod,
)
from request_counter_operator.render.store_access import StoreAccess, store_access
from request_counter_operator.settings import Settings

WRONG_SETTINGS = 2
REFUSED = 3
"""Exit statuses of ``python -m counter_service.transfer`` that another attempt does not change."""

ATTEMPTS = 20
_RESOURCES = Resources(requests=ResourceList(cpu="100m", memory="64Mi"), limits=ResourceList(memory="512Mi"))


def render_transfer_job(counter: RequestCounter, settings: Settings, facts: Facts) -> Manifest | None:
    """Return the Job, or None while there is nothing to copy, or not yet."""
    move = counter.move
    if move is None or move.phase != "Copying":
        return None
    # Unlike that of any other move: a repeated copy goes on with its own work only.
    transfer_id = f"{counter.metadata.uid}/{move.since}"
    source = store_access(counter.serving, facts.credentials, prefix="source-")
    target = store_access(counter, facts.credentials, prefix="target-")
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": metadata(counter, "transfer"),
        "spec": {
            "backoffLimit": ATTEMPTS,
            "podFailurePolicy": {
                "rules": [
                    {
                        "action": "FailJob",
                        "onExitCodes": {
                            "containerName": "transfer",
                            "operator": "In",
                            "values": [WRONG_SETTINGS, REFUSED],
                        },
                    }
                ]
            },
            "template": {
                "metadata": {"labels": labels(counter, "transfer")},
                "spec": _pod(counter, settings, (source, target), transfer_id),
            },
        },
    }


def _pod(
    counter: RequestCounter, settings: Settings, accesses: tuple[StoreAccess, StoreAccess], transfer_id: str
) -> Manifest:
    source, target = accesses
    environment = {
        "COUNTER_TRANSFER_NAME": counter_key(counter),
        "COUNTER_TRANSFER_ID": transfer_id,
        "COUNTER_TRANSFER_LOG_FORMAT": "json",
        **source.renamed("COUNTER_TRANSFER_SOURCE"),
        **target.renamed("COUNTER_TRANSFER_TARGET"),
    }
    return {
        "serviceAccountName": child_name(counter, "service"),
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "restartPolicy": "Never",
        "securityContext": restricted_pod(SERVICE_USER_ID),
        "containers": [
            {
                "name": "transfer",
                "image": counter.spec.image or settings.service_image,
                "imagePullPolicy": "IfNotPresent",
                "command": ["python", "-m", "counter_service.transfer"],
                "env": [{"name": name, "value": value} for name, value in environment.items()],
                "resources": container_resources(_RESOURCES),
                "securityContext": RESTRICTED_CONTAINER,
                "volumeMounts": [*source.mounts, *target.mounts],
            }
        ],
        "volumes": [*source.volumes, *target.volumes],
    }
