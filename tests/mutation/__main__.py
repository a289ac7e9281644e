"""`python -m tests.mutation`: removes each statement of the counting path in turn, and sees whether a test notices.

Works on a copy of the repository, so nothing is left behind. Prints the statements that no test missed; each of them is
either to be tested, to be deleted, or to be listed in EXPLAINED with the reason why its removal changes no promise.
Parts of a statement that no test missed are not looked at: they go with it.
"""

import argparse
import ast
import importlib
import importlib.util
import os
import resource
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from multiprocessing import get_context
from pathlib import Path

import pytest

from tests.mutation.explained import EXPLAINED

REPOSITORY = Path(__file__).resolve().parents[2]
# The quickest to notice first; those on uvloop last, whose loop no time limit interrupts: they hang longest.
LANE_TESTS = ("test_lane.py", "test_lane_flow.py", "test_http_contract.py")
QUEUE_TESTS = ("test_batching.py", "test_app.py", "test_lane_flow.py")
FILES = {
    "counter_service/lane.py": LANE_TESTS,
    "counter_service/grouping.py": QUEUE_TESTS,
    "counter_service/batching.py": QUEUE_TESTS,
}
# Longer than all tests take on a busy machine; a statement whose removal makes something wait for ever is noticed.
TIMEOUT_S = 300
MAX_MEMORY_BYTES = 2 * 1024**3
MAX_CPU_S = 60
# Those that other plugins of pytest need seconds to start for are not among the tests.
_PLUGINS = ("pytest_asyncio.plugin", "pytest_timeout", "tests.mutation.selection", "no:cacheprovider")
_IMPORTS = (
    "aiohttp.web",
    "coverage",
    "hypothesis.strategies",
    "httptools",
    "prometheus_client",
    "redis.asyncio",
    "structlog",
)


def main() -> None:
    """Exit with 1 if a statement was not missed that nobody has explained."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__)
    parser.add_argument("files", nargs="*", help=f"some of {', '.join(FILES)} (default: all)")
    files = parser.parse_args().files or list(FILES)
    if unknown := set(files) - set(FILES):
        parser.error(f"not of the counting path: {', '.join(unknown)}")
    for name in _IMPORTS:
        importlib.import_module(name)
    survivors, unexplained = 0, 0
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "copy"
        ignored = shutil.ignore_patterns(".*", "__pycache__", "infra", "docs")
        shutil.copytree(REPOSITORY, copy, ignore=ignored)
        for file in files:
            for statement in _survivors(copy, file):
                survivor = f"{file}: {statement}"
                survivors += 1
                unexplained += survivor not in EXPLAINED
                _say(f"{'explained ' if survivor in EXPLAINED else 'not missed'}  {survivor}")
    _say(f"{survivors} not missed, {unexplained} of them not explained")
    sys.exit(1 if unexplained else 0)


def _survivors(copy: Path, file: str) -> Iterator[str]:
    """Yield the statements that no test misses, each after the function or class it is in."""
    source = (copy / file).read_text()
    if not _pass(copy, FILES[file], "--learn", file):
        sys.exit("the tests fail with nothing removed")
    gone_anyway: set[ast.stmt] = set()
    statements = list(_statements(ast.parse(source)))
    _say(f"{file}: {len(statements)} statements")
    for name, statement in statements:
        if statement in gone_anyway:
            continue
        first, last = _lines(statement)
        _write(copy / file, _without(source, first, last, statement.col_offset))
        if _pass(copy, FILES[file], "--lines", f"{first}-{last}"):
            gone_anyway.update(part for _, part in _statements(statement))
            yield f"{name}: {' '.join(ast.unparse(statement).split())}"
    _write(copy / file, source)


def _statements(tree: ast.AST, name: str = "") -> Iterator[tuple[str, ast.stmt]]:
    """Find all statements, compound ones before their parts, each with the name of what it is in.

    What stands outside of classes and functions is a name for something, which the linter misses where it is used.
    """
    for node in ast.iter_child_nodes(tree):
        is_text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        if name and isinstance(node, ast.stmt) and not is_text and not isinstance(node, ast.Pass):
            yield name, node
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield from _statements(node, f"{name}.{node.name}".removeprefix("."))
        else:
            yield from _statements(node, name)


def _lines(statement: ast.stmt) -> tuple[int, int]:
    """Return the first and the last line, decorators included."""
    decorators = getattr(statement, "decorator_list", [])
    return min(node.lineno for node in (statement, *decorators)), statement.end_lineno or statement.lineno


def _without(source: str, first: int, last: int, indent: int) -> str:
    lines = source.splitlines(keepends=True)
    lines[first - 1 : last] = [f"{' ' * indent}pass\n"]
    text = "".join(lines)
    compile(text, "", "exec")  # what is no program would be missed by any test
    return text


def _write(file: Path, text: str) -> None:
    file.write_text(text)
    # Compiled files are known by their second and size, which two states may share.
    Path(importlib.util.cache_from_source(str(file))).unlink(missing_ok=True)


def _pass(copy: Path, names: Sequence[str], *options: str) -> bool:
    """Whether no test fails; that none executes the lines is as good."""
    plugins = [word for plugin in _PLUGINS for word in ("-p", plugin)]
    tests = [f"tests/unit/counter_service/{name}" for name in names]
    # A copy of this process has everything imported but what is tested: the imports take longer than most of the tests.
    run = get_context("fork").Process(target=_test, args=(copy, ["-x", "-q", *plugins, *options, *tests]))
    run.start()
    run.join(TIMEOUT_S)
    run.kill()
    run.join()
    return run.exitcode in {pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED}


def _test(copy: Path, arguments: list[str]) -> None:
    # Without one of its statements, a loop may turn for ever and keep something each time.
    for limit, most in ((resource.RLIMIT_AS, MAX_MEMORY_BYTES), (resource.RLIMIT_CPU, MAX_CPU_S)):
        resource.setrlimit(limit, (most, most))
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)
    os.dup2(silence, 2)
    os.chdir(copy)
    sys.path[0] = str(copy)
    for name in [name for name in sys.modules if name.partition(".")[0] == "tests"]:
        del sys.modules[name]
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    sys.exit(pytest.main(arguments))


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201 -- a command


if __name__ == "__main__":
    main()
