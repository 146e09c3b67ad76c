"""Plausible values: draws of participants' parameters for analyses elsewhere, and the rule by which these are pooled."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from trialwise.analysis.effects.answer import Answer, about_the_fit, known_parameter
from trialwise.base.english import listed
from trialwise.base.errors import UsageError
from trialwise.base.expects import COUNT, FLAG, NAME, expects
from trialwise.base.message import Argument, Message
from trialwise.base.result import Finding
from trialwise.inference.fitted import FIT, Fit

if TYPE_CHECKING:
    import pandas as pd

LEVEL = 0.95
"""Probability of the interval of a pooled estimate."""

type Estimate = Callable[[pd.Series], tuple[float, float]]
"""An analysis of one set of values: an estimate and its standard error."""


@dataclass(frozen=True, eq=False, repr=False)
class PlausibleValues(Answer):
    """Draws of a parameter of participants; see :func:`trialwise.plausible`.

    Attributes
    ----------
    fit, what
        The fit and the parameter.
    table
        A row a participant, or a row of parameters such as a session of a participant, and a column a draw, from 1.
    natural
        Whether values are on the natural scale.
    findings
        What the values can be used for.

    Examples
    --------
    >>> list(tw.results.PlausibleValues.contents)
    ['plausible_values']
    """

    table: pd.DataFrame = field(repr=False)
    natural: bool
    findings: tuple[Finding, ...] = ()

    contents = {"plausible_values": "a set of participants' values in each column"}

    def tables(self) -> dict[str, pd.DataFrame]:
        """``plausible_values`` (:attr:`table`)."""
        return {"plausible_values": self.table.reset_index()}

    @property
    def headline(self) -> str:
        """Parameter, number of participants and of draws."""
        rows, draws = self.table.shape
        return f"PlausibleValues({self.what}, {rows} rows x {draws} draws, {'natural' if self.natural else 'unconstrained'} scale)"

    def pooled(self, analysis: Estimate) -> pd.Series:
        r"""Analyse each set of values as if it were observed, and pool the results by Rubin's rules.

        With the estimates :math:`Q_j` and standard errors :math:`s_j` of m sets,

        .. math:: \bar Q = \frac1m \sum_j Q_j, \quad T = \frac1m \sum_j s_j^2 + \Bigl(1 + \frac1m\Bigr) B, \quad
            B = \frac1{m-1} \sum_j (Q_j - \bar Q)^2

        the estimate is :math:`\bar Q`, its variance T, and it has :math:`(m - 1)\,T^2 / ((1 + 1/m) B)^2` degrees of freedom.

        Parameters
        ----------
        analysis
            A function of one column of :attr:`table`, which returns an estimate and its standard error. The estimate should be about
            Normal: ``numpy.arctanh(r)`` with :math:`1/\sqrt{N - 3}`, not a correlation r.

        Returns
        -------
        Series
            ``estimate``, ``standard_error``, ``df``, ``low`` and ``high`` (95 % interval of Student's t), and ``between``, the share of
            the variance that is due to the uncertainty about participants.

        Raises
        ------
        UsageError
            If there is a single set, or the analysis does not return two finite numbers, of which the second is not below 0.

        References
        ----------
        Rubin (1987), Multiple Imputation for Nonresponse in Surveys.

        Examples
        --------
        >>> trials = tw.load_data("alien_flat").trials.select(range(6)).first(60)
        >>> fit = tw.fit(tw.QLearning(initial=1.2), trials, draws=50, tune=100, chains=2, progress=False)
        >>> values = tw.plausible(fit, "alpha", 20)
        >>> mean = values.pooled(lambda alpha: (alpha.mean(), alpha.std() / np.sqrt(len(alpha))))
        >>> list(mean.index)
        ['estimate', 'standard_error', 'df', 'low', 'high', 'between']
        """
        import pandas as pd
        from scipy.stats import t

        results = [np.asarray(analysis(self.table[name]), float) for name in self.table]
        if any(each.shape != (2,) or not np.isfinite(each).all() or each[1] < 0 for each in results):
            raise UsageError(
                "pooled: the analysis returns an estimate and its standard error, two finite numbers, of each column"
            )
        count = len(results)
        if count < 2:
            raise UsageError(
                "pooled: a single set of values does not show how uncertain they are: ask for ", Argument("draws", 20)
            )
        estimates, errors = np.array(results).T
        between = (1 + 1 / count) * float(np.var(estimates, ddof=1))
        total = float(np.mean(errors**2)) + between
        df = (count - 1) * (total / between) ** 2 if between > 0 else np.inf
        estimate, error = float(np.mean(estimates)), float(np.sqrt(total))
        half = float(t.ppf((1 + LEVEL) / 2, df)) * error
        return pd.Series(
            {
                "estimate": estimate, "standard_error": error, "df": df, "low": estimate - half, "high": estimate + half,
                "between": between / total if total > 0 else 0.0,
            }
        )  # fmt: skip


@expects(fit=FIT, what=NAME, draws=COUNT, natural=FLAG)
def plausible(fit: Fit, what: str, draws: int = 20, *, natural: bool = False) -> PlausibleValues:
    r"""Draws of a parameter of participants, to be analysed elsewhere: plausible values.

    Posterior means are estimates, whose noise makes correlations with other measures too small, or whose shrinkage makes them too large. A set
    of draws of all participants has the spread of participants, and an analysis of several sets the uncertainty about them. The rule has two
    halves: **analyse each set as if it were observed, and pool the results** (:meth:`PlausibleValues.pooled`).

    It is right for analyses with variables that the fit's formulas contain. For a correlation with a questionnaire fit
    ``formulas={"alpha": "questionnaire"}`` first: in draws from a fit without it, the correlation is too small by the reliability of the
    parameter, more so than in posterior means. Where a single covariate is the question, :func:`trialwise.association` answers it directly.

    Parameters
    ----------
    fit
        A fit with partial pooling.
    what
        A parameter, ``"alpha"``; of one that has several values within a run, one of these, ``"alpha[stable]"``.
    draws
        Number of sets, spaced evenly over all draws of the posterior.
    natural
        Whether values are on the natural scale, instead of the unconstrained one (logit, log), on which participants are Normal.

    Returns
    -------
    PlausibleValues
        ``table``, participants by draws; ``pooled(analysis)``.

    Raises
    ------
    UsageError
        For an unknown parameter, more sets than draws, and fits without a group.

    References
    ----------
    Mislevy (1991), Psychometrika 56:177; Marsman et al. (2016), Psychometrika 81:274.

    Examples
    --------
    >>> trials = tw.load_data("alien_flat").trials.select(range(6)).first(60)
    >>> age = np.array([20, 25, 31, 38, 44, 52])
    >>> fit = tw.fit(
    ...     tw.QLearning(initial=1.2), trials, formulas={"alpha": "age"}, participants={"participant": trials.participants, "age": age},
    ...     draws=50, tune=100, chains=2, progress=False,
    ... )
    >>> values = tw.plausible(fit, "alpha", 20)
    >>> values.table.shape
    (6, 20)
    >>> def correlation(alpha):
    ...     return np.arctanh(np.corrcoef(alpha, age)[0, 1]), 1 / np.sqrt(len(age) - 3)
    >>> answer = values.pooled(correlation)
    >>> r, low, high = np.tanh(answer[["estimate", "low", "high"]])
    >>> bool(-1 < low < r < high < 1), bool(answer["standard_error"] > 1 / np.sqrt(3))
    (True, True)
    """
    import pandas as pd

    if fit.pooling != "partial":
        raise UsageError(
            f"plausible values are draws of the participants of a group, and the fit has {Argument('pooling', fit.pooling)}: fit with ",
            Argument("pooling", "partial"),
        )
    k = _column(fit, what)
    if draws > fit.draws.count:
        raise UsageError(
            Argument("draws", draws),
            f": the fit has {fit.draws.count} draws; ask for ",
            Argument("draws", min(20, fit.draws.count)),
        )
    u = fit.draws.unconstrained()[..., k].reshape(fit.draws.count, -1)
    sets = u[np.linspace(0, len(u) - 1, draws).round().astype(int)]
    if natural:
        sets = fit.population.parameters[k].constrain(sets)
    rows = fit.rows.labelled().astype({"participant": str})
    table = pd.DataFrame(sets.T, rows.set_index(list(rows)).index, pd.Index(range(1, draws + 1), name="draw"))
    return PlausibleValues(fit, what, table, bool(natural), (*about_the_fit(fit), _use(fit, what)))


def _column(fit: Fit, what: str) -> int:
    """The place of a parameter, or of one of its slots, among the columns of a row."""
    names = fit.parameters
    if what in names:
        return names.index(what)
    own = [name for name in names if fit.design is not None and fit.population.base_name(name) == what]
    if own:
        raise UsageError(f"{what} has several values within a run: name one, {listed(map(repr, own), 'or')}")
    known_parameter(what, names)
    raise AssertionError(what)


def _use(fit: Fit, what: str) -> Finding:
    """What the values can be used for: analyses with covariates that the model has."""
    base = fit.population.base_name(what)
    model = None if fit.design is None else fit.design.models.get(base)
    known = [] if model is None else model.covariates
    sentence = "for analyses with variables in the formula" + (
        f" ({listed(known)})" if known else ", and there are none"
    )
    return Finding(
        "note", "use", f"{sentence}: correlations with any other are too small by the reliability of {what}",
        Message("Name it in a fit: ", Argument("formulas", {base: f"{model.formula} + ..." if model is not None and known else "..."})),
    )  # fmt: skip
