"""The covariates of a fit as they are kept with it: their values for each participant, or for each row of parameters."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True)
class KeptCovariate:
    """A covariate that is constant within participants or within rows of parameters, such as sessions.

    Attributes
    ----------
    name
        Name of its column.
    place
        ``"participant"``: a value for each participant; ``"row"``: a value for each row of parameters.
    values
        Labels of levels, or numbers, ``(participants,)`` or ``(rows,)``.
    levels
        The levels in order; empty for numbers.
    """

    name: str
    place: Literal["participant", "row"]
    values: tuple[Hashable, ...]
    levels: tuple[Hashable, ...] = ()

    def at(self, kept: Sequence[int]) -> KeptCovariate:
        """The same of some of the participants, or rows."""
        return KeptCovariate(self.name, self.place, tuple(self.values[n] for n in kept), self.levels)

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> KeptCovariate:
        """From the values that JSON holds, those of :func:`dataclasses.asdict`."""
        return cls(plain["name"], plain["place"], tuple(plain["values"]), tuple(plain["levels"]))
