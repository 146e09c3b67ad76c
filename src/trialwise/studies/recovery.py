"""The result of parameter recovery: which parameters can be estimated, where, and which trade off."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from trialwise.analysis.against_truth import correlation, inside, summarised
from trialwise.base.english import counted
from trialwise.base.message import Message
from trialwise.base.result import NOT_DECIDED, Finding, Result
from trialwise.studies.fits import ALLOWED, sampling_findings, unreliable
from trialwise.studies.recovery_verdict import Evidence, interval_of, verdict
from trialwise.studies.resume import failures

if TYPE_CHECKING:
    import pandas as pd


INFORMATIVE = 0.25
"""Share of the prior variance by which a participant's data must reduce it; below, the data are uninformative."""


TRADED = 0.5
"""Posterior correlations from which two parameters are said to trade off."""


@dataclass(frozen=True, eq=False, repr=False)
class Recovery(Result):
    r"""The result of a recovery study.

    Attributes
    ----------
    learner
        Description of the learner.
    points
        A row a data set, participant and parameter, on the natural scale: ``dataset``, ``participant``, ``parameter``, ``true``,
        posterior ``mean``, ``low`` and ``high``; and ``told``, the share of the variance that the participant's own data removed:
        :math:`1 - \mathrm{Var}(u\,|\,y) / \mathrm{E}(\sigma^2\,|\,y)` on the unconstrained scale, with :math:`\sigma` the group's
        spread (of the prior, without a group). Near 0 the estimate is that of the group.
    pairs
        A row a pair of parameters: ``posterior_correlation``, mean within participants; ``error_correlation``, of the errors
        of both; ``product_correlation``, of the estimated with the true product, if neither can be negative: two parameters that
        trade off may have a product that is recovered.
    fits
        A row a data set: ``r_hat`` (the largest of the group's), ``ess`` (the fewest effective draws of a group parameter),
        ``draws``, ``divergences``, ``problems`` (text, empty if there are none), ``seconds``.
    failed
        Reasons why data sets could not be fitted, by number of the data set.
    interval
        Probability of the intervals.

    Examples
    --------
    >>> task = tw.environments.AlienTask(trials=40)
    >>> short = {"draws": 50, "tune": 100, "chains": 2, "workers": 1, "progress": False}
    >>> recovery = tw.recover(tw.QLearning(initial=1.2).fix(forget=0), task, datasets=1, participants=4, **short)
    >>> list(recovery.tables()), len(recovery.pairs)
    (['recovery', 'recovery_points', 'recovery_pairs', 'recovery_fits'], 1)
    """

    learner: str
    points: pd.DataFrame
    pairs: pd.DataFrame
    fits: pd.DataFrame
    failed: Mapping[int, str]
    interval: float

    contents = {
        "recovery": "a row a parameter",
        "recovery_points": "a row a participant and parameter: true value, estimate, interval",
        "recovery_pairs": "pairs of parameters: do they trade off?",
        "recovery_fits": "a row a fit: is its sampling reliable?",
    }

    @property
    def table(self) -> pd.DataFrame:
        """A row a parameter, over all participants of all data sets.

        ``correlation``, ``bias``, ``rmse`` and ``coverage`` as in :func:`trialwise.recovered`; ``within``, the correlation across
        participants of the same data set; ``slope`` of estimates on true values within data sets (between them, if true values do not
        vary within any), and ``shrinkage`` = 1 - slope:
        how far estimates are pulled to their mean; ``unidentified``, the share of participants whose data are uninformative;
        ``verdict``: found, not found or not decided, for the reasons in :attr:`findings`.
        """
        table = self._statistics()
        codes = (given.code for given in self._verdicts(table).values())
        words = [(NOT_DECIDED if code == "constant-truth" else code).replace("-", " ") for code in codes]
        return table.assign(verdict=words)

    def _statistics(self) -> pd.DataFrame:
        """The numbers of :attr:`table`, from which the verdicts follow."""
        table = summarised(self.points)
        for name, rows in self.points.groupby("parameter", sort=False):
            pairs = _pairs(rows)
            table.loc[name, "within"] = correlation(pairs.true, pairs.mean) if pairs.within else np.nan
            table.loc[name, "slope"] = pairs.slope
            table.loc[name, "unidentified"] = (rows["told"] < INFORMATIVE).mean()
        table.insert(5, "shrinkage", 1 - table["slope"])
        return table

    def _verdicts(self, table: pd.DataFrame) -> dict[str, Finding]:
        """Whether each parameter is found, in the order of the table."""
        return {str(name): verdict(self._evidence(name, row), ALLOWED) for name, row in table.iterrows()}

    @property
    def where(self) -> pd.DataFrame:
        """Where a parameter is not identified, a row a parameter and another one on whose size this depends.

        ``below``: upper bound of the lowest third of the other parameter's absolute true values; ``unidentified`` and
        ``elsewhere``: shares of participants whose data are uninformative about the parameter, in that third and outside. There
        is a row only if the two shares differ by more than a third.
        """
        import pandas as pd

        wide = {
            c: self.points.pivot(index=["dataset", "participant"], columns="parameter", values=c)
            for c in ("true", "told")
        }
        rows = []
        for name in wide["told"]:
            uninformative = wide["told"][name] < INFORMATIVE
            for other in wide["true"]:
                size = wide["true"][other].abs()
                small = size <= size.quantile(1 / 3)
                if other == name or size.nunique() < 9 or small.all():
                    continue
                shares = {"unidentified": uninformative[small].mean(), "elsewhere": uninformative[~small].mean()}
                rows.append({"parameter": name, "other": other, "below": size[small].max()} | shares)
        table = pd.DataFrame(rows, columns=["parameter", "other", "below", "unidentified", "elsewhere"])
        return table[table["unidentified"] - table["elsewhere"] > 1 / 3].reset_index(drop=True)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """For each parameter, whether it is found in this design; then pairs that trade off, and problems of the fits."""
        table, where, findings = self._statistics(), self.where, []
        for name, given in self._verdicts(table).items():
            rows = where[where["parameter"] == name].itertuples()
            sentence = Message(given.sentence, *(self._where(each) for each in rows))
            findings.append(replace(given, sentence=sentence))
        return (
            *findings,
            *self._trade_offs(table),
            *sampling_findings(self.fits),
            *failures(self.failed, len(self.fits)),
        )

    @property
    def sentences(self) -> tuple[str, ...]:
        """The findings as text."""
        return tuple(finding.text for finding in self.findings)

    def _where(self, row: Any) -> str:
        """A row of :attr:`where` as the end of a sentence."""
        return (
            f"; unidentified where {_size(self.points, row.other)} is small: below {row.below:.2g} the data are uninformative "
            f"about it for {row.unidentified:.0%} of participants, elsewhere for {row.elsewhere:.0%}"
        )

    def _evidence(self, name: Any, row: pd.Series) -> Evidence:
        """What the study shows about a parameter; ``row`` is its row of the table."""
        rows = self.points[self.points["parameter"] == name]
        pairs = _pairs(rows)
        spread = float(rows["true"].std(ddof=0)) if np.ptp(rows["true"]) > 0 else 1.0
        error, independent = _error_of_mean(rows["mean"] - rows["true"], rows["dataset"])
        return Evidence(
            name=str(name),
            correlation=correlation(pairs.true, pairs.mean),
            count=pairs.count,
            slope=pairs.slope,
            slope_error=pairs.slope_error,
            bias=row["bias"] / spread,
            bias_error=error / spread,
            bias_count=independent,
            raw_bias=row["bias"],
            coverage=row["coverage"],
            interval=self.interval,
            narrow=self._too_narrow(str(name)),
            unidentified=row["unidentified"],
            unreliable=int(unreliable(self.fits).sum()) + len(self.failed),
            fits=len(self.fits) + len(self.failed),
        )

    def _too_narrow(self, name: str) -> bool:
        """Whether intervals contain the true value less often than chance explains; data sets, not participants, are independent."""
        rows = self.points[self.points["parameter"] == name]
        coverage = inside(rows).groupby(rows["dataset"]).mean().to_numpy()
        binomial = self.interval * (1 - self.interval) / len(rows)
        error = max(coverage.var(ddof=1) / len(coverage), binomial) if len(coverage) > 1 else binomial
        return bool(coverage.mean() < self.interval - 3 * np.sqrt(error))

    def _trade_offs(self, table: pd.DataFrame) -> list[Finding]:
        findings = []
        rows: Any = self.pairs.itertuples()
        for row in rows:
            if abs(row.posterior_correlation) < TRADED:
                continue
            a, b = row.first, row.second
            text = f"{a} and {b} trade off (posterior correlation {row.posterior_correlation:.2f})"
            single = table.loc[[a, b], "correlation"]
            count = int((self.points["parameter"] == a).sum())
            if interval_of(row.product_correlation, count)[0] > single.max():
                text += (
                    f": {a} x {b} is recovered better (correlation {row.product_correlation:.2f}) than {a} ({single[a]:.2f}) "
                    f"and {b} ({single[b]:.2f})"
                )
            findings.append(Finding("caution", "trade-off", text, about=(a, b)))
        return findings

    def tables(self) -> dict[str, pd.DataFrame]:
        """``recovery`` (:attr:`table`), ``recovery_points``, ``recovery_pairs`` and ``recovery_fits``."""
        return {
            "recovery": self.table,
            "recovery_points": self.points,
            "recovery_pairs": self.pairs,
            "recovery_fits": self.fits,
        }

    @property
    def headline(self) -> str:
        """The learner and the number of data sets."""
        return f"Recovery of {self.learner}, {counted(len(self.fits), 'data set')}"


@dataclass(frozen=True)
class _Pairs:
    """True and estimated values, as deviations from the means of ``groups`` groups: data sets, or one of all.

    ``within`` says whether they are those of participants, and not the means of data sets.
    """

    true: np.ndarray
    mean: np.ndarray
    groups: int
    within: bool

    @property
    def count(self) -> int:
        """Number of independent pairs and one."""
        return len(self.true) - (self.groups - 1)

    @property
    def slope(self) -> float:
        """Of estimates on true values; NaN if these do not vary."""
        size = self.true @ self.true
        return float(self.true @ self.mean / size) if size > 0 else np.nan

    @property
    def slope_error(self) -> float:
        """Standard error of the slope; infinite without degrees of freedom."""
        residual, size = self.mean - self.slope * self.true, self.true @ self.true
        return float(np.sqrt(residual @ residual / (self.count - 2) / size)) if self.count > 2 and size > 0 else np.inf


def _pairs(points: pd.DataFrame) -> _Pairs:
    """Values within data sets; of all participants if each data set has one, and of data sets if true values vary only between them."""
    columns, datasets = points[["true", "mean"]], points.groupby("dataset")
    if points["participant"].nunique() == 1:
        return _deviations(columns, 1, within=True)
    true = datasets["true"]
    varies = (true.max() > true.min()).any()  # means of equal numbers may differ from them in the last digit
    if not varies:
        return _deviations(datasets[["true", "mean"]].mean(), 1, within=False)
    return _deviations(columns, len(true), within=True, of=points["dataset"])


def _deviations(columns: pd.DataFrame, groups: int, within: bool, of: pd.Series | None = None) -> _Pairs:
    means = columns.mean() if of is None else columns.groupby(of).transform("mean")
    varies = np.ptp(columns["true"]) > 0 if of is None else columns["true"].groupby(of).transform(np.ptp).to_numpy() > 0
    moved = (columns - means).to_numpy(float)
    return _Pairs(np.where(varies, moved[:, 0], 0.0), moved[:, 1], groups, within)


def _size(points: pd.DataFrame, name: str) -> str:
    below = (points.loc[points["parameter"] == name, "true"] < 0).any()
    return f"|{name}|" if below else name


def _error_of_mean(errors: pd.Series, dataset: pd.Series) -> tuple[float, int]:
    """Standard error of the mean error, over participants or, if that is larger and there are three or more, over data sets; and of how many."""
    alone = float(errors.std(ddof=1) / np.sqrt(len(errors))) if len(errors) > 1 else np.inf
    means = errors.groupby(dataset).mean()
    between = float(means.std(ddof=1) / np.sqrt(len(means))) if len(means) > 2 else 0.0
    return (between, len(means)) if between > alone else (alone, len(errors))
