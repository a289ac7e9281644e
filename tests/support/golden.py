"""The manifests that this release renders, on file: ``python -m tests.support.golden`` writes them anew.

Whoever changes them changes the pods of every counter at the next upgrade of the operator: the diff shows how.
"""

import json
from pathlib import Path

import yaml

from request_counter_operator.desired import Facts, children
from request_counter_operator.settings import Settings
from tests.support.counters import SPECS, counter

DIRECTORY = Path(__file__).parent.parent / "unit" / "operator" / "golden"


def render(name: str) -> str:
    """Return the manifests of the sample resource ``name``, in the order in which they are applied."""
    facts = Facts(redis_password="p" * 64, deployment_exists=True)
    manifests = children(counter(SPECS[name]), Settings(), facts)
    # By way of JSON, so that equal parts are written out rather than referred to.
    return yaml.safe_dump_all(json.loads(json.dumps(manifests)), sort_keys=False)


def main() -> None:
    """Write every golden file."""
    DIRECTORY.mkdir(exist_ok=True)
    for name in SPECS:
        (DIRECTORY / f"{name}.yaml").write_text(render(name))


if __name__ == "__main__":
    main()
