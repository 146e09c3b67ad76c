"""The chains of the correction: their current state and draws, which can be saved and resumed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any

import numpy as np

from trialwise.inference.samplers.pseudo_marginal.correction import Corrector, Drawn, State
from trialwise.inference.samplers.pseudo_marginal.tilt import Tilt
from trialwise.likelihoods.filter_streams import CountedStreams

BURN = 20
"""Proposals per chain that are discarded as burn-in."""


class Chain:
    """The chains of the correction; resumed from ``saved``, a result of :meth:`arrays`, unless it is empty."""

    def __init__(
        self,
        corrector: Corrector,
        streams: CountedStreams,
        random: Callable[..., np.random.Generator],
        saved: Mapping[str, Any],
    ):
        self.corrector, self.random = corrector, random
        self.number, self.state = 0, None
        self.kept: list[Drawn] = []
        if "number" in saved:
            if "tilt_top" in saved:
                corrector.tilt = _built(Tilt, "tilt", saved)
            self.number, streams.used = int(saved["number"]), int(saved["filters"])
            self.state = _built(State, "state", saved)
            self.kept = [_built(Drawn, "drawn", saved)] if self.number > BURN else []

    def start(self, mu: np.ndarray, sd: np.ndarray, u: np.ndarray) -> None:
        """Start at draws of the emulated posterior, ``(chains, draws, ...)``."""
        self.corrector.random = self.random(5)
        self.state = self.corrector.start(mu, sd, u)

    def step(self, mu: np.ndarray, sd: np.ndarray, u: np.ndarray) -> None:
        """Turn a block of draws of the emulated posterior into draws of the true posterior."""
        assert self.state is not None
        self.corrector.random = self.random(4, self.number)
        drawn = self.corrector.propose(self.state, mu, sd, u)
        self.corrector.refresh(self.state)
        if self.number >= BURN:
            self.kept.append(drawn)
        self.number += mu.shape[1]

    def drawn(self) -> Drawn:
        """The draws of all blocks."""
        return Drawn(*(np.concatenate([getattr(each, part.name) for each in self.kept], 1) for part in fields(Drawn)))

    def arrays(self) -> dict[str, np.ndarray]:
        """The state and the draws as arrays to save."""
        drawn = _named("drawn", self.drawn()) if self.kept else {}
        tilt = _named("tilt", self.corrector.tilt) if self.corrector.tilt else {}
        return {"number": np.array(self.number), **_named("state", self.state), **drawn, **tilt}


def _named(prefix: str, parts: Any) -> dict[str, np.ndarray]:
    """The arrays of a dataclass by prefixed names."""
    return {f"{prefix}_{part.name}": getattr(parts, part.name) for part in fields(parts)}


def _built[Parts](kind: type[Parts], prefix: str, saved: Mapping[str, Any]) -> Parts:
    """The dataclass from the result of :func:`_named`."""
    return kind(*(saved[f"{prefix}_{part.name}"] for part in fields(kind)))  # type: ignore[arg-type]
