"""Every version that is taken from elsewhere.

A pulled image and one built here have the same name, so nothing else has to know where it came from.
"""

KIND = "v0.33.0"
KUBERNETES = "v1.36.4"
# The parts of Kubernetes that kubeadm v1.36.4 asks for: cmd/kubeadm/app/constants/constants.go.
ETCD = "3.6.8-0"
COREDNS = "v1.14.2"
PAUSE = "3.10.2"

NODE_IMAGE = f"kindest/node:{KUBERNETES}"
# The image that was released with KIND: https://github.com/kubernetes-sigs/kind/releases/tag/v0.33.0
NODE_DIGEST = "sha256:099e049362a1526b2db71494e1947aae99bd16290d7c895f2b7ea312e3cbfaed"
PYTHON_IMAGE = "python:3.13-slim-trixie"
REDIS_IMAGE = "redis:8.0-trixie"
TRAEFIK_IMAGE = "traefik:v3.7.15"
METRICS_SERVER_IMAGE = "registry.k8s.io/metrics-server/metrics-server:v0.9.0"
