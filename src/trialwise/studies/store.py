"""Finished pieces on disk: a file each, written whole or not at all, in a folder that belongs to what was asked."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib.metadata import version
from os import PathLike, fspath
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from trialwise.base.errors import UsageError
from trialwise.base.files import whole, write
from trialwise.studies.fingerprint import digest

FORMAT = 1
"""Of a piece; another one is another question."""

Piece = Mapping[str, np.ndarray]
"""What one piece of work found: arrays by name."""


class Store:
    """The pieces of one question; without a folder they are kept in memory, for as long as this lives.

    Parameters
    ----------
    folder
        Several questions share it: each has a folder of its own in there, ``pieces/recover-0f3a...``.
    kind
        A word that begins the folder's name.
    task
        What was asked; its hash ends the name.
    told
        The question in words, for a person who looks into the folder: ``asked.json``.
    """

    def __init__(self, folder: str | PathLike[str] | None, kind: str, task: Any, told: Mapping[str, str]):
        self.place: Path | None = None
        self.memory: dict[int, Piece] = {}
        if folder is None:
            return
        key = digest(FORMAT, version("trialwise"), kind, task)
        self.place = Path(fspath(folder)) / "pieces" / f"{kind}-{key[:16]}"
        try:
            self.place.mkdir(parents=True, exist_ok=True)
            write(self.place / "asked.json", json.dumps({"study": kind, **told, "key": key}, indent=1))
        except OSError as error:
            raise UsageError(
                f"folder={fspath(folder)!r}: pieces cannot be written there ({error.strerror}); give another folder"
            ) from None

    def load(self, number: int) -> Piece | None:
        """A finished piece; None if there is none, or its file cannot be read."""
        if self.place is None:
            return self.memory.get(number)
        try:
            with np.load(self._file(number), allow_pickle=False) as stored:
                return {name: stored[name] for name in stored.files}
        except (OSError, ValueError, KeyError, EOFError, BadZipFile):
            return None

    def keep(self, number: int, piece: Piece) -> None:
        """Keep a finished piece."""
        if self.place is None:
            self.memory[number] = piece
            return
        with whole(self._file(number)) as place, open(place, "wb") as stream:
            np.savez(stream, allow_pickle=False, **piece)

    def _file(self, number: int) -> Path:
        assert self.place is not None
        return self.place / f"{number:06d}.npz"
