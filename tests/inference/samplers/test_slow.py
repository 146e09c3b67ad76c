"""What fits by particle Gibbs say of slow mixing and of divergences, and what is shown while they run."""

import re

import arviz_stats
import numpy as np
import pandas as pd
import pytest
import xarray as xr

import trialwise as tw
from trialwise.inference.diagnostics import TOLERATED, problems, too_few
from trialwise.inference.samplers.particle_gibbs import run
from trialwise.inference.samplers.particle_gibbs.renewal import Renewal
from trialwise.inference.samplers.particle_gibbs.slow import slowness
from trialwise.inference.samplers.particle_gibbs.watch import Watch

TIED = tw.learners.TaskSets(initial=1.2).tie(alpha_high="alpha", beta_high="beta", forget_high="forget")
SETTINGS = {"sampler": "particle-gibbs", "progress": False}


def tree_of(**variables):
    data = {name: (("chain", "draw"), values) for name, values in variables.items()}
    return xr.DataTree.from_dict({"posterior": xr.Dataset(data)})


def chains(correlation, draws=4000, seed=0):
    """Four autoregressive chains, with an autocorrelation time of (1 + correlation) / (1 - correlation) draws."""
    random = np.random.default_rng(seed)
    x = random.standard_normal((4, draws))
    for t in range(1, draws):
        x[:, t] = correlation * x[:, t - 1] + np.sqrt(1 - correlation**2) * x[:, t]
    return x


def too_few_draws(tree, draws):
    """The advice of the problem of too few effective draws."""
    found = too_few(arviz_stats.summary(tree, round_to="none").astype(float), draws)
    return str(next(each for each in found if each.code == "few-draws").advice)


def test_slow_quantities_are_named_with_their_time_and_reason():
    """A chain with an autocorrelation time of 99 draws, of four sweeps each."""
    tree = tree_of(fast=chains(0.0), slow=chains(0.98))
    often = [Renewal("a", 0.5, 3), Renewal("b", 0.4, 0)]
    seldom = [Renewal("a", 0.5, 3), Renewal("b", 0.005, 7), Renewal("c", 0.0, 1)]
    sentence = slowness(tree, ["fast", "slow"], 16_000, often)
    time = float(re.search(r"slowest to mix: slow \((\d+) sweeps\), for an effective draw", sentence)[1])
    assert 0.6 * 396 < time < 1.6 * 396 and "fast" not in sentence
    assert "given them these parameters can move only a little at a time" in sentence
    draws = int(re.search(r"For 400 effective draws: draws=(\d+), or fewer parameters", sentence)[1])
    assert 4 * 4 * draws / time > 1.25 * 400
    assert f"draws={draws}" in too_few_draws(tree_of(slow=chains(0.98)), 4000)
    sentence = slowness(tree, ["slow"], 16_000, seldom)
    assert "seldom drawn anew, those of c (trial 2: never), b (trial 8: once in 200 sweeps). For" in sentence
    assert slowness(tree, ["fast"], 16_000, seldom) is None
    for few in (tree_of(quick=chains(0.0, 25)), tree_of(quick=chains(0.5, 100))):
        # nothing mixes slowly, there are few draws
        assert slowness(few, ["quick"], 4 * few["posterior"].sizes["draw"], seldom) is None


def test_hopelessly_slow_quantities_advise_fewer_parameters():
    """And the problem names the same number of draws, which suffices, after fewer parameters."""
    tree = tree_of(slow=chains(0.999, 500))
    sentence = slowness(tree, ["slow"], 2000, [Renewal("a", 0.5, 0)])
    draws = re.search(r"effective draws: fit fewer parameters, since it would take draws=(\d+)", sentence)[1]
    advice = too_few_draws(tree, 500)
    assert re.fullmatch(rf"Fit fewer parameters .*; then draw more, draws={draws}", advice) and int(draws) > 20 * 500


@pytest.mark.parametrize(("divergences", "severity"), [(1, "note"), (4, "note"), (5, "problem")])
def test_few_divergences_are_tolerated_by_effective_draws(divergences, severity):
    """At most 1 % of 400, where the sampler says so; elsewhere none."""
    diverging = np.zeros((4, 500), bool)
    diverging[0, :divergences] = True
    stats = xr.Dataset({"diverging": (("chain", "draw"), diverging)}, {"chain": range(4)})
    group = pd.DataFrame({"r_hat": [1.0], "ess_bulk": [400.0], "ess_tail": [900.0]}, index=["a"])
    posterior = tree_of(a=chains(0.0, 500))["posterior"].to_dataset()
    for attributes, expected in (({TOLERATED: run.DIVERGED}, severity), ({}, "problem")):
        tree = xr.DataTree.from_dict({"posterior": posterior, "sample_stats": stats.assign_attrs(attributes)})
        (finding,) = problems(tree, group)
        assert (finding.code, finding.severity) == ("divergences", expected)
        assert finding.sentence.startswith(f"{divergences} divergent transition")


@pytest.mark.sample
def test_the_advised_draws_are_enough(trials):
    """The printed number is obeyed: a fit with too few effective draws, and one with as many draws as it asks for."""
    short = tw.fit(TIED, trials, draws=60, chains=2, seed=2, **SETTINGS)
    problem = next(each for each in short.findings if each.code == "few-draws")
    draws = int(re.search(r"draws=(\d+)", str(problem.advice))[1])
    assert float(short.tree["sample_stats"].attrs[TOLERATED]) == run.DIVERGED
    assert not any(note.startswith("slowest to mix") for note in short.notes)  # these mix well
    long = tw.fit(TIED, trials, draws=draws, chains=2, seed=2, **SETTINGS)
    assert long.group()[["ess_bulk", "ess_tail"]].min(axis=None) >= 400
    assert not any(note.startswith("slowest to mix") for note in long.notes) and not long.problems


def test_progress_counts_effective_draws_and_what_is_left():
    told = []
    watch = Watch(lambda *what: told.append(what), ["a"], until_enough=True, shown=True)
    goals = [2000, 3000, 4000, 40_000]
    watch.show(40, goals, 10, lambda: 1 / 0)  # too early for an estimate
    watch.began -= 1000
    watch.show(400, goals, 100, lambda: tree_of(a=chains(0.9, 100)))
    watch.finish(tree_of(a=chains(0.0, 1000)))
    assert told[0] == ("sampling", 40 / 2000, "")
    effective = float(told[1][2].removesuffix(" effective draws"))
    assert told[1][:2] == ("sampling", 400 / next(goal for goal in goals if goal >= 400 * 400 / effective))
    assert told[2][:2] == ("sampling", 1.0) and int(told[2][2].split()[0]) > 3000
    hidden = Watch(lambda *what: told.append(what), ["a"], until_enough=False, shown=False)
    hidden.began -= 1000
    hidden.show(400, [2000], 100, lambda: 1 / 0)
    assert told[-1] == ("sampling", 0.2, "")
