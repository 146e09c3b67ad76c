"""Fits by particle Gibbs, compared with posteriors computed from enumerated likelihoods; resumed, and run on an executor."""

from concurrent.futures import Executor, Future, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace

import numpy as np
import pytest

import trialwise as tw
from trialwise.engine.packing import pack
from trialwise.engine.run_hidden import run_exact
from trialwise.inference.samplers import SAMPLERS
from trialwise.inference.samplers.particle_gibbs import renewal, run
from trialwise.population import density
from trialwise.population.population import population_of

pytestmark = pytest.mark.sample

TIED = tw.learners.TaskSets(initial=1.2).tie(alpha_high="alpha", beta_high="beta", forget_high="forget")
TRIALS, PARTICIPANTS = 7, 3
SETTINGS = {"progress": False}


def weighted(trials, pooling, count=12_000):
    """Draws from the prior with their posterior weights, by the sum over all courses; rows of parameters and, with a group, its means."""
    population, packed = population_of(TIED, trials, {}, pooling), pack(TIED, trials)
    random, u, groups = np.random.default_rng(0), [], []
    for _ in range(count):
        if pooling == "partial":
            group = population.draw(PARTICIPANTS, random)
            u.append(group.u)
            groups.append([*group.coefficients, *group.spreads])
        else:
            shape = (1 if pooling == "complete" else PARTICIPANTS, 3)
            u.append(
                np.broadcast_to(random.normal(population.prior.mean, population.prior.total, shape), (PARTICIPANTS, 3))
            )
    u = np.array(u)
    value = np.zeros(count)
    for n in range(PARTICIPANTS):
        one = packed.only(n)
        parts = {name: np.tile(getattr(one, name), (count, 1)) for name in ("observed", "ints", "reals")}
        rows = np.arange(count, dtype=np.int32)
        offsets = np.arange(count + 1, dtype=np.int32) * TRIALS
        many = replace(one, **parts, offsets=offsets, rows=rows, participants=("x",) * count)
        theta = np.stack([p.constrain(u[:, n, k]) for k, p in enumerate(TIED.parameters)], 1)
        value += run_exact(TIED, many, theta)[0]
    weight = np.exp(value - value.max())
    return u, np.array(groups), weight / weight.sum()


def compared(draws, ess, values, weight):
    """The difference of the mean of draws from the weighted mean, in Monte Carlo errors of both."""
    mean = weight @ values
    error = np.hypot(draws.std() / np.sqrt(ess), np.sqrt((weight**2) @ (values - mean) ** 2))
    return (draws.mean() - mean) / error


@pytest.mark.parametrize("pooling", ["partial", "none", "complete"])
def test_fits_agree_with_enumerated_likelihoods(trials, pooling):
    fit = tw.fit(TIED, trials, draws=400, chains=4, seed=3, pooling=pooling, **SETTINGS)
    assert fit.attrs["sampler"] == "particle-gibbs" and int(fit.tree["sample_stats"]["diverging"].sum()) < 4
    u, groups, weight = weighted(trials, pooling)
    assert 1 / (weight**2).sum() > 300
    table, found = fit.summary(), []
    posterior = fit.tree["posterior"]
    if pooling == "complete":
        assert posterior["alpha"].shape == (4, 400) and len(fit.group()) == 3
    if pooling == "partial":
        names = [f"{name}_{part}" for part in ("mu", "sd") for name in TIED.names]
        found = [
            compared(posterior[name].to_numpy(), table.loc[name, "ess_bulk"], groups[:, k], weight)
            for k, name in enumerate(names)
        ]
    for k, name in enumerate(TIED.names):
        natural = TIED.parameters[k].constrain(u[..., k])
        rows = [name] if pooling == "complete" else [f"{name}[{label}]" for label in trials.participants]
        draws = posterior[name].to_numpy().reshape(4, 400, -1)
        found += [
            compared(draws[..., n], table.loc[row, "ess_bulk"], natural[:, n], weight) for n, row in enumerate(rows)
        ]
    assert np.abs(found).max() < 4.0 and np.mean(np.square(found)) < 2.5


class Interrupted(Exception):
    """A simulated interruption."""


def test_an_interrupted_fit_is_resumed(trials, tmp_path, monkeypatch):
    settings = {"draws": 30, "chains": 2, "seed": 4, **SETTINGS}
    uninterrupted = tw.fit(TIED, trials, **settings)
    path, save = tmp_path / "unfinished.npz", run.Run._save
    monkeypatch.setattr(run, "SAVING", np.inf)
    for moment in ("warm-up", "sampling"):

        def interrupted(self, moment=moment):
            save(self)
            if self.rounds == 2 if moment == "warm-up" else self._done > 60:
                raise Interrupted

        with monkeypatch.context() as patch, pytest.raises(Interrupted):
            patch.setattr(run.Run, "_save", interrupted)
            tw.fit(TIED, trials, checkpoint=path, **settings)
    before = {name: float(np.load(path)[name]) for name in ("seconds", "seconds_of_warm_up")}
    resumed = tw.fit(TIED, trials, checkpoint=path, **settings)
    assert 0 < before["seconds_of_warm_up"] == resumed.attrs["seconds_of_warm_up"] < before["seconds"]
    assert resumed.attrs["seconds"] > resumed.attrs["seconds_of_sampling"] > before["seconds"]
    for name in ("alpha_mu", "beta_sd", "individual"):
        np.testing.assert_array_equal(resumed.tree["posterior"][name], uninterrupted.tree["posterior"][name])
    assert any("continued from its checkpoint" in note for note in resumed.notes)
    assert resumed.attrs["renewal"] == uninterrupted.attrs["renewal"]
    assert resumed.attrs["gradients"] == uninterrupted.attrs["gradients"]
    with monkeypatch.context() as patch:
        patch.setattr(run.StepSize, "pooled", None)  # once warm-up is over, steps are as saved, to the last bit
        fewer_fit, more_fit = (
            tw.fit(TIED, trials, checkpoint=path, **(settings | {"draws": draws})) for draws in (10, 40)
        )
    fewer, more = fewer_fit.tree["posterior"], more_fit.tree["posterior"]
    for name in ("alpha_mu", "individual"):
        np.testing.assert_array_equal(fewer[name], uninterrupted.tree["posterior"][name][:, :10])
        np.testing.assert_array_equal(more[name][:, :30], uninterrupted.tree["posterior"][name])
    assert more.sizes["draw"] == 40
    assert fewer_fit.attrs["sweeps"] == 10 * run.THIN
    ten = tw.fit(TIED, trials, **(settings | {"draws": 10}))
    assert (
        fewer_fit.attrs["gradients"]
        == ten.attrs["gradients"]
        < resumed.attrs["gradients"]
        < more_fit.attrs["gradients"]
    )
    kept = path.read_bytes()
    with pytest.raises(
        tw.errors.UsageError, match="holds the progress of another fit, which would be overwritten: .* seed"
    ):
        tw.fit(TIED, trials, checkpoint=path, **(settings | {"seed": 5}))
    assert path.read_bytes() == kept
    monkeypatch.setattr(density, "text_of_density", lambda: "other coordinates")
    with pytest.raises(tw.errors.UsageError, match="holds the progress of another fit.* or the version of trialwise"):
        tw.fit(TIED, trials, checkpoint=path, **settings)
    assert path.read_bytes() == kept


@pytest.mark.parametrize("content", [b"participant,choice\n1,2\n", b"", "arrays"])
def test_a_file_that_is_no_checkpoint_is_not_overwritten(content, trials, tmp_path):
    path = tmp_path / "thesis.npz"
    if content == "arrays":
        np.savez(path, values=np.arange(3))
    else:
        path.write_bytes(content)
    before = path.read_bytes()
    with pytest.raises(tw.errors.UsageError, match=r"thesis.npz holds no progress of a fit, and would be overwritten"):
        tw.fit(TIED, trials, draws=10, chains=2, seed=1, checkpoint=path, **SETTINGS)
    assert path.read_bytes() == before


@pytest.mark.parametrize(("share", "saved"), [(0.0, [40, 160]), (np.inf, [40, 80, 120, 160])])
def test_sampling_is_saved_seldom_if_that_takes_long(share, saved, trials, tmp_path, monkeypatch):
    """However long it takes, it is saved at the first chance and at the end."""
    seen, save = [], run.Run._save

    def noted(self):
        save(self)
        if self._done:
            seen.append(self._done)

    monkeypatch.setattr(run, "SAVING", share)
    monkeypatch.setattr(run.Run, "_save", noted)
    tw.fit(TIED, trials, checkpoint=tmp_path / "unfinished.npz", draws=40, chains=2, seed=4, **SETTINGS)
    assert seen == saved


def test_chains_run_on_an_executor(trials, tmp_path):
    with ThreadPoolExecutor(2) as pool:
        fits = [tw.fit(TIED, trials, draws=20, chains=2, seed=1, executor=each, **SETTINGS) for each in (None, pool)]
        with pytest.raises(tw.errors.UsageError, match="chains of QLearning.* run on this machine; leave it out"):
            tw.fit(tw.QLearning(), trials, executor=pool)
    local, remote = (each.tree["posterior"]["individual"].to_numpy() for each in fits)
    np.testing.assert_array_equal(local, remote)
    fits[0].save(tmp_path / "fit.nc")
    loaded = tw.load(tmp_path / "fit.nc")
    assert loaded.summary().equals(fits[0].summary()) and loaded.attrs["sampler"] == "particle-gibbs"
    assert 0 < tw.diagnose(loaded).participants["renewal"].min() <= 1
    method = SAMPLERS["particle-gibbs"]
    assert "hidden choices drawn anew, at the trial where it is rarest" in dict(
        method.figures(loaded.attrs, loaded.tree["sample_stats"])
    )
    assert "ancestor sampling" in method.sentence(loaded.attrs, "2 chains of 20 draws each")


class Breaking(Executor):
    """Runs some jobs; the process that has the next one ends."""

    def __init__(self, jobs):
        self.left = jobs

    def submit(self, function, /, *arguments):
        future, self.left = Future(), self.left - 1
        if self.left < 0:
            future.set_exception(BrokenProcessPool("killed"))
        else:
            future.set_result(function(*arguments))
        return future


def test_a_fit_whose_workers_end_is_continued_by_the_same_call(trials, tmp_path):
    settings = {"draws": 20, "chains": 2, "seed": 1, **SETTINGS}
    with pytest.raises(tw.errors.UsageError, match="ended unexpectedly .killed.*the same call continues from it"):
        tw.fit(TIED, trials, executor=Breaking(7), checkpoint=tmp_path / "unfinished.npz", **settings)
    resumed = tw.fit(TIED, trials, executor=Breaking(100), checkpoint=tmp_path / "unfinished.npz", **settings)
    assert any("continued from its checkpoint" in note for note in resumed.notes)
    whole = tw.fit(TIED, trials, **settings)
    np.testing.assert_array_equal(resumed.tree["posterior"]["individual"], whole.tree["posterior"]["individual"])


def test_few_renewals_are_noted(trials, monkeypatch):
    """With a bound that no short run can reach."""
    monkeypatch.setattr(renewal, "SELDOM", 1000)
    fit = tw.fit(TIED, trials, draws=10, chains=2, seed=1, **SETTINGS)
    assert any("seldom drawn anew" in note and "draw more" in note for note in fit.notes)


def test_priors_of_other_families_are_refused(trials):
    """With what to write instead, which is taken."""
    pm = pytest.importorskip("pymc")
    with pytest.raises(tw.errors.UsageError, match="priors of alpha_mu: .* pm.Normal.dist"):
        tw.fit(TIED, trials, priors={"alpha_mu": pm.StudentT.dist(4)}, **SETTINGS)
    assert tw.fit(TIED, trials, draws=10, chains=1, priors={"alpha_mu": pm.Normal.dist(-1, 0.5)}, **SETTINGS)
