"""The kinds of object that the operator makes, and how the API server calls them."""

from dataclasses import dataclass

from request_counter_operator.api import GROUP, KIND, PLURAL, VERSION


@dataclass(frozen=True, slots=True)
class Kind:
    """A namespaced kind: API group (empty for the core), version, kind and plural."""

    group: str
    version: str
    kind: str
    plural: str

    @property
    def api_version(self) -> str:
        """Group and version as manifests write them."""
        return f"{self.group}/{self.version}" if self.group else self.version

    def path(self, namespace: str, name: str = "", subresource: str = "") -> str:
        """Return the URL path of the collection, of one object, or of an object's subresource.

        Without a namespace it is the collection of all namespaces.
        """
        root = f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"
        parts = [root, f"namespaces/{namespace}" if namespace else "", self.plural, name, subresource]
        return "/".join(part for part in parts if part)


REQUEST_COUNTER = Kind(GROUP, VERSION, KIND, PLURAL)
SERVICE_ACCOUNT = Kind("", "v1", "ServiceAccount", "serviceaccounts")
SECRET = Kind("", "v1", "Secret", "secrets")
CONFIG_MAP = Kind("", "v1", "ConfigMap", "configmaps")
SERVICE = Kind("", "v1", "Service", "services")
STATEFUL_SET = Kind("apps", "v1", "StatefulSet", "statefulsets")
DEPLOYMENT = Kind("apps", "v1", "Deployment", "deployments")
CRON_JOB = Kind("batch", "v1", "CronJob", "cronjobs")
JOB = Kind("batch", "v1", "Job", "jobs")
DISRUPTION_BUDGET = Kind("policy", "v1", "PodDisruptionBudget", "poddisruptionbudgets")
AUTOSCALER = Kind("autoscaling", "v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers")
INGRESS = Kind("networking.k8s.io", "v1", "Ingress", "ingresses")
VOLUME_CLAIM = Kind("", "v1", "PersistentVolumeClaim", "persistentvolumeclaims")
POD = Kind("", "v1", "Pod", "pods")
EVENT = Kind("", "v1", "Event", "events")
LEASE = Kind("coordination.k8s.io", "v1", "Lease", "leases")

STAGES = (
    (SERVICE_ACCOUNT, SECRET, CONFIG_MAP, SERVICE, VOLUME_CLAIM),
    (STATEFUL_SET, DEPLOYMENT, DISRUPTION_BUDGET, INGRESS, CRON_JOB, JOB),
    (AUTOSCALER,),
)
"""The kinds of children in the order in which they are made: what others need comes in an earlier stage.

Pods do not start without what they mount. An autoscaler complains of a Deployment that is not there, and must not
change the number of its pods while that is handed over to it.
"""

CHILD_KINDS = tuple(kind for stage in STAGES for kind in stage)
"""All kinds of children: what is rendered, watched, pruned, and what the ClusterRole allows (a test says so)."""

KIND_OF = {kind.kind: kind for kind in CHILD_KINDS}
