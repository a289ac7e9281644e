"""What can go wrong, as the sentence that a person reads; the command ends with it and exit code 2.

PluginError
├── ApiError            the API server refused or could not be reached
│   ├── NotFoundError       the object does not exist
│   └── ForbiddenError      the user may not do that
├── KubectlError        the kubectl that we ran ended with an error
└── DiscrepancyError    the counter disagrees with the books (exit code 1)
"""


class PluginError(Exception):
    """Root of everything the plugin raises on purpose. Nothing was changed unless a subclass says so."""


class ApiError(PluginError):
    """The API server refused a request or could not be reached."""


class NotFoundError(ApiError):
    """The object does not exist."""


class ForbiddenError(ApiError):
    """The user lacks the right; the message is the API server's, which names it."""


class KubectlError(PluginError):
    """Kubectl ended with an error; the message is what it wrote."""


class DiscrepancyError(PluginError, AssertionError):
    """A counter disagrees with the books; the message lists where. An AssertionError too, for tests are made of it."""
