"""What kind is told: nodes, the one open port, the audit log, and what a restricted machine cannot do."""

from pathlib import Path
from typing import Any

import yaml

from infra.kind import pins
from infra.kind.kind_config import kind_config

POLICY = Path("/home/someone/.cache/request-counter/audit-policy.yaml")


def _patches(*, can_lower_oom_score: bool = True) -> dict[str, Any]:
    config = kind_config(POLICY, can_lower_oom_score=can_lower_oom_score)
    patches = [yaml.safe_load(patch) for patch in config["kubeadmConfigPatches"]]
    return {patch["kind"]: patch for patch in patches}


def test_there_are_a_control_plane_and_two_workers_of_the_pinned_version() -> None:
    nodes = kind_config(POLICY, can_lower_oom_score=True)["nodes"]
    assert [node["role"] for node in nodes] == ["control-plane", "worker", "worker"]
    assert {node["image"] for node in nodes} == {pins.NODE_IMAGE}


def test_only_this_machine_reaches_the_ingress() -> None:
    config = kind_config(POLICY, can_lower_oom_score=True)
    ports = [port for node in config["nodes"] for port in node.get("extraPortMappings", [])]
    assert ports == [{"containerPort": 30080, "hostPort": 8080, "listenAddress": "127.0.0.1"}]


def test_the_api_server_reads_the_audit_policy_that_is_mounted_into_its_node() -> None:
    (mount,) = kind_config(POLICY, can_lower_oom_score=True)["nodes"][0]["extraMounts"]
    assert mount["hostPath"] == str(POLICY)
    server = _patches()["ClusterConfiguration"]["apiServer"]
    arguments = {argument["name"]: argument["value"] for argument in server["extraArgs"]}
    assert arguments["audit-policy-file"] == mount["containerPath"]
    mounted = {volume["hostPath"]: volume["mountPath"] for volume in server["extraVolumes"]}
    assert mounted[mount["containerPath"]] == mount["containerPath"]
    assert str(Path(arguments["audit-log-path"]).parent) in mounted.values()


def test_oom_scores_are_left_alone_only_where_they_cannot_be_lowered() -> None:
    assert "oomScoreAdj" not in _patches()["KubeletConfiguration"]
    restricted = _patches(can_lower_oom_score=False)
    assert restricted["KubeletConfiguration"]["oomScoreAdj"] == 0
    assert restricted["KubeProxyConfiguration"]["oomScoreAdj"] == 0
