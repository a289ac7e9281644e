"""The commands. Each shows what it will do, and asks before it spends money or destroys anything."""

import json

import click

from infra.eks_cli import deploy, images, moto, places, removal, terraform
from infra.eks_cli.costs import Plan, cost_tables, estimate, lines
from infra.kind.errors import ClusterError
from infra.kind.explained import explained
from infra.kind.process import capture


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """EKS by Terraform, with the operator in it."""


@main.command()
@explained
def plan() -> None:
    """Show what `up` would make, and what it would cost. Changes nothing."""
    _show_account()
    terraform.init()
    _show(terraform.make_plan())
    click.echo("\nNothing was changed. `make eks-up` makes a plan anew, and asks.")


@main.command()
@explained
def up() -> None:
    """Make or update the cluster, push the images, and run the operator."""
    account = _show_account()
    images.current_commit()  # before a quarter of an hour is spent
    terraform.init()
    _show(terraform.make_plan())
    click.confirm(f"\nApply this to account {account}? It costs money from now on", abort=True)
    terraform.apply_plan()
    outputs = terraform.outputs()
    pushed = images.push_images(outputs, click.echo)
    deploy.connect(outputs)
    deploy.deploy(outputs, pushed, click.echo)
    click.echo("\n" + "\n".join(_next_steps(outputs)))


@main.command()
@explained
def down() -> None:
    """Delete counters, volumes, cluster and all else that `up` made."""
    account = _show_account()
    terraform.init()
    if terraform.has_nothing():
        click.echo("Terraform's state is empty: there is nothing to delete.")
        return
    outputs = terraform.outputs()
    remains = removal.NOTHING
    if "name" in outputs:  # else the cluster was never finished, and nothing can be in it
        deploy.connect(outputs)
        remains = removal.find_remains()
    shown = terraform.make_plan(destroy=True)
    click.echo(
        f"\nThis deletes, in account {account}: {terraform.summary(shown)}; and in the cluster, with all counts:"
    )
    click.echo("\n".join(remains.lines()))
    name = outputs.get("name", "everything")
    if click.prompt(f"There is no way back. Type {name} to delete it", default="", show_default=False) != name:
        raise click.Abort
    removal.remove_remains(remains, click.echo)
    terraform.apply_plan()
    places.KUBECONFIG.unlink(missing_ok=True)
    click.echo("\nDeleted. The bucket of the state stays; docs/eks.md says how to delete that too.")


@main.command()
@explained
def check() -> None:
    """Check format, validity and tests of the Terraform code."""
    terraform.check((places.EKS / "bootstrap", places.EKS))


@main.command(name="moto")
@explained
def moto_() -> None:
    """Apply what moto can simulate of it to a simulated AWS, twice; the second plan must be empty."""
    moto.apply_twice(click.echo)


@main.command()
def costs() -> None:
    """Print the tables of costs in docs/eks.md."""
    click.echo(cost_tables())


def _show_account() -> str:
    """Say whose account it is, and return its number."""
    try:
        identity = json.loads(capture(["aws", "sts", "get-caller-identity", "--output", "json"]))
    except ClusterError as failure:
        advice = "Install the AWS CLI and log in: `aws configure sso`, then `aws sso login`."
        output = failure.output or failure.message
        raise ClusterError("AWS does not say who you are", output=output, advice=advice) from failure
    click.echo(f"AWS account {identity['Account']}, as {identity['Arn']}\n")
    return str(identity["Account"])


def _show(planned: Plan) -> None:
    click.echo(f"\n{terraform.summary(planned)}\n\nWhat is there afterwards:")
    click.echo("\n".join(lines(estimate(planned))))


def _next_steps(outputs: deploy.Outputs) -> list[str]:
    kubectl = f"kubectl --kubeconfig {places.KUBECONFIG}"
    steps = ["What to try next:"]
    if outputs["datastore_url"]:
        steps.append(f"  spec.store.redis.external.url is {outputs['datastore_url']}")
    return [
        *steps,
        f"  {kubectl} apply -f deploy/samples/eks/{_sample(outputs)}.yaml",
        f"  {kubectl} wait --for=condition=Ready requestcounter/hits --timeout=300s",
        f"  ALB=$({kubectl} get ingress hits -o jsonpath='{{.status.loadBalancer.ingress[0].hostname}}')",
        "  curl -X PUT -H 'Host: hits.example.com' http://$ALB/a/b",
        f"  {kubectl} get requestcounters",
        "  make eks-down      # as long as it is there, it costs money",
        f"The kubeconfig is for this checkout; for your own: {outputs['configure_kubectl']}",
    ]


def _sample(outputs: deploy.Outputs) -> str:
    """Return the name of the sample for the data store that was made."""
    url = outputs["datastore_url"]
    if url is None:  # the counter brings its own Redis; with DynamoDB too, which it cannot use
        return "in-cluster"
    is_sharded = outputs["datastore"] == "elasticache-cluster" and url.startswith("rediss+cluster://")
    return "elasticache-sharded" if is_sharded else str(outputs["datastore"])
