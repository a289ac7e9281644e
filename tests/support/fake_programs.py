"""Programs that only write down how they were called, and answer what a test wants: for code that runs tools."""

import os
from pathlib import Path
from shlex import quote

import pytest


class FakePrograms:
    """Programs on the PATH, before all others. What has no answer succeeds and says nothing.

    Args:
        folder: a folder of the test's own.
        monkeypatch: puts the programs on the PATH for one test.
        names: of the programs.
    """

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
        self._log = folder / "calls"
        self._cases: list[str] = []
        programs = folder / "bin"
        programs.mkdir()
        self._script = programs / "fake"
        self._write()
        self._script.chmod(0o755)
        for name in names:
            (programs / name).symlink_to(self._script)
        monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")

    def answer(self, pattern: str, output: str, *, status: int = 0) -> None:
        """Answer calls that match a shell pattern, such as ``aws sts *``; what is said last counts."""
        literal = "*".join(quote(part) if part else "" for part in pattern.split("*"))
        self._cases.insert(0, f"{literal}) printf '%s\\n' {quote(output)}; exit {status} ;;")
        self._write()

    @property
    def calls(self) -> list[str]:
        """All calls so far, each with its arguments."""
        return self._log.read_text().splitlines() if self._log.exists() else []

    def _write(self) -> None:
        lines = ["#!/bin/sh", 'call="${0##*/} $*"', f'echo "$call" >> {quote(str(self._log))}']
        if self._cases:
            lines += ['case "$call" in', *self._cases, "esac"]
        self._script.write_text("\n".join(lines) + "\n")
