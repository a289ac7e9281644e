"""What is written down when a run has failed: all that can be read, why the rest cannot, and no Secret."""

from pathlib import Path
from typing import Any

import pytest

from infra.kind import debug
from infra.kind.debug import MACHINE, QUERIES, SHOWN, write_dump
from infra.kind.errors import ClusterError, CommandError
from infra.kind.tools import Tools


def test_no_secret_is_asked_for() -> None:
    kinds = {kind for query in QUERIES.values() if query[0] == "get" for kind in query[1].split(",")}
    assert "requestcounters" in kinds
    assert not {"secrets", "secret", "all"} & kinds


def test_what_is_shown_is_written() -> None:
    assert set(SHOWN) <= MACHINE.keys() | QUERIES.keys()
    assert not MACHINE.keys() & QUERIES.keys()


def test_without_docker_it_says_so_in_the_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def capture(command: list[str], **_: Any) -> str:
        if command[0] == "docker":
            raise ClusterError("there is no program 'docker' on this machine")
        return "fine"

    monkeypatch.setattr(debug, "capture", capture)
    monkeypatch.setattr(debug, "find_tools", lambda: None)
    shown = write_dump(tmp_path / "new")
    assert {file.stem for file in (tmp_path / "new").iterdir()} == MACHINE.keys()
    assert "there is no program 'docker'" in shown[0]


def test_one_query_that_fails_does_not_end_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def kubectl(_: Tools, *arguments: str) -> str:
        if arguments[0] == "logs":
            raise CommandError(["kubectl", *arguments], 1, "previous terminated container not found")
        return "\n".join(f"line {number}" for number in range(100))

    monkeypatch.setattr(debug, "capture", lambda *_, **__: "")
    monkeypatch.setattr(debug, "kubectl", kubectl)
    monkeypatch.setattr(debug, "find_tools", lambda: Tools("kind", "kubectl"))
    monkeypatch.setattr(debug, "node_states", lambda: {"request-counter-worker": "running"})
    shown = write_dump(tmp_path)
    assert {file.stem for file in tmp_path.iterdir()} >= QUERIES.keys()
    assert "previous terminated container" in (tmp_path / "operator-before-restart.txt").read_text()
    assert shown[1].endswith("line 99")
    assert "line 10\n" not in shown[1]
