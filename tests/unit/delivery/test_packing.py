"""What a release hands out: install.yaml, the packed chart, checksums, and how its images are named and built."""

import hashlib
import shutil
from pathlib import Path

import pytest
import yaml

from infra.delivery import places
from infra.delivery.chart import release_values, stage_chart
from infra.delivery.checksums import write_checksums
from infra.delivery.images import build_command
from infra.delivery.install_manifest import write_install_manifest
from infra.delivery.names import Released, released
from infra.kind.errors import ClusterError
from tests.support.charts import NAMESPACE, Helm, by_name, kustomize

DIGEST = f"sha256:{'ab' * 32}"
NAMES = Released("ghcr.io/example", "1.2.3", {"operator": DIGEST, "service": DIGEST})
BARE = released("", "", "")


def test_images_are_named_by_registry_version_and_digest() -> None:
    assert NAMES.image("operator") == f"ghcr.io/example/request-counter/operator:1.2.3@{DIGEST}"
    assert Released("ghcr.io/example/", "1.2.3", {}).image("service") == "ghcr.io/example/request-counter/service:1.2.3"
    assert BARE.image("operator") == f"request-counter/operator:{places.version()}"


@pytest.fixture
def dist(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in the place of dist/."""
    if not shutil.which("kubectl"):
        pytest.skip("there is no kubectl: `make up` gets it")
    monkeypatch.setattr(places, "DIST", tmp_path)
    return tmp_path


def test_install_yaml_is_the_base_but_for_the_images(dist: Path) -> None:
    assert write_install_manifest(BARE) == dist / "install.yaml"
    base = kustomize(places.BASE)
    assert by_name((dist / "install.yaml").read_text()) == base
    installed = by_name(write_install_manifest(NAMES).read_text())
    key = ("Deployment", NAMESPACE, "request-counter-operator")
    (container,) = installed[key]["spec"]["template"]["spec"]["containers"]
    assert container["image"] == NAMES.image("operator")
    assert container["env"].pop() == {"name": "OPERATOR_SERVICE_IMAGE", "value": NAMES.image("service")}
    container["image"] = BARE.image("operator")
    assert installed == base


def test_a_packed_chart_has_the_released_images_and_no_links(helm: Helm, tmp_path: Path) -> None:
    staged = stage_chart(tmp_path, NAMES)
    assert not [path for path in staged.rglob("*") if path.is_symlink()]
    assert (staged / "files" / "crd.yaml").read_text() == places.CRD.read_text()
    rendered = helm.on(staged).template()
    (container,) = rendered["Deployment", NAMESPACE, "request-counter-operator"]["spec"]["template"]["spec"][
        "containers"
    ]
    version = places.version()  # the chart's, which the release's names have to agree with
    assert container["image"] == f"ghcr.io/example/request-counter/operator:{version}@{DIGEST}"
    service = {variable["name"]: variable.get("value") for variable in container["env"]}["OPERATOR_SERVICE_IMAGE"]
    assert service == f"ghcr.io/example/request-counter/service:{version}@{DIGEST}"


def test_values_without_a_place_for_the_registry_are_refused() -> None:
    with pytest.raises(ClusterError, match="0 places"):
        release_values('image:\n  digest: ""\n', NAMES)


def test_values_of_no_release_are_those_of_the_checkout() -> None:
    text = (places.CHART / "values.yaml").read_text()
    assert yaml.safe_load(release_values(text, BARE)) == yaml.safe_load(text)


def test_checksums_are_of_every_file_but_their_own(tmp_path: Path) -> None:
    (tmp_path / "b.tgz").write_bytes(b"b")
    (tmp_path / "a.yaml").write_bytes(b"a")
    expected = "".join(f"{hashlib.sha256(name[:1].encode()).hexdigest()}  {name}\n" for name in ("a.yaml", "b.tgz"))
    assert write_checksums(tmp_path).read_text() == expected
    assert write_checksums(tmp_path).read_text() == expected


def test_images_are_built_for_both_architectures_with_sbom_and_provenance() -> None:
    command = build_command("service", NAMES, "0123abc", Path("service.json"))
    for option in ("--push", "--sbom=true", "--provenance=mode=max", "linux/amd64,linux/arm64"):
        assert option in command
    assert command[command.index("--tag") + 1] == "ghcr.io/example/request-counter/service:1.2.3"
    assert {"VERSION=1.2.3", "REVISION=0123abc"} <= set(command)
