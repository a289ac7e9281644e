"""The manifests that each release renders, on file: ``python -m tests.support.golden`` writes this release's anew.

Whoever changes them changes the pods of every counter at the next upgrade of the operator: the diff shows how.
"""

import json
from pathlib import Path

import yaml

from request_counter_operator import __version__
from request_counter_operator.desired import children
from request_counter_operator.render.credentials import Credentials
from request_counter_operator.render.facts import Facts
from request_counter_operator.settings import Settings
from tests.support.counters import SPECS, STATUSES, counter

RELEASES = Path(__file__).parent.parent / "unit" / "operator" / "golden"
DIRECTORY = RELEASES / __version__


def render(name: str) -> str:
    """Return the manifests of the sample resource ``name``, in the order in which they are applied."""
    facts = Facts(Credentials("p" * 64), service_replicas=2, service_pods=2, certificate="c" * 16)
    manifests = children(counter(SPECS[name], status=STATUSES.get(name)), Settings(), facts)
    # By way of JSON, so that equal parts are written out rather than referred to.
    return yaml.safe_dump_all(json.loads(json.dumps(manifests)), sort_keys=False)


def main() -> None:
    """Write every golden file."""
    DIRECTORY.mkdir(parents=True, exist_ok=True)
    for name in SPECS:
        (DIRECTORY / f"{name}.yaml").write_text(render(name))


if __name__ == "__main__":
    main()
