"""Terraform as a program: what it says is the user's to see, and it is never left alone in the middle of a change."""

import os
import signal
import sys
from pathlib import Path

import pytest

from infra.eks_cli.terraform import run, summary
from infra.kind.errors import ClusterError, CommandError
from tests.support.eks_examples import PLAN
from tests.support.fake_programs import FakePrograms

WRITE_STATE = 'import pathlib, sys; pathlib.Path(sys.argv[1]).write_text("written"); sys.exit(3)'


def test_a_failure_is_told_with_its_status(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    FakePrograms(tmp_path, monkeypatch, "terraform").answer("terraform *", "Error: no", status=1)
    with pytest.raises(CommandError, match="`terraform validate` ended with status 1"):
        run(tmp_path, "validate")


def test_without_terraform_the_way_to_it_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ClusterError, match="no program 'terraform'") as caught:
        run(tmp_path, "validate")
    assert "install" in caught.value.advice


def test_an_interrupt_is_left_to_terraform_and_its_end_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "terraform"
    # It interrupts us, as a terminal would, and then takes its time to write the state.
    program.write_text(
        f"#!/bin/sh\nkill -INT {os.getpid()}\nexec {sys.executable} -c '{WRITE_STATE}' {tmp_path}/state\n"
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    with pytest.raises(CommandError, match="ended with status 3"):
        run(tmp_path, "apply")
    assert (tmp_path / "state").read_text() == "written"
    with pytest.raises(KeyboardInterrupt):  # and from then on interrupts are ours again
        signal.raise_signal(signal.SIGINT)


def test_a_summary_counts_what_is_done_to_managed_resources() -> None:
    assert summary(PLAN) == "3 to create, 1 to replace"
    assert summary({}) == "nothing to do"
