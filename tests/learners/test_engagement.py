"""Learners whose hidden states are a Markov chain: likelihoods by hand, simulations, and fits."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings, strategies as st

import trialwise as tw
from oracles.hidden_markov import engaged_q_learning, glm_hmm, staying

GLM, ENGAGED = tw.learners.GLMHMM(), tw.learners.EngagedQLearning(initial=0.5)
TRIALS = 40


def glm_data(random):
    choice = random.integers(-1, 2, TRIALS)
    stimulus = random.normal(size=TRIALS).round(2)
    table = pd.DataFrame({"participant": 1, "stimulus": stimulus, "choice": np.where(choice < 0, None, choice)})
    trials = tw.read_long(table, numbers=["stimulus"], actions=[0, 1])
    return trials, lambda **parameters: glm_hmm(choice, stimulus, **parameters)


def engaged_data(random):
    choice = random.integers(-1, 3, TRIALS)
    reward = np.where(random.random(TRIALS) < 0.2, np.nan, random.normal(size=TRIALS).round(2))
    reward[choice < 0] = np.nan
    table = pd.DataFrame({"participant": 1, "choice": np.where(choice < 0, None, choice), "outcome": reward})
    return tw.read_long(table, actions=[0, 1, 2]), lambda **p: engaged_q_learning(choice, reward, 3, initial=0.5, **p)


@pytest.mark.parametrize(
    ("learner", "data"), [(GLM, glm_data), (ENGAGED, engaged_data)], ids=["GLMHMM", "EngagedQLearning"]
)
@settings(max_examples=10)
@given(seed=st.integers(0, 2**32 - 1), width=st.sampled_from([0.3, 1.0, 2.5]))
def test_likelihood_and_gradient_by_hand(learner, data, seed, width):
    """The forward algorithm in NumPy, and its derivatives by complex steps."""
    random = np.random.default_rng(seed)
    trials, by_hand = data(random)
    parameters = {p.name: float(p.constrain(p.mean + width * random.normal())) for p in learner.parameters}
    value, gradient = tw.log_likelihood(learner, trials, parameters, gradient=True)
    np.testing.assert_allclose(value, by_hand(**parameters), rtol=1e-10)
    for name, number in parameters.items():
        slope = by_hand(**parameters | {name: number + 1e-30j}).imag / 1e-30
        np.testing.assert_allclose(gradient[name], slope, rtol=1e-8, atol=1e-8)


def test_certain_states_are_the_plain_model():
    """Someone who is engaged and stays engaged is the learner without hidden states; at a bound of the range, numbers are finite."""
    trials, _ = engaged_data(np.random.default_rng(3))
    certain = {"alpha": 0.3, "beta": 2.0, "stay_engaged": 1.0, "stay_random": 0.5}
    plain = tw.log_likelihood(tw.QLearning(initial=0.5), trials, {"alpha": 0.3, "beta": 2.0, "forget": 0.0})
    value, gradient = tw.log_likelihood(ENGAGED, trials, certain, gradient=True)
    np.testing.assert_allclose(value, plain, rtol=1e-9)
    assert all(np.isfinite(slope).all() for slope in gradient.values())


def test_simulated_states_follow_the_chain():
    stay = np.array([0.95, 0.8, 0.7])
    truth = {
        "sensitivity": 5.0,
        "bias": 0.2,
        "side": -2.0,
        "stay_engaged": 0.95,
        "stay_biased": 0.8,
        "stay_lapsing": 0.7,
    }
    simulated = tw.simulate(GLM, tw.environments.Discrimination(trials=4000), truth, participants=5, seed=4)
    states = simulated.hidden.reshape(5, 4000)
    first, transition = staying(stay)
    counts = np.zeros((3, 3))
    np.add.at(counts, (states[:, :-1].ravel(), states[:, 1:].ravel()), 1)
    errors = np.sqrt(transition * (1 - transition) / counts.sum(1, keepdims=True))
    assert (np.abs(counts / counts.sum(1, keepdims=True) - transition) < 4 * errors).all()
    np.testing.assert_allclose(np.bincount(states.ravel()) / states.size, first, atol=0.03)

    table = simulated.trials.to_frame().assign(state=simulated.hidden)
    right, stimulus = simulated.trials.choice == 1, table["stimulus"]
    for state, logit in ((0, 0.2 + 5.0 * stimulus), (1, -2.0 + 0 * stimulus), (2, 0 * stimulus)):
        chosen, p = right[table["state"] == state], 1 / (1 + np.exp(-logit[table["state"] == state]))
        assert abs(chosen.mean() - p.mean()) < 4 * np.sqrt((p * (1 - p)).sum()) / len(p)

    recovered = tw.transitions(GLM, simulated.trials, truth)
    dwell = recovered.groupby("hidden")["dwell"].mean()
    np.testing.assert_allclose(dwell, 1 / (1 - stay), rtol=0.15)
    np.testing.assert_allclose(recovered[["to_1", "to_2", "to_3"]].sum(axis=1), 1.0)
    visits = (np.diff(states, axis=1) != 0).sum(1) + 1
    np.testing.assert_allclose(recovered["visits"].sum(), visits.sum(), rtol=0.06)


def test_states_are_found_again():
    truth = {"alpha": 0.4, "beta": 5.0, "stay_engaged": 0.97, "stay_random": 0.95}
    simulated = tw.simulate(
        ENGAGED, tw.environments.ProbabilisticReversal(trials=500, chance=0.9), truth, participants=4, seed=6
    )
    table = tw.trial_values(ENGAGED, simulated.trials, truth)
    engaged = simulated.hidden == 0
    # calibrated: where the probability is p, a share p of trials is engaged
    p = table["hidden_1"].to_numpy()
    assert abs(p.mean() - engaged.mean()) < 0.05 and ((p > 0.5) == engaged).mean() > 0.85
    assert ((table["hidden_path"] == 1) == engaged).mean() > 0.85
    brier = ((p - engaged) ** 2).mean()
    np.testing.assert_allclose(brier, (p * (1 - p)).mean(), rtol=0.2)
    assert brier < ((table["hidden_1_filtered"] - engaged) ** 2).mean()


def test_transitions_are_those_of_a_markov_chain():
    trials, _ = engaged_data(np.random.default_rng(1))
    with pytest.raises(tw.errors.UsageError, match="makes no hidden choice"):
        tw.transitions(tw.QLearning(), trials, {"alpha": 0.3, "beta": 1.0, "forget": 0.0})
    sets = tw.learners.TaskSets()
    with pytest.raises(tw.errors.UsageError, match="not declared a Markov chain"):
        tw.transitions(sets, trials, dict.fromkeys(sets.names, 0.5))


# -- fits --------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def group():
    """Sixteen simulated participants of two ages."""
    age = np.repeat([20.0, 60.0], 8)
    people = {
        "alpha": np.linspace(0.25, 0.45, 16), "beta": np.linspace(3.0, 5.0, 16), "stay_engaged": np.full(16, 0.95),
        "stay_random": np.where(age > 40, 0.93, 0.8),
    }  # fmt: skip
    task = tw.environments.ProbabilisticReversal(trials=120, chance=0.85)
    return people, tw.simulate(ENGAGED, task, people, participants=16, seed=8).trials


@pytest.mark.sample
def test_a_fit_recovers_the_group(group):
    people, trials = group
    fit = tw.fit(ENGAGED, trials, draws=400, tune=400, chains=2, seed=2, progress=False)
    assert fit.attrs["sampler"] == "nuts"
    table = fit.summary()
    assert table["r_hat"].max() < 1.03
    for name, values in people.items():
        parameter = next(p for p in ENGAGED.parameters if p.name == name)
        truth, row = parameter.unconstrain(values).mean(), table.loc[f"{name}_mu"]
        assert abs(row["mean"] - truth) < 3.5 * row["sd"] and row["sd"] < 0.8
    assert np.isfinite(fit.model.compile_logp()(fit.model.initial_point()))
    point = tw.point(ENGAGED, trials, seed=1).maximum_likelihood
    mean = {
        name: table.loc[[f"{name}[{label}]" for label in trials.participants], "mean"].to_numpy() for name in people
    }
    assert (point["log_likelihood"].to_numpy() >= tw.log_likelihood(ENGAGED, trials, mean) - 1e-6).all()


@pytest.mark.parametrize("learner", [ENGAGED, tw.QLearning()], ids=["summed over", "none"])
def test_hidden_choices_that_are_not_drawn_need_no_particle_gibbs(group, learner):
    why = "are a Markov chain, which its exact likelihood sums over" if learner is ENGAGED else "do not exist"
    with pytest.raises(tw.errors.UsageError, match=f"those of .* {why}: use 'nuts', or leave sampler= out"):
        tw.fit(learner, group[1], sampler="particle-gibbs", progress=False)
