"""The Docker daemon: the one that runs, or else, for root on Debian, one that is installed and started."""

import os
import shutil
import subprocess
from pathlib import Path

from infra.kind import debian, places
from infra.kind.errors import ClusterError
from infra.kind.process import capture, last_lines, succeeds
from infra.kind.progress import Step, wait_until

_LOG = Path("/var/log/dockerd.log")
_RUNTIME = places.FROM_SOURCE / "node" / "files" / "usr" / "local" / "bin" / "runc-lesscaps"
_START_TIMEOUT_S = 60.0
_CAP_SYS_RESOURCE = 24  # its number in include/uapi/linux/capability.h


def ensure_daemon(step: Step) -> None:
    """Return when a Docker daemon answers.

    Raises:
        ClusterError: None answers, and none can be started here.
    """
    if not _answers():
        # A daemon that the user points to elsewhere is not replaced by one here.
        if os.environ.get("DOCKER_HOST") or not debian.can_install():
            raise ClusterError(
                "no Docker daemon answers",
                advice="Start Docker and run this again; without Docker, `make run` serves a counter on SQLite.",
            )
        debian.ensure_programs({"dockerd": "docker.io", "iptables": "iptables"}, step)
        debian.ensure_programs({"docker": "docker-cli"}, step)  # a package of its own only since trixie
        _start(step)
    step.note(f"{capture(['docker', 'version', '--format', '{{.Server.Version}}'])}{step.detail}")


def lacks_sys_resource() -> bool:
    """Whether this machine withholds CAP_SYS_RESOURCE, as some sandboxes do, even from privileged containers."""
    status = Path("/proc/self/status")
    if not status.exists():
        return False
    bounding = next(line for line in status.read_text().splitlines() if line.startswith("CapBnd:"))
    return not int(bounding.split()[1], 16) >> _CAP_SYS_RESOURCE & 1


def _answers() -> bool:
    return succeeds(["docker", "version"])


def _start(step: Step) -> None:
    step.note("starting it")
    if Path("/run/systemd/system").is_dir():
        capture(["systemctl", "start", "docker"])
    elif not _answers():
        _start_detached(step)
    if not wait_until(_answers, _START_TIMEOUT_S):
        tail = last_lines(_LOG.read_text(errors="replace")) if _LOG.exists() else ""
        raise ClusterError("the Docker daemon did not start", output=tail, advice=f"Its log is {_LOG}.")
    step.note(", started")


def _start_detached(step: Step) -> None:
    command = ["dockerd"]
    if lacks_sys_resource():
        # A privileged container asks for every capability, and would be refused.
        debian.ensure_programs({"jq": "jq"}, step)
        runtime = Path("/usr/local/bin") / _RUNTIME.name
        shutil.copy(_RUNTIME, runtime)
        command += ["--add-runtime", f"lesscaps={runtime}", "--default-runtime", "lesscaps"]
    with _LOG.open("wb") as log:
        subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
        )
