"""A plugin of pytest: learns once which lines each test executes and how long it takes, then runs only what can tell.

With `--learn` it watches the tests of a run; with `--lines` it runs, of what was learnt, the tests that execute one of
these lines, each with a time limit of its own.
"""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from coverage import Coverage

# Where a run leaves what the next ones need, in the folder it is started in.
_LEARNT = Path("mutation-tests.json")
# How much longer than usual a test may take before it counts as one that waits for ever.
_PATIENCE_S, _PATIENCE_TIMES = 2.5, 8.0


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    parser.addoption("--learn", metavar="FILE", help="watch which lines of this file each test executes")
    parser.addoption("--lines", metavar="FIRST-LAST", help="run only the tests that execute one of these lines")


def pytest_configure(config: pytest.Config) -> None:
    """Start to watch, before anything is imported that is to be watched."""
    if config.getoption("--learn"):
        config.pluginmanager.register(_Watch(config.getoption("--learn")))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep the tests that execute one of the lines."""
    if not config.getoption("--lines"):
        return
    first, last = map(int, config.getoption("--lines").split("-"))
    learnt: dict[str, Any] = json.loads(_LEARNT.read_text())
    lines = set(range(first, last + 1))
    if lines.isdisjoint(learnt["at_import"]):
        items[:] = [item for item in items if not lines.isdisjoint(learnt["lines"][item.nodeid])]
    for item in items:
        limit_s = _PATIENCE_S + _PATIENCE_TIMES * learnt["seconds"][item.nodeid]
        item.add_marker(pytest.mark.timeout(limit_s))


class _Watch:
    """Watches a run of tests."""

    def __init__(self, file: str) -> None:
        self._file = str(Path(file).absolute())
        self._coverage = Coverage(data_file=None, include=[self._file], config_file=False)
        self._seconds: dict[str, float] = {}
        self._coverage.start()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        """Note what the test executes under its name."""
        started_s = time.perf_counter()
        self._coverage.switch_context(item.nodeid)
        result = yield
        self._seconds[item.nodeid] = time.perf_counter() - started_s
        return result

    def pytest_sessionfinish(self) -> None:
        """Leave what was learnt to the next runs."""
        self._coverage.stop()
        lines: dict[str, list[int]] = {name: [] for name in ("", *self._seconds)}
        for line, names in self._coverage.get_data().contexts_by_lineno(self._file).items():
            for name in names:
                lines[name].append(line)
        at_import = lines.pop("")
        _LEARNT.write_text(json.dumps({"seconds": self._seconds, "lines": lines, "at_import": at_import}))
