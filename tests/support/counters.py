"""RequestCounters for tests, made the way the API server hands them over."""

from typing import Any

from request_counter_operator.api import RequestCounter

UID = "11111111-2222-3333-4444-555555555555"


def counter(
    spec: dict[str, Any] | None = None, *, status: dict[str, Any] | None = None, **metadata: Any
) -> RequestCounter:
    """Return the RequestCounter ``default/hits`` with this spec and status, in the resource's own camelCase."""
    return RequestCounter.from_body(
        {
            "metadata": {"name": "hits", "namespace": "default", "uid": UID, "generation": 3, **metadata},
            "spec": spec or {},
            "status": status or {},
        }
    )


MINIMAL: dict[str, Any] = {}

FULL: dict[str, Any] = {
    "autoscaling": {"minReplicas": 2, "maxReplicas": 8, "targetCPUUtilizationPercentage": 60},
    "image": "example.com/service:1",
    "resources": {"requests": {"cpu": "250m", "memory": "64Mi"}, "limits": {"cpu": 1, "memory": "128Mi"}},
    "exposure": {
        "type": "Ingress",
        "host": "hits.example.com",
        "className": "traefik",
        "annotations": {"example.com/owner": "team-web"},
        "tls": {"secretName": "hits-tls"},
    },
    "rateLimit": {"requestsPerSecond": 50, "burst": 100, "per": "Path"},
    "limits": {"maxPathBytes": 128, "maxPaths": 1000},
    "logging": {"level": "debug"},
    "store": {
        "durability": "Persisted",
        "redis": {
            "image": "example.com/redis:8",
            "resources": {"limits": {"memory": "1Gi"}},
            "persistence": {"size": "5Gi", "storageClassName": "fast", "retain": False},
        },
    },
}

IN_MEMORY: dict[str, Any] = {
    "replicas": 1,
    "store": {"durability": "None", "redis": {"persistence": {"enabled": False}}},
}

EXTERNAL: dict[str, Any] = {
    "store": {
        "durability": "None",
        "redis": {
            "mode": "External",
            "external": {
                "url": "rediss://counter@redis.example.com:6379/0",
                "passwordSecretRef": {"name": "redis-credentials", "key": "password"},
                "caSecretRef": {"name": "redis-ca", "key": "ca.crt"},
                "clientCertificateSecretRef": {"name": "redis-client"},
            },
        },
    },
}

SENTINEL: dict[str, Any] = {
    "store": {"durability": "Replicated", "redis": {"mode": "Sentinel", "readFrom": "Replica"}},
}

CLUSTER: dict[str, Any] = {
    "store": {
        "durability": "Replicated",
        "redis": {"mode": "Cluster", "replicas": 1, "resources": {"limits": {"memory": "256Mi"}}},
    },
}

MOVING: dict[str, Any] = {
    "store": {"durability": "Replicated", "redis": {"mode": "Cluster"}},
}
"""With ``MOVING_STATUS``, on the way from one server to a cluster, in the step in which all counts are copied."""

MOVING_STATUS: dict[str, Any] = {
    "store": {
        "mode": "Standalone",
        "durability": "Persisted",
        "move": {"to": "Cluster", "phase": "Copying", "since": "2026-01-01T00:00:00Z"},
    }
}

HIBERNATING: dict[str, Any] = {"suspend": "Workload", "autoscaling": {"maxReplicas": 4}}

BACKED_UP: dict[str, Any] = {
    "store": {
        "redis": {"mode": "Sentinel"},
        "backup": {"schedule": "0 3 * * *", "keep": 14, "volume": {"size": "5Gi", "storageClassName": "slow"}},
    },
}

RESTORED: dict[str, Any] = {
    "autoscaling": {"maxReplicas": 4},
    "store": {"backup": {"schedule": "@hourly", "volume": {"claimName": "bucket"}}},
    "restoreFrom": {"claimName": "bucket", "backup": "20261124T030000Z", "counter": "old/hits"},
}

TLS: dict[str, Any] = {
    "store": {
        "redis": {"mode": "Sentinel", "tls": {"secretName": "hits-redis-tls"}},
        "backup": {"schedule": "0 3 * * *"},
    },
}

SPECS = {
    "minimal": MINIMAL,
    "full": FULL,
    "in-memory": IN_MEMORY,
    "external": EXTERNAL,
    "sentinel": SENTINEL,
    "cluster": CLUSTER,
    "hibernating": HIBERNATING,
    "backed-up": BACKED_UP,
    "restored": RESTORED,
    "moving": MOVING,
    "tls": TLS,
}

STATUSES = {"moving": MOVING_STATUS}
"""What the status of a sample says already, where it matters."""
