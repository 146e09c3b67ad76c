"""Differences, the evidence for them and levels as rows of tables and as sentences."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import TYPE_CHECKING

import numpy as np

from trialwise.analysis.effects.bayes_factors import BayesFactors, columns_of_factor
from trialwise.analysis.effects.evidence import (
    HDI,
    NEGLIGIBLE,
    direction_text,
    inside,
    probability_of_direction,
    summarised,
)
from trialwise.analysis.effects.levels import SCALES, Contrast, Levels

if TYPE_CHECKING:
    import pandas as pd


def evidence_row(contrast: Contrast, limits: tuple[float, float] | None, factors: BayesFactors) -> dict[str, object]:
    """The row of a difference in the table of evidence."""
    row: dict[str, object] = {"by": ":".join(contrast.by), "contrast": contrast.label, "at": contrast.at}
    if not contrast.same_scale:
        medians = contrast.on_scales()["difference of medians"]
        nan = dict.fromkeys(("in_rope", "rope_low", "rope_high", "in_rope_of_spread", "prior_width"), float("nan"))
        return row | {"pd": probability_of_direction(medians)} | nan | columns_of_factor(None)
    half = NEGLIGIBLE * float(np.median(contrast.spread))
    low, high = limits or (-half, half)
    return row | {
        "pd": probability_of_direction(contrast.link),
        "in_rope": inside(contrast.link, low, high),
        "rope_low": low,
        "rope_high": high,
        "in_rope_of_spread": inside(contrast.scaled, -NEGLIGIBLE, NEGLIGIBLE),
        "prior_width": factors.prior_width(contrast),
        **columns_of_factor(factors.of([contrast])),
    }


def difference_rows(contrast: Contrast) -> list[dict[str, object]]:
    """The rows of a difference in the table of differences."""
    return [
        {
            "by": ":".join(contrast.by),
            "contrast": contrast.label,
            "at": contrast.at,
            "scale": scale,
            **summarised(draws),
            "pd": probability_of_direction(draws, 1.0 if "ratio" in scale or "factor" in scale else 0.0),
        }
        for scale, draws in contrast.on_scales().items()
    ]


def levels_table(levels: Levels) -> pd.DataFrame:
    """A row a level."""
    import pandas as pd

    rows = []
    for parameter, place in levels.asked.cells:
        mean = levels.mean(parameter, place)
        row: dict[str, object] = {"parameter": parameter, **dict(place), "participants": mean.patterns.participants}
        for name, draws in (("link", mean.link), ("median", mean.median), ("population", mean.population)):
            summary = summarised(draws)
            row |= {name: summary["mean"], f"{name}_low": summary["hdi_low"], f"{name}_high": summary["hdi_high"]}
        rows.append(row | {"spread": float(mean.spread.mean())})
    return pd.DataFrame(rows)


def sentence(what: str, contrast: Contrast, row: Mapping[Hashable, object]) -> str:
    """A difference in words: on the natural scale, with its interval, and the probability of its direction."""
    scales = contrast.on_scales()
    scale = next((each for each in scales if "ratio" in each or each == "factor"), next(iter(scales)))
    summary = summarised(scales[scale])
    at = f" at {contrast.at}" if contrast.at else ""
    subject = contrast.label if contrast.label.lstrip("(").startswith(what) else f"{what}, {contrast.label}"
    pd = row["pd"]
    assert isinstance(pd, float)
    name = "difference" if scale == SCALES["real"] else scale
    if contrast.always_zero:
        return f"{subject}{at}: none in this formula"
    bf01 = row["bf01"]
    against = f", BF01 {bf01:.2g}" if isinstance(bf01, float) and np.isfinite(bf01) else ""
    return (
        f"{subject}{at}: {name} {summary['median']:.2f} ({100 * HDI:.0f} % HDI {summary['hdi_low']:.2f} to {summary['hdi_high']:.2f}), "
        f"{direction_text(pd)}{against}"
    )
