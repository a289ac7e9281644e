"""CHANGELOG.md: the section of one release, and the making of a new one."""

import re

from infra.kind.errors import ClusterError

_HEADING = re.compile(r"^## \[(?P<version>[^\]]+)\](?: - (?P<date>\d{4}-\d{2}-\d{2}))?[ \t]*$", re.MULTILINE)
_UNRELEASED = "Unreleased"


def section(text: str, version: str) -> str:
    """Return what a changelog says about a release, without the heading.

    Args:
        text: of the file, in the form of https://keepachangelog.com/en/1.1.0/.
        version: without a v.

    Raises:
        ClusterError: It says nothing about it, or not when it was released.
    """
    headings = list(_HEADING.finditer(text))
    for heading, following in zip(headings, [*headings[1:], None], strict=True):
        if heading["version"] != version:
            continue
        if heading["date"] is None and version != _UNRELEASED:
            raise ClusterError(f"the changelog's section {version} has no date: `## [{version}] - YYYY-MM-DD`")
        body = text[heading.end() : following.start() if following else len(text)].strip()
        if not body:
            raise ClusterError(f"the changelog's section {version} is empty")
        return body + "\n"
    raise ClusterError(f"the changelog has no section {version}", advice=f"`make version NEW={version}` makes one.")


def released(text: str, version: str, date: str) -> str:
    """Return the changelog with what is unreleased as the section of a release.

    Args:
        text: of the file.
        version: the new one.
        date: YYYY-MM-DD.

    Raises:
        ClusterError: Nothing is unreleased.
    """
    section(text, _UNRELEASED)
    heading = f"## [{_UNRELEASED}]"
    return text.replace(heading, f"{heading}\n\n## [{version}] - {date}", 1)
