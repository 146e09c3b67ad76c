"""Long work kept on disk as it goes, so that it can be taken up again where it was interrupted."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from trialwise.base.files import whole


class Checkpoint:
    """Arrays of a piece of work under the key of what was asked; without a path nothing is kept."""

    def __init__(self, path: Path | None, *asked: Any):
        self.path = path
        digest = hashlib.sha256()
        for part in asked:
            digest.update(part.tobytes() if isinstance(part, np.ndarray) else repr(part).encode())
        self.key = digest.hexdigest()

    def load(self) -> dict[str, np.ndarray]:
        """What was saved of the same work; nothing of any other, or if the file cannot be read."""
        if self.path is None or not self.path.is_file():
            return {}
        try:
            with np.load(self.path, allow_pickle=False) as stored:
                found = {name: stored[name] for name in stored.files}
        except (OSError, ValueError, KeyError, EOFError):
            return {}
        return found if str(found.pop("key", "")) == self.key else {}

    def save(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Replace what was saved, whole or not at all."""
        if self.path is None:
            return
        with whole(self.path) as place, open(place, "wb") as stream:
            np.savez(stream, allow_pickle=False, key=np.array(self.key), **arrays)

    def done(self) -> None:
        """The work is finished and its result is elsewhere: the file goes."""
        if self.path is not None:
            self.path.unlink(missing_ok=True)
