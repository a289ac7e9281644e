"""`python -m tests.mutation`: removes each statement of the counting path in turn, and sees whether a test notices.

Works on a copy of the repository, so nothing is left behind. Prints the statements that no test missed; each of them is
either to be tested, to be deleted, or to be listed in EXPLAINED with the reason why its removal changes no promise.
"""

import argparse
import ast
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.progress import track

from tests.mutation.explained import EXPLAINED

REPOSITORY = Path(__file__).resolve().parents[2]
# The quickest to notice first.
LANE_TESTS = ("test_lane.py", "test_lane_flow.py", "test_http_contract.py")
QUEUE_TESTS = ("test_batching.py", "test_app.py", "test_lane_flow.py")
FILES = {
    "counter_service/lane.py": LANE_TESTS,
    "counter_service/grouping.py": QUEUE_TESTS,
    "counter_service/batching.py": QUEUE_TESTS,
}
# Longer than the tests take; a statement whose removal makes something wait for ever is noticed.
TIMEOUT_S = 180


def main() -> None:
    """Exit with 1 if a statement was not missed that nobody has explained."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__)
    parser.add_argument(
        "files", nargs="*", choices=FILES, default=list(FILES), help="relative to the repository (default: %(default)s)"
    )
    survivors, unexplained = 0, 0
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "copy"
        ignored = shutil.ignore_patterns(".*", "__pycache__", "infra", "docs")
        shutil.copytree(REPOSITORY, copy, ignore=ignored)
        for file in parser.parse_args().files:
            for statement in _survivors(copy, file):
                survivor = f"{file}: {statement}"
                survivors += 1
                unexplained += survivor not in EXPLAINED
                _say(f"{'explained ' if survivor in EXPLAINED else 'not missed'}  {survivor}")
    _say(f"{survivors} not missed, {unexplained} of them not explained")
    sys.exit(1 if unexplained else 0)


def _survivors(copy: Path, file: str) -> Iterator[str]:
    source = (copy / file).read_text()
    statements = list(_statements(ast.parse(source)))
    if not _passes(copy, FILES[file]):
        sys.exit("the tests fail with nothing removed")
    for statement in track(statements, description=file):
        lines = source.splitlines(keepends=True)
        indent = " " * statement.col_offset
        end = statement.end_lineno or statement.lineno
        lines[statement.lineno - 1 : end] = [f"{indent}pass\n"]
        (copy / file).write_text("".join(lines))
        if _passes(copy, FILES[file]):
            yield " ".join(ast.unparse(statement).split())
    (copy / file).write_text(source)


def _statements(tree: ast.Module) -> Iterator[ast.stmt]:
    """Find what can be removed and leaves a program: statements in functions, compound ones as a whole and in parts."""
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            for node in ast.walk(function):
                is_text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
                if (
                    isinstance(node, ast.stmt)
                    and node is not function
                    and not is_text
                    and not isinstance(node, ast.Pass)
                ):
                    yield node


def _passes(copy: Path, names: Sequence[str]) -> bool:
    tests = [f"tests/unit/counter_service/{name}" for name in names]
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "--timeout=30", *tests]
    try:
        done = subprocess.run(command, cwd=copy, capture_output=True, timeout=TIMEOUT_S, check=False)
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201 -- a command


if __name__ == "__main__":
    main()
