"""The commands: what is delivered is checked, packed and published. Errors become sentences here, and exit codes."""

from collections.abc import Callable
from functools import partial
from typing import Any

import click

from infra.delivery import places
from infra.delivery.changelog import section
from infra.delivery.chart import pack_chart, package_path
from infra.delivery.chart import push_chart as push
from infra.delivery.checksums import write_checksums
from infra.delivery.images import publish_images
from infra.delivery.install_manifest import write_install_manifest
from infra.delivery.manifests import check_manifests
from infra.delivery.names import released
from infra.delivery.programs import PROGRAMS, get_program
from infra.delivery.versions import set_version
from infra.kind.errors import ClusterError
from infra.kind.explained import explained

_note = partial(click.echo, err=True)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Chart, install.yaml, images, and the checks of what is delivered."""


def _names(command: Callable[..., None]) -> Callable[..., Any]:
    """Add the options that say what the released images are called."""
    for option, text in (
        ("--registry", "where the images are, such as ghcr.io/example; default: nowhere, their bare names"),
        ("--operator-digest", "sha256:… of the operator's image, to pin it"),
        ("--service-digest", "likewise of the service's"),
    ):
        command = click.option(option, default="", help=text)(command)
    return command


@main.command()
@click.argument("names", nargs=-1, required=True, type=click.Choice(list(PROGRAMS)))
@explained
def get(names: tuple[str, ...]) -> None:
    """Get programs into the cache: downloaded, or compiled where their releases cannot be reached."""
    for name in names:
        click.echo(get_program(name, _note))


@main.command()
@_names
@explained
def chart(registry: str, operator_digest: str, service_digest: str) -> None:
    """Check the chart with Helm 3 and 4, and pack it into dist/."""
    click.echo(pack_chart(released(registry, operator_digest, service_digest), _note))


@main.command()
@_names
@explained
def dist(registry: str, operator_digest: str, service_digest: str) -> None:
    """Make all that a release has besides images: chart, install.yaml and checksums of what dist/ holds."""
    names = released(registry, operator_digest, service_digest)
    click.echo(pack_chart(names, _note))
    click.echo(write_install_manifest(names))
    click.echo(write_checksums(places.DIST))


@main.command()
@explained
def manifests() -> None:
    """Hold everything that is delivered as YAML to the schemas of three Kubernetes versions."""
    check_manifests(released("", "", ""), click.echo)


@main.command()
@click.option("--registry", required=True, help="where the images go, such as ghcr.io/example")
@explained
def images(registry: str) -> None:
    """Build both images for both architectures, with SBOM and provenance, and push them."""
    for program, digest in publish_images(released(registry, "", ""), _note).items():
        click.echo(f"{program} {digest}")


@main.command()
@click.option("--registry", required=True, help="where it goes, below charts/, such as ghcr.io/example")
@click.option("--plain-http", is_flag=True, help="for a registry on this machine")
@explained
def push_chart(registry: str, plain_http: bool) -> None:
    """Push the chart that is in dist/."""
    names = released(registry, "", "")
    click.echo(push(package_path(names), names, ["--plain-http"] if plain_http else [], _note))


@main.command()
@click.argument("release")
@explained
def notes(release: str) -> None:
    """Print what the changelog says about RELEASE, which has to be this checkout's version."""
    version = release.removeprefix("v")
    if version != places.version():
        raise ClusterError(f"this checkout is {places.version()}, not {version}")
    click.echo(section(places.CHANGELOG.read_text(), version), nl=False)


@main.command()
@click.argument("new")
@explained
def version(new: str) -> None:
    """Make NEW the version everywhere, and what is unreleased in the changelog its section."""
    set_version(places.CHECKOUT, new)
    click.echo(f"This is {new} now. Look at `git diff`, and at CHANGELOG.md.")
