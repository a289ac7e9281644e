"""Debian's packages on this machine: what the way without a container registry needs, and only root may install."""

import os
import platform
import shutil
import threading
from collections.abc import Mapping

from infra.kind.process import follow
from infra.kind.progress import Step

_one_at_a_time = threading.Lock()
"""apt-get refuses to run twice."""


def can_install() -> bool:
    """Whether this process may install Debian packages."""
    return platform.system() == "Linux" and os.geteuid() == 0 and shutil.which("apt-get") is not None


def ensure_programs(packages: Mapping[str, str], step: Step) -> None:
    """Install the packages of the programs that are not on the PATH.

    Args:
        packages: program -> the Debian package that has it.
        step: says what is being installed.

    Raises:
        CommandError: apt-get failed; nothing or a part is installed, and a repeat carries on.
    """
    with _one_at_a_time:
        missing = sorted({package for program, package in packages.items() if not shutil.which(program)})
        if missing:
            step.note(f"installing {', '.join(missing)}")
            _apt("update")
            _apt("install", "-y", "--no-install-recommends", *missing)


def _apt(*arguments: str) -> None:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    # An upgrade that is under way, as on a machine that has just started, is waited for.
    follow(["apt-get", "-qq", "-o", "DPkg::Lock::Timeout=120", *arguments], lambda _: None, environment=environment)
