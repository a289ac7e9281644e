"""The Job that brings a new counter the counts of a backup, before anybody counts.

A script copies the backup's files from their volume, servers beside load one of them each, and the service's own
program copies from these into the counter's Redis, whatever kind of Redis the files are of and this one is.
"""

from request_counter_operator.api import RequestCounter
from request_counter_operator.names import counter_key, labels, metadata
from request_counter_operator.render.backup_pod import BACKUPS_DIRECTORY, WORK_DIRECTORY, backup_pod, script_container
from request_counter_operator.render.facts import Facts
from request_counter_operator.render.manifest import RESTRICTED_CONTAINER, Manifest, container_resources
from request_counter_operator.render.redis_config import RESTORE_KEYS
from request_counter_operator.render.store_access import StoreAccess, store_access
from request_counter_operator.settings import Settings

FIRST_PORT = 7000
"""Where the server of shard 0 listens; those of the others follow."""

PATIENCE_S = 600
"""How long Redis may take to come up, and the files to be loaded, before another pod tries."""

ATTEMPTS = 4

FINAL_STATUSES = [2, 3]
"""How programs and scripts end where another attempt would end likewise: wrong settings, other counts, no backup."""

PICK_CONTAINER = "fetch"
"""The init container whose termination message is the name of the backup that it has picked."""


def render_restore_job(counter: RequestCounter, settings: Settings, facts: Facts) -> Manifest | None:
    """Return the Job, or None when nothing is to be restored, or its Redis sleeps."""
    source = counter.spec.restore_from
    if source is None or not counter.is_restoring or counter.is_hibernating:
        return None
    image = counter.spec.store.redis.image or settings.redis_image
    access = store_access(counter, facts.credentials)
    pod = {
        "initContainers": [_fetch(counter, image), _serve(counter, image)],
        "containers": [_restore(counter, settings, access)],
        "volumes": access.volumes,
    }
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": metadata(counter, "restore"),
        "spec": {
            "backoffLimit": ATTEMPTS - 1,
            "podFailurePolicy": {
                "rules": [{"action": "FailJob", "onExitCodes": {"operator": "In", "values": FINAL_STATUSES}}]
            },
            "template": {
                "metadata": {"labels": labels(counter, "restore")},
                "spec": backup_pod(counter, source.claim_name, pod),
            },
        },
    }


def _fetch(counter: RequestCounter, image: str) -> Manifest:
    source = counter.spec.restore_from
    environment = {
        "COUNTER": _counter_of_backup(counter),
        "BACKUP": "latest" if source is None else source.backup,
        "BACKUPS": BACKUPS_DIRECTORY,
        "WORK": WORK_DIRECTORY,
        "PICKED": "/dev/termination-log",
    }
    container = script_container(PICK_CONTAINER, image, RESTORE_KEYS[0], environment)
    container["resources"] = container_resources(counter.spec.store.redis.resources)
    container["volumeMounts"].append({"name": "backups", "mountPath": BACKUPS_DIRECTORY, "readOnly": True})
    return container


def _serve(counter: RequestCounter, image: str) -> Manifest:
    """Return the container of all servers, which goes on beside the next one (a sidecar).

    How many there are is known when the backup is picked, so its memory has no limit of ours.
    Source: https://kubernetes.io/docs/concepts/workloads/pods/sidecar-containers/
    """
    container = script_container(
        "serve", image, RESTORE_KEYS[1], {"WORK": WORK_DIRECTORY, "FIRST_PORT": str(FIRST_PORT)}
    )
    requests = counter.spec.store.redis.resources.requests
    container["resources"] = {} if requests is None else {"requests": requests.model_dump(exclude_none=True)}
    container["restartPolicy"] = "Always"
    return container


def _restore(counter: RequestCounter, settings: Settings, access: StoreAccess) -> Manifest:
    environment = {
        "COUNTER_TRANSFER_FOLDER": WORK_DIRECTORY,
        "COUNTER_TRANSFER_SOURCE": f"redis://127.0.0.1:{FIRST_PORT}",
        "COUNTER_TRANSFER_SOURCE_NAME": _counter_of_backup(counter),
        **access.renamed("COUNTER_TRANSFER_TARGET"),
        "COUNTER_TRANSFER_NAME": counter_key(counter),
        # With the backup's name, which the folder tells, this is the transfer's.
        "COUNTER_TRANSFER_ID": counter.metadata.uid,
        "COUNTER_TRANSFER_TIMEOUT_S": str(PATIENCE_S),
        "COUNTER_TRANSFER_LOG_FORMAT": "json",
    }
    return {
        "name": "restore",
        "image": counter.spec.image or settings.service_image,
        "imagePullPolicy": "IfNotPresent",
        "command": ["python", "-m", "counter_service.transfer.restore"],
        "env": [{"name": key, "value": value} for key, value in environment.items()],
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "resources": container_resources(counter.spec.resources),
        "securityContext": RESTRICTED_CONTAINER,
        "volumeMounts": [{"name": "work", "mountPath": WORK_DIRECTORY, "readOnly": True}, *access.mounts],
    }


def _counter_of_backup(counter: RequestCounter) -> str:
    source = counter.spec.restore_from
    return counter_key(counter) if source is None or source.counter is None else source.counter
