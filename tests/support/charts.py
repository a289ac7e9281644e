"""Helm and kustomize, as a user runs them, and what they render as comparable objects."""

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from infra.delivery import places
from infra.kind import pins
from tests.support.kubectl import executable

Manifest = dict[str, Any]
Rendered = dict[tuple[str, str, str], Manifest]
NAMESPACE = "request-counter-system"
RELEASE = "request-counter-operator"
_CLUSTER = ("--kube-version", pins.KUBERNETES)
"""What a cluster would say; Helms that were compiled rather than downloaded know of an old one only."""


_NOTES_OBJECT = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: notes}
data: {text: {{ include "notes" . | toJson }}}
"""


class HelmError(Exception):
    """Helm ended with an error; the message is what it wrote to standard error."""


class Helm:
    """One Helm, on one chart.

    Args:
        program: where it is.
        chart: the chart's folder or package.
    """

    def __init__(self, program: Path, chart: Path = places.CHART) -> None:
        self._program = program
        self._chart = chart

    def on(self, chart: Path) -> "Helm":
        """Return the same Helm on another chart."""
        return Helm(self._program, chart)

    def template(self, values: Mapping[str, Any] | None = None) -> Rendered:
        """Render the chart for the release `request-counter-operator`.

        Raises:
            HelmError: It refuses the values.
        """
        arguments = ("template", RELEASE, str(self._chart), "--namespace", NAMESPACE, "--values", "-", *_CLUSTER)
        return by_name(self._run(*arguments, stdin=yaml.safe_dump(dict(values or {}))))

    def lint(self, *values: Path) -> str:
        """Check the chart; return what Helm says.

        Raises:
            HelmError: It finds fault with it.
        """
        files = [f"--values={file}" for file in values]
        return self._run("lint", "--strict", str(self._chart), *files, *_CLUSTER)

    def notes(self, values: Mapping[str, Any], folder: Path) -> str:
        """Return what is shown after an installation, without any cluster: Helm itself shows notes only with one.

        Args:
            values: of the chart.
            folder: an empty one, for a copy of the chart whose notes are an object.
        """
        chart = folder / self._chart.name
        shutil.copytree(self._chart, chart)
        notes = (chart / "templates" / "NOTES.txt").read_text()
        (chart / "templates" / "_notes.tpl").write_text('{{- define "notes" }}' + notes + "{{ end }}")
        (chart / "templates" / "notes.yaml").write_text(_NOTES_OBJECT)
        rendered = self.on(chart).template(values)
        return str(rendered["ConfigMap", "", "notes"]["data"]["text"])

    def _run(self, *arguments: str, stdin: str = "") -> str:
        # Whatever cluster the user has selected is none of a unit test's business.
        environment = {**os.environ, "KUBECONFIG": os.devnull}
        done = subprocess.run(
            [self._program, *arguments], input=stdin, env=environment, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise HelmError(done.stderr.strip() or done.stdout.strip())
        return done.stdout


def kustomize(folder: Path) -> Rendered:
    """Render a kustomization."""
    done = subprocess.run([executable(), "kustomize", str(folder)], capture_output=True, text=True, check=True)
    return by_name(done.stdout)


def by_name(text: str) -> Rendered:
    """Return kind, namespace and name -> object.

    Raises:
        AssertionError: Two objects have the same.
    """
    documents = [document for document in yaml.safe_load_all(text) if document]
    rendered = {
        (document["kind"], document["metadata"].get("namespace", ""), document["metadata"]["name"]): document
        for document in documents
    }
    assert len(rendered) == len(documents)
    return rendered
