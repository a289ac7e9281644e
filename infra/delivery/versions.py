"""The project's version: written in pyproject.toml, and where a file has to have it that cannot ask."""

import re
from datetime import UTC, datetime
from pathlib import Path

from infra.delivery import places
from infra.delivery.changelog import released
from infra.kind.errors import ClusterError

_FORM = re.compile(r"\d+\.\d+\.\d+(-[0-9A-Za-z.]+)?")
PLACES = {
    "pyproject.toml": r'^version = "(.*)"$',
    "uv.lock": r'^name = "request-counter"\nversion = "(.*)"$',
    "Dockerfile.operator": r"^ARG VERSION=(.*)$",
    "Dockerfile.service": r"^ARG VERSION=(.*)$",
    "deploy/base/deployment.yaml": r"^ +image: request-counter/operator:(.*)$",
    "deploy/helm/request-counter-operator/Chart.yaml": r"^(?:version|appVersion): (.*)$",
}
"""File -> what the version is found by, each time as the group."""


def written(checkout: Path) -> dict[str, list[str]]:
    """Return file -> the versions that it has."""
    return {name: re.findall(pattern, (checkout / name).read_text(), re.MULTILINE) for name, pattern in PLACES.items()}


def set_version(checkout: Path, new: str) -> None:
    """Write a version to every place, and make what the changelog has as unreleased its section.

    Raises:
        ClusterError: It is no semantic version, or the changelog has nothing to release.
    """
    if not _FORM.fullmatch(new):
        raise ClusterError(f"{new!r} is no version such as 1.2.3 or 1.2.3-rc.1")
    changelog = checkout / places.CHANGELOG.name
    text = released(changelog.read_text(), new, datetime.now(UTC).date().isoformat())
    for name, pattern in PLACES.items():
        file = checkout / name
        file.write_text(re.sub(pattern, lambda found: _replaced(found, new), file.read_text(), flags=re.MULTILINE))
    changelog.write_text(text)


def _replaced(found: re.Match[str], new: str) -> str:
    whole, start = found[0], found.start()
    return whole[: found.start(1) - start] + new + whole[found.end(1) - start :]
