"""Running other programs: their output when it is wanted, their last lines when they fail."""

import subprocess
import tempfile
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from infra.kind.errors import ClusterError, CommandError

AnyProcess = subprocess.Popen[str] | subprocess.Popen[bytes]

_TAIL_LINES = 20
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


def pipe(source: Sequence[str], sink: Sequence[str]) -> None:
    """Run two programs, the first one's output being the second one's input, to their ends.

    Raises:
        CommandError: One ended with an error; the first is named if both did.
    """
    with tempfile.TemporaryFile() as log:
        with (
            subprocess.Popen(source, stdout=subprocess.PIPE, stderr=log) as writing,
            subprocess.Popen(sink, stdin=writing.stdout, stdout=log, stderr=log) as reading,
        ):
            if writing.stdout is not None:
                writing.stdout.close()  # ours, or the writer would not notice that the reader is gone
            with _stoppable(writing), _stoppable(reading):
                reading.wait()
                writing.wait()
        log.seek(0)
        output = last_lines(log.read().decode(errors="replace"))
    for command, process in ((source, writing), (sink, reading)):
        if process.returncode:
            raise CommandError(command, process.returncode, output)


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
