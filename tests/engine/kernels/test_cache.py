"""Machine code stored on disk and its use by later processes."""

import ast
import errno
import os
import shutil
import subprocess
import sys
import threading
import time
import types
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numba
import numpy as np
import pytest

import trialwise as tw
from trialwise.engine.kernels import cache, compiled, compiled_hidden
from trialwise.engine.packing import pack
from trialwise.inference.samplers.particle_gibbs.chain import Target, transition_of
from trialwise.inference.samplers.particle_gibbs.hamiltonian import no_scale
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
    group, theta = target.values(x)
    parameters = dict(zip(learner.names, theta.T))
    np.testing.assert_allclose(tw.log_likelihood(learner, trials, parameters), tw.log_likelihood(learner, trials, parameters, plain=True), rtol=1e-10)
    step = 1e-5 * random.standard_normal(len(x))
    np.testing.assert_allclose(target(x + step)[0] - target(x - step)[0], 2 * target(x)[1] @ step, rtol=1e-4)
"""


@pytest.mark.study
def test_stored_and_new_code_work_together(tmp_path: Path):
    """Functions of the same name from two processes: a stored density calls its stored kernel, not a new one."""
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

trials = tw.load_data("alien_task_sets")[0].first(40)
learner = tw.learners.TaskSets(initial=1.2).fix(forget=0.05, forget_high=0.01)
parameters = {"alpha": 0.3, "beta": 4.0, "alpha_high": 0.2, "beta_high": 3.0}
print([float(value).hex() for value in tw.log_likelihood(learner, trials, parameters, particles=20)])
fit = tw.fit(learner, trials.select(trials.participants[:2]), draws=3, chains=1, progress=False)
print([float(value).hex() for value in fit.tree["posterior"]["individual"].to_numpy().ravel()])
"""


@pytest.mark.study
def test_stored_code_gives_the_same_bits_as_new_code(tmp_path: Path):
    """Otherwise a second fit would differ, because chains amplify differences in the last bit."""
    outputs = [
        subprocess.run(
            [sys.executable, "-c", ESTIMATE],
            env=os.environ | {"TRIALWISE_CACHE": str(tmp_path)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for _ in range(2)
    ]
    assert outputs[0] == outputs[1] and "0x" in outputs[0]


def files_under(kernel):
    """Files of the package that define the Python functions of a kernel, found through closures and globals."""
    todo, functions = [kernel], set()
    while todo:
        item = todo.pop()
        item = getattr(item, "py_func", item)
        if not isinstance(item, types.FunctionType) or item in functions:
            continue
        functions.add(item)
        for cell in item.__closure__ or ():
            content = cell.cell_contents
            todo += list(content) if isinstance(content, tuple) else [content]
        todo += [item.__globals__[name] for name in item.__code__.co_names if name in item.__globals__]
    paths = {Path(function.__code__.co_filename) for function in functions}
    return {path for path in paths if path.is_relative_to(PACKAGE)}


@pytest.fixture
def kernels(monkeypatch):
    """All kernels built, by name and a key that lists the files they were built from."""
    built = {}

    def recorded(build, name, key):
        function = build()
        built[name, key] = function
        return function

    monkeypatch.setattr(cache, "text", lambda *paths: "|".join(paths))
    monkeypatch.setattr(cache, "key", lambda *parts: repr(parts))
    monkeypatch.setattr(cache, "on_disk", recorded)
    monkeypatch.setattr(cache, "is_noted", lambda key: False)  # keys are no names of files here
    return built


def test_a_key_covers_every_file_of_its_kernel(kernels):
    """Otherwise outdated machine code would be used after a change."""
    trials = tw.load_data("alien_flat")[0].first(10)
    learner, hidden = tw.QLearning(initial=1.2), tw.learners.TaskSets(initial=1.2)
    packed, hidden_packed, population = pack(learner, trials), pack(hidden, trials), population_of(learner, trials)
    for kernel in (compiled.gradient_kernel, compiled.trace_kernel, compiled.rollout_kernel):
        kernel(learner, packed)
    for options in ({"scored": True}, {"scored": False, "tracing": True}):
        compiled_hidden.particle_kernel(hidden, hidden_packed, **options)
    compiled_hidden.enumeration_kernel(hidden, hidden_packed)
    size = len(learner.names)
    flat = (
        np.eye(size)[None],
        np.zeros((1, size)),
        *np.zeros((2, size)),
        np.eye(size),
        np.ones(size),
        np.zeros((1, size)),
    )
    density = posterior(learner, packed, population, Expansion(*flat)).density  # built, not called
    compiled_hidden.course_kernel(hidden, hidden_packed)
    target = Target(learner, packed, population, Expansion(*flat), 0, 8, no_scale(1, 1, 1), np.zeros((1, 1)))
    transition_of(target, density)
    assert len(kernels) == 9
    zoo = PACKAGE / "learners" / "zoo"  # the source of a learner is in the learner's key
    for (name, key), kernel in kernels.items():
        files = {path for path in files_under(kernel) if path.parent != zoo}
        assert files, name
        absent = [path for path in files - set(cache.sources()) if str(path) not in key]
        assert not absent, f"{name}: {absent} are not in its key"


def test_threads_build_one_after_the_other(monkeypatch):
    """Together they read what Numba loads, and compilation failed with "generator already executing" or "Unknown attribute 'shape'"."""
    monkeypatch.setattr(cache, "_KERNELS", {})
    inside, counts, together = [], [], threading.Barrier(6)

    def build():
        inside.append(1)
        counts.append(len(inside))
        time.sleep(0.01)
        inside.pop()
        return lambda x: x

    def ask(number):
        together.wait()
        return cache.on_disk(build, "trialwise_nothing", f"key {number % 3}")

    with ThreadPoolExecutor(6) as threads:
        found = list(threads.map(ask, range(6)))
    assert counts == [1, 1, 1]
    assert found[:3] == found[3:]


def test_functions_that_numba_caches_use_nothing_of_other_files():
    """Numba compiles them again if their own file changes, not if another does."""
    faults, cached = [], 0
    for path in sorted(Path(tw.__file__).parent.rglob("*.py")):
        tree = ast.parse(path.read_text())
        functions = {each.name: each for each in tree.body if isinstance(each, ast.FunctionDef)}
        uses = {
            name: {each.id for each in ast.walk(function) if isinstance(each, ast.Name)}
            for name, function in functions.items()
        }
        imported = {
            alias.asname or alias.name
            for each in ast.walk(tree)
            if isinstance(each, ast.ImportFrom) and (each.module or "").startswith("trialwise")
            for alias in each.names
        }
        for name, function in functions.items():
            if not any("cache=True" in ast.unparse(each) for each in function.decorator_list):
                continue
            cached, reached, left = cached + 1, {name}, [name]
            while left:
                new = (uses[left.pop()] & functions.keys()) - reached
                reached |= new
                left += new
            faults += [f"{path.name}: {name} uses {other}" for at in reached for other in uses[at] & imported]
    assert cached > 5 and not faults


def test_modules_that_extend_numba_are_in_every_key():
    """Overloads and types are found through Numba's registries, not closures, so that their modules are in every key."""
    for path in set(PACKAGE.rglob("*.py")) - set(cache.sources()):
        functions = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.FunctionDef)]
        decorators = " ".join(ast.unparse(decorator) for function in functions for decorator in function.decorator_list)
        assert not any(word in decorators for word in ("overload", "intrinsic", "lower_builtin", "typeof_impl")), path


def test_the_key_changes_with_every_file_of_its_sources(monkeypatch, tmp_path):
    copy = tmp_path / "trialwise"
    shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("*.csv", "__pycache__"))
    monkeypatch.setattr(cache, "PACKAGE", copy)
    keys = {cache._engine.__wrapped__()}
    for path in cache.sources():
        path.write_text(path.read_text() + "# changed\n")
        keys.add(cache._engine.__wrapped__())
    assert len(keys) == len(cache.sources()) + 1 > 30


@pytest.fixture
def unset(monkeypatch):
    for name in ("TRIALWISE_CACHE", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(cache, "_SAID", set())


@pytest.mark.parametrize("platform, variable", [("linux", "XDG_CACHE_HOME"), ("win32", "LOCALAPPDATA")])
def test_an_empty_variable_counts_as_unset(unset, monkeypatch, tmp_path, platform, variable):
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    monkeypatch.setattr(sys, "platform", platform)
    default = cache.folder()
    assert default is not None and default.is_relative_to(tmp_path)
    monkeypatch.setenv(variable, "")
    monkeypatch.setenv("TRIALWISE_CACHE", "")
    assert cache.folder() == default
    monkeypatch.setenv(variable, str(tmp_path / "another"))
    assert cache.folder() == tmp_path / "another" / "trialwise"
    monkeypatch.setenv("TRIALWISE_CACHE", str(tmp_path / "own"))
    assert cache.folder() == tmp_path / "own"


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="folders have no owner and no mode")
def test_a_folder_that_others_could_fill_is_not_used(unset, monkeypatch, tmp_path):
    def refused(path, words: str) -> None:
        monkeypatch.setenv("TRIALWISE_CACHE", str(path))
        with pytest.warns(RuntimeWarning, match=words):
            assert cache.folder() is None
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert cache.folder() is None  # it is said once

    refused("compiled", "relative")
    refused("/dev/null/x", "cannot be made")
    (tmp_path / "file").touch()
    refused(tmp_path / "file", "cannot be made")
    for mode in (0o770, 0o707, 0o777):
        shared = tmp_path / f"shared{mode}"
        shared.mkdir()
        shared.chmod(mode)
        refused(shared, "chmod go-w")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TRIALWISE_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", "received")
    with pytest.warns(RuntimeWarning, match="XDG_CACHE_HOME.*relative"):
        assert cache.folder() is None
    assert not (tmp_path / "received").exists()
    monkeypatch.setattr(os, "getuid", lambda: tmp_path.stat().st_uid + 1)
    refused(tmp_path / "foreign", "another user")


def test_a_new_folder_is_the_users_alone(unset, monkeypatch, tmp_path):
    before = os.umask(0)
    try:
        monkeypatch.setenv("TRIALWISE_CACHE", str(tmp_path / "new"))
        assert cache.folder() == tmp_path / "new"
    finally:
        os.umask(before)
    if hasattr(os, "getuid"):
        assert (tmp_path / "new").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("place", ["/dev/null/x", "compiled"])
def test_without_a_folder_code_is_compiled_and_not_kept(tmp_path, place):
    code = (
        "import pandas as pd, trialwise as tw\n"
        "trials = tw.read_long(pd.DataFrame({'participant': [1, 1], 'choice': [0, 1], 'outcome': [1.0, 0.0]}))\n"
        "for alpha in (0.3, 0.4):\n"
        "    values = {'alpha': alpha, 'beta': 2.0, 'forget': 0.1}\n"
        "    a, b = (tw.log_likelihood(tw.QLearning(), trials, values, plain=p) for p in (False, True))\n"
        "    assert abs(a - b) < 1e-12\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=os.environ | {"TRIALWISE_CACHE": place},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("compiled code is not kept") == 1
    assert not list(tmp_path.iterdir())


def test_a_user_without_a_home_folder(unset, monkeypatch, tmp_path):
    """As in a container that runs as a user without a name."""

    def none():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", none)
    with pytest.warns(RuntimeWarning, match="home folder, and you have none; set TRIALWISE_CACHE to the whole path"):
        assert cache.folder() is None
    for variable, place in (("XDG_CACHE_HOME", tmp_path / "trialwise"), ("TRIALWISE_CACHE", tmp_path)):
        monkeypatch.setenv(variable, str(tmp_path))
        monkeypatch.setattr(sys, "platform", "linux")
        assert cache.folder() == place


def kernel_of_a_new_process(monkeypatch):
    """Add one, and say how often machine code was found on disk."""

    def build():
        @numba.njit
        def plus(x):
            return x + 1

        return plus

    monkeypatch.setattr(cache, "_KERNELS", {})
    kernel = cache.on_disk(build, "plus", cache.key("plus"))
    assert kernel(2) == 3
    return kernel.stats.cache_hits


@pytest.mark.parametrize("length", [0, 30])
@pytest.mark.parametrize("ending", ["nbi", "nbc"])
def test_damaged_machine_code_is_compiled_again(unset, monkeypatch, tmp_path, ending, length):
    """Files that a power cut emptied."""
    monkeypatch.setenv("TRIALWISE_CACHE", str(tmp_path))
    assert not kernel_of_a_new_process(monkeypatch)
    assert sum(kernel_of_a_new_process(monkeypatch).values()) == 1
    (path,) = tmp_path.glob(f"*.{ending}")
    path.write_bytes(path.read_bytes()[:length])
    assert not kernel_of_a_new_process(monkeypatch)
    assert sum(kernel_of_a_new_process(monkeypatch).values()) == 1


def test_a_full_disk_only_means_that_code_is_compiled_again(unset, monkeypatch, tmp_path):
    monkeypatch.setenv("TRIALWISE_CACHE", str(tmp_path))

    def full(handle):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(cache.os, "fsync", full)
    with pytest.warns(RuntimeWarning, match="cannot be written .No space left on device.; free some space"):
        assert not kernel_of_a_new_process(monkeypatch)
    monkeypatch.undo()
    assert not list(tmp_path.iterdir())
