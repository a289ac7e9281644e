"""What the pods that write backups and that read them have in common."""

from request_counter_operator.api import RequestCounter
from request_counter_operator.names import child_name, store_name
from request_counter_operator.render.manifest import RESTRICTED_CONTAINER, Manifest, restricted_pod
from request_counter_operator.render.redis_config import CONFIG_DIRECTORY
from request_counter_operator.render.redis_statefulset import REDIS_USER_ID

BACKUPS_DIRECTORY = "/backup"
"""Where the volume with backups is. Each counter has a folder there, ``namespace/name``, with one for each backup."""

WORK_DIRECTORY = "/work"
"""Where files are on the node's disk: volumes that are object storage cannot be written to in any order."""


def backup_pod(counter: RequestCounter, claim: str, containers: Manifest) -> Manifest:
    """Return the specification of a pod that ends, with the counter's scripts and a volume of backups.

    It runs as the counter's ServiceAccount, so that a driver that gives out rights by that has one to give them to.

    Args:
        counter: whose backups they are.
        claim: the PersistentVolumeClaim.
        containers: the pod's ``containers``, and ``initContainers`` and more ``volumes`` where there are any.
    """
    size = counter.spec.store.redis.persistence.size
    return {
        "restartPolicy": "Never",
        "serviceAccountName": child_name(counter, "service"),
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": restricted_pod(REDIS_USER_ID),
        "terminationGracePeriodSeconds": 5,
        **containers,
        "volumes": [
            {"name": "config", "configMap": {"name": store_name(counter)}},
            {"name": "backups", "persistentVolumeClaim": {"claimName": claim}},
            # What a server's volume takes is as much as its file can be.
            {"name": "work", "emptyDir": {"sizeLimit": size}},
            *containers.get("volumes", ()),
        ],
    }


def script_container(name: str, image: str, script: str, environment: dict[str, str]) -> Manifest:
    """Return a container that runs one of the counter's scripts in Redis's image."""
    return {
        "name": name,
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "command": ["bash", f"{CONFIG_DIRECTORY}/{script}"],
        "env": [{"name": key, "value": value} for key, value in environment.items()],
        # What it said last is what it failed with.
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "securityContext": RESTRICTED_CONTAINER,
        "volumeMounts": [
            {"name": "config", "mountPath": CONFIG_DIRECTORY, "readOnly": True},
            {"name": "work", "mountPath": WORK_DIRECTORY},
        ],
    }
