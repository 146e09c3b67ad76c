"""Model comparison: held-out predictive densities of each participant, and how frequent each learner is among participants."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Any, get_args

import numpy as np

from trialwise.analysis.comparison.baselines import have_stages, responses_of, with_baselines
from trialwise.analysis.comparison.comparison import Comparison
from trialwise.analysis.comparison.crossvalidation import PARTICLES, HeldOut, Method, held_out
from trialwise.analysis.comparison.fits import compared_fits
from trialwise.analysis.comparison.points import Criterion, check_criterion, compared_points
from trialwise.analysis.comparison.same_trials import differences, how_to_match
from trialwise.base.errors import UsageError
from trialwise.base.expects import COUNT, FLAG, MAPPING, NAME, NONE, expects
from trialwise.base.message import Argument
from trialwise.base.progress import bars
from trialwise.data.trials import Trials
from trialwise.inference.fitted import Fit
from trialwise.inference.point import Point
from trialwise.inference.refit import refusal, without


@expects(
    fits=MAPPING,
    method=NAME | NONE,
    start=COUNT,
    draws=COUNT,
    particles=COUNT,
    refit=FLAG,
    baselines=FLAG,
    progress=FLAG,
)
def compare(
    fits: Mapping[str, Fit] | Mapping[str, Point], method: Method | Criterion | None = None, *, start: int | None = None,
    draws: int | None = None, particles: int = PARTICLES, refit: bool = False, baselines: bool = False, seed: int = 0, progress: bool = True,
) -> Comparison:  # fmt: skip
    """Compare learners fitted to the same trials by their predictive accuracy.

    Parameters
    ----------
    fits
        Two or more fits by name (one, with ``baselines``), ``{name: fit, ...}``; a learner and a restriction of it are compared by
        ``{"free": fit(L, trials), "tied": fit(L.tie(...), trials)}``. Or points (:func:`trialwise.point`).
    method
        What is predicted. ``"participant"``, the default: the whole sequence of a participant who is left out, with the parameters
        integrated out under the group. ``"future"``: each participant's choices from ``start`` on, one step ahead, given the
        earlier ones and all other participants. ``"trial"``: single choices, conditional on the participant's parameters as
        estimated from the participant's other choices, later ones included: this predicts another choice of the **same
        participants** and says little about new ones; with parameters for each session, those of the choice's own session. ``"integrated"``: nothing is left out; each participant's parameters are
        integrated out under the group that was fitted to all, which slightly favours learners with more parameters. See
        :mod:`trialwise.analysis.comparison.crossvalidation`. For points: ``"bic"``, the default, k ln(n) - 2 LL, or ``"aic"``,
        2k - 2 LL, summed over participants.
    start
        With ``"future"``: the first trial to predict, counted from 1; by default, the second half of each participant's trials is
        predicted. A row of a file that is several trials (``expand``) is predicted as a whole: if this trial is not the first of them, from
        there on.
    draws
        Number of draws of each posterior that are used, spread evenly over the chains: by default 1000; with a hidden choice 250,
        or 100 with ``method="trial"``.
    particles
        Particles of each likelihood estimate, for a learner with a hidden choice. The remaining noise is part of ``error``.
    refit
        Refit without a participant whose Pareto k-hat is bad, one fit for each, with the settings of the original fit (as many
        draws and chains, the same priors and coding of covariates); not with ``method="trial"``, and not without a participant who
        is the only one at a level.
    baselines
        Fit the baselines as well, with the settings of the first fit: random responding with biases, noisy win-stay-lose-shift, a choice
        kernel and a regression on the last choices and outcomes (:mod:`trialwise.learners.zoo.baselines`). A learner that does not
        predict better than they do says nothing about learning.
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
        For fewer than two fits, fits to different responses or participants, fits and points together, or an unknown method; for
        ``refit`` where a fit cannot be repeated without a participant.

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
    _check(fits, fewest=1 if baselines else 2)
    if any(isinstance(each, Point) for each in fits.values()):
        check_criterion(method)
        points = with_baselines(fits) if baselines else fits
        return compared_points({name: each for name, each in points.items() if isinstance(each, Point)}, method)
    by = _checked_method(method, start, draws, refit)
    if baselines:
        fits = with_baselines(fits)
        _check(fits)
    results: dict[str, HeldOut] = {}
    for name, each in fits.items():
        if refit and isinstance(each, Fit):
            _check_refits(name, each)
    with bars(progress) as report:
        for name, each in fits.items():
            assert isinstance(each, Fit)
            report(name, 0.0)
            refitter = partial(_without, name, each) if refit else None
            results[name] = held_out(
                each, by, start, draws=draws, particles=particles, seed=seed, tell=_named(report, name), refit=refitter
            )  # fmt: skip
    return compared_fits({name: each for name, each in fits.items() if isinstance(each, Fit)}, results, by)


def _checked_method(method: str | None, start: int | None, draws: int | None, refit: bool) -> Method:
    """The method by which fits are compared; raises an error for arguments that do not go together."""
    if method not in (None, *get_args(Method)):
        raise UsageError(
            Argument("method", method), f": for fits, wanted one of {', '.join(map(repr, get_args(Method)))}"
        )
    by: Method = method or "participant"  # type: ignore[assignment]
    if start is not None and by != "future":
        raise UsageError(
            Argument("start", start),
            ": ",
            Argument("method", by),
            " predicts no future; write ",
            Argument("method", "future"),
        )
    if refit and by == "integrated":
        raise UsageError(
            Argument("refit", True), " leaves participants out; ", Argument("method", by), " leaves out nobody"
        )
    if refit and by == "trial":
        raise UsageError(
            Argument("refit", True),
            " leaves participants out; with ",
            Argument("method", by),
            " there would be as many fits as trials",
        )
    if draws is not None and (isinstance(draws, bool) or not isinstance(draws, int | np.integer) or draws < 25):
        raise UsageError(Argument("draws", draws), ": wanted 25 or more")
    return by


def _without(name: str, fit: Fit, participants: np.ndarray) -> Iterator[Fit]:
    """A fit without each of these participants, after checking that there can be one."""
    _check_refits(name, fit, map(int, participants))
    yield from (without(fit, int(n)) for n in participants)


def _check_refits(name: str, fit: Fit, participants: Iterable[int] = ()) -> None:
    """Raise an error if a fit cannot be repeated without these participants, or without any."""
    if reason := refusal(fit, participants):
        raise UsageError(f"{name}: ", Argument("refit", True), " ", reason)


def _named(report: Callable[[str, float], None], name: str) -> Callable[[float], None]:
    return lambda share: report(name, share)


def _check(fits: Mapping[str, Any], fewest: int = 2) -> None:
    """Raise an error unless the fits can be compared."""
    if len(fits) < fewest:
        raise UsageError(
            f"{len(fits)} fit{'' if len(fits) == 1 else 's'}: two or more are needed, compare({{'flat': fit, 'sets': other}}); or one, and ",
            Argument("baselines", True),
        )
    kinds = {
        Fit if isinstance(each, Fit) else Point if isinstance(each, Point) else type(each) for each in fits.values()
    }
    if not kinds <= {Fit, Point}:
        other = next(name for name, each in fits.items() if not isinstance(each, Fit | Point))
        raise UsageError(f"{other!r} is {fits[other]!r}; wanted the result of fit(...) or point(...)")
    if len(kinds) > 1:
        raise UsageError("fits and points together: a posterior cannot be compared with a point estimate; give either")
    for name, each in fits.items():
        if have_stages(fits) and each.learner is not None and each.learner.assumptions.rows_are_trials:
            raise UsageError(
                f"{name!r} is of {type(each.learner).__name__}, which takes each row for a trial, and another learner is about rows that are stages of "
                "a trial: leave it out; baselines of stages are RandomResponding and ChoiceKernel, as ", Argument("baselines", True), " adds them",
            )  # fmt: skip
    (first, reference), *others = fits.items()
    for name, each in others:
        a, b = _data(reference), _data(each)
        if difference := differences(a, b):
            raise UsageError(
                f"{first!r} and {name!r} were fitted to different trials: {difference}. Learners are compared on the same choices of the same "
                "participants: ", how_to_match((first, a), (name, b)),
            )  # fmt: skip
        if responses_of(each).keys() != responses_of(reference).keys():
            raise UsageError(
                f"{first!r} predicts {' and '.join(responses_of(reference))}, and {name!r} {' and '.join(responses_of(each))}: "
                "learners are compared by how well they predict the same responses"
            )


def _data(each: Fit | Point) -> Trials:
    """The trials of a fit or of point estimates, by participant."""
    return each.data if isinstance(each, Fit) else each.trials
