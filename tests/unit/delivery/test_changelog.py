"""What a release's notes are: the changelog's section, whole and nothing else; and how a section comes to be."""

import re

import pytest

from infra.delivery import places
from infra.delivery.changelog import released, section
from infra.kind.errors import ClusterError

TEXT = """\
# Changelog

## [Unreleased]

### Fixed

- One thing.

## [1.1.0] - 2026-10-01

### Added

- `## [9.9.9]` is no heading in the midst of a line.
- Another.

## [1.0.0] - 2026-09-01

- The first.

## [0.9.0]

- Never released.

## [0.8.0] - 2026-01-01
"""


def test_a_section_is_what_stands_below_its_heading() -> None:
    expected = "### Added\n\n- `## [9.9.9]` is no heading in the midst of a line.\n- Another.\n"
    assert section(TEXT, "1.1.0") == expected
    assert section(TEXT, "1.0.0") == "- The first.\n"


@pytest.mark.parametrize(
    ("version", "reason"),
    [
        ("2.0.0", "has no section 2.0.0"),
        ("1.1", "has no section"),
        ("v1.1.0", "has no section"),
        ("9.9.9", "has no section"),
        ("0.9.0", "has no date"),
        ("0.8.0", "is empty"),
    ],
)
def test_a_release_without_notes_is_refused(version: str, reason: str) -> None:
    with pytest.raises(ClusterError, match=reason):
        section(TEXT, version)


def test_what_is_unreleased_becomes_a_section() -> None:
    text = released(TEXT, "1.2.0", "2026-11-24")
    assert section(text, "1.2.0") == "### Fixed\n\n- One thing.\n"
    with pytest.raises(ClusterError, match="is empty"):
        released(text, "1.3.0", "2026-11-25")


def test_every_section_of_our_own_changelog_can_be_released() -> None:
    text = places.CHANGELOG.read_text()
    headings = re.findall(r"^## (.*)$", text, re.MULTILINE)
    assert headings[0] == "[Unreleased]"
    for heading in headings[1:]:
        assert section(text, heading[1:].partition("]")[0])
