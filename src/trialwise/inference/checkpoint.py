"""Progress of long computations saved to disk, so that they can be resumed after an interruption."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from trialwise.base.errors import UsageError
from trialwise.base.files import whole
from trialwise.base.unpacking import read_arrays
from trialwise.engine import constants
from trialwise.inference.sampler import Request

KEY = "key"
"""The name of the key among the arrays of a file."""


class Checkpoint:
    """Arrays of a computation, stored with a key of its settings; without a path nothing is stored."""

    def __init__(self, path: Path | None, *settings: Any):
        self.path = path
        digest = hashlib.sha256()
        for part in settings:
            whole_array = isinstance(part, np.ndarray)  # the text of a large one is abbreviated
            digest.update(repr((part.dtype.str, part.shape) if whole_array else part).encode())
            digest.update(part.tobytes() if whole_array else b";")
        self.key = digest.hexdigest()

    def load(self) -> dict[str, np.ndarray]:
        """The arrays saved by a computation with the same settings; empty if there is no file.

        Raises
        ------
        UsageError
            If the file is none of a checkpoint, or that of a computation with other settings: it would be overwritten.
        """
        if self.path is None or not self.path.is_file():
            return {}
        arrays = read_arrays(self.path)
        if arrays is None or KEY not in arrays:
            raise UsageError(
                f"{self.path} holds no progress of a fit, and would be overwritten: have progress saved elsewhere, or delete the file"
            )
        if str(arrays.pop(KEY)) != self.key:
            raise UsageError(
                f"{self.path} holds the progress of another fit, which would be overwritten: its learner, data, priors, seed or number of chains differ, "
                "or the version of trialwise. Repeat the call that it belongs to, have progress saved elsewhere, or delete the file"
            )
        return arrays

    def save(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Replace the saved arrays, completely or not at all."""
        if self.path is None:
            return
        with whole(self.path) as temporary, open(temporary, "wb") as stream:
            np.savez(stream, allow_pickle=False, **{KEY: np.array(self.key)}, **arrays)


def checkpoint_of(request: Request, *settings: object) -> Checkpoint:
    """The checkpoint of a fit, whose key holds all that determines its target: learner, data, population and priors; and its seed.

    Parameters
    ----------
    request
        What is fitted.
    settings
        The name of the sampler, and all on which its saved arrays depend.
    """
    learner, packed, population = request.likelihood.learner, request.likelihood.packed, request.population
    prior, correlated, design = (
        population.prior,
        population.correlations,
        population.matrices(len(request.likelihood.rows)),
    )
    ranges = [(each.name, each.support, each.lower, each.upper) for each in population.parameters]
    return Checkpoint(
        request.checkpoint, *settings, request.seed, request.chains, population.pooling, learner.key, repr(learner), constants(learner), ranges,
        packed.layout, packed.options, packed.sizes, packed.observed, packed.ints, packed.reals, packed.offsets, packed.rows,
        prior.mean, prior.width, prior.spread, correlated.pairs, correlated.shapes, design.owner, design.fixed, design.random,
    )  # fmt: skip
