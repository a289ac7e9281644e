"""One version, wherever it is written; and how it becomes another."""

import shutil
import subprocess
from pathlib import Path

import pytest

from infra.delivery import places
from infra.delivery.changelog import section
from infra.delivery.versions import PLACES, set_version, written
from infra.kind.errors import ClusterError


def test_every_place_has_the_project_s_version() -> None:
    found = written(places.CHECKOUT)
    assert all(found.values())
    assert {version for versions in found.values() for version in versions} == {places.version()}


def test_a_place_that_nobody_thought_of_would_be_noticed() -> None:
    """Whoever writes the version into another file adds it to PLACES, or it stays behind at the next release."""
    tracked = subprocess.run(["git", "ls-files", "-z"], cwd=places.CHECKOUT, capture_output=True, text=True, check=True)
    names = {name for name in tracked.stdout.split("\0") if name and not name.startswith(("tests/", "docs/"))}
    spelled = (f"request-counter/operator:{places.version()}", f"request-counter/service:{places.version()}")
    having = {
        name
        for name in names
        if (places.CHECKOUT / name).is_file()
        and any(text in (places.CHECKOUT / name).read_text(errors="ignore") for text in spelled)
    }
    assert having <= PLACES.keys()


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder with the files that have the version, and something to release."""
    for name in PLACES:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(places.CHECKOUT / name, tmp_path / name)
    (tmp_path / places.CHANGELOG.name).write_text("# Changelog\n\n## [Unreleased]\n\n- A thing.\n")
    return tmp_path


def test_a_new_version_is_written_to_every_place(checkout: Path) -> None:
    set_version(checkout, "7.8.9")
    assert {version for versions in written(checkout).values() for version in versions} == {"7.8.9"}
    assert section((checkout / places.CHANGELOG.name).read_text(), "7.8.9") == "- A thing.\n"


@pytest.mark.parametrize("new", ["1.2", "v1.2.3", "1.2.3 ", "", "latest"])
def test_what_is_no_version_changes_nothing(checkout: Path, new: str) -> None:
    with pytest.raises(ClusterError, match="is no version"):
        set_version(checkout, new)
    assert {version for versions in written(checkout).values() for version in versions} == {places.version()}
