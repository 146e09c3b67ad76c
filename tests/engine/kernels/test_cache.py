"""Machine code kept on disk, and what a later process makes of it."""

import ast
import os
import shutil
import subprocess
import sys
import types
from pathlib import Path

import numpy as np
import pytest

import trialwise as tw
from trialwise.engine.kernels import cache, compiled, compiled_hidden
from trialwise.engine.packed import pack
from trialwise.inference.samplers.pseudo_marginal import correction
from trialwise.likelihoods import emulator
from trialwise.population.density import posterior
from trialwise.population.geometry.expansion import Expansion
from trialwise.population.population import population_of

pytestmark = pytest.mark.compile

PACKAGE = Path(tw.__file__).parent

SCRIPT = """
import sys
import numpy as np
import pandas as pd
import trialwise as tw
from trialwise.likelihoods.kinds import likelihood_of
from trialwise.population.geometry.expansion import expand
from trialwise.population.density import posterior
from trialwise.population.population import population_of

for actions in map(int, sys.argv[1:]):
    random = np.random.default_rng(actions)
    count = 60 * actions
    frame = pd.DataFrame({
        "participant": np.repeat([1, 2, 3], count // 3), "cue": random.integers(0, 2, count),
        "choice": random.integers(0, actions, count), "outcome": random.normal(size=count),
    })
    if actions > 2:
        frame["context"] = random.integers(0, 4, count)
    trials, learner = tw.read_long(frame), tw.QLearning()
    likelihood, population = likelihood_of(learner, trials), population_of(learner, trials)
    expansion = expand(likelihood, population)
    target = posterior(learner, likelihood.packed, population, expansion)
    x = target.start(random)
    mu, sd, u, theta = target.values(x)
    at = dict(zip(learner.names, theta.T))
    np.testing.assert_allclose(tw.log_likelihood(learner, trials, at), tw.log_likelihood(learner, trials, at, plain=True), rtol=1e-10)
    step = 1e-5 * random.standard_normal(len(x))
    np.testing.assert_allclose(target(x + step)[0] - target(x - step)[0], 2 * target(x)[1] @ step, rtol=1e-4)
"""


@pytest.mark.study
def test_code_from_disk_and_new_code_do_not_mix(tmp_path: Path):
    """Functions of one name, from two processes: a density from disk has the first kernel's, a new kernel has its own."""
    for actions in (["2"], ["2", "3"], ["3", "4", "2"]):
        run = subprocess.run(
            [sys.executable, "-c", SCRIPT, *actions],
            env=os.environ | {"TRIALWISE_CACHE": str(tmp_path)},
            capture_output=True,
            text=True,
        )
        assert run.returncode == 0, run.stderr[-2000:]


ESTIMATE = """
import numpy as np
import trialwise as tw
from trialwise.likelihoods.emulator import Emulator, Limits, fit_surface
from trialwise.inference.samplers.pseudo_marginal.correction import compiled

trials = tw.load_data("alien_task_sets")[0].first(40)
learner = tw.learners.TaskSets(initial=1.2).fix(forget=0.05, forget_high=0.01)
at = {"alpha": 0.3, "beta": 4.0, "alpha_high": 0.2, "beta_high": 3.0}
print([float(value).hex() for value in tw.log_likelihood(learner, trials, at, particles=20)])

random = np.random.default_rng(1)
points = random.normal(size=(200, 2))
surface = fit_surface(points, -np.abs(points).sum(1), np.full(200, 100.0), np.zeros(2), np.eye(2))
emulator = Emulator([surface], Limits(np.full(2, -9.0), np.full(2, 9.0)))
group, curvature = (np.zeros((3, 2)), np.ones((3, 2))), 2.0 * np.eye(2)[None]
drawn = compiled()(random, points[:3], np.zeros(3, int), *group, curvature, np.full(3, 20), emulator.arrays)
print([float(value).hex() for value in (*drawn[1], *emulator.gradient(points[:1])[1][0])])
"""


@pytest.mark.study
def test_code_from_disk_rounds_as_new_code_does(tmp_path: Path):
    """A fit would end elsewhere the second time: chains amplify the last bit."""
    said = [
        subprocess.run(
            [sys.executable, "-c", ESTIMATE],
            env=os.environ | {"TRIALWISE_CACHE": str(tmp_path)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for _ in range(2)
    ]
    assert said[0] == said[1] and "0x" in said[0]


def files_under(kernel):
    """Files of the package in which the Python functions under a kernel stand, as far as closures and globals lead."""
    todo, seen = [kernel], set()
    while todo:
        thing = todo.pop()
        thing = getattr(thing, "py_func", thing)
        if not isinstance(thing, types.FunctionType) or thing in seen:
            continue
        seen.add(thing)
        for cell in thing.__closure__ or ():
            held = cell.cell_contents
            todo += list(held) if isinstance(held, tuple) else [held]
        todo += [thing.__globals__[name] for name in thing.__code__.co_names if name in thing.__globals__]
    paths = {Path(function.__code__.co_filename) for function in seen}
    return {path for path in paths if path.is_relative_to(PACKAGE)}


@pytest.fixture
def kernels(monkeypatch):
    """Every kernel that is asked for, with a key in which the files that went into it can be read."""
    built = {}

    def recorded(build, name, key):
        function = build()
        built[name, key] = function
        return function

    monkeypatch.setattr(cache, "text", lambda *paths: "|".join(paths))
    monkeypatch.setattr(cache, "key", lambda *parts: repr(parts))
    monkeypatch.setattr(cache, "on_disk", recorded)
    return built


def test_a_key_covers_every_file_that_its_kernel_comes_from(kernels):
    """Else yesterday's machine code runs in place of today's text."""
    trials = tw.load_data("alien_flat")[0].first(10)
    learner, hidden = tw.QLearning(initial=1.2), tw.learners.TaskSets(initial=1.2)
    packed, hidden_packed, population = pack(learner, trials), pack(hidden, trials), population_of(learner, trials)
    for kernel in (compiled.gradient_kernel, compiled.trace_kernel, compiled.rollout_kernel):
        kernel(learner, packed)
    for how in ({"scored": True}, {"scored": False, "tracing": True}):
        compiled_hidden.particle_kernel(hidden, hidden_packed, **how)
    compiled_hidden.enumeration_kernel(hidden, hidden_packed)
    posterior(learner, packed, population, Expansion(*np.zeros((7, 1))))  # built, not called
    emulator.compiled()
    correction.compiled()
    assert len(kernels) == 9
    shelf = PACKAGE / "learners" / "zoo"  # a learner's own text is in the learner's key
    for (name, key), kernel in kernels.items():
        files = {path for path in files_under(kernel) if path.parent != shelf}
        assert files, name
        missing = [path for path in files - set(cache.sources()) if str(path) not in key]
        assert not missing, f"{name}: {missing} are in no part of its key"


def test_what_teaches_numba_is_in_every_key():
    """Overloads and types are found by Numba's registries, not by closures: whatever module has some is in every key."""
    for path in set(PACKAGE.rglob("*.py")) - set(cache.sources()):
        functions = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.FunctionDef)]
        words = " ".join(ast.unparse(decorator) for function in functions for decorator in function.decorator_list)
        assert not any(word in words for word in ("overload", "intrinsic", "lower_builtin", "typeof_impl")), path


def test_the_key_changes_with_every_file_of_its_sources(monkeypatch, tmp_path):
    copy = tmp_path / "trialwise"
    shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("*.csv", "__pycache__"))
    monkeypatch.setattr(cache, "PACKAGE", copy)
    seen = {cache._engine.__wrapped__()}
    for path in cache.sources():
        path.write_text(path.read_text() + "# changed\n")
        seen.add(cache._engine.__wrapped__())
    assert len(seen) == len(cache.sources()) + 1 > 30
