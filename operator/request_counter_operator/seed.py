"""The operator's seed: 32 random bytes in a Secret of its own namespace, from which all passwords are derived."""

import base64
import secrets

from request_counter_operator.errors import ConflictError, NotFoundError
from request_counter_operator.kinds import SECRET
from request_counter_operator.kube import Cluster, Object

SEED_SECRET = "request-counter-operator-seed"  # noqa: S105 - the name of a Secret
SEED_KEY = "seed"
SEED_BYTES = 32


async def load_seed(cluster: Cluster, namespace: str) -> bytes:
    """Return the seed; make it when there is none. Two operators that start at once end up with the same one.

    Raises:
        ApiError: It can neither be read nor made.
    """
    try:
        return _seed(await cluster.get(SECRET, namespace, SEED_SECRET))
    except NotFoundError:
        pass
    manifest = {
        "apiVersion": SECRET.api_version,
        "kind": SECRET.kind,
        "metadata": {"name": SEED_SECRET, "namespace": namespace},
        "type": "Opaque",
        "data": {SEED_KEY: base64.b64encode(secrets.token_bytes(SEED_BYTES)).decode()},
        # Another seed would change all passwords, and so start every Redis anew.
        "immutable": True,
    }
    try:
        return _seed(await cluster.create(SECRET, namespace, manifest))
    except ConflictError:
        return _seed(await cluster.get(SECRET, namespace, SEED_SECRET))


def _seed(secret: Object) -> bytes:
    return base64.b64decode(secret["data"][SEED_KEY])
