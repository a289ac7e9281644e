"""Each overlay renders, with and without the components; this needs kubectl, but no cluster."""

import subprocess
from pathlib import Path

import pytest
import yaml

from infra.eks_cli.deploy import kustomization
from tests.support.eks_examples import OUTPUTS
from tests.support.kubectl import executable

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
OVERLAYS = sorted(path.name for path in (DEPLOY / "overlays").iterdir())
COMPONENTS = [f"../../deploy/components/{path.name}" for path in sorted((DEPLOY / "components").iterdir())]


def rendered(folder: Path) -> dict[tuple[str, str], dict[str, object]]:
    """Return what kustomize makes of a folder, by kind and name."""
    done = subprocess.run([executable(), "kustomize", str(folder)], capture_output=True, text=True, check=False)
    assert not done.returncode, done.stderr
    return {(one["kind"], one["metadata"]["name"]): one for one in yaml.safe_load_all(done.stdout)}


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_an_overlay_has_operator_and_resource(overlay: str) -> None:
    names = rendered(DEPLOY / "overlays" / overlay).keys()
    assert ("Deployment", "request-counter-operator") in names
    assert ("CustomResourceDefinition", "requestcounters.requestcounter.io") in names


@pytest.mark.parametrize("node_mode", ["managed", "auto"])
def test_the_overlay_of_a_cluster_has_its_images_and_all_components(node_mode: str) -> None:
    outputs = {**OUTPUTS, "node_mode": node_mode, "datastore_secret": "request-counter/datastore"}
    images = {program: f"registry.example.com/{program}:0.1.0-abc" for program in ("operator", "service")}
    folder = ROOT / "build" / f"test-overlay-{node_mode}"
    folder.mkdir(parents=True, exist_ok=True)
    whole = {**kustomization(outputs, images), "components": COMPONENTS}
    (folder / "kustomization.yaml").write_text(yaml.safe_dump(whole))
    manifests = rendered(folder)
    text = yaml.safe_dump(manifests["Deployment", "request-counter-operator"])
    assert "image: registry.example.com/operator:0.1.0-abc" in text
    assert "value: registry.example.com/service:0.1.0-abc" in text
    assert "topologyKey: topology.kubernetes.io/zone" in text
    assert "region: eu-central-1" in yaml.safe_dump(manifests["ClusterSecretStore", "aws-secrets-manager"])
    assert ("DaemonSet", "fluent-bit") in manifests
