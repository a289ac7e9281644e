"""Programs that we run: their lines, their last words, and their end."""

import sys

import pytest

from infra.kind.errors import ClusterError, CommandError
from infra.kind.process import capture, follow, pipe, succeeds


def _python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def test_capture_returns_standard_output_only() -> None:
    assert capture(_python("import sys; print('out'); print('err', file=sys.stderr)")) == "out"


def test_a_failure_carries_the_last_lines_of_both_outputs() -> None:
    with pytest.raises(CommandError, match="ended with status 3") as caught:
        capture(_python("import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)"))
    assert caught.value.output == "out\nerr"


def test_a_program_that_is_not_there_is_named() -> None:
    with pytest.raises(ClusterError, match="no program 'no-such-program'"):
        capture(["no-such-program"])
    assert not succeeds(["no-such-program"])


def test_follow_hands_over_lines_as_they_come() -> None:
    lines: list[str] = []
    follow(_python("print('one'); print('two')"), lines.append)
    assert lines == ["one", "two"]


def test_follow_keeps_the_last_lines_only() -> None:
    with pytest.raises(CommandError) as caught:
        follow(_python("print(*range(100), sep='\\n'); raise SystemExit(1)"), lambda _: None)
    assert caught.value.output.splitlines() == [str(number) for number in range(80, 100)]


def test_follow_gives_up_on_a_program_that_says_nothing() -> None:
    with pytest.raises(CommandError):
        follow(_python("import time; time.sleep(60)"), lambda _: None, first_line_within_s=0.2)


def test_follow_waits_for_a_program_that_has_said_something() -> None:
    lines: list[str] = []
    slow = "import time; print('begun', flush=True); time.sleep(0.6); print('done')"
    follow(_python(slow), lines.append, first_line_within_s=0.5)
    assert lines == ["begun", "done"]


def test_pipe_connects_two_programs() -> None:
    check = "import sys; sys.exit(sys.stdin.read() != 'through\\n')"
    pipe(_python("print('through')"), _python(check))


def test_pipe_fails_when_either_does() -> None:
    with pytest.raises(CommandError):
        pipe(_python("raise SystemExit('no source')"), _python("import sys; sys.stdin.read()"))
    with pytest.raises(CommandError) as caught:
        pipe(_python("print('x')"), _python("raise SystemExit('no sink')"))
    assert "no sink" in caught.value.output
