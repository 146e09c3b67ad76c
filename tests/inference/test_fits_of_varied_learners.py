"""Fits of learners whose parameters vary between conditions."""

import numpy as np
import pytest

import trialwise as tw
from trialwise.inference.draws import labelled

LEARNER = tw.QLearning(initial=0.4).fix(forget=0).vary(alpha={"speed": ["slow", "fast"]})
LEVELS = ["alpha[slow]", "alpha[fast]"]
SHORT = {"draws": 60, "tune": 60, "chains": 2, "seed": 1, "progress": False}


class Speeds(tw.environments.Environment):
    """A bandit with two speeds in alternating blocks."""

    levels = {"action": (0, 1, 2), "speed": ("slow", "fast")}

    def show(self, random):
        return tw.environments.Shown(80, {"speed": np.arange(80) // 10 % 2})

    def potential(self, shown, random):
        return (random.random((shown.trials, 3)) < (0.2, 0.5, 0.8)).astype(float)


@pytest.fixture(scope="module")
def simulation():
    truth = {"alpha[slow]": (0.02, 0.1), "alpha[fast]": (0.6, 0.9), "beta": (3, 6)}
    return tw.simulate(LEARNER, Speeds(), truth, participants=5, seed=1)


@pytest.fixture(scope="module", params=["partial", "none", "complete"])
def fit(request, simulation):
    return tw.fit(LEARNER, simulation.trials, pooling=request.param, **SHORT)


def test_each_level_has_rows_of_its_own(fit):
    group = list(fit.group().index)
    if fit.draws.grouped:
        assert group[:3] == ["alpha[slow]_group", "alpha[fast]_group", "beta_group"]
        assert {"alpha[slow]_mu", "alpha[fast]_sd"} <= {*group} and not any(each.endswith("]") for each in group)
    else:
        shared = fit.pooling == "complete"
        assert group == [*LEVELS, "beta"] if shared else group[:2] == ["alpha[slow][0]", "alpha[slow][1]"]
    assert [*fit.draws.names] == fit.parameters == [*LEVELS, "beta"]
    assert fit.draws.natural("alpha[slow]").mean() < fit.draws.natural("alpha[fast]").mean()
    assert list(labelled(fit.tree, group)) == group if fit.pooling != "none" else True
    assert list(tw.diagnose(fit).table.index) == group


def test_stored_and_loaded(fit, tmp_path):
    fit.save(tmp_path / "fit.nc")
    again = tw.load(tmp_path / "fit.nc")
    assert again.learner == LEARNER and again.parameters == fit.parameters
    np.testing.assert_array_equal(again.draws.natural("alpha[fast]"), fit.draws.natural("alpha[fast]"))
    one, other = (tw.check(each, datasets=3, progress=False) for each in (fit, again))
    np.testing.assert_array_equal(one.simulated, other.simulated)
    prediction = tw.predict(again, "rollout", Speeds(), datasets=2)
    assert "speed" in prediction[0].columns and list(prediction.table(1)) == ["participant", *LEVELS, "beta"]


def test_a_level_without_trials_follows_its_prior(simulation):
    more = tw.QLearning(initial=0.4).fix(forget=0).vary(alpha={"speed": ["slow", "fast", "still"]})
    fit = tw.fit(more, simulation.trials, **SHORT)
    assert "no trial has speed still: alpha[still] follows its prior" in fit.notes
    assert not any("alpha[slow]" in note for note in fit.notes)


def test_a_level_without_effect_is_named_with_what_can_be_fixed(simulation):
    silent = tw.QLearning(initial=0.4).fix(beta=0.0 + 1e-12).vary(alpha={"speed": ["slow", "fast"]})
    with pytest.raises(tw.errors.ModelError, match=r"alpha\[slow\] cannot be estimated(?s:.*)\.fix\(alpha="):
        tw.fit(silent, simulation.trials, **SHORT)


def test_points_and_recovery(simulation):
    point = tw.point(LEARNER, simulation.trials, starts=2)
    assert list(point.maximum_likelihood)[1:4] == [*LEVELS, "beta"]
    truth = {"alpha[slow]": (0.02, 0.1), "alpha[fast]": (0.6, 0.9), "beta": (3, 6)}
    recovery = tw.recover(
        LEARNER, Speeds(), truth, datasets=1, participants=3, draws=40, tune=40, chains=2, workers=1, progress=False
    )
    assert set(recovery.points["parameter"]) == {*LEVELS, "beta"}


def test_priors_of_one_level(simulation):
    pm = pytest.importorskip("pymc")
    fit = tw.fit(LEARNER, simulation.trials, priors={"alpha[slow]_mu": pm.Normal.dist(2.0, 0.01)}, **SHORT)
    assert abs(float(fit.draws.mean("alpha[slow]").mean()) - 2.0) < 0.1


def test_columns_that_formulas_made_are_found_in_the_trials_of_the_fit(simulation):
    """Where others lack them, their internal names are nothing to read from a file."""
    plain = tw.QLearning(initial=0.4).fix(forget=0)
    trials = simulation.trials
    stakes = np.tile([1.0, 2.0, 5.0, 3.0], trials.n_trials // 4)
    trials = tw.read_long(
        trials.to_frame().assign(stake=stakes), labels=["speed"], numbers=["stake"], levels=Speeds.levels
    )
    fit = tw.fit(plain, trials, formulas={"alpha": "speed", "beta": "stake"}, **SHORT)
    truth = dict(zip(fit.learner.names, (0.1, 0.8, 4.0, 0.2), strict=True))
    for refused in (
        lambda: tw.simulate(fit.learner, Speeds(), truth, participants=2),
        lambda: tw.log_likelihood(fit.learner, trials, truth),
    ):
        with pytest.raises(
            tw.errors.UsageError, match=r"(?s)alpha varies .*beta varies .*environment.on.fit.trials."
        ) as error:
            refused()
        assert "keep the column" not in str(error.value) and "labels=" not in str(error.value)
    assert np.isfinite(tw.log_likelihood(fit.learner, fit.trials, truth)).all()
    environment = Speeds()
    again = tw.simulate(fit.learner, environment.on(fit.trials), truth).trials
    assert again.n_trials == trials.n_trials
    np.testing.assert_array_equal(again.columns["speed"].values, trials.columns["speed"].values)
