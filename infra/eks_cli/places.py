"""Where things are."""

from infra.kind.places import CHECKOUT as CHECKOUT
from infra.kind.places import OPERATOR as OPERATOR
from infra.kind.places import OPERATOR_NAMESPACE as OPERATOR_NAMESPACE

EKS = CHECKOUT / "infra" / "eks"
"""The Terraform code; `bootstrap` in it is a root of its own."""

BUILD = CHECKOUT / "build" / "eks"
"""Plan, kubeconfig and kustomization of the last run. `make clean` removes it."""

KUBECONFIG = BUILD / "kubeconfig"
"""Only this cluster: the user's own kubeconfig and selected context are left alone."""
