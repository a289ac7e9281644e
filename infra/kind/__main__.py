"""`python -m infra.kind`."""

from infra.kind.cli import main

if __name__ == "__main__":
    main(prog_name="python -m infra.kind")
