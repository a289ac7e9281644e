"""The operator of RequestCounter resources: docs/architecture.md tells how its modules work together."""

from importlib.metadata import version

__version__ = version("request-counter")
