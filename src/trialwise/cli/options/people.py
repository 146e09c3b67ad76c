"""Options of the participants that a study simulates: how they differ, their sessions, and true effects."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from trialwise.base.errors import UsageError
from trialwise.cli.options.design import PANEL as DESIGN
from trialwise.cli.options.formulas import CORRELATED, FORMULA, RANDOM, Random, blocks, option

EXAMPLE = '--effect "alpha: patient - control = -0.5"'


@dataclass(frozen=True)
class People:
    """The participants of each data set, and how their parameters depend on groups, covariates and sessions."""

    participants: Annotated[
        str | None,
        option(
            "--participants",
            "N|FILE",
            "Participants per data set, by default 30, or those of the recorded data; or a table with one row per participant and columns "
            "for the formulas.",
            DESIGN,
        ),
    ] = None
    formula: Annotated[list[str] | None, FORMULA] = None
    sessions: Annotated[
        str | None,
        option(
            "--sessions",
            "N|A,B",
            "Sessions of each participant, their number or labels: runs through a new environment, which formulas name session.",
        ),
    ] = None
    random: Annotated[Random | None, RANDOM] = None
    correlated: Annotated[list[str] | None, CORRELATED] = None

    @property
    def count(self) -> int | None:
        """The number of participants, if one is given."""
        return int(self.participants) if self.participants is not None and self.participants.isdecimal() else None

    def arguments(self) -> dict[str, object]:
        """The arguments of the studies of the library; options that were not given keep its defaults."""
        options: dict[str, object] = {
            "participants": self.participants if self.count is None else self.count,
            "formulas": list(self.formula) if self.formula else None,
            "sessions": _sessions(self.sessions),
            "random": None if self.random is None else str(self.random),
            "correlated": blocks(self.correlated),
        }
        return {name: value for name, value in options.items() if value is not None}


@dataclass(frozen=True)
class Effects:
    """True effects."""

    effect: Annotated[
        list[str] | None,
        option(
            "--effect",
            "EFFECT",
            'True difference on the unconstrained scale, "alpha: patient - control = -0.5", or slope per SD, "alpha: age = 0.3"; with the name '
            'of the covariate where it is not plain, "alpha: group: patient - control = -0.5"; may be repeated.',
        ),
    ] = None

    def arguments(self) -> dict[str, object]:
        """The arguments of the studies of the library."""
        return {"effects": effects_of(self.effect)} if self.effect else {}


def _sessions(text: str | None) -> int | list[str] | None:
    """The number of sessions, or their labels."""
    if text is None:
        return None
    return int(text) if text.strip().isdecimal() else [label.strip() for label in text.split(",")]


def effects_of(texts: Sequence[str]) -> dict[str, dict[str, float | dict[str, float]]]:
    """The effects that were typed, as the library takes them.

    Raises
    ------
    UsageError
        If one cannot be read, or is typed twice.
    """
    effects: dict[str, dict[str, float | dict[str, float]]] = {}
    for text in texts:
        name, colon, rest = text.partition(":")
        left, equals, right = rest.rpartition("=")
        place, named, label = left.strip().rpartition(": ")
        try:
            value = float(right)
        except ValueError:
            value = None
        if not (name.strip() and colon and label.strip() and equals) or value is None:
            raise UsageError(
                f"--effect {text!r} cannot be read: write {EXAMPLE}, with a parameter, a difference and a number"
            )
        own = effects.setdefault(name.strip(), {})
        within = own.setdefault(place.strip(), {}) if named else own
        if not isinstance(within, dict) or label.strip() in within:
            raise UsageError(f"--effect {text!r} is given twice: leave one")
        within[label.strip()] = value
    return effects
