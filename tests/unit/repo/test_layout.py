"""Rules of the repository that no linter knows: where there is no package, and how large things may grow."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
CODE = ["operator", "counter_service", "infra", "tests"]
MAX_FILE_LINES = 300
MAX_FUNCTION_LINES = 40


def python_files(*folders: str) -> Iterator[Path]:
    for folder in folders:
        yield from (path for path in sorted((ROOT / folder).rglob("*.py")) if "__pycache__" not in path.parts)


@pytest.mark.parametrize("folder", ["operator", "tests/unit/operator"])
def test_no_package_is_called_operator(folder: str) -> None:
    """One would shadow the standard library's module of that name, and break Python itself in this folder."""
    assert not (ROOT / folder / "__init__.py").exists()


def test_files_stay_short() -> None:
    lengths = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in python_files(*CODE)}
    assert {name: length for name, length in lengths.items() if length > MAX_FILE_LINES} == {}


def test_functions_stay_short() -> None:
    long = {
        f"{path.relative_to(ROOT)}:{node.lineno} {node.name}": length
        for path in python_files(*CODE)
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (length := (node.end_lineno or node.lineno) - node.lineno + 1) > MAX_FUNCTION_LINES
    }
    assert long == {}


def test_no_shell_script_is_long() -> None:
    scripts = [
        path
        for path in ROOT.rglob("*")
        if path.is_file()
        and not {".git", ".venv", "node_modules"} & set(path.parts)
        and path.stat().st_size < 1 << 20
        and path.read_bytes()[:20].startswith((b"#!/bin/bash", b"#!/bin/sh", b"#!/usr/bin/env b"))
    ]
    assert [str(path) for path in scripts if len(path.read_text().splitlines()) > 100] == []
