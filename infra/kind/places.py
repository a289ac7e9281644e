"""Where things are: the checkout, the cache, and the names and ports of the cluster."""

from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
MANIFESTS = Path(__file__).parent / "manifests"
FROM_SOURCE = Path(__file__).parent / "from_source"

CACHE = Path.home() / ".cache" / "request-counter"
BIN = CACHE / "bin"
"""Programs that were not on the PATH. `make clean` leaves it, deleting the folder is safe."""

CLUSTER = "request-counter"
CONTEXT = f"kind-{CLUSTER}"
"""The context that kind adds to the kubeconfig."""

HTTP_PORT = 8080
"""Where Traefik answers on 127.0.0.1."""

INGRESS_NODE_PORT = 30080
"""The port of the control plane that HTTP_PORT leads to: Traefik's Service."""

OPERATOR_NAMESPACE = "request-counter-system"
OPERATOR = "request-counter-operator"
