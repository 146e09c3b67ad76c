"""Whether a parameter is found in a recovery study: a verdict that weighs association, bias, coverage, number and sampling.

An interval decides only if it lies wholly on one side of a bound. What neither criterion decides is called not decided, with
the reasons, however large the correlation.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import t as student

from trialwise.base.message import NAME_ALONE, Argument, Message, Restriction
from trialwise.base.result import NOT_DECIDED, Finding

FOUND, LOST = 0.8, 0.5
"""Correlations of estimates with true values: a parameter is found only if the whole interval is above the first, and not found
if it is below the second."""

FLAT = 0.25
"""Slopes of estimates on true values below which estimates hardly follow them, whatever the correlation."""

BIASED = 0.5
"""Bias, in standard deviations of the true values, from which a parameter is not called found: means of groups would be misjudged."""

MOST = 20
"""As many times the data sets are advised at most; beyond, a correlation cannot be told from the bound."""

UNIDENTIFIED = 0.5
"""Share of participants with uninformative data from which estimates are those of the group, whatever the correlation."""

ERRORS = 1.96
"""Standard errors on either side of an estimate in its 95 % interval, if it rests on many values."""

FEWEST = 4
"""Number of pairs of values below which nothing can be said of a correlation or a slope."""


def interval_of(correlation: float, count: int) -> tuple[float, float]:
    r"""The 95 % interval of a correlation, by Fisher's transformation: :math:`\tanh(\mathrm{atanh}\, r \pm 1.96 / \sqrt{n - 3})`."""
    if count < FEWEST:
        return -1.0, 1.0
    z, error = np.arctanh(np.clip(correlation, -1 + 1e-12, 1 - 1e-12)), ERRORS / np.sqrt(count - 3)
    return float(np.tanh(z - error)), float(np.tanh(z + error))


@dataclass(frozen=True)
class Evidence:
    """What a recovery study shows about one parameter.

    Attributes
    ----------
    name
        The parameter.
    correlation
        Of estimates with true values, within data sets if true values vary there; NaN if they do not vary at all.
    count
        Number of independent pairs of values behind the correlation.
    slope, slope_error
        Of estimates on true values, with its standard error.
    bias, bias_error
        Mean error of the estimates and its standard error, in standard deviations of the true values (in the parameter's own
        unit if they do not vary).
    bias_count
        Number of independent values behind the standard error of the bias.
    raw_bias
        Mean error in the parameter's own unit.
    coverage, interval
        Share of the intervals that contain the true value, and their probability.
    narrow
        Whether the coverage is smaller than chance explains.
    unidentified
        Share of participants whose data are uninformative about the parameter.
    unreliable, fits
        Number of data sets whose draws are not reliable or that could not be fitted, and the number of all.
    """

    name: str
    correlation: float
    count: int
    slope: float
    slope_error: float
    bias: float
    bias_error: float
    bias_count: int
    raw_bias: float
    coverage: float
    interval: float
    narrow: bool
    unidentified: float
    unreliable: int
    fits: int

    @property
    def between(self) -> tuple[float, float]:
        """The 95 % interval of the correlation."""
        return interval_of(self.correlation, self.count)

    @property
    def measured(self) -> str:
        """Correlation, bias and coverage, for a sentence."""
        low, high = self.between
        bias = f"bias {self.raw_bias:+.2g}, {abs(self.bias):.1f} SD of the true values"
        return (
            f"correlation within data sets {self.correlation:.2f} ({low:.2f} to {high:.2f}); {bias}; {self._coverage}"
        )

    @property
    def _coverage(self) -> str:
        return f"{self.interval:.0%} intervals contain the true value in {self.coverage:.0%}"

    @property
    def lost(self) -> bool:
        """Whether estimates hardly follow the true values, beyond doubt."""
        if self.count < FEWEST:
            return False
        return self.between[1] < LOST or self.slope + _errors(self.count - 2) * self.slope_error < FLAT

    def doubts(self) -> list[str]:
        """The reasons why the parameter cannot be called found, with remedies; empty if there are none."""
        return [doubt for doubt in (self._association(), self._shift(), self._intervals(), self._data()) if doubt]

    def _association(self) -> str:
        low, _ = self.between
        if low >= FOUND:
            return ""
        if self.correlation <= FOUND:
            return (
                "high and low values are distinguished, their size is imprecise"
                if low > LOST
                else "the correlation is neither clearly high nor clearly low"
            )
        needed = 3 + (ERRORS / (np.arctanh(min(self.correlation, 1 - 1e-12)) - np.arctanh(FOUND))) ** 2
        sets = int(np.ceil(min(needed * self.fits / self.count, 1e9)))
        if sets > MOST * self.fits:
            return f"the correlation cannot be told from {FOUND:g}"
        text = f"{self.count} simulated participants are too few to say that the correlation is above {FOUND:g}"
        return Message(text, ": simulate more, about ", Argument("datasets", sets)) if sets > self.fits else text

    def _shift(self) -> str:
        margin = _errors(self.bias_count - 1) * self.bias_error
        if abs(self.bias) + margin < BIASED:
            return ""
        high = "high" if self.bias > 0 else "low"
        if abs(self.bias) - margin > BIASED:
            return f"estimates are too {high}, so that means of groups would be misjudged"
        return f"estimates may be too {high}"

    def _intervals(self) -> str:
        return "the intervals are too narrow" if self.narrow else ""

    def _data(self) -> str:
        if self.unidentified < UNIDENTIFIED:
            return ""
        return f"the data of {self.unidentified:.0%} of participants are uninformative, whose estimates are those of the group"


def _errors(freedom: int) -> float:
    """Standard errors on either side of an estimate in its 95 % interval, by the degrees of freedom of its residuals."""
    return float(student.ppf(0.975, freedom)) if freedom > 0 else np.inf


def verdict(evidence: Evidence, allowed: float) -> Finding:
    """Whether a parameter is found in a design: ``"found"``, ``"not-found"`` or ``"not-decided"``.

    Parameters
    ----------
    evidence
        What the study shows about the parameter.
    allowed
        Share of data sets with unreliable draws above which no verdict is given.
    """
    name, measured = evidence.name, evidence.measured
    if not np.isfinite(evidence.correlation):
        narrow = "; the intervals are too narrow" if evidence.narrow else ""
        sentence: str = (
            f"{name}: not decided: the true value does not vary between participants, so that there is no correlation: give a "
            f"range (bias {evidence.raw_bias:.2g}; {evidence._coverage}{narrow})"
        )
        return Finding("caution" if narrow else "note", "constant-truth", sentence, about=(name,))
    if evidence.unreliable > allowed * evidence.fits:
        sentence = Message(
            f"{name}: not decided: {evidence.unreliable} of {evidence.fits} data sets have no reliable draws: use more, ",
            Argument("draws", NAME_ALONE), ", and ", Argument("tune", NAME_ALONE), f" (so far {measured})",
        )  # fmt: skip
        return Finding("caution", NOT_DECIDED, sentence, about=(name,))
    if evidence.lost:
        sentence = Message(
            f"{name}: not found in this design: estimates hardly follow the true values (slope {evidence.slope:.2f}; {measured}): use "
            "more trials, or ", Restriction("fix", name),
        )  # fmt: skip
        return Finding("problem", "not-found", sentence, about=(name,))
    if doubts := evidence.doubts():
        sentence = Message(f"{name}: not decided: ", Message.join("; ", doubts), f" ({measured})")
        return Finding("caution", NOT_DECIDED, sentence, about=(name,))
    return Finding("note", "found", f"{name}: found: {measured}", about=(name,))
