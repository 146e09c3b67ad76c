"""Posterior predictive checks at the levels of a group, session or condition, and of the differences between them."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from trialwise.analysis.levels_of_trials import LevelsOfTrials, how_to_split
from trialwise.analysis.replicated import Replicated
from trialwise.analysis.reproduced import UNUSUAL, Reliability, outside, weighed
from trialwise.base.english import counted
from trialwise.base.message import Argument, Message
from trialwise.base.result import Finding, Result
from trialwise.inference.fitted import Fit
from trialwise.population.designs.formula import quoted_name

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False, repr=False)
class LevelCheck:
    """Measures of behaviour at a level, or their differences between two.

    Attributes
    ----------
    label
        The level, or ``"patient - control"``.
    table
        A row a measure: ``observed``, ``predicted``, ``low``, ``high``, ``tail``, as in the table of a :class:`~trialwise.analysis.check.Check`.
    simulated
        ``(data sets, measures)``.
    participants
        Number of participants with trials there; of a difference, at the level with fewer.
    """

    label: str
    table: pd.DataFrame
    simulated: pd.DataFrame
    participants: int


@dataclass(frozen=True, eq=False, repr=False)
class CheckByLevel(Result):
    """The part of a check that is about levels, ``tw.check(fit, by="group").levels``.

    Attributes
    ----------
    name
        The group, session or condition.
    levels
        Behaviour at each level, means over the participants there.
    differences
        Differences of these between each pair of levels, the later one minus the earlier.
    reliability
        Whether the draws of the fit carry a verdict.
    remedy
        What to try if the differences are not reproduced.
    left_out
        Number of participants without a level.
    sparse
        The finding that most levels have one participant each; None if they have more.

    Examples
    --------
    >>> trials = tw.load_data("alien_flat").trials.select(range(6)).first(60)
    >>> people = {"participant": trials.participants, "group": ["control", "patient"] * 3}
    >>> fit = tw.fit(tw.QLearning(initial=1.2), trials, draws=50, tune=100, chains=2, progress=False)
    >>> levels = tw.check(fit, by="group", participants=people, datasets=4, progress=False).levels
    >>> list(levels.table["level"].unique())
    ['control', 'patient', 'patient - control']
    """

    name: str
    levels: Sequence[LevelCheck]
    differences: Sequence[LevelCheck]
    reliability: Reliability
    remedy: str = field(default="", repr=False)
    left_out: int = 0
    sparse: Finding | None = field(default=None, repr=False)

    contents = {"check_levels": "every measure at each level, and its differences between levels"}

    @property
    def table(self) -> pd.DataFrame:
        """A row a level, or difference of levels, and measure, with ``level``, ``participants``, ``measure``, and the columns of a check."""
        import pandas as pd

        parts = []
        for each in (*self.levels, *self.differences):
            part = each.table.reset_index()
            part.insert(0, "level", each.label)
            part.insert(1, "participants", each.participants)
            parts.append(part)
        return pd.concat(parts, ignore_index=True)

    @property
    def counts(self) -> pd.DataFrame:
        """Number of participants at each level."""
        import pandas as pd

        index = pd.Index([each.label for each in self.levels], name="level")
        return pd.DataFrame({"participants": [each.participants for each in self.levels]}, index)

    @property
    def outside(self) -> pd.DataFrame:
        """The differences outside their intervals, the farthest of each pair of levels first, by ``measure``."""
        import pandas as pd

        parts = []
        for each in self.differences:
            part = outside(each.table).copy()
            part.insert(0, "level", each.label)
            parts.append(part)
        return pd.concat(parts)

    def tables(self) -> dict[str, pd.DataFrame]:
        """``check_levels`` (:attr:`table`)."""
        return {"check_levels": self.table}

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Whether the learner reproduces the behaviour at each level, and the differences between levels.

        None if the draws of the fit, or the number of simulated data sets, carry no verdict: the check itself says so.
        """
        found = [] if self.sparse is None else [self.sparse]
        if self.reliability.decides(len(self.levels[0].simulated)):
            found += [self._verdict(f"{self.name} {each.label}", [each], "behaviour") for each in self.levels]
            which = self.differences[0].label if len(self.differences) == 1 else "all pairs of levels"
            found.append(self._verdict(f"{self.name}, {which}", self.differences, "difference"))
        if self.left_out:
            sentence = f"{counted(self.left_out, 'participant')} without {self.name} {'is' if self.left_out == 1 else 'are'} at no level"
            found.append(Finding("note", "without-level", sentence))
        return tuple(found)

    def _verdict(self, about: str, parts: Sequence[LevelCheck], what: str) -> Finding:
        """Whether the learner reproduces the behaviour at a level, or differences of levels."""
        import pandas as pd

        keys = [each.label for each in parts] if len(parts) > 1 else [""]
        table = pd.concat([each.table for each in parts], keys=keys)
        simulated = pd.concat([each.simulated for each in parts], axis=1, keys=keys)
        table.index = pd.Index([" ".join(filter(None, map(str, each))) for each in table.index])
        code = "difference" if what == "difference" else "level"
        whose = f"{what}{'s' if len(parts) > 1 else ''}"
        if not table["tail"].notna().any():
            return Finding("note", f"{code}-undefined", f"{about}: no measure is defined there", about=(about,))
        p, measured = weighed(table, simulated)
        missed = outside(table)
        if p > UNUSUAL:
            verb, severity = "reproduces", "note"
        else:
            verb, severity = "does not reproduce", "caution"
            row = missed.iloc[0] if len(missed) else None
            farthest = "" if row is None else (
                f"; the farthest is {missed.index[0]}, {row['observed']:.3g}, where {row['low']:.3g} to {row['high']:.3g} was predicted"
            )  # fmt: skip
            measured += farthest
        sentence = f"{about}: the learner {verb} the {whose}: {measured}"
        if self.reliability.draws is not None:
            sentence += "; this is provisional, since the draws of the fit have a problem"
        remedy = self.remedy if code == "difference" and p <= UNUSUAL else ""
        suffix = "deviates" if p <= UNUSUAL else "reproduced"
        return Finding(severity, f"{code}-{suffix}", sentence, remedy, (about, *map(str, missed.index)))  # type: ignore[arg-type]

    @property
    def headline(self) -> str:
        """The levels."""
        return f"Check by {self.name}: {', '.join(f'{each.label} ({counted(each.participants, "participant")})' for each in self.levels)}"


def check_by_level(
    fit: Fit, levels: LevelsOfTrials, parts: Sequence[Replicated], reliability: Reliability, anew: bool
) -> CheckByLevel:
    """Arrange the measures at each level, ``parts``, and take their differences."""
    counts = [int(own.sum()) for own in levels.participants]
    labels = list(map(str, levels.labels))
    own = [
        LevelCheck(label, part.table, part.simulated, count)
        for label, part, count in zip(labels, parts, counts, strict=True)
    ]
    differences = []
    for i, j in itertools.combinations(range(len(labels)), 2):
        difference = parts[j].minus(parts[i])
        label = f"{labels[j]} - {labels[i]}"
        differences.append(LevelCheck(label, difference.table, difference.simulated, min(counts[i], counts[j])))
    remedy = _remedy(fit, levels.name, anew)
    return CheckByLevel(levels.name, own, differences, reliability, remedy, levels.without, _sparse(fit, levels))


def _sparse(fit: Fit, levels: LevelsOfTrials) -> Finding | None:
    """That most levels have one participant each, and how to put them into groups."""
    single = sum(int(own.sum()) == 1 for own in levels.participants)
    if 2 * single <= len(levels.labels) or levels.size == 1:
        return None
    which = "each level" if single == len(levels.labels) else f"{single} of {len(levels.labels)} levels"
    verb = "has one participant" if single == len(levels.labels) else "have one participant each"
    sentence = (
        f"{which} of {levels.name} {verb}, so that differences between such levels are those between two participants"
    )
    code = how_to_split(levels, fit.data)
    return Finding(
        "note",
        "one-participant",
        sentence,
        Message("For groups of levels type, in Python, ", code) if code else "",
        (levels.name,),
    )


def _remedy(fit: Fit, name: str, anew: bool) -> str:
    """What to try if differences between levels are not reproduced."""
    stored = fit.design
    names: Sequence[str] = fit.parameters if stored is None else stored.design.parameters
    term = quoted_name(name)
    known = {} if stored is None else {each: {*m.factors, *m.numbers} for each, m in stored.models.items()}
    lacking = [each for each in names if name not in known.get(each, ())]
    if not anew or fit.pooling != "partial":
        return "Parameters of their own do not bring participants there: compare the learner with others"
    if not lacking:
        return f"All parameters depend on {name} already: compare the learner with others"
    formulas = {} if stored is None else dict(stored.formulas)
    formulas |= {each: f"{formulas[each]} + {term}" if each in formulas else term for each in lacking}
    return Message(f"Fit with parameters that depend on {name}, ", Argument("formulas", formulas))
