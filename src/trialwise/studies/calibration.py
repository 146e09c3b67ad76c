"""The result of simulation-based calibration: which quantities have uniform ranks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from trialwise.base.english import counted
from trialwise.base.message import Argument, Message
from trialwise.base.result import NOT_DECIDED, Finding, Result
from trialwise.base.streams import stream
from trialwise.studies.fits import ALLOWED, sampling_findings, unreliable
from trialwise.studies.ranks import PROBABILITY, Band, ecdf, simultaneous_band
from trialwise.studies.resume import failures

if TYPE_CHECKING:
    import pandas as pd


RANKS = 100
"""Number of posterior draws, evenly spaced, among which the true value is ranked: ranks run from 0 to this number."""

SENSITIVE = 0.2
"""Largest deviation of an ECDF from the diagonal that a study may overlook: below, a posterior is called calibrated."""


@dataclass(frozen=True, eq=False, repr=False)
class Calibration(Result):
    """The result of simulation-based calibration.

    Attributes
    ----------
    learner
        Description of the learner.
    ranks
        A row a data set, a column a quantity: how many of ``total`` posterior draws lie below the true value.
    fits
        A row a data set: ``r_hat`` (the largest of the group's), ``ess`` (the fewest effective draws of a group parameter),
        ``draws``, ``divergences``, ``problems`` (text), ``seconds``.
    failed
        Reasons why data sets could not be fitted, by number of the data set.
    total
        Number of draws among which the true value is ranked.

    Examples
    --------
    >>> task = tw.environments.AlienTask(trials=40)
    >>> short = {"draws": 50, "tune": 100, "chains": 2, "workers": 1, "progress": False}
    >>> learner = tw.QLearning(initial=1.2).fix(forget=0)
    >>> calibration = tw.calibrate(learner, task, datasets=3, participants=2, ranks=20, **short)
    >>> calibration.ranks.shape, calibration.total
    ((3, 7), 20)
    """

    learner: str
    ranks: pd.DataFrame
    fits: pd.DataFrame
    failed: Mapping[int, str]
    total: int = RANKS

    contents = {
        "calibration": "a row a quantity",
        "calibration_ranks": "the rank of each true value, a row a data set",
        "calibration_fits": "a row a fit: is its sampling reliable?",
    }

    @property
    def joint(self) -> float:
        """Probability of a single quantity's band such that all quantities, if independent, stay inside theirs with 95 %."""
        return float(PROBABILITY ** (1 / self.ranks.shape[1]))

    def band(self, probability: float = PROBABILITY) -> Band:
        """The band that contains the whole ECDF of a quantity with this probability, if its ranks are uniform.

        Parameters
        ----------
        probability
            Between 0 and 1.

        Returns
        -------
        Band
            Relative ranks ``x``, and the lower and upper end at each, arrays of one length.

        References
        ----------
        Säilynoja, Bürkner & Vehtari (2022), Statistics and Computing 32:32.
        """
        return simultaneous_band(len(self.ranks), probability)

    def ecdf(self, quantity: str) -> np.ndarray:
        """The ECDF of a quantity's ranks at the band's ``x``.

        Each integer rank is jittered uniformly within its bin of the unit interval, so that uniform ranks become uniform
        numbers.

        Parameters
        ----------
        quantity
            Name of a column of :attr:`ranks`.

        Returns
        -------
        array
            Shares from 0 to 1, as long as the band's ``x``.
        """
        rank = self.ranks[quantity].to_numpy(float)
        spread = (rank + stream(0, "ranks within their bins", quantity).random(len(rank))) / (self.total + 1)
        return ecdf(spread, self.band().x)

    @property
    def table(self) -> pd.DataFrame:
        """A row a quantity.

        ``mean_rank`` as a share (.5 if calibrated); ``outer``, the share of ranks in the outer tenth on either side (.2 if
        calibrated); ``distance``, the largest distance of the ECDF from the diagonal; ``outside``, whether the ECDF leaves the
        95 % band of a single quantity, and ``outside_joint``, whether it leaves the wider band for all quantities together.
        """
        import pandas as pd

        alone, joint = self.band(), self.band(self.joint)
        rows = {}
        for name in self.ranks:
            share, heights = self.ranks[name].to_numpy(float) / self.total, self.ecdf(str(name))
            rows[name] = {
                "mean_rank": share.mean(),
                "outer": ((share < 0.1) | (share > 0.9)).mean(),
                "distance": np.abs(heights - alone.x).max(),
                "outside": not alone.contains(heights),
                "outside_joint": not joint.contains(heights),
            }
        return pd.DataFrame.from_dict(rows, orient="index").rename_axis("quantity")

    @property
    def calibrated(self) -> bool:
        """Whether every quantity stays inside the band for all together, in a study that would have detected a deviation."""
        return not self.table["outside_joint"].any() and not self._doubts

    @property
    def sensitivity(self) -> float:
        """The smallest deviation of an ECDF from the diagonal that is detected anywhere on it."""
        band = self.band(self.joint)
        return float(np.maximum(band.high - band.x, band.x - band.low).max())

    @property
    def _doubts(self) -> list[Message]:
        """Why ranks inside their bands do not show that the fit is calibrated; empty if they do."""
        doubts, (bad, count) = (
            [],
            (int(unreliable(self.fits).sum()) + len(self.failed), len(self.fits) + len(self.failed)),
        )
        if bad > ALLOWED * count:
            doubts.append(Message(f"{bad} of {count} data sets have no reliable draws"))
        if self.sensitivity > SENSITIVE:
            sets = int(np.ceil(len(self.ranks) * (self.sensitivity / SENSITIVE) ** 2 / 10) * 10)
            text = f"in {len(self.ranks)} data sets only deviations of more than {self.sensitivity:.2f} would have been detected"
            doubts.append(Message(text, ": simulate more, ", Argument("datasets", sets)))
        return doubts

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The quantities that are not calibrated and how, or whether all are; whether draws are reliable; data sets that failed."""
        count, table = len(self.ranks), self.table
        findings = [_miscalibrated(str(name), row) for name, row in table[table["outside_joint"]].iterrows()]
        if not findings and (doubts := self._doubts):
            start = f"not decided whether the fit is calibrated: the ranks of all {len(table)} quantities are consistent with uniformity, but "
            findings = [Finding("caution", NOT_DECIDED, Message(start, Message.join("; ", doubts)))]
        elif not findings:
            sentence = (
                f"calibrated: the ranks of all {len(table)} quantities are consistent with uniformity in {count} data sets: a "
                f"deviation of more than {self.sensitivity:.2f} would have been detected"
            )
            findings = [Finding("note", "calibrated", sentence)]
        return (*findings, *sampling_findings(self.fits), *failures(self.failed, count))

    @property
    def sentences(self) -> tuple[str, ...]:
        """The findings as text."""
        return tuple(finding.text for finding in self.findings)

    def tables(self) -> dict[str, pd.DataFrame]:
        """``calibration`` (:attr:`table`), ``calibration_ranks`` and ``calibration_fits``."""
        return {"calibration": self.table, "calibration_ranks": self.ranks, "calibration_fits": self.fits}

    @property
    def headline(self) -> str:
        """The learner and the number of data sets."""
        return f"Calibration of {self.learner}, {counted(len(self.ranks), 'data set')}"


def _miscalibrated(name: str, row: pd.Series) -> Finding:
    """The finding on a quantity whose ranks are not uniform."""
    if abs(row["mean_rank"] - 0.5) > abs(row["outer"] - 0.2):
        high = row["mean_rank"] > 0.5
        error = f"the posterior is too {'low' if high else 'high'} (mean rank {row['mean_rank']:.2f}, expected 0.50)"
    else:
        narrow = row["outer"] > 0.2
        error = f"the posterior is too {'narrow' if narrow else 'wide'} (outer ranks {row['outer']:.2f}, expected 0.20)"
    return Finding("problem", "not-uniform", f"{name}: not calibrated: {error}", about=(name,))
