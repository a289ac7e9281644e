"""Debian's packages on this machine: what the way without a container registry needs, and only root may install."""

import os
import platform
import shutil
from collections.abc import Mapping

from infra.kind.process import follow
from infra.kind.progress import Step


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
    missing = sorted({package for program, package in packages.items() if not shutil.which(program)})
    if not missing:
        return
    step.note(f"installing {', '.join(missing)}")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    # Another apt-get, as on a machine that has just started, is waited for.
    apt = ["apt-get", "-qq", "-o", "DPkg::Lock::Timeout=120"]
    follow([*apt, "update"], lambda _: None, environment=environment)
    follow([*apt, "install", "-y", "--no-install-recommends", *missing], lambda _: None, environment=environment)
