"""install.yaml: all that `kubectl apply` needs, in one file, with the names of the released images."""

from pathlib import Path
from typing import Any

import yaml

from infra.delivery import places
from infra.delivery.names import Released
from infra.kind.process import capture

_HEAD = """\
# Request Counter {version}: `kubectl apply -f install.yaml` installs the operator, and upgrades an older one.
# `kubectl delete -f install.yaml` removes it, and with the definition EVERY RequestCounter of the cluster.
"""


def write_install_manifest(names: Released) -> Path:
    """Write dist/install.yaml, which is deploy/base but for the images; return it."""
    folder = places.BUILD / "install"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "kustomization.yaml").write_text(yaml.safe_dump(kustomization(names)))
    manifests = capture(["kubectl", "kustomize", str(folder)])
    places.DIST.mkdir(exist_ok=True)
    target = places.DIST / "install.yaml"
    target.write_text(_HEAD.format(version=names.version) + manifests + "\n")
    return target


def kustomization(names: Released) -> dict[str, Any]:
    """Return the kustomization, for a folder two levels below the checkout."""
    container = "/spec/template/spec/containers/0"
    operations: list[dict[str, Any]] = [
        {"op": "replace", "path": f"{container}/image", "value": names.image("operator")}
    ]
    if names.registry or "service" in names.digests:
        service = {"name": "OPERATOR_SERVICE_IMAGE", "value": names.image("service")}
        operations.append({"op": "add", "path": f"{container}/env/-", "value": service})
    return {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": ["../../deploy/base"],
        "patches": [
            {
                "target": {"kind": "Deployment", "name": "request-counter-operator"},
                "patch": yaml.safe_dump(operations),
            }
        ],
    }
