"""The files beside the code say the same as the code: versions, names and ports; and every pod is restricted."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from infra.kind import pins, places
from infra.kind.from_source.binaries import PACKAGES
from infra.kind.from_source.recipes import IMAGES

ADDONS = ("traefik", "metrics-server")
GO = places.FROM_SOURCE / "go"


def _manifests(addon: str) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all((places.MANIFESTS / f"{addon}.yaml").read_text()))


def _one(addon: str, kind: str) -> dict[str, Any]:
    (found,) = [manifest for manifest in _manifests(addon) if manifest["kind"] == kind]
    return found


@pytest.mark.parametrize("addon", ADDONS)
def test_addons_meet_the_restricted_pod_security_standard(addon: str) -> None:
    pod = _one(addon, "Deployment")["spec"]["template"]["spec"]
    assert pod["securityContext"]["runAsNonRoot"]
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    for container in pod["containers"]:
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert container["resources"]["limits"]["memory"]


@pytest.mark.parametrize(
    ("addon", "image"), [("traefik", pins.TRAEFIK_IMAGE), ("metrics-server", pins.METRICS_SERVER_IMAGE)]
)
def test_addons_run_the_image_that_is_loaded_where_it_is_loaded(addon: str, image: str) -> None:
    pod = _one(addon, "Deployment")["spec"]["template"]["spec"]
    assert [container["image"] for container in pod["containers"]] == [image]
    assert pod["nodeSelector"] == {"node-role.kubernetes.io/control-plane": ""}


def test_traefik_answers_where_the_host_s_port_leads_to() -> None:
    (port,) = _one("traefik", "Service")["spec"]["ports"]
    assert port["nodePort"] == places.INGRESS_NODE_PORT


def test_no_addon_has_a_right_with_a_wildcard() -> None:
    roles = [manifest for addon in ADDONS for manifest in _manifests(addon) if manifest["kind"] == "ClusterRole"]
    assert roles
    assert not [role for role in roles if "'*'" in str(role["rules"])]


def test_the_audit_log_holds_what_the_operator_writes_and_nothing_else() -> None:
    policy = yaml.safe_load((places.MANIFESTS / "audit-policy.yaml").read_text())
    writes, rest = policy["rules"]
    assert writes["userGroups"] == [f"system:serviceaccounts:{places.OPERATOR_NAMESPACE}"]
    assert "get" not in writes["verbs"]
    assert rest == {"level": "None"}


def _required_modules() -> dict[str, str]:
    lines = re.findall(r"^\t(\S+) (v\S+)$", (GO / "go.mod").read_text(), re.MULTILINE)
    return dict(lines)


def test_what_is_compiled_has_the_versions_that_are_pulled() -> None:
    modules = _required_modules()
    assert modules["k8s.io/kubernetes"] == pins.KUBERNETES
    assert modules["sigs.k8s.io/kind"] == pins.KIND
    assert modules["sigs.k8s.io/metrics-server"] == pins.METRICS_SERVER_IMAGE.rpartition(":")[2]
    assert modules["go.etcd.io/etcd/server/v3"] == f"v{pins.ETCD.partition('-')[0]}"
    assert (places.FROM_SOURCE / "node/files/kind/version").read_text().strip() == pins.KUBERNETES
    assert f"=={pins.TRAEFIK_IMAGE.partition(':v')[2]}" in (places.FROM_SOURCE / "traefik.txt").read_text()


def test_every_compiled_program_is_kept_in_the_go_module() -> None:
    kept = (GO / "tools.go").read_text()
    for package in PACKAGES.values():
        assert (GO / package).is_dir() if package.startswith("./") else f'"{package}"' in kept


def test_the_node_starts_pods_with_the_pause_image_that_it_holds() -> None:
    config = (places.FROM_SOURCE / "node/files/etc/containerd/config.toml").read_text()
    assert f'sandbox = "registry.k8s.io/pause:{pins.PAUSE}"' in config


def test_images_are_known_by_names_that_they_have() -> None:
    for short, image in IMAGES.items():
        assert short in image.name


def test_shell_scripts_stay_short() -> None:
    scripts = [file for file in _files(places.FROM_SOURCE) if file.read_bytes().startswith(b"#!")]
    assert scripts
    assert not [file for file in scripts if len(file.read_text().splitlines()) > 100]


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]
