"""The CronJob that writes a counter's own Redis to files."""

from request_counter_operator.api import RequestCounter
from request_counter_operator.names import (
    REDIS_PORT,
    SENTINEL_PORT,
    child_name,
    counter_key,
    labels,
    metadata,
    store_name,
)
from request_counter_operator.render.backup_pod import BACKUPS_DIRECTORY, WORK_DIRECTORY, backup_pod, script_container
from request_counter_operator.render.manifest import Manifest, container_resources, secret_file
from request_counter_operator.render.redis_config import BACKUP_KEY
from request_counter_operator.render.redis_secret import BACKUP_KEYS
from request_counter_operator.render.redis_tls import CA_KEY, cli_variables, tls_mounts, tls_volumes
from request_counter_operator.render.topology import QUORUM, group, sentinel_names, server_names
from request_counter_operator.settings import Settings

LOGIN_DIRECTORY = "/etc/request-counter/backup"

DEADLINE_S = 3600
"""After how long a backup is given up: none begins while another one runs."""

ATTEMPTS = 3


def render_backup_cronjob(counter: RequestCounter, settings: Settings) -> Manifest | None:
    """Return the CronJob, or None without backups. It is suspended while there is nothing to back up, or not all yet.

    Counts that are still on their way, from a backup or from another Redis, would make one that is newer and has less.
    """
    backup = counter.spec.store.backup
    if backup is None:
        return None
    return {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": metadata(counter, "backup"),
        "spec": {
            "schedule": backup.schedule,
            "timeZone": "Etc/UTC",
            "concurrencyPolicy": "Forbid",
            # One that could not begin for so long is left to the next.
            "startingDeadlineSeconds": DEADLINE_S,
            "suspend": counter.is_hibernating or counter.is_restoring or counter.is_moving,
            "jobTemplate": {
                # By its labels the operator finds a Job, and sees how it ends.
                "metadata": {"labels": labels(counter, "backup")},
                "spec": {
                    "backoffLimit": ATTEMPTS - 1,
                    "activeDeadlineSeconds": DEADLINE_S,
                    "template": {
                        "metadata": {"labels": labels(counter, "backup")},
                        "spec": _pod(counter, settings, backup.volume.claim_name or child_name(counter, "backup")),
                    },
                },
            },
        },
    }


def _pod(counter: RequestCounter, settings: Settings, claim: str) -> Manifest:
    redis = counter.spec.store.redis
    container = script_container("backup", redis.image or settings.redis_image, BACKUP_KEY, backup_environment(counter))
    # The check of a file needs as much memory as the server that has its data.
    container["resources"] = container_resources(redis.resources)
    container["volumeMounts"] += [
        {"name": "backups", "mountPath": BACKUPS_DIRECTORY},
        {"name": "login", "mountPath": LOGIN_DIRECTORY, "readOnly": True},
        *tls_mounts(counter),
    ]
    login = secret_file("login", store_name(counter), BACKUP_KEYS)
    return backup_pod(counter, claim, {"containers": [container], "volumes": [login, *tls_volumes(counter, CA_KEY)]})


def backup_environment(counter: RequestCounter) -> dict[str, str]:
    """Return what the script must know: whose backup it is, how many there may be, and who has the data."""
    backup = counter.spec.store.backup
    namespace = counter.metadata.namespace
    environment = {
        "COUNTER": counter_key(counter),
        "KEEP": str(0 if backup is None else backup.keep),
        "MODE": counter.spec.store.redis.mode,
        "SERVERS": " ".join(f"{name}.{namespace}.svc:{REDIS_PORT}" for name in _hosts(counter)),
        "BACKUPS": BACKUPS_DIRECTORY,
        "WORK": WORK_DIRECTORY,
        "LOGIN": LOGIN_DIRECTORY,
    }
    if sentinels := sentinel_names(counter):
        environment["SENTINELS"] = " ".join(f"{name}.{namespace}.svc:{SENTINEL_PORT}" for name in sentinels)
        environment |= {"GROUP": group(counter), "QUORUM": str(QUORUM)}
    return environment | cli_variables(counter)


def _hosts(counter: RequestCounter) -> list[str]:
    """Return the Services of the servers. One that is alone has none of its own."""
    is_alone = counter.spec.store.redis.mode == "Standalone"
    return [child_name(counter, "redis")] if is_alone else server_names(counter)
