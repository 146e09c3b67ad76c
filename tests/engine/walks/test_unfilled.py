"""An action or option that is left unset on a late trial is refused in every engine, with participant and row."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import trialwise as tw
from trialwise import learner, real
from trialwise.base.errors import LearnerError
from trialwise.engine.packing import pack
from trialwise.engine.run import rollout_plain, run_gradient, run_plain, run_rollout, run_trace, trace_plain
from trialwise.engine.run_hidden import run_exact, run_particles, run_traced, stream_keys, trace_particles_plain
from trialwise.inference.samplers.nuts import _Guarded
from trialwise.learners.parameters import hidden

FREE = np.full((2, 1), 0.3)


@learner
class Unset:
    a: float = real("a preference")

    def choose(self, nothing, trial, preference):
        preference[0] = self.a
        preference[1] = 0.0
        if trial.cue == 0:
            preference[2] = 2.0 + self.a


@learner
class UnsetHidden:
    a: float = real("a preference")
    plans: int = hidden(2, "number of plans")

    def hide(self, nothing, trial, preference):
        for plan in range(len(preference)):
            preference[plan] = 0.0

    def choose(self, nothing, trial, plan, preference):
        preference[0] = self.a
        preference[1] = 0.0
        if trial.cue == 0:
            preference[2] = 2.0 + plan


@learner
class UnsetOption:
    a: float = real("a preference")
    plans: int = hidden(2, "number of plans")

    def hide(self, nothing, trial, preference):
        preference[0] = self.a
        if trial.cue == 0:
            preference[1] = 0.0

    def choose(self, nothing, trial, plan, preference):
        for action in range(len(preference)):
            preference[action] = 0.1 * plan * action


def data(late=1):
    """Two participants, 7 trials each; the cue is ``late`` on the 6th trial of participant ``b``, row 14 of the file."""
    rows = [{"participant": p, "cue": 0, "choice": c} for p in "ab" for c in (0, 1, 2, 2, 0, 1, 1)]
    rows[12]["cue"] = late
    rows.append({"participant": "c", "cue": 1, "choice": 0})  # the cue has two labels in any case
    return tw.read_long(pd.DataFrame(rows), actions=[0, 1, 2]).select(["a", "b"])


LATE = r"(?s)preference\[{}\] empty: participant 'b', trial 6, row 14 of the file"


def random_numbers(packed, columns):
    return np.random.default_rng(1).random((len(packed.ints), columns))


@pytest.mark.parametrize("run", [run_gradient, run_trace, run_plain, trace_plain])
def test_unset_actions_are_refused_with_their_row(run):
    subject, trials = Unset(), data()
    with pytest.raises(LearnerError, match=LATE.format(2)):
        run(subject, pack(subject, trials), FREE)
    run(subject, pack(subject, data(late=0)), FREE)


@pytest.mark.parametrize("run", [run_rollout, rollout_plain])
def test_unset_actions_are_refused_in_simulation(run):
    subject = Unset()
    packed = pack(subject, data())
    with pytest.raises(LearnerError, match=LATE.format(2)):
        run(subject, packed, FREE, np.zeros((14, 3, 0)), random_numbers(packed, 1))


@pytest.mark.parametrize("subject, entry", [(UnsetHidden(), 2), (UnsetOption(), 1)], ids=["choose", "hide"])
def test_unset_entries_are_refused_with_a_hidden_choice(subject, entry):
    packed = pack(subject, data())
    jobs, keys = np.arange(2), stream_keys(np.arange(2), 0)
    runs = [
        lambda: run_exact(subject, packed, FREE),
        lambda: run_particles(subject, packed, FREE, jobs, keys, 20),
        lambda: run_particles(subject, packed, FREE, jobs, keys, 20, scored=True),
        lambda: run_traced(subject, packed, 1, FREE[1], int(keys[1]), 20),
        lambda: trace_particles_plain(subject, packed, 1, FREE[1], int(keys[1]), 20),
    ]
    for run in runs:
        with pytest.raises(LearnerError, match=LATE.format(entry)):
            run()


def test_fits_and_likelihoods_name_the_row():
    with pytest.raises(LearnerError, match=LATE.format(2)):
        tw.log_likelihood(Unset(), data(), {"a": 0.3})
    with pytest.raises(LearnerError, match=LATE.format(2)):
        tw.fit(Unset(), data(), draws=5, tune=5, chains=1, progress=False)


def test_nan_for_other_reasons_stays_nan():
    @learner
    class NotANumber:
        a: float = real("a preference")

        def choose(self, nothing, trial, preference):
            for action in range(len(preference)):
                preference[action] = self.a if trial.cue == 0 else np.inf - np.inf

    likelihood, _ = run_gradient(NotANumber(), pack(NotANumber(), data()), FREE)
    assert np.isfinite(likelihood[0]) and np.isnan(likelihood[1])


def test_actions_that_are_not_available_may_stay_unset():
    trials = data()
    available = np.ones((14, 3), bool)
    available[12, 2] = False
    with_mask = replace(trials, available=available)
    values = [run(Unset(), pack(Unset(), with_mask), FREE) for run in (run_plain, lambda *a: run_gradient(*a)[0])]
    assert np.isfinite(values).all()
    np.testing.assert_allclose(*values, rtol=1e-12)


@learner
class UnsetForSome:
    a: float = real("a preference")

    def choose(self, nothing, trial, preference):
        preference[0] = self.a
        preference[1] = 0.0
        if self.a < 2.2:
            preference[2] = 0.0


@pytest.mark.sample
def test_sampling_refuses_parameters_that_leave_an_action_unset():
    """At the points of the checks before sampling all actions are set; a sampler would take the others for improbable."""
    choices = np.random.default_rng(0).choice(3, p=[0.8, 0.1, 0.1], size=240)
    rows = [{"participant": k // 40, "choice": int(choice)} for k, choice in enumerate(choices)]
    with pytest.raises(LearnerError, match=r"preference\[2\] empty: participant '\d', trial 1, row"):
        tw.fit(UnsetForSome(), tw.read_long(pd.DataFrame(rows)), draws=50, tune=100, chains=1, seed=1, progress=False)


def test_numbers_that_are_none_for_other_reasons_do_not_end_sampling():
    looked = []
    density = _Guarded(lambda x: (np.nan, np.zeros(1)), looked.append)
    for _ in range(20):
        assert np.isnan(density(np.zeros(1))[0])
    assert 0 < len(looked) < 10 and density.failure is None
