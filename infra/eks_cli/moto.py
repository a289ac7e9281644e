"""Apply what moto can simulate of infra/eks to a simulated AWS, with the real provider; a second plan must be empty.

moto has no add-ons, access entries, pod identity and the like, so the cluster and all that needs it is left out; which
types are in and which are not is listed here, and a test sees to it that each type is in one of the lists.
"""

import re
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from infra.eks_cli import pins, places
from infra.eks_cli.terraform import Say, run
from infra.kind.errors import ClusterError, CommandError
from infra.kind.progress import wait_until

COPY = places.BUILD.parent / "eks-moto"

SIMULATED = frozenset(
    {
        "aws_cloudwatch_log_group",
        "aws_default_security_group",
        "aws_dynamodb_table",
        "aws_ecr_lifecycle_policy",
        "aws_ecr_repository",
        "aws_eip",
        "aws_flow_log",
        "aws_iam_role",
        "aws_iam_role_policy",
        "aws_internet_gateway",
        "aws_kms_alias",
        "aws_kms_key",
        "aws_nat_gateway",
        "aws_route",
        "aws_route_table",
        "aws_route_table_association",
        "aws_s3_bucket",
        "aws_s3_bucket_lifecycle_configuration",
        "aws_s3_bucket_ownership_controls",
        "aws_s3_bucket_policy",
        "aws_s3_bucket_public_access_block",
        "aws_s3_bucket_server_side_encryption_configuration",
        "aws_s3_bucket_versioning",
        "aws_subnet",
        "aws_vpc",
        "aws_vpc_endpoint",
    }
)

LEFT_OUT = frozenset(
    {
        "aws_budgets_budget",
        "aws_cloudwatch_query_definition",
        "aws_eks_access_entry",
        "aws_eks_access_policy_association",
        "aws_eks_addon",
        "aws_eks_cluster",
        "aws_eks_node_group",
        "aws_eks_pod_identity_association",
        "aws_elasticache_parameter_group",
        "aws_elasticache_replication_group",
        "aws_elasticache_serverless_cache",
        "aws_elasticache_subnet_group",
        "aws_elasticache_user",
        "aws_elasticache_user_group",
        "aws_iam_role_policy_attachment",
        "aws_launch_template",
        "aws_memorydb_acl",
        "aws_memorydb_cluster",
        "aws_memorydb_subnet_group",
        "aws_memorydb_user",
        "aws_secretsmanager_secret",
        "aws_secretsmanager_secret_version",
        "aws_security_group",
        "aws_vpc_security_group_ingress_rule",
    }
)
"""Not in moto, or needs what is not in moto; attachments need AWS's own policies, which moto loads on demand only."""

_SERVICES = ("dynamodb", "ec2", "ecr", "iam", "kms", "logs", "s3", "sts")
_STARTUP_S = 120  # the first start installs it


def resources(root: Path) -> set[tuple[str, str]]:
    """Return type and name of each resource in a root module."""
    text = "\n".join(path.read_text() for path in sorted(root.glob("*.tf")))
    return set(re.findall(r'^resource "(\w+)" "(\w+)"', text, re.MULTILINE))


def targets(root: Path) -> list[str]:
    """Return the options that restrict Terraform to what moto can simulate."""
    return [f"-target={kind}.{name}" for kind, name in sorted(resources(root)) if kind in SIMULATED]


def override(url: str) -> str:
    """Return the override file that sends the provider to moto, and keeps the state in a file."""
    endpoints = "\n".join(f'    {service} = "{url}"' for service in _SERVICES)
    return f"""terraform {{
  backend "local" {{}}
}}

provider "aws" {{
  access_key                  = "testing"
  secret_key                  = "testing"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_region_validation      = true
  s3_use_path_style           = true

  endpoints {{
{endpoints}
  }}
}}
"""


def apply_twice(say: Say) -> None:
    """Apply, see that a second plan is empty, and destroy; all of it in a copy, against a moto of our own.

    Raises:
        ClusterError: The provider or moto cannot be had, AWS as moto knows it refuses, or the second plan is not empty.
    """
    shutil.rmtree(COPY, ignore_errors=True)
    COPY.mkdir(parents=True)
    for path in places.EKS.glob("*.tf"):
        shutil.copy(path, COPY)
    chosen = ["-var=datastore=dynamodb", '-var=budget_alert_emails=["you@example.com"]', *targets(COPY)]
    with _moto() as url:
        (COPY / "moto_override.tf").write_text(override(url))
        run(COPY, "init")
        run(COPY, "apply", "-auto-approve", *chosen)
        try:
            run(COPY, "plan", "-detailed-exitcode", *chosen)
        except CommandError as error:
            if "status 2" in error.message:  # -detailed-exitcode: there are changes
                raise ClusterError("the second plan is not empty") from error
            raise
        run(COPY, "destroy", "-auto-approve", *chosen)
    say("Applied; the second plan was empty; destroyed.")


@contextmanager
def _moto() -> Iterator[str]:
    """Run moto's server on a free port of this machine while the block runs; give its URL."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [
        "uv",
        "tool",
        "run",
        "--from",
        f"moto[server]=={pins.MOTO}",
        "moto_server",
        "-H",
        "127.0.0.1",
        "-p",
        str(port),
    ]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            if (
                not wait_until(lambda: server.poll() is not None or _answers(port), _STARTUP_S)
                or server.poll() is not None
            ):
                raise ClusterError(f"moto {pins.MOTO} did not start", advice=f"Try it: {' '.join(command)}")
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()


def _answers(port: int) -> bool:
    with closing(socket.socket()) as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
