"""Parameter recovery: can a learner's parameters be estimated in this design? Simulate, fit, compare, for many data sets."""

from __future__ import annotations

import time
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from os import PathLike
from typing import TYPE_CHECKING, Any

import numpy as np

from trialwise.analysis.against_truth import INTERVAL, correlation, inside, points, summarised
from trialwise.analysis.true_values import Truth, labels_in, truth_of
from trialwise.base.errors import UsageError
from trialwise.base.message import Argument, Message, Restriction
from trialwise.base.result import Finding, Result, Severity
from trialwise.environments.environment import Environment
from trialwise.environments.simulate import EnvironmentLike, Simulation
from trialwise.inference.fit import fit
from trialwise.inference.fitted import Fit
from trialwise.inference.sampler import CHAINS, TUNE
from trialwise.learners.learner import Learner
from trialwise.population.priors import check_priors
from trialwise.studies.pieces import divided, failures
from trialwise.studies.store import Piece
from trialwise.studies.study import Study, participants_of

if TYPE_CHECKING:
    import pandas as pd

RECOVERED, ROUGH = 0.8, 0.5
"""Correlations of estimates with true values from which a parameter counts as recovered, or as roughly recovered."""

FLAT = 0.25
"""Slopes of estimates on true values below which estimates hardly follow them, whatever the correlation."""

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
        A row a data set: ``r_hat`` (the largest of the group's), ``divergences``, ``problems`` (text, empty if there are none),
        ``seconds``.
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
        participants of the same data set; ``slope`` of estimates on true values within data sets, and ``shrinkage`` = 1 - slope:
        how far estimates are pulled to their mean; ``unidentified``, the share of participants whose data are uninformative.
        """
        table = summarised(self.points)
        for name, rows in self.points.groupby("parameter", sort=False):
            true, mean = (_centred(rows, column) for column in ("true", "mean"))
            table.loc[name, "within"] = correlation(true, mean)
            table.loc[name, "slope"] = (true @ mean) / (true @ true) if true @ true > 0 else np.nan
            table.loc[name, "unidentified"] = (rows["told"] < INFORMATIVE).mean()
        table.insert(5, "shrinkage", 1 - table["slope"])
        return table

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
        """For each parameter, whether it is recovered in this design; then pairs that trade off, and problems of the fits."""
        table, where, findings = self.table, self.where, []
        for name, row in table.iterrows():
            verdict = _verdict(str(name), row, self.interval, self._too_narrow(str(name)))
            rows = where[where["parameter"] == name].itertuples()
            sentence = Message(verdict.sentence, *(self._where(each) for each in rows))
            findings.append(replace(verdict, sentence=sentence))
        return (*findings, *self._trade_offs(table), *self._problems())

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
            if row.product_correlation > single.max():
                text += (
                    f": {a} x {b} is recovered better (correlation {row.product_correlation:.2f}) than {a} ({single[a]:.2f}) "
                    f"and {b} ({single[b]:.2f})"
                )
            findings.append(Finding("caution", "trade-off", text, about=(a, b)))
        return findings

    def _problems(self) -> tuple[Finding, ...]:
        count, bad = len(self.fits), int((self.fits["problems"] != "").sum())
        sentence = f"draws of {bad} of {count} fits are not reliable: for the reasons see .fits"
        return (*([Finding("problem", "draws", sentence)] if bad else []), *failures(self.failed, count))

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
        return f"Recovery of {self.learner}, {len(self.fits)} data sets"


def recover(
    learner: Learner, environment: EnvironmentLike, truth: Mapping[str, Any] | Fit | str | None = None, datasets: int = 20,
    participants: int | Sequence[Hashable] | None = None, seed: int = 0, *, pooling: str = "partial",
    priors: Mapping[str, Any] | None = None, draws: int | None = None, tune: int = TUNE, chains: int = CHAINS,
    sampler: str | None = None, interval: float = INTERVAL, folder: str | PathLike[str] | None = None, executor: Any = None,
    workers: int | None = None, progress: bool = True,
) -> Recovery:  # fmt: skip
    """Simulate participants with known parameters, fit them, and compare the estimates with the true values.

    Parameters
    ----------
    learner
        The learner that is simulated and fitted, e.g. ``QLearning(initial=1.2)``.
    environment
        An environment, ``AlienTask()``; one along recorded sequences, ``AlienTask().on(trials)``, missed trials included; or
        recorded ``trials`` alone, for a learner with a continuous response.
    truth
        Source of the true values. None or ``"prior"``: the default prior, a new group for each data set. Ranges,
        ``{"alpha": (0, 0.2)}``, or other values that :func:`simulate` accepts: each participant has its own value; parameters
        without a range are drawn from the prior. A fit of this learner: its posterior, one draw for each data set, with the
        fit's participants along their own sequences.
    datasets
        Number of data sets. If it is raised later, the data sets in the folder are not done again.
    participants
        Number of participants of each data set, or their labels. By default 30, or those of the recorded trials.
    seed
        The same seed gives the same study, whichever executor does the work.
    pooling, priors, draws, tune, chains, sampler
        Settings of each fit, see :func:`fit`; ``pooling="complete"`` is refused, since it estimates no participants' values.
    interval
        Probability of the intervals whose coverage is computed.
    folder
        Folder in which finished pieces are stored; an interrupted study continues from them. None: in memory.
    executor
        None: processes of this machine; any :class:`concurrent.futures.Executor`; a Dask client, or the address of a Dask
        scheduler.
    workers
        Number of processes of this machine; by default one per core. 1: no other process is started.
    progress
        Whether a progress bar is shown.

    Returns
    -------
    Recovery
        Its ``table`` has a row a parameter; ``sentences`` say what is recovered.

    Raises
    ------
    UsageError
        If the arguments do not fit together.
    ModelError
        If no data set could be fitted.

    References
    ----------
    Wilson & Collins (2019), eLife 8:e49547.

    Examples
    --------
    >>> task = tw.environments.AlienTask(trials=40)
    >>> ranges = {"alpha": (0, 0.5), "beta": (1, 5), "forget": 0}
    >>> short = {"draws": 50, "tune": 100, "chains": 2, "workers": 1, "progress": False}
    >>> recovery = tw.recover(tw.QLearning(initial=1.2), task, ranges, datasets=1, participants=4, folder="recovery", **short)
    >>> list(recovery.table.index), len(recovery.points)
    (['alpha', 'beta', 'forget'], 12)
    """
    labels = participants_of(environment, participants, datasets, seed)
    if pooling == "complete":
        raise UsageError(
            Argument("pooling", "complete"),
            " estimates no participants' parameters to recover: use 'partial' or 'none'",
        )
    if not 0 < interval < 1:
        raise UsageError(f"interval={interval!r}: wanted a probability between 0 and 1, e.g. 0.89")
    check_priors(learner.names, pooling, dict(priors or {}))
    if isinstance(truth, Fit):
        environment = environment.on(truth.trials) if isinstance(environment, Environment) else environment
        labels = tuple(labels_in(environment, list(truth.trials.participants)))
    how = {
        "pooling": pooling,
        "priors": dict(priors or {}),
        "draws": draws,
        "tune": tune,
        "chains": chains,
        "sampler": sampler,
    }
    source = truth_of(truth, learner, environment, seed)
    study = RecoveryStudy(environment, labels, seed, learner, source, how, interval)
    return study.run(datasets, folder=folder, executor=executor, workers=workers, progress=progress, truth=repr(truth))


@dataclass(frozen=True, eq=False)
class RecoveryStudy(Study[Recovery]):
    """A study in which each data set is simulated and fitted, and its estimates are compared with the true values."""

    kind, stage = "recover", "recovering"

    learner: Learner
    truth: Truth
    how: Mapping[str, Any]
    interval: float

    def description(self) -> dict[str, str]:
        return {"learner": repr(self.learner)}

    def simulation(self, number: int) -> Simulation:
        values = self.truth.values(len(self.participants), self.truth_stream(number))
        return self.simulated(self.learner, values, number)

    def task(self, number: int) -> Piece:
        """Arrays ``(parameters, participants)`` of true values, estimates and variance removed; ``(pairs, participants)`` of pairs."""
        start = time.perf_counter()
        simulation = self.simulation(number)
        fitted = fit(self.learner, simulation.trials, seed=self.fit_seed(number), progress=False, **self.how)
        estimates = points(fitted, simulation.parameters, self.interval)
        size = len(self.learner.names), len(self.participants)
        u = unconstrained(fitted)
        stats = fitted.tree["sample_stats"]
        return {
            **{name: estimates[name].to_numpy().reshape(size) for name in ("true", "mean", "low", "high")},
            "told": variance_removed(fitted, u),
            **_of_pairs(fitted, u),
            "r_hat": np.array(worst_r_hat(fitted)),
            "divergences": np.array(int(stats["diverging"].sum())),
            "problems": np.array("\n".join(fitted.problems)),
            "seconds": np.array(time.perf_counter() - start),
            "participants": np.array([str(label) for label in self.participants]),
        }

    def gather(self, pieces: dict[int, Piece]) -> Recovery:
        return gathered(self.learner, pieces, self.interval)


def worst_r_hat(fitted: Fit) -> float:
    """The largest R-hat of the group's parameters (of the participants', without a group); NaN for one chain."""
    import arviz_stats

    table = arviz_stats.summary(fitted.tree, var_names=fitted.group_names, round_to="none")
    return float(table["r_hat"].astype(float).max())


def unconstrained(fitted: Fit) -> np.ndarray:
    """Draws of participants' unconstrained values, ``(draws, participants, parameters)``."""
    draws = fitted.draws
    if draws.grouped:
        u = draws.unconstrained()
        return u.reshape(-1, *u.shape[2:])
    with np.errstate(divide="ignore"):
        return np.stack([p.unconstrain(draws.natural(p.name)) for p in fitted.population.parameters], -1)


def variance_removed(fitted: Fit, u: np.ndarray) -> np.ndarray:
    """The share of the variance that each participant's own data removed, ``(parameters, participants)``."""
    if fitted.draws.grouped:
        before = np.array([float(np.square(fitted.draws.spread(name)).mean()) for name in fitted.parameters])
    else:
        before = fitted.population.prior.total**2
    return np.asarray(1 - u.var(0).T / before[:, None])


def _of_pairs(fitted: Fit, u: np.ndarray) -> dict[str, np.ndarray]:
    """Posterior correlations of pairs of parameters, and posterior means of their products, ``(pairs, participants)`` each."""
    participants, size = u.shape[1:]
    pairs = list(combinations(range(size), 2))
    correlations, products = np.full((2, len(pairs), participants), np.nan)
    natural = [fitted.draws.natural(name) for name in fitted.parameters]
    for row, (a, b) in enumerate(pairs):
        for n in range(participants):
            correlations[row, n] = correlation(u[:, n, a], u[:, n, b])
        products[row] = (natural[a] * natural[b]).mean(0)
    return {"pair_correlation": correlations, "product": products}


def gathered(learner: Learner, pieces: dict[int, Piece], interval: float) -> Recovery:
    """Gather finished pieces into one result.

    Raises
    ------
    ModelError
        If no data set could be fitted.
    """
    import pandas as pd

    done, failed = divided(pieces)
    names = list(learner.names)
    parts = []
    for number, piece in done.items():
        for k, name in enumerate(names):
            columns = {column: piece[column][k] for column in ("true", "mean", "low", "high", "told")}
            labels = {"dataset": number, "participant": piece["participants"], "parameter": name}
            parts.append(pd.DataFrame({**labels, **columns}))
    fits = pd.DataFrame(
        {
            name: [piece[name].item() for piece in done.values()]
            for name in ("r_hat", "divergences", "problems", "seconds")
        },
        index=pd.Index(done, name="dataset"),
    )
    return Recovery(repr(learner), pd.concat(parts, ignore_index=True), _pairs(learner, done), fits, failed, interval)


def _pairs(learner: Learner, done: dict[int, Piece]) -> pd.DataFrame:
    import pandas as pd

    names, rows = list(learner.names), []
    for row, (a, b) in enumerate(combinations(range(len(names)), 2)):
        true, product = ([], [])  # type: ignore[var-annotated]
        errors, posterior = ([], [])  # type: ignore[var-annotated]
        for piece in done.values():
            error = piece["mean"] - piece["true"]
            errors.append(error[[a, b]] - error[[a, b]].mean(1, keepdims=True))
            posterior.append(piece["pair_correlation"][row])
            true.append(piece["true"][a] * piece["true"][b])
            product.append(piece["product"][row])
        positive = learner.lower[a] >= 0 and learner.lower[b] >= 0
        rows.append(
            {
                "first": names[a],
                "second": names[b],
                "posterior_correlation": np.nanmean(np.concatenate(posterior)),
                "error_correlation": correlation(*np.concatenate(errors, 1)),
                "product_correlation": correlation(np.concatenate(true), np.concatenate(product))
                if positive
                else np.nan,
            }
        )
    columns = ["first", "second", "posterior_correlation", "error_correlation", "product_correlation"]
    return pd.DataFrame(rows, columns=columns)


def _centred(points: pd.DataFrame, column: str) -> np.ndarray:
    """Values minus the mean of their data set; minus the overall mean if each data set has one participant."""
    values = points[column]
    alone = points["participant"].nunique() == 1
    centred = values - (values.mean() if alone else values.groupby(points["dataset"]).transform("mean"))
    return centred.to_numpy(float)


def _size(points: pd.DataFrame, name: str) -> str:
    below = (points.loc[points["parameter"] == name, "true"] < 0).any()
    return f"|{name}|" if below else name


def _verdict(name: str, row: pd.Series, interval: float, narrow: bool) -> Finding:
    severity: Severity = "caution" if narrow else "note"
    r, slope = row["correlation"], row["slope"]
    coverage = f"{interval:.0%} intervals contain the true value in {row['coverage']:.0%}"
    if not np.isfinite(r):
        sentence: str = (
            f"{name}: the true value does not vary between participants, so that there is no correlation: give a range "
            f"(bias {row['bias']:.2g}; {coverage})"
        )
        return Finding("note", "constant-truth", sentence, about=(name,))
    if r < ROUGH or slope < FLAT:
        severity, code = "problem", "not-recovered"
        sentence = Message(
            f"{name}: not recovered in this design: estimates hardly follow the true values (correlation {r:.2f}, slope "
            f"{slope:.2f}; {coverage}): use more trials, or ", Restriction("fix", name),
        )  # fmt: skip
    elif r < RECOVERED:
        severity, code = "caution", "roughly-recovered"
        sentence = (
            f"{name}: roughly recovered: high and low values are distinguished, their size is imprecise (correlation {r:.2f}, "
            f"slope {slope:.2f}; {coverage})"
        )
    else:
        code, sentence = "recovered", f"{name}: recovered (correlation {r:.2f}, {coverage})"
    return Finding(severity, code, Message(sentence, "; the intervals are too narrow" if narrow else ""), about=(name,))
