"""``kubectl requestcounter diff``: what applying a RequestCounter would change, in itself and in its children."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.status import Status
from rich.text import Text

from kubectl_requestcounter.children import Findings, find_changes
from kubectl_requestcounter.cluster import Body, Cluster, connect
from kubectl_requestcounter.comparison import Change
from kubectl_requestcounter.deployed_settings import read_settings
from kubectl_requestcounter.documents import read_counters
from kubectl_requestcounter.errors import KubectlError, PluginError
from kubectl_requestcounter.kubectl import dry_run_apply
from kubectl_requestcounter.target import Target
from request_counter_operator.api import KIND, RequestCounter
from request_counter_operator.errors import InvalidResourceError
from request_counter_operator.kinds import REQUEST_COUNTER
from request_counter_operator.settings import Settings

DIFFERENCES = 1
ERROR = 2
_STYLES = {"+": "green", "-": "red", "@": "cyan"}


@dataclass(frozen=True, slots=True)
class DiffOptions:
    """What the command was asked.

    Attributes:
        name: A RequestCounter in the cluster; None when files say what is wanted.
        filenames: Paths, ``-`` for standard input.
        operator_namespace: Where the operator runs.
        server_side: Whether the files would be applied with ``--server-side``.
        resumed: Whether to take the resource as if nothing of it was suspended.
    """

    name: str | None
    filenames: tuple[str, ...]
    operator_namespace: str
    server_side: bool
    resumed: bool


class DiffCommand:
    """One run of the command: differences go to standard output, all else to standard error."""

    def __init__(self, target: Target, options: DiffOptions) -> None:
        self._target = target
        self._options = options
        self._out = Console(soft_wrap=True, highlight=False)
        self._err = Console(stderr=True, soft_wrap=True, highlight=False)

    async def run(self) -> int:
        """Print the differences; return 0 for none, 1 for some, 2 when anything could not be had.

        Raises:
            PluginError: Nothing could be compared.
        """
        documents = [counter for name in self._options.filenames for counter in _read(name)]
        outcome = 0
        async with connect(self._target) as cluster:
            with self._err.status("reading the operator's settings") as progress:
                settings, notes = await read_settings(cluster, self._options.operator_namespace)
                self._say("note", notes)
                if self._options.name is not None:
                    body = await cluster.get_counter(self._options.name)
                    return await self._compare(cluster, body, body, settings, progress)
                for document in documents:
                    outcome = max(outcome, await self._compare_document(cluster, document, settings, progress))
        return outcome

    async def _compare_document(
        self, cluster: Cluster, document: dict[str, Any], settings: Settings, progress: Status
    ) -> int:
        metadata = document.get("metadata") or {}
        namespace, name = str(metadata.get("namespace") or cluster.namespace), str(metadata.get("name"))
        progress.update(f"asking the API server about {namespace}/{name}")
        before = await cluster.find(REQUEST_COUNTER, namespace, name)
        options = ("--server-side", "--force-conflicts") if self._options.server_side else ()
        try:
            after, warnings = await dry_run_apply(self._target, document, options)
        except KubectlError as refusal:
            self._err.print(Text(str(refusal), "red"))
            return ERROR
        self._say("kubectl", warnings.splitlines())
        return await self._compare(cluster, before, after, settings, progress)

    async def _compare(
        self, cluster: Cluster, before: Body | None, after: Body, settings: Settings, progress: Status
    ) -> int:
        counter = _typed(after, resumed=self._options.resumed)
        title = f"{counter.metadata.namespace}/{counter.metadata.name}"
        progress.update(f"comparing the children of {title}")
        own = Change(KIND, counter.metadata.name, before, after)
        findings = Findings([] if own.effect is None else [own])
        if counter.is_being_deleted:
            findings.notes.append("it is being deleted: the operator would make and change nothing")
        elif counter.is_paused:
            findings.notes.append("spec.suspend is Reconcile: the operator would change nothing (--resumed shows more)")
        elif settings.namespaces and counter.metadata.namespace not in settings.namespaces:
            findings.notes.append("the operator does not look after this namespace: it would make and change nothing")
        else:
            found = await find_changes(cluster, counter, settings, is_new=before is None)
            findings.changes += found.changes
            findings.notes += found.notes
            findings.faults += found.faults
        progress.stop()  # it would be in the way of what follows
        self._show(title, findings)
        progress.start()
        if findings.faults:
            return ERROR
        return DIFFERENCES if findings.changes else 0

    def _show(self, title: str, findings: Findings) -> None:
        for change in findings.changes:
            pods = " (its pods are replaced)" if change.replaces_pods else ""
            self._out.print(Text(f"{change.kind} {change.name} of {title}: {change.effect}{pods}", "bold"))
            for line in change.lines():
                self._out.print(Text(line, "bold" if line[:3] in {"---", "+++"} else _STYLES.get(line[:1], "")))
        self._say(f"{title}: note", findings.notes)
        self._say(f"{title}: error", findings.faults)
        if not findings.changes and not findings.faults:
            self._say(title, ["no difference"])

    def _say(self, subject: str, lines: list[str]) -> None:
        for line in lines:
            self._err.print(Text(f"{subject}: {line}"))


def _read(filename: str) -> list[dict[str, Any]]:
    """Return the RequestCounters in a file.

    Raises:
        PluginError: It cannot be read, or there are none.
    """
    try:
        text = sys.stdin.read() if filename == "-" else Path(filename).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise PluginError(f"{filename} cannot be read: {error}") from error
    return read_counters(text, "standard input" if filename == "-" else filename)


def _typed(body: Body, *, resumed: bool) -> RequestCounter:
    """Return the resource as the operator reads it.

    Raises:
        PluginError: This release does not understand it.
    """
    try:
        counter = RequestCounter.from_body(body)
    except InvalidResourceError as error:
        raise PluginError(f"{KIND} {body['metadata']['name']} is not of this plugin's release: {error}") from error
    if not resumed:
        return counter
    return counter.model_copy(update={"spec": counter.spec.model_copy(update={"suspend": "None"})})
