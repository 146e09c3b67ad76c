"""Are differences between groups, sessions and along covariates found? Power, false positives, precision and sign errors of a study."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from trialwise.analysis.effects.evidence import HDI, summarised
from trialwise.analysis.effects.levels import SCALES
from trialwise.analysis.effects.set_effects import Difference
from trialwise.base.english import counted
from trialwise.base.message import NAME_ALONE, Argument, Message
from trialwise.base.result import Finding
from trialwise.inference.fitted import Fit
from trialwise.studies.fits import ALLOWED
from trialwise.studies.store import Piece

if TYPE_CHECKING:
    import pandas as pd

POWER = 0.8
"""Share of data sets in which a difference should be found, by convention (Cohen 1988)."""

PROBABILITY = 0.95
"""Probability of the intervals of shares."""

COLUMNS = ("dataset", "parameter", "by", "difference", "scale", "true", "set", "mean", "low", "high")

INDEX = ("parameter", "by", "difference")
"""What a difference is known by."""

_EQUAL = 1e-9


def of_effects(fitted: Fit, differences: Sequence[Difference], true: np.ndarray, is_set: np.ndarray) -> Piece:
    """Each difference in a fit, as :func:`trialwise.contrasts` has it: true value, posterior mean and highest-density interval, on the
    unconstrained scale."""
    coefficients = fitted.draws.groups().coefficients
    found = [summarised(coefficients @ difference.vector) for difference in differences]
    supports = fitted.population.base
    return {
        "effect_parameter": np.array([difference.parameter for difference in differences], str),
        "effect_by": np.array([difference.by for difference in differences], str),
        "effect_difference": np.array([difference.label for difference in differences], str),
        "effect_scale": np.array([SCALES[supports[difference.parameter].support] for difference in differences], str),
        "effect_true": true,
        "effect_set": is_set,
        "effect_mean": np.array([each["mean"] for each in found]),
        "effect_low": np.array([each["hdi_low"] for each in found]),
        "effect_high": np.array([each["hdi_high"] for each in found]),
    }


def effect_rows(done: Mapping[int, Piece]) -> pd.DataFrame:
    """A row a data set and difference; none without formulas."""
    import pandas as pd

    parts = [
        pd.DataFrame({"dataset": number, **{name: piece[f"effect_{name}"] for name in COLUMNS[1:]}})
        for number, piece in done.items()
        if "effect_true" in piece
    ]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=list(COLUMNS))


def effect_table(rows: pd.DataFrame) -> pd.DataFrame:
    """A row a difference; see :attr:`trialwise.results.Recovery.effects`."""
    import pandas as pd

    table = []
    for names, own in rows.groupby(list(INDEX), sort=False):
        true, mean, low, high = (own[name].to_numpy(float) for name in ("true", "mean", "low", "high"))
        is_set, value = bool(own["set"].all()), float(true.mean())
        value = 0.0 if abs(value) <= _EQUAL else value
        excludes = (low > 0) | (high < 0)
        ends = share_interval(int(excludes.sum()), len(own)) if is_set else (np.nan, np.nan)
        wrong = excludes & (np.sign(mean) != np.sign(true))
        table.append(
            {
                **dict(zip(INDEX, names, strict=True)),
                "scale": own["scale"].iloc[0],
                "true": value,
                "set": is_set,
                "estimate": mean.mean(),
                "bias": (mean - true).mean(),
                "found": excludes.mean() if is_set else np.nan,
                "found_low": ends[0],
                "found_high": ends[1],
                "sign_errors": wrong.sum() / excludes.sum() if excludes.any() and (not is_set or value) else np.nan,
                "width": float(np.median(high - low)),
                "coverage": ((low <= true) & (true <= high)).mean(),
                "datasets": len(own),
            }
        )
    columns = (
        *INDEX, "scale", "true", "set", "estimate", "bias", "found", "found_low", "found_high", "sign_errors", "width", "coverage", "datasets",
    )  # fmt: skip
    return pd.DataFrame(table, columns=list(columns)).set_index(list(INDEX))


def share_interval(successes: int, count: int) -> tuple[float, float]:
    """The 95 % interval of a share (Wilson 1927, Journal of the American Statistical Association 22:209)."""
    from scipy.stats import binomtest

    ends = binomtest(successes, count).proportion_ci(PROBABILITY, "wilson")
    return float(ends.low), float(ends.high)


@dataclass(frozen=True)
class _Effect:
    """A row of the table of effects in words."""

    parameter: str
    difference: str
    scale: str
    row: Mapping[Hashable, float]
    participants: int
    doubt: Message | None

    @property
    def name(self) -> str:
        return f"{self.parameter} by {self.difference}"

    @property
    def size(self) -> str:
        """The true difference, in words."""
        scale = "" if self.scale == SCALES["real"] else f" ({self.scale})"
        return f"a difference of {self.row['true']:g}{scale}" if self.row["true"] else "a difference that is truly 0"

    @property
    def share(self) -> str:
        low, high = 100 * self.row["found_low"], 100 * self.row["found_high"]
        return f"{self.row['found']:.0%} of data sets (95 % interval {low:.0f} to {high:.0f})"

    @property
    def precision(self) -> str:
        """Estimates, intervals and sign errors."""
        parts = [f"estimates {self.row['estimate']:.2g} on average", f"95 % intervals {self.row['width']:.2g} wide"]
        found = round(self.row["found"] * self.row["datasets"])
        wrong = round((self.row["sign_errors"] if self.row["true"] and found else 0.0) * found)
        parts += [f"the wrong sign in {wrong} of {found} found"] if self.row["true"] and found else []
        return "; ".join(parts)

    def finding(self) -> Finding:
        """How often it is found, or seems to be where there is none."""
        start = f"{self.name}: with {counted(self.participants, 'participant')}, "
        if not self.row["true"]:
            sentence = f"{start}{self.size} is found in {self.share}, where about 5 % are expected; {self.precision}"
            too_often = self.doubt is not None or self.row["found_low"] > 1 - HDI
            return Finding(
                "caution" if too_often else "note", "false-positives", sentence, self.doubt or "", (self.parameter,)
            )
        sentence = f"{start}{self.size} is found in {self.share}; {self.precision}"
        if self.doubt is not None:
            return Finding("caution", "power", sentence, self.doubt, (self.parameter,))
        if self.row["found_high"] < POWER:
            advice = Message(
                f"Found in fewer than {POWER:.0%}: simulate more, ",
                Argument("participants", NAME_ALONE),
                ", or more trials",
            )
            return Finding("caution", "power", sentence, advice, (self.parameter,))
        if self.row["found_low"] < POWER:
            advice = Message(
                f"Too few data sets to say whether it is {POWER:.0%}: simulate more, ", Argument("datasets", NAME_ALONE)
            )
            return Finding("note", "power", sentence, advice, (self.parameter,))
        return Finding("note", "power", sentence, about=(self.parameter,))

    def coverage(self) -> Finding | None:
        """A finding if intervals contain the true difference less often than chance explains."""
        covered, count = self.row["coverage"], self.row["datasets"]
        if covered >= HDI - 3 * np.sqrt(HDI * (1 - HDI) / count):
            return None
        sentence = (
            f"{self.name}: 95 % intervals contain the true difference in {covered:.0%} of data sets (bias {self.row['bias']:+.2g}): it is large "
            "for its prior, or effects of participants are left out"
        )
        return Finding("caution", "coverage-of-difference", sentence, about=(self.parameter,))


def effect_findings(table: pd.DataFrame, participants: int, unreliable: int, fits: int) -> tuple[Finding, ...]:
    """What the study says about differences: those that are set, and those whose intervals are too narrow.

    Parameters
    ----------
    table
        From :func:`effect_table`.
    participants
        Number of participants of each data set.
    unreliable, fits
        Number of data sets whose draws are not reliable or that could not be fitted, and of all.
    """
    no_draws = Message(
        f"Not decided: {unreliable} of {fits} data sets have no reliable draws: use more, ",
        Argument("draws", NAME_ALONE), ", and ", Argument("tune", NAME_ALONE),
    )  # fmt: skip
    doubt = no_draws if unreliable > ALLOWED * fits else None
    findings: list[Finding] = []
    drawn = []
    for row in table.reset_index().to_dict("records"):
        name = f"{row['by']}, {row['difference']}"
        effect = _Effect(str(row["parameter"]), name, str(row["scale"]), row, participants, doubt)
        if row["set"]:
            findings.append(effect.finding())
        else:
            drawn.append(effect.name)
        narrow = effect.coverage()
        findings += [narrow] if narrow is not None else []
    if drawn:
        sentence = f"differences drawn from the prior, another one for each data set: {'; '.join(drawn)}"
        advice = Message("Set those whose power is asked for: ", Argument("effects", ...))
        findings.append(Finding("note", "drawn-differences", sentence, advice))
    return tuple(findings)
