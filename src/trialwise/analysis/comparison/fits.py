"""Comparison of fits by their held-out predictive densities, and the problems of such a comparison."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from trialwise.analysis.comparison.comparison import Comparison
from trialwise.analysis.comparison.crossvalidation import HeldOut, Method
from trialwise.analysis.comparison.same_trials import information_differs
from trialwise.analysis.comparison.sums import error_of_difference, frequency_table, standard_error
from trialwise.analysis.comparison.verdict import verdict
from trialwise.base.english import counted
from trialwise.base.message import NAME_ALONE, Argument, Message
from trialwise.base.result import Finding, having
from trialwise.inference.diagnostics import unusable
from trialwise.inference.fitted import Fit
from trialwise.inference.refit import refusal

if TYPE_CHECKING:
    import pandas as pd


RELIABLE = 0.1
"""Effective share of the draws below which an integrated likelihood is not reliable."""


DOUBTFUL = 0.01
"""Share of a participant's held-out units with a bad k-hat above which its predictive density is not reliable."""


MONTE_CARLO = 0.5
"""Largest acceptable share of Monte Carlo error in a difference's standard error."""


def compared_fits(fits: dict[str, Fit], results: dict[str, HeldOut], method: Method) -> Comparison:
    """The comparison of fits, from the held-out predictive densities of each."""
    import pandas as pd

    labels = pd.Index(list(next(iter(fits.values())).data.participants), name="participant")
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
            "se": np.hypot(standard_error(elpd), error),
            "difference": difference.sum(),
            "se_difference": np.hypot(standard_error(difference), error_of_difference(error)),
            "error": error,
            "p": pd.Series({name: results[name].effective.sum() for name in names}),
            "weight": stacked({name: results[name].elpd for name in names}),
            "worst_k": pd.Series({name: k.max() if np.isnan(k).all() else np.nanmax(k) for name, k in khat.items()}),
            "bad_k": pd.Series({name: int(results[name].bad.sum()) for name in names}),
            "draws": pd.Series({name: results[name].draws for name in names}),
        }
    ).rename_axis("learner")
    frequent, risk = (None, np.nan) if method == "trial" else frequency_table(elpd)
    findings = tuple(_findings(fits, results, table, method))
    doubtful = np.any([_doubtful(each, len(labels)) for each in results.values()], axis=0)
    bad = [name for name in names if unusable(fits[name].findings, fits[name].group())]
    given = verdict(elpd, error, doubtful, _reasons(findings, bad, doubtful))
    return Comparison(method, table, elpd, frequent, risk, (given, *findings))


def _doubtful(result: HeldOut, participants: int) -> np.ndarray:
    """Participants whose predictive density is not reliable, since the k-hats of some of its units are bad."""
    units = np.maximum(result.of_participants(np.ones(len(result.owner)), participants), 1)
    few = result.of_participants(result.bad.astype(float), participants) / units > DOUBTFUL
    return few if result.share is None else few | (result.share < RELIABLE)


def _reasons(findings: tuple[Finding, ...], bad: Sequence[str], doubtful: np.ndarray) -> dict[str, str]:
    """Why a verdict is withheld, by name of the learner; ``bad`` are the names of fits whose draws cannot be used."""
    reasons = dict.fromkeys(bad, "draws have problems")
    if any(finding.code == "different-information" for finding in findings):
        reasons |= {"all": "they rest on different information"}
    if doubtful.mean() > 0.5:
        return reasons | {"most participants": "they rest on few draws"}
    return reasons


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
            sentence = f"{name}: its draws have problems of their own: {problems[0].sentence}"
            yield Finding("problem", "draws", sentence, problems[0].advice, (name,))
        if result.share is not None and (few := result.share < RELIABLE).any():
            labels = [str(label) for label, each in zip(fit.data.participants, few, strict=True) if each]
            sentence = Message(
                f"{name}: the integrated likelihood of {counted(len(labels), 'participant')} rests on less than a tenth of the draws and is "
                f"not reliable ({', '.join(labels[:8])}): use more, ", Argument("draws", NAME_ALONE), " or ",
                Argument("particles", NAME_ALONE),
            )  # fmt: skip
            yield Finding("problem", "integrated", sentence, about=tuple(labels))
        if result.bad.any():
            yield _bad_khat(name, result, fit, method)
    for name in table.index[1:]:
        row: Any = table.loc[name]
        noise = np.hypot(row["error"], table["error"].iloc[0])
        if noise > MONTE_CARLO * row["se_difference"] and abs(row["difference"]) < 4 * row["se_difference"]:
            sentence = Message(
                f"much of the standard error of {name}'s difference is Monte Carlo error ({noise:.2g}): use more, ",
                Argument("draws", NAME_ALONE), " or ", Argument("particles", NAME_ALONE),
            )  # fmt: skip
            yield Finding("caution", "noise", sentence, about=(str(name),))
    if len(next(iter(fits.values())).data.participants) == 1:
        sentence = "a single participant: there is no standard error over participants, and no conclusion about others"
        yield Finding("caution", "one-participant", sentence)
    first, *others = (fit.data for fit in fits.values())
    if any(information_differs(first, other) for other in others):
        sentence = (
            "outcomes or columns of the fits' trials differ: the same choices are predicted from different information"
        )
        yield Finding("problem", "different-information", sentence)


def _bad_khat(name: str, result: HeldOut, fit: Fit, method: str) -> Finding:
    worst = f"worst {np.nanmax(result.khat):.2f}, up to {result.good:.2f} is good"
    if method == "trial":
        count, total = int(result.bad.sum()), len(result.khat)
        sentence = f"{name}: Pareto k-hat bad for {count} of {total} trials ({worst}): its elpd is probably too high"
        advice = Message(
            "Fit with more draws, or compare by ",
            Argument("method", "future"),
            " or ",
            Argument("method", "participant"),
        )
        return Finding("problem", "pareto-k", sentence, advice, (name,))
    labels = [str(fit.data.participants[n]) for n in np.flatnonzero(result.bad)]
    shown = ", ".join(labels[:8]) + (", ..." if len(labels) > 8 else "")
    sentence = (
        f"{name}: Pareto k-hat bad for {'participant' if len(labels) == 1 else 'participants'} {shown} ({worst}): they influence the group so strongly that its draws are "
        "uninformative about a group without them; its elpd is probably too high"
    )
    draws = Argument("draws", NAME_ALONE)
    if (reason := refusal(fit, map(int, np.flatnonzero(result.bad)))) is None:
        advice = Message("Use ", Argument("refit", True), ", which fits without each of them, or more draws, ", draws)
    else:
        advice = Message("Use more draws, ", draws, "; a fit without each of them ", reason)
    return Finding("problem", "pareto-k", sentence, advice, (name, *labels))
