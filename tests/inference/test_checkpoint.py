"""Keys of checkpoints: whatever changes the target of a fit, or what is saved of it, changes the key."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import trialwise as tw
from trialwise.inference import sampler
from trialwise.inference.checkpoint import Checkpoint, checkpoint_of
from trialwise.inference.design_of import design_of
from trialwise.inference.samplers import particle_gibbs
from trialwise.inference.samplers.particle_gibbs import run
from trialwise.likelihoods.kinds import likelihood_of
from trialwise.population import population as populations
from trialwise.population.population import population_of

SETS = tw.learners.TaskSets(initial=1.2).fix(forget=0.1234567)
PEOPLE = 40


@pytest.fixture(scope="module")
def data():
    values = dict.fromkeys(SETS.names, 0.5)
    return tw.simulate(SETS, tw.environments.AlienTask(trials=4), values, participants=PEOPLE, seed=1).trials


def request(data, learner=SETS, ages=None, correlated=True, priors=None, actions=None, seed=0, **changes):
    ages = np.arange(PEOPLE) ** 1.5 if ages is None else ages
    if actions:
        data = replace(data, levels=data.levels | {"action": actions})
    people = {"participant": list(data.participants), "age": ages}
    blocks = [["alpha", "beta"]] if correlated else False
    learner, data, stored, _ = design_of(learner, data, {"alpha": "age"}, people, "partial", correlated=blocks)
    population = population_of(learner, data, priors, design=stored.design)
    return sampler.Request(likelihood_of(learner, data), population, None, 0, 2, seed, **changes)


def key(asked, *settings):
    return checkpoint_of(asked, *settings).key


def test_equal_fits_have_equal_keys(data):
    assert (
        key(request(data)) == key(request(data)) == key(request(data, progress=False, checkpoint=Path("elsewhere.npz")))
    )


def test_what_changes_the_target_changes_the_key(data, monkeypatch):
    ages = np.arange(PEOPLE) ** 1.5
    ages[[20, 21]] = ages[[21, 20]]  # the same mean and standard deviation, in the middle of a large matrix
    pm = pytest.importorskip("pymc")
    others = {
        "design": request(data, ages=ages),
        "correlated": request(data, correlated=False),
        "prior": request(data, priors={"alpha_mu": pm.Normal.dist(0, 0.7)}),
        "a digit of a fixed value": request(data, tw.learners.TaskSets(initial=1.2).fix(forget=0.12345671)),
        "setting": request(data, tw.learners.TaskSets(initial=1.3).fix(forget=0.1234567)),
        "options": request(data, tw.learners.TaskSets(initial=1.2, sets=2).fix(forget=0.1234567)),
        "an action that nobody chose": request(data, actions=("0", "1", "2", "3")),
        "seed": request(data, seed=1),
        "chains": replace(request(data), chains=3),
    }
    keys = {name: key(each) for name, each in others.items()}
    monkeypatch.setattr(populations, "LKJ", 3.0)
    keys["shape of the prior of correlations"] = key(request(data))
    monkeypatch.undo()
    keys["none"] = key(request(data))
    assert len(set(keys.values())) == len(keys)


@pytest.mark.parametrize(
    ("module", "name"), [(particle_gibbs, "PARTICLES"), (run, "THIN"), (run, "LAST"), (run, "ROUNDS")]
)
def test_what_is_saved_depends_on_the_settings_of_particle_gibbs(data, module, name, monkeypatch):
    class Seen(Exception):
        pass

    keys = []

    def seen(*asked):
        keys.append(key(*asked))
        raise Seen

    monkeypatch.setattr("trialwise.inference.checkpoint.checkpoint_of", seen)
    monkeypatch.setattr("trialwise.inference.starts.check_starts", lambda *arguments: ())
    for _ in range(2):
        with pytest.raises(Seen):
            particle_gibbs.sample(request(data))
        monkeypatch.setattr(module, name, (1, 2) if name == "ROUNDS" else 7)
    assert keys[0] != keys[1]


def test_arrays_enter_whole_with_shape_and_type():
    values = np.zeros(5000)
    changed = values.copy()
    changed[2500] = 1e-12
    one = np.ones(4)
    settings = [
        (values,), (changed,), (one,), (one.reshape(2, 2),), (one.astype(np.float32),), (np.ones(8, np.float32),), (one[:2], one[2:]),
    ]  # fmt: skip
    keys = {Checkpoint(None, *each).key for each in settings}
    assert len(keys) == len(settings)
