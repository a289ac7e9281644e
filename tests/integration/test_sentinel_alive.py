"""The sentinels' liveness probe, in Redis's image: who answers and rests is alive, who runs in circles is not."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files

from testcontainers.core.container import DockerContainer

from tests.support.eventually import eventually
from tests.support.redis_server import IMAGE

SCRIPT = (files("request_counter_operator.render") / "scripts" / "sentinel-alive.sh").read_text()
IN_CIRCLES = ["bash", "-c", "while :; do :; done"]
AT_REST = ["sleep", "infinity"]


@contextmanager
def container_that_runs(command: list[str]) -> Iterator[DockerContainer]:
    with DockerContainer(IMAGE).with_command(command) as container:
        yield container


def probe(container: DockerContainer, answer: str) -> tuple[int, str]:
    """Return the probe's exit status and what it says; ``answer`` is the command that stands for a PING."""
    command = ["bash", "-c", SCRIPT, "sentinel-alive.sh", answer]
    status, output = container.get_wrapped_container().exec_run(command)
    assert status is not None
    assert isinstance(output, bytes)
    return status, output.decode()


def test_who_answers_and_rests_is_alive() -> None:
    with container_that_runs(AT_REST) as container:
        assert probe(container, "true") == (0, "")


def test_who_does_not_answer_is_not_alive() -> None:
    with container_that_runs(AT_REST) as container:
        assert probe(container, "false") == (1, "")


async def test_who_runs_in_circles_is_not_alive_though_it_answers() -> None:
    with container_that_runs(IN_CIRCLES) as container:

        def is_found() -> bool:
            status, told = probe(container, "true")
            return status == 1 and "% of a processor" in told

        # The machine may have let it run too little in one second.
        await eventually(is_found, within_s=30)
