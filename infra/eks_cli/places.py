"""Where things are, and the versions of what is installed into the cluster besides our own."""

from infra.kind.places import CHECKOUT as CHECKOUT
from infra.kind.places import OPERATOR as OPERATOR
from infra.kind.places import OPERATOR_NAMESPACE as OPERATOR_NAMESPACE

EKS = CHECKOUT / "infra" / "eks"
"""The Terraform code; `bootstrap` in it is a root of its own."""

BUILD = CHECKOUT / "build" / "eks"
"""Plan, kubeconfig and kustomization of the last run. `make clean` removes it."""

KUBECONFIG = BUILD / "kubeconfig"
"""Only this cluster: the user's own kubeconfig and selected context are left alone."""

LOAD_BALANCER_CONTROLLER = "3.5.0"
"""Chart of https://aws.github.io/eks-charts; infra/eks/load_balancer_policy.tf is this version's policy."""

EXTERNAL_SECRETS = "2.9.0"
"""Chart of https://charts.external-secrets.io."""

MOTO = "5.2.5"
"""The simulated AWS of `make eks-moto`."""
