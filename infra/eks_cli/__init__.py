"""EKS by one command each: `python -m infra.eks_cli plan | up | down | check | moto | costs`, which the Makefile wraps.

The Terraform code is in infra/eks; this package only runs it and what comes after it. Whatever costs money or destroys
something is shown first and asked for; there is no flag that answers by itself.
"""
