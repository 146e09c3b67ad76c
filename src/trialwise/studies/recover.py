"""Recovery studies: can this design find a learner's parameters? Simulate, fit, compare, many times (R16, R21, R29, R32)."""

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
from trialwise.environments.simulate import Simulation, Surroundings
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

FOUND, ROUGH = 0.8, 0.5
"""Correlations of estimates with the truth from which a parameter counts as found, or as found roughly."""

FLAT = 0.25
"""Slopes of estimates on the truth below this hardly follow it, whatever the correlation."""

TOLD = 0.25
"""Where a participant's posterior has lost less than this share of the variance that was there before, the data told nothing."""

TRADED = 0.5
"""Posterior correlations from which two parameters are said to take each other's place."""


@dataclass(frozen=True, eq=False, repr=False)
class Recovery(Result):
    """What a recovery study found.

    Attributes
    ----------
    learner
        In words.
    points
        A row a data set, participant and parameter, on the natural scale: ``dataset``, ``participant``, ``parameter``, ``true``,
        posterior ``mean``, ``low`` and ``high``; and ``told``, the share of the variance that the participant's own data took away:
        :math:`1 - \\mathrm{Var}(u\\,|\\,y) / \\mathrm{E}(\\sigma^2\\,|\\,y)` on the unconstrained scale, with :math:`\\sigma` the group's
        spread (of the prior, without a group). Near 0 the participant's value is the group's.
    pairs
        A row a pair of parameters (R29): ``posterior_correlation``, within participants, mean; ``error_correlation``, of the errors
        of both; ``product_correlation``, of the product's estimate with its true value, where both are above 0: what is left of
        two parameters that take each other's place.
    fits
        A row a data set: ``r_hat`` (largest, of the group), ``divergences``, ``problems`` (in words, empty if there are none),
        ``seconds``.
    failed
        Why data sets could not be fitted, by their number.
    interval
        Probability of the intervals.
    """

    learner: str
    points: pd.DataFrame
    pairs: pd.DataFrame
    fits: pd.DataFrame
    failed: Mapping[int, str]
    interval: float

    contents = {
        "recovery": "a row a parameter",
        "recovery_points": "a row a participant and parameter: truth, estimate, interval",
        "recovery_pairs": "pairs of parameters: do they take each other's place?",
        "recovery_fits": "a row a fit: can its draws be relied on?",
    }

    @property
    def table(self) -> pd.DataFrame:
        """A row a parameter, over all participants of all data sets.

        ``correlation``, ``bias``, ``rmse`` and ``coverage`` as in :func:`trialwise.recovered`; ``within``, the correlation between
        participants of the same data set; ``slope`` of estimates on the truth within data sets, and ``shrinkage`` = 1 - slope: how
        far estimates are pulled to their mean; ``unidentified``, the share of participants on whose value the data told nothing.
        """
        table = summarised(self.points)
        for name, mine in self.points.groupby("parameter", sort=False):
            true, mean = (_centred(mine, column) for column in ("true", "mean"))
            table.loc[name, "within"] = correlation(true, mean)
            table.loc[name, "slope"] = (true @ mean) / (true @ true) if true @ true > 0 else np.nan
            table.loc[name, "unidentified"] = (mine["told"] < TOLD).mean()
        table.insert(5, "shrinkage", 1 - table["slope"])
        return table

    @property
    def where(self) -> pd.DataFrame:
        """Where parameters are not identified: a row a parameter and another one on whose size that depends.

        ``below``: the third of the participants in which the other one's absolute true value is smallest lies below this;
        ``unidentified`` and ``elsewhere``: shares of participants on whose value the data told nothing, in that third and outside.
        Only where the two shares differ by a third or more.
        """
        import pandas as pd

        wide = {
            c: self.points.pivot(index=["dataset", "participant"], columns="parameter", values=c)
            for c in ("true", "told")
        }
        rows = []
        for name in wide["told"]:
            blank = wide["told"][name] < TOLD
            for other in wide["true"]:
                size = wide["true"][other].abs()
                small = size <= size.quantile(1 / 3)
                if other == name or size.nunique() < 9 or small.all():
                    continue
                least = {"parameter": name, "other": other, "below": size[small].max()}
                rows.append(least | {"unidentified": blank[small].mean(), "elsewhere": blank[~small].mean()})
        table = pd.DataFrame(rows, columns=["parameter", "other", "below", "unidentified", "elsewhere"])
        return table[table["unidentified"] - table["elsewhere"] > 1 / 3].reset_index(drop=True)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """For each parameter, whether this design can find it; then which ones take each other's place, and what went wrong."""
        table, where, found = self.table, self.where, []
        for name, row in table.iterrows():
            verdict = _verdict(str(name), row, self.interval, self._too_narrow(str(name)))
            rows = where[where["parameter"] == name].itertuples()
            sentence = Message(verdict.sentence, *(self._where(each) for each in rows))
            found.append(replace(verdict, sentence=sentence))
        return (*found, *self._trade_offs(table), *self._troubles())

    @property
    def sentences(self) -> tuple[str, ...]:
        """The findings in words."""
        return tuple(finding.text for finding in self.findings)

    def _where(self, row: Any) -> str:
        """A row of :attr:`where` as the end of a sentence."""
        return (
            f"; unidentified where {_size(self.points, row.other)} is small: below {row.below:.2g} the data tell nothing "
            f"on it in {row.unidentified:.0%} of participants, elsewhere in {row.elsewhere:.0%}"
        )

    def _too_narrow(self, name: str) -> bool:
        """Whether intervals hold the truth more rarely than chance explains; data sets, not participants, are independent."""
        mine = self.points[self.points["parameter"] == name]
        each = inside(mine).groupby(mine["dataset"]).mean().to_numpy()
        alone = self.interval * (1 - self.interval) / len(mine)
        error = max(each.var(ddof=1) / len(each), alone) if len(each) > 1 else alone
        return bool(each.mean() < self.interval - 3 * np.sqrt(error))

    def _trade_offs(self, table: pd.DataFrame) -> list[Finding]:
        found = []
        rows: Any = self.pairs.itertuples()
        for row in rows:
            if abs(row.posterior_correlation) < TRADED:
                continue
            a, b = row.first, row.second
            text = f"{a} and {b} take each other's place (posterior correlation {row.posterior_correlation:.2f})"
            single = table.loc[[a, b], "correlation"]
            if row.product_correlation > single.max():
                text += (
                    f": {a} x {b} comes back better (correlation {row.product_correlation:.2f}) than {a} ({single[a]:.2f}) "
                    f"and {b} ({single[b]:.2f})"
                )
            found.append(Finding("caution", "trade-off", text, about=(a, b)))
        return found

    def _troubles(self) -> tuple[Finding, ...]:
        count, bad = len(self.fits), int((self.fits["problems"] != "").sum())
        sentence = f"draws of {bad} of {count} fits are not to be relied on: .fits tells why"
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
        """Learner and data sets."""
        return f"Recovery of {self.learner}, {len(self.fits)} data sets"


def recover(
    learner: Learner, environment: Surroundings, truth: Mapping[str, Any] | Fit | str | None = None, datasets: int = 20,
    participants: int | Sequence[Hashable] | None = None, seed: int = 0, *, pooling: str = "partial",
    priors: Mapping[str, Any] | None = None, draws: int | None = None, tune: int = TUNE, chains: int = CHAINS,
    sampler: str | None = None, interval: float = INTERVAL, folder: str | PathLike[str] | None = None, executor: Any = None,
    workers: int | None = None, progress: bool = True,
) -> Recovery:  # fmt: skip
    """Simulate participants whose parameters are known, fit them, and see what comes back.

    Parameters
    ----------
    learner
        Who is simulated and fitted, e.g. ``QLearning(initial=1.2)``.
    environment
        The design: an environment, ``AlienTask()``; one along recorded sequences, ``AlienTask().on(trials)``, missed trials
        included; or recorded ``trials`` alone, for a learner with a continuous response.
    truth
        Where true values come from. None or ``"prior"``: the default prior, a new group for each data set. Ranges,
        ``{"alpha": (0, 0.2)}``, or whatever :func:`simulate` takes: each participant's own; parameters without one are
        drawn from the prior. A fit of this learner: its posterior, one draw for each data set, of its participants along
        their own sequences.
    datasets
        How many; more can be asked for later, and what is in the folder is not done again.
    participants
        Of each data set: how many, or labels. By default 30, or those of the recorded trials.
    seed
        The same seed gives the same study, whoever does the work.
    pooling, priors, draws, tune, chains, sampler
        Of each fit, see :func:`fit`; not ``pooling="complete"``, which has no participants' values.
    interval
        Probability of the intervals whose coverage is told.
    folder
        Finished pieces are kept there as they come, and an interrupted study goes on from them. None: in memory.
    executor
        Who does the work: None, processes of this machine; any :class:`concurrent.futures.Executor`; a Dask client, or the
        address of a Dask scheduler.
    workers
        How many processes of this machine; by default one a core. 1: no other process is started.
    progress
        Whether a bar is shown.

    Returns
    -------
    Recovery

    Raises
    ------
    UsageError
        For arguments that do not fit together.
    ModelError
        If no data set could be fitted.

    Examples
    --------
    >>> ranges = {"alpha": (0, 0.2), "beta": (1, 5)}
    >>> recover(QLearning(initial=1.2), AlienTask(), ranges, folder="recovery").sentences         # doctest: +SKIP
    """
    labels = participants_of(environment, participants, datasets, seed)
    if pooling == "complete":
        raise UsageError(
            Argument("pooling", "complete"), " has no participants' parameters to recover: 'partial' or 'none'"
        )
    if not 0 < interval < 1:
        raise UsageError(f"interval={interval!r}: a probability between 0 and 1 is wanted, e.g. 0.89")
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
    """Each data set is simulated, fitted, and its estimates held against the truth."""

    kind, stage = "recover", "recovering"

    learner: Learner
    truth: Truth
    how: Mapping[str, Any]
    interval: float

    def described(self) -> dict[str, str]:
        return {"learner": repr(self.learner)}

    def simulation(self, number: int) -> Simulation:
        values = self.truth.values(len(self.participants), self.truth_stream(number))
        return self.simulated(self.learner, values, number)

    def task(self, number: int) -> Piece:
        """Arrays ``(parameters, participants)`` of truth, estimates and how much was told; ``(pairs, participants)`` of pairs."""
        began = time.perf_counter()
        made = self.simulation(number)
        fitted = fit(self.learner, made.trials, seed=self.fit_seed(number), progress=False, **self.how)
        found = points(fitted, made.parameters, self.interval)
        size = len(self.learner.names), len(self.participants)
        u = unconstrained(fitted)
        stats = fitted.tree["sample_stats"]
        return {
            **{name: found[name].to_numpy().reshape(size) for name in ("true", "mean", "low", "high")},
            "told": told_of(fitted, u),
            **_of_pairs(fitted, u),
            "r_hat": np.array(worst_r_hat(fitted)),
            "divergences": np.array(int(stats["diverging"].sum())),
            "problems": np.array("\n".join(fitted.problems)),
            "seconds": np.array(time.perf_counter() - began),
            "participants": np.array([str(label) for label in self.participants]),
        }

    def gather(self, pieces: dict[int, Piece]) -> Recovery:
        return gathered(self.learner, pieces, self.interval)


def worst_r_hat(fitted: Fit) -> float:
    """The largest R-hat of what describes the group (of the participants, without one); NaN for one chain."""
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


def told_of(fitted: Fit, u: np.ndarray) -> np.ndarray:
    """The share of the variance that each participant's own data took away, ``(parameters, participants)``."""
    if fitted.draws.grouped:
        before = np.array([float(np.square(fitted.draws.spread(name)).mean()) for name in fitted.parameters])
    else:
        before = fitted.population.prior.total**2
    return np.asarray(1 - u.var(0).T / before[:, None])


def _of_pairs(fitted: Fit, u: np.ndarray) -> dict[str, np.ndarray]:
    """Posterior correlations of pairs of parameters, and posterior means of their products, ``(pairs, participants)`` each."""
    people, size = u.shape[1:]
    pairs = list(combinations(range(size), 2))
    both = np.full((2, len(pairs), people), np.nan)
    natural = [fitted.draws.natural(name) for name in fitted.parameters]
    for row, (a, b) in enumerate(pairs):
        for n in range(people):
            both[0, row, n] = correlation(u[:, n, a], u[:, n, b])
        both[1, row] = (natural[a] * natural[b]).mean(0)
    return {"pair_correlation": both[0], "product": both[1]}


def gathered(learner: Learner, pieces: dict[int, Piece], interval: float) -> Recovery:
    """The study that finished pieces are.

    Raises
    ------
    ModelError
        If none could be done.
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
            wrong = piece["mean"] - piece["true"]
            errors.append(wrong[[a, b]] - wrong[[a, b]].mean(1, keepdims=True))
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
    """Values less the mean of their data set; with one participant a data set, less the mean of all."""
    values = points[column]
    alone = points["participant"].nunique() == 1
    gap = values - (values.mean() if alone else values.groupby(points["dataset"]).transform("mean"))
    return gap.to_numpy(float)


def _size(points: pd.DataFrame, name: str) -> str:
    below = (points.loc[points["parameter"] == name, "true"] < 0).any()
    return f"|{name}|" if below else name


def _verdict(name: str, row: pd.Series, interval: float, narrow: bool) -> Finding:
    severity: Severity = "caution" if narrow else "note"
    r, slope = row["correlation"], row["slope"]
    holds = f"{interval:.0%} intervals hold the truth in {row['coverage']:.0%}"
    if not np.isfinite(r):
        said: str = f"{name}: its true value does not vary here, so that nothing follows it: state a range (bias {row['bias']:.2g}; {holds})"
        return Finding("note", "constant-truth", said, about=(name,))
    if r < ROUGH or slope < FLAT:
        severity, code = "problem", "not-recovered"
        said = Message(
            f"{name}: not by this design: estimates hardly follow the truth (correlation {r:.2f}, slope {slope:.2f}; {holds}): "
            "more trials, or ", Restriction("fix", name),
        )  # fmt: skip
    elif r < FOUND:
        severity, code = "caution", "roughly-recovered"
        said = f"{name}: roughly: who is high and who is low, not how much (correlation {r:.2f}, slope {slope:.2f}; {holds})"
    else:
        code, said = "recovered", f"{name}: found (correlation {r:.2f}, {holds})"
    return Finding(severity, code, Message(said, "; the intervals are too narrow" if narrow else ""), about=(name,))
