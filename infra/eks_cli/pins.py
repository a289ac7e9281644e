"""Versions of what is used besides our own."""

LOAD_BALANCER_CONTROLLER = "3.5.0"
"""Chart of https://aws.github.io/eks-charts; infra/eks/load_balancer_policy.tf is this version's policy."""

EXTERNAL_SECRETS = "2.9.0"
"""Chart of https://charts.external-secrets.io."""

MOTO = "5.2.5"
"""The simulated AWS of `make eks-moto`."""
