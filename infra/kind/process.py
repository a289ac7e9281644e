"""Running other programs: their output when it is wanted, their last lines when they fail."""

import subprocess
import tempfile
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from infra.kind.errors import ClusterError, CommandError

AnyProcess = subprocess.Popen[str] | subprocess.Popen[bytes]

_TAIL_LINES = 20
_CHUNK_BYTES = 1 << 20
_running: set[AnyProcess] = set()
_running_lock = threading.Lock()


def capture(command: Sequence[str], *, stdin: bytes | None = None, cwd: Path | None = None) -> str:
    """Run a program to its end and return what it wrote to standard output.

    Raises:
        CommandError: It ended with an error.
        ClusterError: There is no such program.
    """
    try:
        done = subprocess.run(command, input=stdin, cwd=cwd, capture_output=True, check=False)
    except FileNotFoundError as error:
        raise ClusterError(f"there is no program {command[0]!r} on this machine") from error
    if done.returncode:
        raise CommandError(command, done.returncode, last_lines((done.stdout + done.stderr).decode(errors="replace")))
    return done.stdout.decode(errors="replace").strip()


def succeeds(command: Sequence[str]) -> bool:
    """Run a program and say whether it ended without an error; a program that is not there does not."""
    try:
        capture(command)
    except ClusterError:
        return False
    return True


def follow(
    command: Sequence[str],
    on_line: Callable[[str], None],
    *,
    environment: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    first_line_within_s: float | None = None,
) -> None:
    """Run a program to its end and hand over each line as it is written, to either output.

    Args:
        command: the program and its arguments.
        on_line: gets each line, without its end.
        environment: the program's whole environment; ours if None.
        cwd: the program's working directory; ours if None.
        first_line_within_s: end the program if it has written nothing by then.

    Raises:
        CommandError: It ended with an error, or was ended.
    """
    tail: deque[str] = deque(maxlen=_TAIL_LINES)
    with subprocess.Popen(
        command, env=environment, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    ) as process:
        watchdog = threading.Timer(first_line_within_s or 0, process.kill)
        if first_line_within_s is not None:
            watchdog.start()
        with _stoppable(process):
            for line in process.stdout or ():
                watchdog.cancel()
                tail.append(line.rstrip())
                on_line(line.rstrip())
            status = process.wait()
        watchdog.cancel()
    if status:
        raise CommandError(command, status, "\n".join(tail))


def pipe(source: Sequence[str], *sinks: Sequence[str]) -> None:
    """Run programs side by side to their ends; what the first writes, each of the others reads.

    Raises:
        CommandError: One ended with an error; the first of those is named.
    """
    commands = (source, *sinks)
    with tempfile.TemporaryFile() as log, ExitStack() as stack:
        writing = stack.enter_context(subprocess.Popen(source, stdout=subprocess.PIPE, stderr=log))
        reading = [
            stack.enter_context(subprocess.Popen(sink, stdin=subprocess.PIPE, stdout=log, stderr=log)) for sink in sinks
        ]
        for process in (writing, *reading):
            stack.enter_context(_stoppable(process))
        _copy(writing, reading)
        statuses = [process.wait() for process in (writing, *reading)]
        log.seek(0)
        output = last_lines(log.read().decode(errors="replace"))
    for command, status in zip(commands, statuses, strict=True):
        if status:
            raise CommandError(command, status, output)


def _copy(writing: subprocess.Popen[bytes], reading: Sequence[subprocess.Popen[bytes]]) -> None:
    source = writing.stdout
    inputs = [process.stdin for process in reading if process.stdin is not None]
    # A reader that ends early says why by its status.
    with suppress(BrokenPipeError):
        while chunk := source.read(_CHUNK_BYTES) if source else b"":
            for stream in inputs:
                stream.write(chunk)
    for stream in inputs:
        with suppress(BrokenPipeError):
            stream.close()
    if source:
        source.close()


def stop_all() -> None:
    """End the programs that `follow` and `pipe` are running: what they were doing is not wanted any more."""
    with _running_lock:
        for process in _running:
            process.terminate()


@contextmanager
def _stoppable(process: AnyProcess) -> Iterator[None]:
    with _running_lock:
        _running.add(process)
    try:
        yield
    finally:
        with _running_lock:
            _running.discard(process)


def last_lines(text: str) -> str:
    """Return the end of a program's output: the part that says why."""
    return "\n".join(text.strip().splitlines()[-_TAIL_LINES:])
