"""All errors of the operator, in one tree.

OperatorError
├── InvalidResourceError    the user's to mend: retried only when the resource changes
├── ForeignObjectError      the user's to mend: a child's name is taken by an object that is not ours
├── FieldConflictError      the user's to mend: somebody keeps changing what we put back; left alone for a while
├── UnusableCertificateError  the user's to mend: what is in the Secret for TLS would not do; it is left unused
├── VolumeNotGrownError     the user's to mend: a volume cannot have the size that is asked for; it stays as it is
├── NotLeadingError         another operator's to do: nothing was sent
├── RedisSilentError        a Redis server or sentinel did not answer: looked at again a little later
├── GoneError               the RequestCounter is gone or going: nothing is owed any more
└── ApiError                the API server refused or could not be reached: retried with backoff
    ├── NotFoundError
    ├── ConflictError
    ├── ExpiredError            a version or a page that is too old to go on from
    ├── ImmutableFieldError     a field that can only be had by making the object anew
    └── TerminatingError        the namespace is going away: nothing is owed any more
"""

import re

IMMUTABLE_FIELD = re.compile(r"field is immutable|when `immutable` is set|updates to statefulset spec")
"""How the API server refuses another value of a field that never changes: there is no machine-readable reason.

Source: pkg/apis/*/validation of Kubernetes.
"""


class OperatorError(Exception):
    """Root of everything the operator raises on purpose."""


class InvalidResourceError(OperatorError):
    """A RequestCounter that the API server accepted and the operator cannot read, as after a downgrade."""


class ForeignObjectError(OperatorError):
    """An object that somebody else made has the name of a child. It was left as it is."""


class FieldConflictError(OperatorError):
    """A child is changed again as often as it is put right. It is left as it is until the time is up.

    Attributes:
        retry_in_s: for how long, seconds.
    """

    def __init__(self, message: str, *, retry_in_s: float) -> None:
        super().__init__(message)
        self.retry_in_s = retry_in_s


class UnusableCertificateError(OperatorError):
    """What a Secret lacks to be the certificate of a counter's own Redis, as the end of a sentence."""


class VolumeNotGrownError(OperatorError):
    """A volume cannot grow, in the API server's words. It and its StatefulSet were left as they are."""


class NotLeadingError(OperatorError):
    """This process is not, or not surely, the one that may write. Nothing was sent."""


class GoneError(OperatorError):
    """The RequestCounter was deleted, is being deleted, or is another one of the same name by now."""


class ApiError(OperatorError):
    """A request to the API server failed; whether it had an effect is unknown unless a subclass says so.

    Attributes:
        status: HTTP status code, or 0 where there was no answer.
    """

    def __init__(self, message: str, *, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


class RedisSilentError(OperatorError):
    """A Redis server or sentinel gave no answer, or an error."""


class ExpiredError(ApiError):
    """What a watch or a list is to go on from, the API server does not remember any more. To be listed anew."""


class NotFoundError(ApiError):
    """The object does not exist."""


class ConflictError(ApiError):
    """The object is not in the state that the request required, such as another UID. Nothing was changed."""


class ImmutableFieldError(ApiError):
    """The change needs another value of a field that never changes. Nothing was changed."""


class TerminatingError(ApiError):
    """The namespace is being deleted, so nothing can be created in it. Nothing was changed."""
