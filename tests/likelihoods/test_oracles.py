"""Likelihoods and gradients against independent NumPy implementations, on generated data and on the human data."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import trialwise as tw
from oracles.conditioning import pearce_hall, rescorla_wagner
from oracles.q_learning import log_likelihood as q_oracle
from trialwise.analysis.conformance.specimen import specimen
from trialwise.data.trials import Column, Trials

ALL = tw.QLearning(initial=1.2).with_stickiness().with_lapse()
"""With stickiness and lapse at 0 this is the plain learner, so that one kernel suffices."""


def q_by_oracle(learner, trials, parameters):
    rows = [slice(*trials.offsets[n : n + 2]) for n in range(trials.n_participants)]
    sizes = trials.sizes
    return np.array([
        q_oracle(
            trials.columns["context"].values[row], trials.columns["cue"].values[row], trials.choice[row],
            trials.outcome["outcome"][row], trials.reset[row], trials.own[row],
            contexts=sizes["context"], cues=sizes["cue"], actions=sizes["action"],
            **learner.values({name: values[n] for name, values in parameters.items()}),
        )
        for n, row in enumerate(rows)
    ])  # fmt: skip


def response_by_oracle(oracle, learner, trials, parameters):
    rows = [slice(*trials.offsets[n : n + 2]) for n in range(trials.n_participants)]
    return np.array([
        oracle(
            trials.columns["cue"].values[row], trials.response["response"][row], trials.outcome["outcome"][row],
            trials.reset[row], trials.own[row], cues=trials.sizes["cue"],
            **learner.values({name: values[n] for name, values in parameters.items()}),
        )
        for n, row in enumerate(rows)
    ])  # fmt: skip


ORACLES = {
    "q-learning": (ALL, q_by_oracle),
    "rescorla-wagner": (tw.learners.RescorlaWagner(), lambda *a: response_by_oracle(rescorla_wagner, *a)),
    "pearce-hall": (tw.learners.PearceHall(), lambda *a: response_by_oracle(pearce_hall, *a)),
}


def parameters_at(learner, offset):
    """Natural parameters at unconstrained distances from the prior means, ``{name: (participants,)}``."""
    return {p.name: p.constrain(p.mean + offset[:, k]) for k, p in enumerate(learner.parameters)}


@pytest.mark.parametrize("name", ORACLES)
@settings(max_examples=12)
@given(seed=st.integers(0, 2**32 - 1), width=st.sampled_from([0.1, 1.0, 2.0]))
def test_generated_data(name, seed, width):
    learner, oracle = ORACLES[name]
    trials = specimen(learner, seed=seed % 5)
    random = np.random.default_rng(seed)
    parameters = parameters_at(learner, width * random.normal(size=(trials.n_participants, len(learner.names))))
    value, gradient = tw.log_likelihood(learner, trials, parameters, gradient=True)
    np.testing.assert_allclose(value, oracle(learner, trials, parameters), rtol=1e-9, atol=1e-9)

    parameter = learner.names[seed % len(learner.names)]
    step = 1e-5 * np.maximum(np.abs(parameters[parameter]), 1e-3)
    above, below = (
        oracle(learner, trials, parameters | {parameter: parameters[parameter] + sign * step}) for sign in (1, -1)
    )
    scale = np.abs(gradient[parameter]).max() + 1e-3 * np.abs(value).max()
    np.testing.assert_allclose(gradient[parameter], (above - below) / (2 * step), rtol=1e-5, atol=1e-5 * scale)


def test_zero_stickiness_and_lapse_are_the_plain_learner():
    trials = specimen(ALL)
    plain = {"alpha": 0.3, "beta": 1.7, "forget": 0.1}
    with_both = tw.log_likelihood(ALL, trials, plain | {"stickiness": 0.0, "lapse": 0.0})
    np.testing.assert_allclose(tw.log_likelihood(tw.QLearning(initial=1.2), trials, plain), with_both, rtol=1e-12)


# -- the human data of the alien task ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def humans(human_tables):
    """31 participants x 440 trials, arranged independently of ``read_wide``."""
    trials, participants = human_tables["actions"].shape
    flat = {name: np.ascontiguousarray(table.T).ravel() for name, table in human_tables.items()}
    return Trials(
        participants=tuple(range(participants)),
        offsets=np.arange(participants + 1) * trials,
        choice=flat["actions"].astype(np.int64),
        outcome={"outcome": flat["rewards"]},
        columns={
            "context": Column(flat["seasons"].astype(np.int64), "context"),
            "cue": Column(flat["aliens"].astype(np.int64), "cue"),
        },
        levels={"context": (0, 1, 2), "cue": (0, 1, 2, 3), "action": (0, 1, 2)},
    )


@pytest.mark.parametrize("initial", [0.12, 1.2])
def test_human_data_agree_with_the_oracle(humans, initial):
    learner = tw.QLearning(initial=initial)
    random = np.random.default_rng(3)
    parameters = parameters_at(learner, random.normal(size=(31, 3)))
    value, gradient = tw.log_likelihood(learner, humans, parameters, gradient=True)
    np.testing.assert_allclose(value, q_by_oracle(learner, humans, parameters), rtol=1e-9)
    for name in learner.names:
        step = 1e-6 * parameters[name]
        above, below = (
            q_by_oracle(learner, humans, parameters | {name: parameters[name] + sign * step}) for sign in (1, -1)
        )
        scale = np.abs(gradient[name]).max()
        np.testing.assert_allclose(gradient[name], (above - below) / (2 * step), rtol=1e-5, atol=1e-6 * scale)


def test_fractions_of_outcomes_matter(humans):
    """Outcomes truncated to integers, as in the author's notebook, give a different likelihood."""
    learner, parameters = tw.QLearning(initial=1.2), {"alpha": 0.11, "beta": 1.5, "forget": 0.05}
    truncated = replace(humans, outcome={"outcome": np.floor(humans.outcome["outcome"])})
    difference = tw.log_likelihood(learner, humans, parameters) - tw.log_likelihood(learner, truncated, parameters)
    assert np.abs(difference).min() > 1e-3
