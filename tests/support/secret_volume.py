"""A folder of files that change as those of a mounted Secret do: all at the same moment."""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path


class SecretVolume:
    """The files are links into `..data`, which is a link to a folder; a new folder takes its place in one rename.

    Source: https://github.com/kubernetes/kubernetes/blob/master/pkg/volume/util/atomic_writer.go

    Args:
        folder: where; there is nothing there yet.
        files: name -> content. The names stay the same.
    """

    def __init__(self, folder: Path, files: Mapping[str, bytes]) -> None:
        folder.mkdir()
        self.folder = folder
        self._generation = 0
        self.replace(files)
        for name in files:
            (folder / name).symlink_to(Path("..data") / name)

    def __truediv__(self, name: str) -> Path:
        """Return the path of a file."""
        return self.folder / name

    def replace(self, files: Mapping[str, bytes]) -> None:
        """Give all files another content."""
        data, before = self.folder / "..data", self.folder / f"..{self._generation}"
        self._generation += 1
        folder = self.folder / f"..{self._generation}"
        folder.mkdir()
        for name, content in files.items():
            (folder / name).write_bytes(content)
        link = self.folder / "..data_tmp"
        link.symlink_to(folder.name)
        os.replace(link, data)  # noqa: PTH105 -- what it is about: rename(2)
        shutil.rmtree(before, ignore_errors=True)
