"""Fits: contents, correctness, saving and loading, and errors."""

import numpy as np
import pymc as pm
import pytest
import xarray as xr

import trialwise as tw
from trialwise import learner, positive, unit
from trialwise.base.errors import UsageError
from trialwise.base.message import Argument
from trialwise.base.result import having
from trialwise.environments import AlienTask
from trialwise.inference.diagnostics import too_few

pytestmark = pytest.mark.sample

LEARNER = tw.QLearning(initial=1.2)


def test_contents_of_a_fit(fitted, small):
    tree = fitted.tree
    assert isinstance(tree, xr.DataTree)
    assert {"posterior", "sample_stats", "observed_data", "constant_data"} <= set(tree.children)
    assert tree["posterior"]["alpha"].dims == ("chain", "draw", "participant")
    assert tree["posterior"].sizes["draw"] == 300
    for name in ("alpha", "beta", "forget"):
        assert {f"{name}_mu", f"{name}_sd", f"{name}_group"} <= set(tree["posterior"].data_vars)
    for attribute in ("seed", "learner_source", "seconds", "peak_memory_mb", "trialwise_version", "call", "gradients"):
        assert attribute in tree.attrs
    assert "class QLearning" in tree.attrs["learner_source"]
    assert list(fitted.summary().index[:3]) == ["alpha_group", "beta_group", "forget_group"]
    assert list(fitted.group().index) == [
        *(f"{name}_group" for name in LEARNER.names),
        *(f"{name}_{part}" for name in LEARNER.names for part in ("mu", "sd")),
    ]
    assert len(fitted.trial_values()) == small.trials.n_trials
    assert "error" in fitted.trial_values()
    assert "Fit(QLearning(initial=1.2), 8 participants" in repr(fitted)


def test_natural_values_match_unconstrained_values(fitted):
    posterior = fitted.tree["posterior"]
    for k, parameter in enumerate(LEARNER.parameters):
        u = posterior["individual"].isel(parameter=k).to_numpy()
        np.testing.assert_allclose(posterior[parameter.name].to_numpy(), parameter.constrain(u), rtol=1e-10)
        medians = posterior[f"{parameter.name}_group"].to_numpy()
        np.testing.assert_allclose(
            medians, parameter.constrain(posterior[f"{parameter.name}_mu"].to_numpy()), rtol=1e-10
        )


def test_the_same_seed_gives_the_same_draws(small, fitted):
    repeated = tw.fit(LEARNER, small.trials, draws=300, tune=150, chains=2, seed=11, progress=False)
    np.testing.assert_array_equal(repeated.tree["posterior"]["beta"], fitted.tree["posterior"]["beta"])


def test_posterior_is_that_of_pymcs_own_sampler(small):
    """The same posterior from the PyMC model, non-centred, sampled without whitened coordinates."""
    from trialwise.inference.samplers.nuts import ChainSettings, sample_model
    from trialwise.population.pymc.model import build_model

    trials = small.trials
    fit = tw.fit(LEARNER, trials, draws=1000, tune=200, chains=2, seed=1, progress=False)
    model = build_model(LEARNER, trials, geometry="non-centred")
    reference = sample_model(model, ChainSettings(1000, 500, 2, 2), progress=False)
    import arviz_stats

    for name in fit.group_names:
        a, b = fit.tree["posterior"][name], reference.tree["posterior"][name]
        error = np.hypot(*(float(x.std()) / np.sqrt(max(_ess(arviz_stats, x), 20)) for x in (a, b)))
        assert abs(float(a.mean()) - float(b.mean())) < 4.5 * error, name


def test_one_chain(small):
    """R-hat is undefined, so that chains are added only if there are too few effective draws."""
    fit = tw.fit(LEARNER, small.trials, draws=60, tune=100, chains=1, seed=5, progress=False)
    assert "cannot be checked with one chain" in fit.problems[0] and not any("nan" in text for text in fit.problems)
    table = fit.group().assign(ess_bulk=500.0, ess_tail=500.0)
    assert too_few(table) == []


def test_chains_are_added_while_draws_are_too_few(small, monkeypatch):
    from trialwise.inference.samplers import nuts

    monkeypatch.setattr(nuts, "DRAWS", 40)
    monkeypatch.setattr(nuts, "divergences", lambda tree: 0)
    fit = tw.fit(LEARNER, small.trials, tune=100, chains=2, seed=5, progress=False)
    sizes = fit.tree["posterior"].sizes
    assert (sizes["chain"], sizes["draw"]) == (6, 40)  # two more chains, twice
    assert list(fit.tree["posterior"]["chain"].to_numpy()) == list(range(6))
    added = [note for note in fit.notes if "2 more chains were run" in note]
    assert len(added) == 2 and "effective draws for alpha_mu" in added[0]
    alpha = fit.tree["posterior"]["alpha_mu"].to_numpy()
    assert len(np.unique(alpha[:, 0])) == 6  # different seeds
    fixed = tw.fit(LEARNER, small.trials, draws=40, tune=100, chains=2, seed=5, progress=False)
    assert fixed.tree["posterior"].sizes["chain"] == 2
    np.testing.assert_array_equal(fixed.tree["posterior"]["alpha_mu"], alpha[:2])


def _ess(arviz_stats, values):
    return float(arviz_stats.ess(values.to_numpy(), chain_axis=0, draw_axis=1))


def test_truth_is_recovered():
    """Without forgetting, learning rate and inverse temperature are identified."""
    without_forgetting = LEARNER.fix(forget=0)
    truth = {"alpha": (0.05, 0.5), "beta": (0.3, 1.5)}
    data = tw.simulate(without_forgetting, AlienTask(trials=440), truth, participants=20, seed=8)
    fit = tw.fit(without_forgetting, data.trials, seed=4, progress=False)
    assert not fit.problems
    diagnosis = tw.diagnose(fit)
    assert diagnosis.verdict.startswith("The draws can be relied on. 4 independent chains agree")
    assert diagnosis.sampler["cut_short"].max() == 0 and diagnosis.sampler["acceptance"].between(0.6, 1).all()
    assert {"depth", "steps", "e_bfmi"} <= set(diagnosis.sampler)
    table = tw.recovered(fit, data.parameters)
    assert (table["correlation"] > 0.7).all(), table
    assert table["coverage"].between(0.7, 1.0).all(), table


def test_save_and_load(fitted, tmp_path):
    path = tmp_path / "results" / "fit.nc"
    fitted.save(path)
    assert [p.name for p in path.parent.iterdir()] == ["fit.nc"]
    loaded = tw.load(path)
    assert loaded.learner == fitted.learner
    assert loaded.summary().equals(fitted.summary())
    assert loaded.trial_values().equals(fitted.trial_values())
    assert loaded.trials.levels == fitted.trials.levels
    assert loaded.problems == fitted.problems


def test_a_failed_save_leaves_the_old_file(fitted, tmp_path, monkeypatch):
    path = tmp_path / "fit.nc"
    path.write_text("old content")
    monkeypatch.setattr(xr.DataTree, "to_netcdf", lambda *a, **k: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        fitted.save(path)
    assert path.read_text() == "old content"
    assert [p.name for p in tmp_path.iterdir()] == ["fit.nc"]


def test_files_without_a_fit(tmp_path):
    with pytest.raises(tw.errors.DataError, match="no such file"):
        tw.load(tmp_path / "fit.nc")
    with pytest.raises(tw.errors.DataError, match="is a folder, (.|\n)*name a file in it"):
        tw.load(tmp_path)
    (tmp_path / "fit.nc").write_text("a,b\n1,2\n")
    with pytest.raises(tw.errors.DataError, match=f"is a folder, (.|\n)*write {str(tmp_path / 'fit.nc')!r}"):
        tw.load(tmp_path)
    with pytest.raises(tw.errors.DataError, match="cannot be read"):
        tw.load(tmp_path / "fit.nc")
    xr.DataTree().to_netcdf(tmp_path / "empty.nc", engine="h5netcdf")
    with pytest.raises(tw.errors.DataError, match="not a fit of trialwise"):
        tw.load(tmp_path / "empty.nc")


@learner
class CustomLearner:
    alpha: float = unit("learning rate")
    beta: float = positive("inverse temperature")

    def start(self, task):
        return task.table("action", fill=0.5)

    def choose(self, q, trial, preference):
        for action in range(len(preference)):
            preference[action] = self.beta * q[action]

    def learn(self, q, trial, choice, outcome):
        q[choice] += self.alpha * (outcome - q[choice])


def test_a_custom_learner_must_be_passed_to_load(small, tmp_path):
    fixed = CustomLearner().fix(alpha=0.3)
    tw.fit(fixed, small.trials, draws=60, tune=60, chains=2, seed=1, progress=False).save(tmp_path / "fit.nc")
    loaded = tw.load(tmp_path / "fit.nc")
    assert loaded.learner is None
    assert "beta_group" in loaded.summary().index
    loaded.plot_trace()
    with pytest.raises(tw.errors.UsageError, match=r"when loading the fit \(learner=CustomLearner\)"):
        loaded.trial_values()
    with_learner = tw.load(tmp_path / "fit.nc", learner=CustomLearner)
    assert with_learner.learner == fixed
    assert len(with_learner.trial_values()) == small.trials.n_trials
    with pytest.raises(tw.errors.UsageError, match="not of QLearning"):
        tw.load(tmp_path / "fit.nc", learner=tw.QLearning)


@pytest.mark.parametrize("pooling", ["none", "complete"])
def test_pooling(small, pooling):
    fit = tw.fit(LEARNER, small.trials, draws=200, tune=150, chains=2, seed=5, pooling=pooling, progress=False)
    dims = ("chain", "draw") if pooling == "complete" else ("chain", "draw", "participant")
    assert fit.tree["posterior"]["alpha"].dims == dims
    assert fit.pooling == pooling
    assert len(fit.trial_values()) == small.trials.n_trials
    with fit.model:
        pm.sample_prior_predictive(2)


def test_one_participant(small, tmp_path):
    trials = small.trials.select([small.trials.participants[2]])
    fit = tw.fit(LEARNER, trials, draws=200, tune=150, chains=2, seed=5, progress=False)
    assert fit.pooling == "none"
    assert "a single participant cannot be pooled" in fit.notes[0]
    assert fit.notes[0].endswith("fitted with pooling='none'")
    fit.save(tmp_path / "fit.nc")
    for each in (fit, tw.load(tmp_path / "fit.nc")):  # the input to be typed is restored from the file
        assert having(each.findings, "note")[0].sentence.inputs == (Argument("pooling", "none"),)
    assert list(fit.summary().index) == ["alpha[2]", "beta[2]", "forget[2]"]


def test_complete_pooling_of_one_participant(small):
    trials = small.trials.select([small.trials.participants[2]])
    fit = tw.fit(LEARNER, trials, draws=60, tune=60, chains=2, seed=5, pooling="complete", progress=False)
    assert fit.means()["alpha"].shape == (1,)


PRIORS = {
    "usual": (pm.Normal.dist(-1.0, 0.01), True),
    "unusual": (pm.Laplace.dist(-1.0, 0.01), True),
    "composed": (pm.Mixture.dist([0.5, 0.5], [pm.Normal.dist(-1.01, 0.01), pm.Laplace.dist(-0.99, 0.01)]), False),
}


@pytest.mark.parametrize("kind", PRIORS)
def test_user_priors(small, tmp_path, kind):
    prior, is_stored = PRIORS[kind]
    priors = {"alpha_mu": prior}
    fit = tw.fit(LEARNER, small.trials, draws=100, tune=200, chains=2, seed=6, priors=priors, progress=False)
    assert abs(float(fit.tree["posterior"]["alpha_mu"].mean()) + 1.0) < 0.02
    fit.save(tmp_path / "fit.nc")
    if is_stored:
        assert "alpha_mu" in tw.load(tmp_path / "fit.nc").model.named_vars
    else:
        with pytest.raises(UsageError, match=r"alpha_mu ~ .*when loading it \(priors="):
            tw.load(tmp_path / "fit.nc").model  # noqa: B018
    with pytest.raises(UsageError, match="priors for alpha_mu, but load received priors for beta_mu"):
        tw.load(tmp_path / "fit.nc", priors={"beta_mu": prior})
    assert "alpha_mu" in tw.load(tmp_path / "fit.nc", priors=priors).model.named_vars


def test_continuous_responses():
    """Rescorla-Wagner in conditioning, 30 trials of 10 participants."""
    from trialwise.environments import Conditioning

    truth = {"alpha": 0.3, "intercept": 0.1, "slope": [1.0] * 9 + [0.0], "noise": 0.1}
    data = tw.simulate(tw.learners.RescorlaWagner(), Conditioning(), truth, participants=10, seed=1)
    fit = tw.fit(tw.learners.RescorlaWagner(), data.trials, draws=300, tune=300, chains=2, seed=1, progress=False)
    alpha = fit.tree["posterior"]["alpha"]
    assert abs(float(alpha.isel(participant=slice(0, 9)).mean()) - 0.3) < 0.1
    assert "predicted" in fit.trial_values()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"draws": 0}, "draws=0"),
        ({"chains": 1.5}, "chains=1.5"),
        ({"pooling": "some"}, "pooling='some': must be one of"),
        ({"priors": {"alfa_mu": 1}}, "Did you mean 'alpha_mu'"),
        ({"priors": {"alpha_mu": 0.3}}, "must be a distribution"),
    ],
)
def test_invalid_arguments(small, arguments, message):
    with pytest.raises(tw.errors.UsageError, match=message):
        tw.fit(LEARNER, small.trials, progress=False, **arguments)


def test_a_class_instead_of_a_learner_is_an_error(small):
    with pytest.raises(tw.errors.UsageError, match="the class QLearning"):
        tw.fit(tw.QLearning, small.trials)
