"""Model comparison: held-out predictive densities of each participant, and how frequent each learner is among participants."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from trialwise.analysis.comparison.crossvalidation import PARTICLES, HeldOut, Method, held_out
from trialwise.analysis.comparison.frequencies import frequencies
from trialwise.base.errors import UsageError
from trialwise.base.message import NAME_ALONE, Argument, Message
from trialwise.base.progress import bars
from trialwise.base.result import Finding, Result, having
from trialwise.data.trials import Trials
from trialwise.inference.fit import fit as fit_again
from trialwise.inference.fitted import Fit
from trialwise.inference.point import Point

if TYPE_CHECKING:
    import pandas as pd

Criterion = Literal["bic", "aic"]

ALIKE = 4.0
"""Differences below this are inconclusive whatever their standard errors, which are then too small (Sivula et al. 2025)."""

MONTE_CARLO = 0.5
"""Largest acceptable share of Monte Carlo error in a difference's standard error."""

ABOUT = {
    "participant": "a new participant's choices, parameters integrated out under the group",
    "future": "each participant's later choices, one step ahead, parameters integrated out given the earlier ones",
    "trial": "another choice of the same participants, conditional on their parameters",
    "integrated": "each participant's choices, parameters integrated out under the group that was fitted to them too",
    "bic": "-BIC/2, an approximation of log evidence from point estimates",
    "aic": "-AIC/2, from point estimates",
}
"""What each method predicts or approximates."""


@dataclass(frozen=True, eq=False, repr=False)
class Comparison(Result):
    """The result of a comparison of learners.

    Attributes
    ----------
    method
        See :func:`compare`.
    table
        A row a learner, the best first: ``elpd``, the log predictive density of all held-out data; ``se``, its standard error over
        participants; ``difference`` from the best learner and ``se_difference``; ``error``, the Monte Carlo error that is part of
        both standard errors; ``p``, the effective number of parameters; ``weight``, by stacking; ``worst_k``, the largest Pareto
        k-hat, and ``bad_k``, the number of bad ones; ``draws``, the number of posterior draws used. For points:
        ``log_likelihood``, ``parameters`` (of all participants), ``aic``, ``bic``, ``difference`` in the criterion and
        ``se_difference``.
    elpd
        ``(participants, learners)``: each participant's log predictive density; for points -BIC/2 or -AIC/2.
    frequencies
        A row a learner: expected ``frequency``, ``exceedance`` and ``protected`` exceedance probability
        (:mod:`trialwise.analysis.comparison.frequencies`). None with ``method="trial"`` and ``"aic"``, which do not approximate
        log evidence.
    omnibus_risk
        Probability that all learners are equally frequent; NaN without frequencies.
    findings
        Problems and cautions.

    Examples
    --------
    >>> trials = tw.load_data("alien_flat").trials.select([0, 1, 2])
    >>> flat, stimulus = tw.QLearning(initial=1.2), tw.learners.StimulusLearning(initial=1.2)
    >>> comparison = tw.compare({"flat": tw.point(flat, trials), "stimulus": tw.point(stimulus, trials)})
    >>> comparison.best, list(comparison.participants)
    ('flat', ['winner', 'flat', 'stimulus'])
    """

    method: str
    table: pd.DataFrame
    elpd: pd.DataFrame
    frequencies: pd.DataFrame | None
    omnibus_risk: float
    findings: tuple[Finding, ...] = ()

    contents = {
        "comparison": "a row a learner, the best first",
        "participants": "a row a participant: the learner that predicts it best, and by how much",
        "frequencies": "how frequent each learner is",
    }

    @property
    def problems(self) -> tuple[str, ...]:
        """The findings as text, each with advice."""
        return tuple(finding.text for finding in self.findings)

    @property
    def participants(self) -> pd.DataFrame:
        """A row a participant, with the ``winner`` and each learner's difference from the winner (0 for the winner itself)."""
        differences = self.elpd.sub(self.elpd.max(axis=1), axis=0)
        differences.insert(0, "winner", self.elpd.idxmax(axis=1))
        return differences

    @property
    def best(self) -> str:
        """The name of the learner that predicts best."""
        return str(self.table.index[0])

    def tables(self) -> dict[str, pd.DataFrame]:
        """``comparison`` (:attr:`table`); ``participants``, with each one's predictive densities; ``frequencies``, if available."""
        tables = {"comparison": self.table, "participants": self.participants.join(self.elpd.add_prefix("elpd_"))}
        return tables if self.frequencies is None else tables | {"frequencies": self.frequencies}

    @property
    def headline(self) -> str:
        """The method of comparison."""
        return f"Comparison by {self.method}: {ABOUT[self.method]}"

    def __repr__(self) -> str:
        lines = [self.headline, self.table.round(2).to_string()]
        if self.frequencies is not None:
            lines += ["", self.frequencies.round(3).to_string(), f"all equally frequent: {self.omnibus_risk:.3f}"]
        return "\n".join([*lines, *(f"! {finding}" for finding in self.findings)])


def compare(
    fits: Mapping[str, Fit] | Mapping[str, Point], method: Method | Criterion | None = None, *, start: int | None = None,
    draws: int | None = None, particles: int = PARTICLES, refit: bool = False, seed: int = 0, progress: bool = True,
) -> Comparison:  # fmt: skip
    """Compare learners fitted to the same trials by their predictive accuracy.

    Parameters
    ----------
    fits
        Two or more fits by name, ``{name: fit, ...}``; a learner and a restriction of it are compared by
        ``{"free": fit(L, trials), "tied": fit(L.tie(...), trials)}``. Or points (:func:`trialwise.point`).
    method
        What is predicted. ``"participant"``, the default: the whole sequence of a participant who is left out, with the parameters
        integrated out under the group. ``"future"``: each participant's choices from ``start`` on, one step ahead, given the
        earlier ones and all other participants. ``"trial"``: single choices, conditional on the participant's parameters as
        estimated from the participant's other choices, later ones included: this predicts another choice of the **same
        participants** and says little about new ones. ``"integrated"``: nothing is left out; each participant's parameters are
        integrated out under the group that was fitted to all, which slightly favours learners with more parameters. See
        :mod:`trialwise.analysis.comparison.crossvalidation`. For points: ``"bic"``, the default, k ln(n) - 2 LL, or ``"aic"``,
        2k - 2 LL, summed over participants.
    start
        With ``"future"``: the first trial to predict, counted from 1; by default, the second half of each participant's trials is
        predicted.
    draws
        Number of draws of each posterior that are used, spread evenly over the chains: by default 1000; with a hidden choice 250,
        or 100 with ``method="trial"``.
    particles
        Particles of each likelihood estimate, for a learner with a hidden choice. The remaining noise is part of ``error``.
    refit
        Refit without a participant whose Pareto k-hat is bad, one fit for each, with the settings of the original fit (as many
        draws and chains); not with ``method="trial"``.
    seed
        The same seed gives the same results.
    progress
        Whether progress bars are shown.

    Returns
    -------
    Comparison
        Its ``table`` has a row a learner, the best first.

    Raises
    ------
    UsageError
        For fewer than two fits, fits to different responses or participants, fits and points together, or an unknown method.

    Notes
    -----
    Standard errors are over participants, who are the sampling units; trials of one participant are not independent. The standard
    error of a difference is that of the participants' differences (Vehtari et al. 2017), with the squared Monte Carlo errors of
    both learners added. Stacking weights (Yao et al. 2018, Bayesian Analysis 13:917) are those of the best predictive mixture.

    Examples
    --------
    >>> trials = tw.load_data("alien_flat").trials.select([0, 1, 2])
    >>> flat, stimulus = tw.QLearning(initial=1.2), tw.learners.StimulusLearning(initial=1.2)
    >>> points = {"flat": tw.point(flat, trials), "stimulus": tw.point(stimulus, trials)}
    >>> tw.compare(points).table["bic"].round(0)
    learner
    flat        2816.0
    stimulus    2855.0
    Name: bic, dtype: float64
    >>> short = {"draws": 50, "tune": 100, "chains": 2, "progress": False}
    >>> fits = {"flat": tw.fit(flat, trials, **short), "stimulus": tw.fit(stimulus, trials, **short)}
    >>> sorted(tw.compare(fits, draws=50, progress=False).table.index)
    ['flat', 'stimulus']
    """
    _check(fits)
    points = {name: each for name, each in fits.items() if isinstance(each, Point)}
    if points:
        return _of_points(points, method)
    if method not in (None, *get_args(Method)):
        raise UsageError(f"method={method!r}: for fits, wanted one of {', '.join(map(repr, get_args(Method)))}")
    by: Method = method or "participant"  # type: ignore[assignment]
    if start is not None and by != "future":
        raise UsageError(f'start={start}: method="{by}" predicts no future; write method="future"')
    if refit and by == "integrated":
        raise UsageError(Argument("refit", True), ' leaves participants out; method="integrated" leaves out nobody')
    if refit and by == "trial":
        raise UsageError(
            Argument("refit", True),
            ' leaves participants out; with method="trial" there would be as many fits as trials',
        )
    if draws is not None and (isinstance(draws, bool) or not isinstance(draws, int | np.integer) or draws < 25):
        raise UsageError(Argument("draws", draws), ": wanted 25 or more")
    results: dict[str, HeldOut] = {}
    with bars(progress) as report:
        for name, each in fits.items():
            assert isinstance(each, Fit)
            refitter = _refitting(each) if refit else None
            results[name] = held_out(
                each, by, start, draws=draws, particles=particles, seed=seed, tell=_named(report, name), refit=refitter
            )  # fmt: skip
    return _of_fits({name: each for name, each in fits.items() if isinstance(each, Fit)}, results, by)


def _named(report: Callable[[str, float], None], name: str) -> Callable[[float], None]:
    return lambda share: report(name, share)


def _check(fits: Mapping[str, Any]) -> None:
    """Raise an error unless the fits can be compared."""
    if len(fits) < 2:
        raise UsageError(f"{len(fits)} fit: two or more are needed, compare({{'flat': fit, 'sets': other}})")
    kinds = {
        Fit if isinstance(each, Fit) else Point if isinstance(each, Point) else type(each) for each in fits.values()
    }
    if not kinds <= {Fit, Point}:
        other = next(name for name, each in fits.items() if not isinstance(each, Fit | Point))
        raise UsageError(f"{other!r} is {fits[other]!r}; wanted the result of fit(...) or point(...)")
    if len(kinds) > 1:
        raise UsageError("fits and points together: a posterior cannot be compared with a point estimate; give either")
    (first, reference), *others = fits.items()
    for name, each in others:
        if difference := differences(reference.trials, each.trials):
            raise UsageError(
                f"{first!r} and {name!r} were fitted to different trials: {difference}. Learners are compared on the same "
                "choices of the same participants: fit them to the same trials"
            )


def differences(a: Trials, b: Trials) -> str:
    """A description of how the participants or responses of two data sets differ; empty if they are the same."""
    first, second = ([str(label) for label in trials.participants] for trials in (a, b))
    if first != second:
        unpaired = sorted({*first} ^ {*second})
        return (
            f"participant {unpaired[0]!r} is in only one of them" if unpaired else "participants are in another order"
        )
    unequal = np.flatnonzero(a.lengths != b.lengths)
    if len(unequal):
        n = unequal[0]
        return f"participant {first[n]!r} has {a.lengths[n]} trials in one, {b.lengths[n]} in the other"
    if (a.choice is None) != (b.choice is None) or a.response.keys() != b.response.keys():
        return "one has choices or responses that the other has not"
    differs = np.zeros(a.n_trials, bool)
    if a.choice is not None and b.choice is not None:
        differs |= _choices(a) != _choices(b)
    for name, values in a.response.items():
        differs |= ~((values == b.response[name]) | (np.isnan(values) & np.isnan(b.response[name])))
    if differs.any():
        row = int(np.flatnonzero(differs)[0])
        n = int(a.participant_index[row])
        return (
            f"{differs.sum()} responses differ, the first on trial {row - a.offsets[n] + 1} of participant {first[n]!r}"
        )
    return ""


def _choices(trials: Trials) -> np.ndarray:
    """The label of each choice; codes may differ between data sets, since they depend on the labels that occurred."""
    labels = np.array([*map(str, trials.levels["action"]), None], object)  # MISSED, -1, selects the last entry
    return np.asarray(labels[trials.choice])


def _refitting(fit: Fit) -> Callable[[int], Fit]:
    """A function that fits all but one participant, with the settings of the fit."""
    learner = fit.learner_for("compare")
    if fit.priors is None:
        raise UsageError(Argument("refit", True), " needs the fit's own priors: load('...', priors={...})")
    priors = dict(fit.priors)
    tune: dict[str, Any] = {"tune": int(fit.attrs["tune"])} if "tune" in fit.attrs else {}

    def without(n: int) -> Fit:
        others = [label for k, label in enumerate(fit.trials.participants) if k != n]
        return fit_again(
            learner, fit.trials.select(others), draws=fit.draws.length, chains=fit.draws.chains, seed=int(fit.attrs["seed"]),
            priors=priors, pooling=fit.pooling, progress=False, **tune,
        )  # fmt: skip

    return without


def _of_fits(fits: dict[str, Fit], results: dict[str, HeldOut], method: Method) -> Comparison:
    import pandas as pd

    trials = next(iter(fits.values())).trials
    labels = pd.Index(list(trials.participants), name="participant")
    elpd = pd.DataFrame({name: each.of_participants(each.elpd, len(labels)) for name, each in results.items()}, labels)
    total = elpd.sum().to_numpy()
    order = np.argsort(-total, kind="stable")
    names = [str(elpd.columns[k]) for k in order]
    elpd = elpd[names]
    error = pd.Series({name: float(np.sqrt((results[name].error ** 2).sum())) for name in names})
    difference = elpd.sub(elpd[names[0]], axis=0)
    khat = {name: results[name].khat for name in names}
    table = pd.DataFrame(
        {
            "elpd": elpd.sum(),
            "se": np.hypot(_se(elpd), error),
            "difference": difference.sum(),
            "se_difference": np.hypot(_se(difference), _error_of_difference(error)),
            "error": error,
            "p": pd.Series({name: results[name].effective.sum() for name in names}),
            "weight": stacked({name: results[name].elpd for name in names}),
            "worst_k": pd.Series({name: k.max() if np.isnan(k).all() else np.nanmax(k) for name, k in khat.items()}),
            "bad_k": pd.Series({name: int(results[name].bad.sum()) for name in names}),
            "draws": pd.Series({name: results[name].draws for name in names}),
        }
    ).rename_axis("learner")
    frequency_table, risk = (None, np.nan) if method == "trial" else _frequencies(elpd)
    return Comparison(method, table, elpd, frequency_table, risk, tuple(_findings(fits, results, table, method)))


def _error_of_difference(error: pd.Series) -> pd.Series:
    """Monte Carlo errors of differences from the first learner; 0 for the first learner itself."""
    combined = (error**2 + error.iloc[0] ** 2) ** 0.5
    combined.iloc[0] = 0.0
    return combined


def _se(values: pd.DataFrame) -> pd.Series:
    """Standard errors of sums over participants; NaN for a single participant."""
    return values.std(ddof=1) * np.sqrt(len(values))


def _frequencies(evidence: pd.DataFrame) -> tuple[pd.DataFrame, float]:
    result = frequencies(evidence.to_numpy())
    return result.table([str(name) for name in evidence.columns]), result.omnibus_risk


def stacked(elpd: Mapping[str, np.ndarray]) -> pd.Series:
    """Stacking weights of learners from the log predictive density of each held-out unit, by ArviZ."""
    import arviz_stats
    import xarray as xr
    from arviz_stats.utils import ELPDDataLOO

    # likelihoods of whole sequences underflow; shifting a row does not change the weights
    top = np.max(np.stack(list(elpd.values())), 0)
    data = {}
    for name, values in elpd.items():
        shifted = xr.DataArray(values - top, dims="held_out")
        data[name] = ELPDDataLOO(
            elpd=float(shifted.sum()), se=0.0, p=np.nan, n_samples=1, n_data_points=len(values), scale="log",
            warning=False, good_k=0.7, elpd_i=shifted, pareto_k=xr.zeros_like(shifted),
        )  # fmt: skip
    weight: pd.Series = arviz_stats.compare(data, method="stacking", round_to="none")["weight"]
    return weight.clip(0.0, 1.0)


def _findings(fits: dict[str, Fit], results: dict[str, HeldOut], table: pd.DataFrame, method: str) -> Iterator[Finding]:
    for name in table.index:
        result, fit = results[name], fits[name]
        if problems := having(fit.findings, "problem"):
            sentence = f"{name}: its draws have problems of their own, see fit.problems: {problems[0].sentence}"
            yield Finding("problem", "draws", sentence, problems[0].advice, (name,))
        if result.bad.any():
            yield _bad_khat(name, result, fit, method)
    for name in table.index[1:]:
        row: Any = table.loc[name]
        if abs(row["difference"]) < ALIKE:
            sentence = (
                f"{table.index[0]} and {name} predict nearly equally well (difference {row['difference']:.1f}): below {ALIKE:g} "
                "the standard error is not reliable"
            )
            pair = (str(table.index[0]), str(name))
            yield Finding("caution", "alike", sentence, "Neither can be said to be better", pair)
        noise = np.hypot(row["error"], table["error"].iloc[0])
        if noise > MONTE_CARLO * row["se_difference"] and abs(row["difference"]) < 4 * row["se_difference"]:
            sentence = Message(
                f"much of the standard error of {name}'s difference is Monte Carlo error ({noise:.1f}): use more, ",
                Argument("draws", NAME_ALONE), " or particles=",
            )  # fmt: skip
            yield Finding("caution", "noise", sentence, about=(str(name),))
    if len(next(iter(fits.values())).trials.participants) == 1:
        sentence = "a single participant: there is no standard error over participants, and no conclusion about others"
        yield Finding("caution", "one-participant", sentence)
    first, *others = (fit.trials for fit in fits.values())
    if any(_information_differs(first, other) for other in others):
        sentence = (
            "outcomes or columns of the fits' trials differ: the same choices are predicted from different information"
        )
        yield Finding("problem", "different-information", sentence)


def _bad_khat(name: str, result: HeldOut, fit: Fit, method: str) -> Finding:
    worst = f"worst {np.nanmax(result.khat):.2f}, up to {result.good:.2f} is good"
    if method == "trial":
        count, total = int(result.bad.sum()), len(result.khat)
        sentence = f"{name}: Pareto k-hat bad for {count} of {total} trials ({worst}): its elpd is probably too high"
        advice = 'Fit with more draws, or compare by method="future" or "participant"'
        return Finding("problem", "pareto-k", sentence, advice, (name,))
    labels = [str(fit.trials.participants[n]) for n in np.flatnonzero(result.bad)]
    shown = ", ".join(labels[:8]) + (", ..." if len(labels) > 8 else "")
    sentence = (
        f"{name}: Pareto k-hat bad for participant {shown} ({worst}): they influence the group so strongly that its draws are "
        "uninformative about a group without them; its elpd is probably too high"
    )
    refit, draws = Argument("refit", True), Argument("draws", NAME_ALONE)
    advice = Message("Use ", refit, ", which fits without each of them, or more draws, ", draws)
    return Finding("problem", "pareto-k", sentence, advice, (name, *labels))


def _information_differs(a: Trials, b: Trials) -> bool:
    """Whether outcomes or columns of the same name differ."""

    def same(x: np.ndarray, y: np.ndarray) -> bool:
        return x.shape == y.shape and bool(((x == y) | ((x != x) & (y != y))).all())

    outcomes = [same(a.outcome[name], b.outcome[name]) for name in a.outcome.keys() & b.outcome.keys()]
    columns = [same(a.columns[name].values, b.columns[name].values) for name in a.columns.keys() & b.columns.keys()]
    return not all(outcomes + columns)


def _of_points(points: dict[str, Point], method: str | None) -> Comparison:
    """AIC and BIC, summed over participants."""
    import pandas as pd

    method = method or "bic"
    if method not in get_args(Criterion):
        raise UsageError(
            f"method={method!r}: for points, wanted one of {', '.join(map(repr, get_args(Criterion)))}; other methods need fits"
        )
    tables = {name: each.maximum_likelihood.set_index("participant") for name, each in points.items()}
    criterion = pd.DataFrame({name: each[method] for name, each in tables.items()})
    names = [str(criterion.columns[k]) for k in np.argsort(criterion.sum().to_numpy(), kind="stable")]
    criterion = criterion[names]
    difference = criterion.sub(criterion[names[0]], axis=0)
    error = pd.Series(
        {name: float(np.sqrt((tables[name].get("standard_error", pd.Series(0.0)) ** 2).sum())) for name in names}
    )
    table = pd.DataFrame(
        {
            "log_likelihood": pd.Series({name: points[name].log_likelihood for name in names}),
            "parameters": pd.Series({name: len(points[name].learner.names) * len(criterion) for name in names}),
            **{kind: pd.Series({name: tables[name][kind].sum() for name in names}) for kind in ("aic", "bic")},
            "difference": difference.sum(),
            "se_difference": np.hypot(_se(difference), 2 * _error_of_difference(error)),
        }
    ).rename_axis("learner")
    evidence = -0.5 * criterion
    frequency_table, risk = _frequencies(evidence) if method == "bic" else (None, np.nan)
    return Comparison(method, table, evidence, frequency_table, risk, ())
