"""Reports: one page on one or several fits, in one file that needs no network and no script."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from os import PathLike, fspath
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from trialwise.analysis.check import Check, check
from trialwise.analysis.comparison.compare import Comparison
from trialwise.base.errors import UsageError
from trialwise.base.files import write
from trialwise.base.progress import bars
from trialwise.environments.environment import Environment, Recorded
from trialwise.inference.fitted import Fit
from trialwise.reports.page import page
from trialwise.reports.sections.contents import sections
from trialwise.reports.subject import Subject
from trialwise.reports.words import counted, listed, some
from trialwise.studies.recover import Recovery

if TYPE_CHECKING:
    import pandas as pd

Fits = Fit | Sequence[Fit] | Mapping[str, Fit]
Checks = Literal["one-step"] | Environment | Recorded | Check | Mapping[str, Check] | None


def report(
    fits: Fits, path: str | PathLike[str] = "report.html", *, title: str | None = None, checks: Checks = None,
    truth: pd.DataFrame | Mapping[str, pd.DataFrame] | None = None, recovery: Recovery | Mapping[str, Recovery] | None = None, comparison: Comparison | None = None,
    datasets: int = 100, seed: int = 0, progress: bool = True,
) -> Path:  # fmt: skip
    """Write a report: data, learners with their equations, priors, diagnostics with a verdict, estimates, checks, methods, citations.

    One HTML file that looks the same without a network, on a phone and in print, and runs nothing. It follows the Bayesian
    analysis reporting guidelines (Kruschke 2021, Nature Human Behaviour 5:1282) and the checklist of Wilson & Collins (2019,
    eLife 8:e49547). What was not given is left out, with a sentence on how to get it.

    Parameters
    ----------
    fits
        One fit, several, or several by the names that they should have in the report. A loaded fit needs no learner at hand.
    path
        Of the file; it appears whole or not at all.
    title
        By default, what was fitted to how many participants.
    checks
        What :func:`check` found, for several fits ``{name: check}``; or how to check each fit now: an environment for rollouts,
        ``"one-step"`` for choices given the real ones before them. Takes the learners at hand.
    truth
        True parameters of simulated participants, as :func:`simulate` gives them: how well they came back is told. Of all
        fits, or by their names.
    recovery
        What a recovery study found, ``recover(...)``; for several fits ``{name: study}``.
    comparison
        What ``compare(...)`` found about the fits.
    datasets, seed
        How many data sets each check made now simulates, and their seed.
    progress
        Whether bars are shown.

    Returns
    -------
    Path
        Of the file.

    Raises
    ------
    UsageError
        If there is no fit, or something is given for a fit that is not there.

    Examples
    --------
    >>> report({"flat": flat, "task sets": sets}, "report.html", checks=AlienTask())              # doctest: +SKIP
    """
    named = _named(fits)
    if checks == "one-step" or isinstance(checks, Environment | Recorded):
        around = None if isinstance(checks, str) else checks
        checks = {
            name: check(fit, around, datasets=datasets, seed=seed, progress=progress) for name, fit in named.items()
        }
    elif not isinstance(checks, Check | Mapping | None):
        raise UsageError(f'checks={checks!r}: what check(...) found, an environment such as AlienTask(), or "one-step"')
    checked, studied = _given(named, "checks", checks), _given(named, "recovery", recovery)
    true = _given(named, "truth", truth if truth is None or isinstance(truth, Mapping) else dict.fromkeys(named, truth))
    subjects = [Subject(name, fit, checked.get(name), true.get(name), studied.get(name)) for name, fit in named.items()]
    with bars(progress) as tell:
        parts = sections(subjects, comparison, tell)
    text = page(title or _title(subjects), _subtitle(subjects), parts)
    target = Path(fspath(path))
    target.parent.mkdir(parents=True, exist_ok=True)
    return write(target, text)


def _named(fits: Fits) -> dict[str, Fit]:
    """The fits by name: as given, or by learner, those of the same one numbered."""
    if isinstance(fits, Mapping):
        named = {str(name): fit for name, fit in fits.items()}
    else:
        several = [fits] if isinstance(fits, Fit) else list(fits)
        labels = [str(fit.attrs["learner"]) if isinstance(fit, Fit) else "" for fit in several]
        named = {}
        for n, (label, fit) in enumerate(zip(labels, several, strict=True)):
            many = labels.count(label) > 1
            named[f"{label}, {labels[: n + 1].count(label)}" if many else label] = fit
    wrong = [fit for fit in named.values() if not isinstance(fit, Fit)]
    if wrong or not named:
        given = f"{type(wrong[0]).__name__} among the fits" if wrong else "no fit"
        raise UsageError(
            f"report got {given}: a fit is wanted, fit(...) or load('results/fit.nc'), or several, {{'name': fit}}"
        )
    return named


def _given(named: Mapping[str, Fit], what: str, given: Any) -> dict[str, Any]:
    """What was given for each fit, by name; without a name for the only one."""
    if isinstance(given, Mapping):
        unknown = [name for name in given if name not in named]
        if unknown:
            raise UsageError(
                f"{what}={{{unknown[0]!r}: ...}}: no fit of that name; there are {', '.join(map(repr, named))}"
            )
        return dict(given)
    if given is not None and len(named) > 1:
        raise UsageError(f"{what} of one for {len(named)} fits: give it by name, {what}={{{next(iter(named))!r}: ...}}")
    return {} if given is None else {next(iter(named)): given}


def _title(subjects: Sequence[Subject]) -> str:
    return f"{listed(some([s.label for s in subjects], 3).split(', '))} fitted to {counted(subjects[0].fit.trials.n_participants, 'participant')}"


def _subtitle(subjects: Sequence[Subject]) -> str:
    attrs = subjects[-1].fit.attrs
    return f"Report by trialwise {attrs['trialwise_version']} on {'a fit' if len(subjects) == 1 else 'fits'} of {str(attrs['created'])[:10]}."
