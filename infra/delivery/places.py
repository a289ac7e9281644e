"""Where things are: what is delivered, and what is made of it."""

import tomllib

from infra.kind.places import CHECKOUT as CHECKOUT

BASE = CHECKOUT / "deploy" / "base"
CHART = CHECKOUT / "deploy" / "helm" / "request-counter-operator"
CRD = CHECKOUT / "crds" / "requestcounters.requestcounter.io.yaml"
CHANGELOG = CHECKOUT / "CHANGELOG.md"

BUILD = CHECKOUT / "build"
"""What is made on the way. `make clean` removes it."""

DIST = CHECKOUT / "dist"
"""What is released. `make clean` removes it."""


def version() -> str:
    """Return the project's version, as pyproject.toml has it."""
    return str(tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]["version"])
