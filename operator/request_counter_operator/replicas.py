"""Who holds the number of a Deployment's pods, when it passes from the operator to the autoscaler."""

from request_counter_operator.api import RequestCounter
from request_counter_operator.cache import Child
from request_counter_operator.kinds import DEPLOYMENT
from request_counter_operator.kube import Cluster
from request_counter_operator.names import REPLICAS_FIELD_MANAGER


async def hand_over_replicas(cluster: Cluster, counter: RequestCounter, deployment: Child) -> None:
    """Let another manager hold the present number of pods, before we let go of it.

    A field that its only manager lets go of falls back to its default, which here is one pod.
    Source: https://kubernetes.io/docs/reference/using-api/server-side-apply/#transferring-ownership

    Raises:
        NotFoundError: The Deployment is gone.
        ApiError: It was refused or the server could not be reached.
    """
    namespace, name = counter.metadata.namespace, deployment.key.name
    body = await cluster.get(DEPLOYMENT, namespace, name)
    manifest = {
        "apiVersion": DEPLOYMENT.api_version,
        "kind": DEPLOYMENT.kind,
        "metadata": {"name": name, "namespace": namespace, "uid": deployment.uid},
        "spec": {"replicas": body["spec"]["replicas"]},
    }
    await cluster.apply(manifest, field_manager=REPLICAS_FIELD_MANAGER)
