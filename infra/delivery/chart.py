"""The Helm chart: checked by Helm 3 and 4, and packed with the names of the released images."""

import re
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from infra.delivery import places
from infra.delivery.names import Released
from infra.delivery.outputs import write_outputs
from infra.delivery.programs import get_program
from infra.kind import pins
from infra.kind.errors import ClusterError
from infra.kind.process import capture, follow

HELMS = ("helm3", "helm4")


def pack_chart(names: Released, note: Callable[[str], None]) -> Path:
    """Check the chart and pack it into dist/; return the package.

    Raises:
        CommandError: One of the two Helms finds fault with it.
    """
    staged = stage_chart(places.BUILD / "chart", names)
    for helm in HELMS:
        program = str(get_program(helm, note))
        note(f"checking the chart with {helm}")
        capture([program, "lint", "--strict", str(staged), "--kube-version", pins.KUBERNETES])
    places.DIST.mkdir(exist_ok=True)
    # Helm 3's package is read by both.
    capture([str(get_program("helm3", note)), "package", str(staged), "--destination", str(places.DIST)])
    return package_path(names)


def package_path(names: Released) -> Path:
    """Return where the packed chart is."""
    return places.DIST / f"{places.CHART.name}-{names.version}.tgz"


def push_chart(package: Path, names: Released, options: Sequence[str], note: Callable[[str], None]) -> str:
    """Push a packed chart to the registry's `charts`; return its name there, with its digest.

    Args:
        package: what `pack_chart` made.
        names: of the release.
        options: more of `helm push`, such as --plain-http.
        note: gets Helm's lines.

    Raises:
        CommandError: The registry refused it.
        ClusterError: Helm did not say by which digest it can be had.
    """
    folder = f"{names.registry.rstrip('/')}/charts"
    said: list[str] = []
    push = [str(get_program("helm3", note)), "push", str(package), f"oci://{folder}", *options]
    follow(push, said.append)
    digests = [line.removeprefix("Digest: ").strip() for line in said if line.startswith("Digest: ")]
    if len(digests) != 1:
        raise ClusterError("helm push did not tell the chart's digest", output="\n".join(said))
    image = f"{folder}/{places.CHART.name}"
    write_outputs("chart", {"chart-image": image, "chart-digest": digests[0]})
    return f"{image}@{digests[0]}"


def stage_chart(folder: Path, names: Released) -> Path:
    """Copy the chart, with the files that it refers to by links, and the released images as its defaults."""
    staged = folder / places.CHART.name
    shutil.rmtree(staged, ignore_errors=True)
    shutil.copytree(places.CHART, staged)
    values = staged / "values.yaml"
    values.write_text(release_values(values.read_text(), names))
    return staged


def release_values(text: str, names: Released) -> str:
    """Return values.yaml with the registry and the digests of a release.

    Raises:
        ClusterError: The file has no place for one.
    """
    text = _filled(text, r'^(registry: )""', names.registry)
    for program, section in (("operator", "image"), ("service", "serviceImage")):
        text = _filled(text, rf'^({section}:\n(?:  .*\n)*?  digest: )""', names.digests.get(program, ""))
    return text


def _filled(text: str, pattern: str, value: str) -> str:
    filled, times = re.subn(pattern, lambda found: f'{found[1]}"{value}"', text, flags=re.MULTILINE)
    if times != 1:
        raise ClusterError(f"the chart's values.yaml has {times} places for {pattern}, and should have one")
    return filled
