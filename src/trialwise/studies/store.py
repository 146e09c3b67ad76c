"""Finished pieces on disk: one file each, written completely or not at all, in a folder that belongs to the study's settings."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib.metadata import version
from os import PathLike, fspath
from pathlib import Path
from typing import Any

import numpy as np

from trialwise.base.errors import UsageError
from trialwise.base.files import whole, write
from trialwise.base.message import Argument
from trialwise.base.unpacking import read_arrays
from trialwise.studies.fingerprint import digest

FORMAT = 1
"""Format of a piece; pieces of another format belong to another study."""

Piece = Mapping[str, np.ndarray]
"""The result of one piece of work: arrays by name."""


class Store:
    """The finished pieces of one study; without a folder they are kept in memory.

    Parameters
    ----------
    folder
        Folder shared by studies; each has a subfolder of its own, ``pieces/recover-0f3a...``.
    kind
        First word of the subfolder's name.
    task
        The study's settings; their hash ends the name.
    description
        The study's settings as text for readers of the folder, written to ``asked.json``.
    """

    def __init__(self, folder: str | PathLike[str] | None, kind: str, task: Any, description: Mapping[str, str]):
        self.place: Path | None = None
        self.memory: dict[int, Piece] = {}
        if folder is None:
            return
        key = digest(FORMAT, version("trialwise"), kind, task)
        self.place = Path(fspath(folder)) / "pieces" / f"{kind}-{key[:16]}"
        try:
            self.place.mkdir(parents=True, exist_ok=True)
            write(self.place / "asked.json", json.dumps({"study": kind, **description, "key": key}, indent=1))
        except OSError as error:
            raise UsageError(
                Argument("folder", fspath(folder)),
                f": pieces cannot be written there ({error.strerror}); give another folder",
            ) from None

    def load(self, number: int) -> Piece | None:
        """Read a finished piece; None if there is none, or its file cannot be read."""
        if self.place is None:
            return self.memory.get(number)
        return read_arrays(self._file(number))

    def save(self, number: int, piece: Piece) -> None:
        """Store a finished piece."""
        if self.place is None:
            self.memory[number] = piece
            return
        with whole(self._file(number)) as place, open(place, "wb") as stream:
            np.savez(stream, allow_pickle=False, **piece)

    def _file(self, number: int) -> Path:
        assert self.place is not None
        return self.place / f"{number:06d}.npz"
