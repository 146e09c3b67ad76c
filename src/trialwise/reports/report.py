"""Reports: one HTML page on one or more fits, in one self-contained file without scripts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from os import PathLike, fspath
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from trialwise.analysis.check import Check, check
from trialwise.analysis.comparison.comparison import Comparison
from trialwise.base.english import counted, listed
from trialwise.base.errors import UsageError
from trialwise.base.expects import COUNT, FLAG, MAPPING, NAME, PATH, TABLE, brief, expects, instance
from trialwise.base.files import create_folder, target_of, write
from trialwise.base.message import Argument, Code
from trialwise.base.progress import bars
from trialwise.environments.environment import Environment, Recorded
from trialwise.inference.fitted import FIT, Fit
from trialwise.reports.page import page
from trialwise.reports.sections.contents import sections
from trialwise.reports.subject import Subject
from trialwise.reports.words import first_few
from trialwise.studies.recovery import Recovery

if TYPE_CHECKING:
    import pandas as pd

Fits = Fit | Sequence[Fit] | Mapping[str, Fit]
Checks = Literal["one-step"] | Environment | Recorded | Check | Mapping[str, Check] | None


@expects(
    fits=FIT | MAPPING | instance("a list of fits", list, tuple),
    path=PATH,
    title=NAME,
    truth=TABLE | MAPPING,
    recovery=instance("the result of recover(...)", Recovery) | MAPPING,
    comparison=instance("the result of compare(...)", Comparison),
    datasets=COUNT,
    progress=FLAG,
)
def report(
    fits: Fits, path: str | PathLike[str] = "report.html", *, title: str | None = None, checks: Checks = None,
    truth: pd.DataFrame | Mapping[str, pd.DataFrame] | None = None, recovery: Recovery | Mapping[str, Recovery] | None = None, comparison: Comparison | None = None,
    datasets: int = 100, seed: int = 0, progress: bool = True,
) -> Path:  # fmt: skip
    """Write an HTML report: data, learners with equations, priors, diagnostics, estimates, checks, methods and citations.

    The report is one file without scripts that needs no network access and is suited to phones and print. It follows the Bayesian
    analysis reporting guidelines (Kruschke 2021, Nature Human Behaviour 5:1282) and the checklist of Wilson & Collins (2019,
    eLife 8:e49547). Parts for which nothing was given are left out, with a sentence on how to obtain them.

    Parameters
    ----------
    fits
        One fit, several, or a dict of fits by the names that they have in the report. For a loaded fit the learner is not required.
    path
        Path of the HTML file, which is written atomically.
    title
        Title; by default the names of the fits and the number of participants.
    checks
        The result of :func:`check`, for several fits ``{name: check}``; or how to check each fit now: an environment for rollouts,
        ``"one-step"`` for one-step predictions given the real past. Checking now requires the learners.
    truth
        True parameters of simulated participants, as returned by :func:`simulate`, with which the estimates are compared. One table
        for all fits, or a dict by name.
    recovery
        The result of a recovery study, ``recover(...)``; for several fits ``{name: study}``.
    comparison
        The result of ``compare(...)`` on the fits.
    datasets, seed
        Number of simulated data sets of each check made now, and their seed.
    progress
        Whether to show progress bars.

    Returns
    -------
    Path
        Path of the file.

    Raises
    ------
    UsageError
        If there is no fit, an argument names a fit that does not exist, or the file cannot be written.

    References
    ----------
    Kruschke (2021), Nature Human Behaviour 5:1282; Wilson & Collins (2019), eLife 8:e49547.

    Examples
    --------
    >>> trials = tw.load_data("alien_flat").trials.select([0, 1, 2]).first(60)
    >>> fit = tw.fit(tw.QLearning(initial=1.2), trials, draws=50, tune=100, chains=2, progress=False)
    >>> path = tw.report({"flat": fit}, "report.html", checks="one-step", datasets=4, progress=False)
    >>> path.name, path.stat().st_size > 10_000
    ('report.html', True)
    """
    named, target = _named(fits), target_of(Path(fspath(path)))
    if (isinstance(checks, str) and checks == "one-step") or isinstance(checks, Environment | Recorded):
        environment = None if isinstance(checks, str) else checks
        checks = {
            name: check(fit, environment, datasets=datasets, seed=seed, progress=progress)
            for name, fit in named.items()
        }
    elif not isinstance(checks, Check | Mapping | None):
        raise UsageError(
            Argument("checks", Code(brief(checks))),
            ': expected the result of check(...), an environment, or "one-step"',
        )
    checks_by_name, studies = _by_name(named, "checks", checks), _by_name(named, "recovery", recovery)
    truths = _by_name(
        named, "truth", truth if truth is None or isinstance(truth, Mapping) else dict.fromkeys(named, truth)
    )
    subjects = [
        Subject(name, fit, checks_by_name.get(name), truths.get(name), studies.get(name)) for name, fit in named.items()
    ]
    with bars(progress) as advance:
        parts = sections(subjects, comparison, advance)
    text = page(title or _title(subjects), _subtitle(subjects), parts)
    create_folder(target.parent)
    return write(Path(fspath(path)), text)


def _named(fits: Fits) -> dict[str, Fit]:
    """The fits by name: the given names, or those of the learners, numbered if several fits share one."""
    if isinstance(fits, Mapping):
        named = {str(name): fit for name, fit in fits.items()}
    else:
        several = [fits] if isinstance(fits, Fit) else list(fits)
        labels = [str(fit.attrs["learner"]) if isinstance(fit, Fit) else "" for fit in several]
        named = {}
        for n, (label, fit) in enumerate(zip(labels, several, strict=True)):
            repeated = labels.count(label) > 1
            named[f"{label}, {labels[: n + 1].count(label)}" if repeated else label] = fit
    wrong = [fit for fit in named.values() if not isinstance(fit, Fit)]
    if wrong or not named:
        problem = f"{type(wrong[0]).__name__} among the fits" if wrong else "no fit"
        raise UsageError(
            f"report received {problem}: expected a fit, fit(...) or load('results/fit.nc'), or several, {{'name': fit}}"
        )
    return named


def _by_name(named: Mapping[str, Fit], argument: str, value: Any) -> dict[str, Any]:
    """The values of an argument by name of the fit; a single value is that of the only fit."""
    if isinstance(value, Mapping):
        unknown = [name for name in value if name not in named]
        if unknown:
            raise UsageError(
                Argument(argument, {unknown[0]: ...}), f": no fit of that name; there are {', '.join(map(repr, named))}"
            )
        return dict(value)
    if value is not None and len(named) > 1:
        raise UsageError(
            f"{argument}: one value for {len(named)} fits; give it by name, ",
            Argument(argument, {next(iter(named)): ...}),
        )
    return {} if value is None else {next(iter(named)): value}


def _title(subjects: Sequence[Subject]) -> str:
    return f"{listed(first_few([s.label for s in subjects], 3).split(', '))} fitted to {counted(subjects[0].participants, 'participant')}"


def _subtitle(subjects: Sequence[Subject]) -> str:
    attrs = subjects[-1].fit.attrs
    return f"Report by trialwise {attrs['trialwise_version']} on {'a fit' if len(subjects) == 1 else 'fits'} of {str(attrs['created'])[:10]}."
