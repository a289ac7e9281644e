"""What the user sees: steps as lines, and failures as sentences without a traceback."""

import io

import pytest
from click.testing import CliRunner
from rich.console import Console

from infra.kind import cli
from infra.kind.errors import ClusterError
from infra.kind.progress import Steps


def _steps() -> tuple[Steps, io.StringIO]:
    output = io.StringIO()
    return Steps(Console(file=output, soft_wrap=True)), output


def test_a_step_is_a_line_with_its_time_and_what_it_did() -> None:
    steps, output = _steps()
    with steps, steps.step("cluster") as step:
        step.note("created")
    line = output.getvalue()
    assert line.startswith("✓ cluster")
    assert line.endswith(" s  created\n")


def test_a_step_that_fails_is_marked() -> None:
    steps, output = _steps()
    with pytest.raises(ClusterError), steps, steps.step("cluster"):
        raise ClusterError("no")
    assert output.getvalue().startswith("✗ cluster")


def test_what_a_tool_writes_is_no_markup() -> None:
    steps, output = _steps()
    with steps, steps.step("pull") as step:
        step.note("[bold]sha256[/]")
    assert "[bold]sha256[/]" in output.getvalue()


def _fail() -> str:
    raise ClusterError("it broke", output="last line of the tool", advice="Mend it.")


def test_a_failure_says_what_why_and_what_next(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli, "status_report", _fail)
    result = CliRunner().invoke(cli.main, ["status"])
    assert result.exit_code == 1
    assert result.stderr == "\nFailed: it broke\n\nlast line of the tool\n\nMend it.\n"


def _interrupt() -> str:
    raise KeyboardInterrupt


def test_an_interrupt_is_no_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli, "status_report", _interrupt)
    result = CliRunner().invoke(cli.main, ["status"])
    assert result.exit_code == 130
    assert "run it again to carry on" in result.stderr


def test_colours_of_a_tool_are_left_out() -> None:
    steps, output = _steps()
    with steps, steps.step("build") as step:
        step.note("\x1b[91mInstalled\x1b[0m")
    assert output.getvalue().endswith("  Installed\n")
