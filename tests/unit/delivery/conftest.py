"""Both Helms, where they have been got: `make helm` gets them, and `make test` does so by itself."""

import pytest

from infra.delivery.programs import find_program
from tests.support.charts import Helm


@pytest.fixture(params=["helm3", "helm4"])
def helm(request: pytest.FixtureRequest) -> Helm:
    """Return each Helm in turn."""
    program = find_program(request.param)
    if program is None:
        pytest.skip(f"there is no {request.param}: `make helm` gets it")
    return Helm(program)
