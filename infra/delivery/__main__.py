"""`python -m infra.delivery`."""

from infra.delivery.cli import main

if __name__ == "__main__":
    main(prog_name="python -m infra.delivery")
