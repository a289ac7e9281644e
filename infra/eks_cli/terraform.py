"""Terraform: plan, look at the plan, apply exactly that. And the checks that need no account."""

import json
import os
import signal
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from infra.eks_cli import places
from infra.kind.errors import ClusterError, CommandError
from infra.kind.process import capture

Say = Callable[[str], None]
"""Gets each line that is for the user."""


def run(root: Path, *arguments: str) -> None:
    """Run Terraform in a root module, on the user's terminal, without questions of its own.

    An interrupt reaches Terraform too, which then ends what it is doing and writes the state; that is waited for.

    Raises:
        CommandError: It ended with an error, which it has shown itself.
        ClusterError: There is no Terraform.
    """
    command = ["terraform", *arguments]
    with _interrupts_left_to_children():
        try:
            environment = os.environ | {"TF_IN_AUTOMATION": "1", "TF_INPUT": "0"}
            done = subprocess.run(command, env=environment, cwd=root, check=False)
        except FileNotFoundError as error:
            advice = "https://developer.hashicorp.com/terraform/install"
            raise ClusterError("there is no program 'terraform' on this machine", advice=advice) from error
    if done.returncode:
        raise CommandError(command, done.returncode, "")


@contextmanager
def _interrupts_left_to_children() -> Iterator[None]:
    # A handler, because what is ignored would be ignored by the children too.
    before = signal.signal(signal.SIGINT, lambda *_: None)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def init() -> None:
    """Get the provider, and open the state.

    Raises:
        ClusterError: There is no backend yet, or the state or the provider cannot be had.
    """
    if not (places.EKS / "backend.hcl").exists():
        raise ClusterError(
            "infra/eks/backend.hcl is not there, so Terraform does not know where its state is",
            advice="Make the bucket and the file once, as docs/eks.md says under Bootstrap.",
        )
    run(places.EKS, "init", "-backend-config=backend.hcl")


def make_plan(*, destroy: bool = False) -> Mapping[str, Any]:
    """Write the plan, and return it as `terraform show -json` has it.

    Raises:
        CommandError: Terraform refuses.
    """
    places.BUILD.mkdir(parents=True, exist_ok=True)
    mode = ["-destroy"] if destroy else []
    run(places.EKS, "plan", *mode, f"-out={_plan()}")
    shown: dict[str, Any] = json.loads(capture(["terraform", "show", "-json", str(_plan())], cwd=places.EKS))
    return shown


def _plan() -> Path:
    return places.BUILD / "plan.tfplan"


def apply_plan() -> None:
    """Apply the plan that was shown, and nothing that came up since.

    Raises:
        CommandError: AWS refused something; what was made so far is in the state, and a repeat carries on.
    """
    run(places.EKS, "apply", str(_plan()))


def outputs() -> dict[str, Any]:
    """Return the outputs of what was applied; empty when nothing is."""
    shown = json.loads(capture(["terraform", "output", "-json"], cwd=places.EKS))
    return {name: output["value"] for name, output in shown.items()}


def has_nothing() -> bool:
    """Whether the state has no resource in it, or is not there yet.

    Raises:
        CommandError: The state cannot be read.
    """
    try:
        return not capture(["terraform", "state", "list"], cwd=places.EKS)
    except CommandError as error:
        if "No state file was found" in error.output:
            return True
        raise


def summary(plan: Mapping[str, Any]) -> str:
    """Return how many resources a plan adds, changes, replaces and destroys, in a line."""
    counts: Counter[str] = Counter()
    for change in plan.get("resource_changes", []):
        actions = change["change"]["actions"]
        if change.get("mode") == "managed" and actions not in (["no-op"], ["read"]):
            counts["replace" if len(actions) > 1 else actions[0]] += 1
    return ", ".join(f"{number} to {action}" for action, number in sorted(counts.items())) or "nothing to do"


def check(roots: tuple[Path, ...]) -> None:
    """Check format, validity and tests of root modules. Nothing of an account is needed, but the AWS provider is.

    Raises:
        ClusterError: A check failed, or the provider cannot be had.
    """
    run(places.EKS, "fmt", "-check", "-recursive", "-diff")
    for root in roots:
        _init_without_backend(root)
        run(root, "validate")
        run(root, "test")


def _init_without_backend(root: Path) -> None:
    try:
        capture(["terraform", "init", "-backend=false", "-input=false", "-no-color"], cwd=root)
    except CommandError as error:
        if "could not connect to registry.terraform.io" in " ".join(error.output.split()):
            raise ClusterError(
                "the Terraform registry cannot be reached, so only the format was checked: "
                "validate and test need the AWS provider"
            ) from error
        raise
