"""Whether the files that a store's connections are made with have another content than before."""

from collections.abc import Sequence
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path


class StoreFiles:
    """Files that are replaced while the service runs: a mounted Secret's, whose contents are behind a symlink.

    Contents are compared, and not times: those of a Secret's files say nothing of what is in them.
    Source: https://kubernetes.io/docs/concepts/configuration/secret/#mounted-secrets-are-updated-automatically

    Args:
        files: which; how they are now is what the first look compares with.
    """

    def __init__(self, files: Sequence[Path]) -> None:
        self._files = files
        self._digests: dict[Path, bytes] = {}
        self.have_changed()

    def have_changed(self) -> bool:
        """Look at all files; return whether one has another content than at the last look.

        A file that cannot be read just now has the content it had.
        """
        before = dict(self._digests)
        for file in self._files:
            with suppress(OSError):
                self._digests[file] = blake2b(file.read_bytes()).digest()
        return self._digests != before
