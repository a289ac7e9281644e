"""`python -m infra.eks_cli`."""

from infra.eks_cli.cli import main

if __name__ == "__main__":
    main(prog_name="python -m infra.eks_cli")
