"""What the images are called where they are released to."""

from dataclasses import dataclass

from infra.delivery import places


@dataclass(frozen=True, slots=True)
class Released:
    """The names of one release's images.

    Args:
        registry: what goes before their names, such as ghcr.io/example; empty for none.
        version: their tag.
        digests: program -> sha256:…, of those whose digest is known.
    """

    registry: str
    version: str
    digests: dict[str, str]

    def repository(self, program: str) -> str:
        """Return the name of the operator's or the service's image."""
        prefix = f"{self.registry.rstrip('/')}/" if self.registry else ""
        return f"{prefix}request-counter/{program}"

    def tagged(self, program: str) -> str:
        """Return the same with its tag."""
        return f"{self.repository(program)}:{self.version}"

    def image(self, program: str) -> str:
        """Return that with its digest, if it is known: then nobody can put another image there."""
        digest = self.digests.get(program)
        return f"{self.tagged(program)}@{digest}" if digest else self.tagged(program)


def released(registry: str, operator_digest: str, service_digest: str) -> Released:
    """Return the names of this checkout's release; empty digests are unknown ones.

    A registry's name is made lower case, as all names of images are: owners on GitHub have capitals at times.
    """
    digests = {"operator": operator_digest, "service": service_digest}
    return Released(registry.lower(), places.version(), {name: digest for name, digest in digests.items() if digest})
