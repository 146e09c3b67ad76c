"""Studies: pieces are computed by any executor, stored when finished, and never computed twice."""

import linecache
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import scipy.stats

import trialwise as tw
from trialwise.base.cores import cores
from trialwise.base.workers import worker_pool
from trialwise.environments.environment import Environment, Shown
from trialwise.learners.pickling import pack, unpack
from trialwise.studies.fingerprint import digest
from trialwise.studies.resume import divided, run_pieces
from trialwise.studies.store import Store

pytestmark = pytest.mark.study

CELL = '''
from trialwise import constant, learner, positive, unit

SCALE = 2.0

def scaled(x):
    return SCALE * x

@learner
class Cell:
    """A learner defined in a notebook."""

    alpha: float = unit("learning rate")
    beta: float = positive("inverse temperature")

    def start(self, task):
        return task.table("action")

    def choose(self, q, trial, preference):
        for action in range(len(preference)):
            preference[action] = self.beta * q[action]

    def learn(self, q, trial, choice, outcome):
        surprise = scaled(outcome) - q[choice]
        q[choice] += self.alpha * surprise
        return surprise
'''


@dataclass(frozen=True)
class Coin(Environment):
    """Two actions with the same rewards."""

    trials: int = 10
    levels = {"action": ("left", "right")}

    def show(self, random):
        return Shown(self.trials)

    def potential(self, shown, random):
        return random.random((shown.trials, 2))


@dataclass(frozen=True)
class Squares:
    """A task that logs each call to a file."""

    log: str
    sleep: float = 0.0

    def __call__(self, number):
        with open(self.log, "a") as stream:
            stream.write(f"{number} {os.getpid()}\n")
        time.sleep(self.sleep)
        if number == 5:
            raise tw.errors.ModelError("five always fails")
        return {"square": np.array(number**2), "process": np.array(os.getpid()), "cores": np.array(cores())}


def logged(log):
    """Number and process of every task that was started."""
    lines = Path(log).read_text().splitlines() if Path(log).exists() else []
    return [tuple(map(int, line.split())) for line in lines]


def started(log):
    return [number for number, _ in logged(log)]


def processes_in(log):
    return {process for _, process in logged(log)}


def run_cell(cell, name):
    """The namespace in which a cell was run, as in a notebook."""
    linecache.cache[name] = (len(cell), None, cell.splitlines(keepends=True), name)
    namespace = {"__name__": "__main__"}
    exec(compile(cell, name, "exec"), namespace)
    return namespace


# -- fingerprints --------------------------------------------------------------------------------------------------------


def test_any_difference_changes_the_hash():
    import pymc as pm

    trials = tw.simulate(
        tw.QLearning(), tw.environments.AlienTask(trials=12), {"alpha": 0.2, "beta": 1, "forget": 0}
    ).trials
    other = replace(trials, choice=(trials.choice + 1) % 3)
    flat = tw.QLearning()
    cell = run_cell(CELL, "<cell 1>")["Cell"]()
    changed = run_cell(CELL.replace("SCALE = 2.0", "SCALE = 3.0"), "<cell 2>")["Cell"]()
    prior = run_cell(CELL.replace('"learning rate"', '"learning rate", mean=-1.0'), "<cell 3>")["Cell"]()
    objects = [
        1, 1.0, True, "1", None, np.arange(3), np.arange(3.0), [0, 1, 2], {"a": 1}, {"a": 2}, {"b": 1},
        flat, tw.QLearning(initial=1.2), flat.fix(forget=0), flat.fix(forget=0.1), flat.tie(forget="alpha"), flat.with_lapse(),
        tw.learners.StimulusLearning(), cell, changed, prior, tw.environments.AlienTask(), tw.environments.AlienTask(trials=100), tw.environments.RestlessBandit(), Coin(), Coin(20),
        trials, other, tw.environments.AlienTask().on(trials), tw.environments.AlienTask().on(other), (0, 1), (0, 2),
        scipy.stats.beta(1, 2), scipy.stats.beta(1, 3), scipy.stats.gamma(1, 2),
        pm.Normal.dist(0, 1), pm.Normal.dist(0, 2), pm.HalfNormal.dist(1),
    ]  # fmt: skip
    hashes = [digest(each) for each in objects]
    assert len(set(hashes)) == len(objects)
    reformatted = run_cell(CELL.replace("surprise =", "surprise  =") + "# a comment\n", "<cell 4>")["Cell"]()
    assert digest(reformatted) == digest(cell)
    assert digest(replace(trials, notes=("another note",))) == digest(trials)
    assert digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1})


def is_vowel(letter):
    return letter in {"a", "e", "i", "o", "u", "y", "ä", "ö", "ü"}


OBJECTS = "Coin(3), Squares('x'), is_vowel, tw.QLearning(initial=1.2), tw.environments.AlienTask(trials=50), {'x': {*'abc'}}, np.ones(3)"


def test_the_hash_is_the_same_in_another_process():
    """This includes sets and functions with sets as constants, although their order differs between processes."""
    script = (
        "import numpy as np, trialwise as tw\nfrom trialwise.studies.fingerprint import digest\n"
        f"from test_study import Coin, Squares, is_vowel\nprint(digest({OBJECTS}))"
    )
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=Path(__file__).parent)
    assert result.stdout.strip() == eval(f"digest({OBJECTS})"), result.stderr


# -- pieces --------------------------------------------------------------------------------------------------------------


def test_finished_pieces_are_loaded_and_not_repeated(tmp_path):
    task = Squares(str(tmp_path / "log"))
    store = Store(tmp_path, "squares", task, {"what": "squares"})
    first = run_pieces(task, range(3), store, workers=1, progress=False)
    assert started(task.log) == [0, 1, 2]
    more = run_pieces(task, range(7), Store(tmp_path, "squares", task, {}), workers=1, progress=False)
    assert started(task.log) == list(range(7))
    assert list(more) == list(range(7)) and [int(more[n]["square"]) for n in first] == [0, 1, 4]
    finished, failed = divided(more)
    assert sorted(finished) == [0, 1, 2, 3, 4, 6] and failed == {5: "five always fails"}

    damaged = next(tmp_path.glob("pieces/squares-*/000002.npz"))
    damaged.write_bytes(damaged.read_bytes()[:50])
    assert int(run_pieces(task, range(7), store, workers=1, progress=False)[2]["square"]) == 4
    assert started(task.log) == [*range(7), 2]
    other = Squares(str(tmp_path / "log"), 0.001)
    run_pieces(other, range(1), Store(tmp_path, "squares", other, {}), workers=1, progress=False)
    assert started(task.log)[-1] == 0 and len(list(tmp_path.glob("pieces/*"))) == 2
    assert not list(tmp_path.glob("pieces/*/*.part"))


def test_no_finished_piece_is_an_error(tmp_path):
    task = Squares(str(tmp_path / "log"))
    with pytest.raises(tw.errors.ModelError, match="none of 1 data sets.*five always fails"):
        divided(run_pieces(task, [5], Store(None, "squares", task, {}), workers=1, progress=False))


def test_all_executors_give_the_same_results_with_one_core_each(tmp_path):
    task, expected = Squares(str(tmp_path / "log")), [0, 1, 4, 9]

    def processes_of(**executor):
        pieces = run_pieces(task, range(4), Store(None, "squares", task, {}), progress=False, **executor)
        assert [int(piece["square"]) for piece in pieces.values()] == expected
        assert {int(piece["cores"]) for piece in pieces.values()} == {1}
        return {int(piece["process"]) for piece in pieces.values()}

    before = dict(os.environ)
    assert os.getpid() not in processes_of(workers=2)
    assert dict(os.environ) == before
    with ThreadPoolExecutor(2) as threads:
        assert processes_of(executor=threads) == {os.getpid()}


def test_invalid_executors_are_errors():
    for arguments, message in (
        ({"executor": 3, "workers": None}, "a dask.distributed.Client"),
        ({"executor": None, "workers": 0}, "above 0"),
        ({"executor": "tcp://x", "workers": 2}, "leave one of the two out"),
    ):
        with (
            pytest.raises(tw.errors.UsageError, match=message),
            worker_pool(arguments["executor"], arguments["workers"], 5),
        ):
            pass


# -- pickling ------------------------------------------------------------------------------------------------------------


def test_a_learner_is_sent_without_loss():
    learner = run_cell(CELL, "<cell 9>")["Cell"]().fix(alpha=0.25).with_stickiness()
    trials = tw.Trials(
        ("a",), np.array([0, 3]), choice=np.array([0, 1, 0]), outcome={"outcome": np.ones(3)}, levels={"action": (0, 1)}
    )
    packed = pack(
        {"learner": learner, "built in": tw.QLearning(initial=1.2).fix(forget=0), "coin": Coin(7), "trials": trials}
    )
    received = unpack(packed)
    assert unpack(packed) is received
    assert received["learner"].key == learner.key and repr(received["learner"]) == repr(learner)
    assert received["learner"].signals == ("surprise",) and "class Cell" in received["learner"].source
    assert received["built in"] == tw.QLearning(initial=1.2).fix(forget=0)
    values = {"beta": 1.0, "stickiness": 0.3}
    expected = tw.log_likelihood(learner, trials, values, plain=True)
    np.testing.assert_array_equal(
        tw.log_likelihood(received["learner"], received["trials"], values, plain=True), expected
    )


def test_objects_that_cannot_be_sent_are_errors(tmp_path):
    with open(tmp_path / "x", "w") as stream, pytest.raises(tw.errors.UsageError, match="cannot be sent.*workers=1"):
        pack({"file": stream})


METHODS = [name for name in ("spawn", "forkserver", "fork") if name in multiprocessing.get_all_start_methods()]

NOTEBOOK = """
import linecache, multiprocessing, sys
from concurrent.futures import ProcessPoolExecutor
cell = open(sys.argv[1]).read()
linecache.cache["<ipython-input-1>"] = (len(cell), None, cell.splitlines(keepends=True), "<ipython-input-1>")
exec(compile(cell, "<ipython-input-1>", "exec"))

import numpy as np
import trialwise as tw
from trialwise.studies.resume import run_pieces
from trialwise.studies.store import Store

learner = Cell().fix(alpha=0.5)
trials = tw.Trials(("a",), np.array([0, 3]), choice=np.array([0, 1, 0]), outcome={"outcome": np.ones(3)}, levels={"action": (0, 1)})

def task(number):
    assert learner.signals == ("surprise",)
    return {"value": tw.log_likelihood(learner, trials, {"beta": float(number)}, plain=True)}

for method in sys.argv[2:]:
    with ProcessPoolExecutor(2, multiprocessing.get_context(method)) as pool:
        pieces = run_pieces(task, range(3), Store(None, "x", task, {}), executor=pool, progress=False)
    print(method, [pieces[n]["value"].item() for n in range(3)] == [task(n)["value"].item() for n in range(3)])
"""


def test_a_class_of_a_notebook_works_with_every_start_method(tmp_path):
    (tmp_path / "cell.py").write_text(CELL)
    methods = [name for name in ("fork", "forkserver", "spawn") if name in multiprocessing.get_all_start_methods()]
    command = [sys.executable, "-c", NOTEBOOK, tmp_path / "cell.py", *methods]
    result = subprocess.run(command, capture_output=True, text=True, timeout=100)
    assert result.stdout.splitlines() == [f"{name} True" for name in methods], result.stderr


UNGUARDED = """
import trialwise as tw
tw.recover(tw.QLearning(), tw.environments.AlienTask(trials=12), datasets=4, participants=2, draws=10, tune=10, workers=2, progress=False)
"""


def test_the_error_of_a_script_without_a_guard_shows_the_guard(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(UNGUARDED)
    result = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=100)
    assert result.returncode == 1
    assert 'if __name__ == "__main__":\n        main()' in result.stderr and "UsageError" in result.stderr
    assert "bootstrapping" not in result.stderr


# -- interruptions -------------------------------------------------------------------------------------------------------

SLOW = """
import sys
sys.path.insert(0, sys.argv[1])
from test_study import Squares
from trialwise.studies.resume import run_pieces
from trialwise.studies.store import Store

if __name__ == "__main__":
    task = Squares(sys.argv[2] + "/log", 0.15)
    run_pieces(task, range(30), Store(sys.argv[2], "squares", task, {}), workers=2, progress=False)
"""


def alive(process):
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    state = Path(f"/proc/{process}/stat")
    return not state.exists() or state.read_text().rsplit(")", 1)[1].split()[0] != "Z"


def wait_for(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "timeout"
        time.sleep(0.01)


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs a system with kill -9")
def test_a_killed_study_can_be_continued_and_leaves_no_processes(tmp_path):
    script = tmp_path / "slow.py"
    script.write_text(SLOW)
    command = [sys.executable, script, Path(__file__).parent, tmp_path]
    process = subprocess.Popen(command)
    wait_for(lambda: len(list(tmp_path.glob("pieces/*/*.npz"))) >= 3)
    # otherwise a process that starts later would be missed below
    wait_for(lambda: len(processes_in(tmp_path / "log")) == 2)
    process.kill()
    process.wait()
    wait_for(lambda: not any(map(alive, processes_in(tmp_path / "log"))), 10)
    stored = {path.name: path.read_bytes() for path in tmp_path.glob("pieces/*/*.npz")}
    assert 3 <= len(stored) < 30
    before = len(started(tmp_path / "log"))
    task = Squares(f"{tmp_path}/log", 0.15)
    run_pieces(task, range(30), Store(tmp_path, "squares", task, {}), workers=1, progress=False)
    final = {path.name: path.read_bytes() for path in tmp_path.glob("pieces/*/*.npz")}
    assert len(list(tmp_path.glob("pieces/*"))) == 1 and len(final) == 30
    assert all(final[name] == content for name, content in stored.items())
    repeated = started(tmp_path / "log")[before:]
    assert sorted(repeated) == [n for n in range(30) if f"{n:06d}.npz" not in stored]


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs a system with kill -9")
def test_a_worker_that_dies_is_replaced(tmp_path):
    @dataclass(frozen=True)
    class DiesOnce:
        folder: str

        def __call__(self, number):
            if number == 2 and not (Path(self.folder) / "died").exists():
                (Path(self.folder) / "died").touch()
                os.kill(os.getpid(), signal.SIGKILL)
            return {"square": np.array(number**2)}

    task = DiesOnce(str(tmp_path))
    pieces = run_pieces(task, range(4), Store(None, "x", task, {}), workers=2, progress=False)
    assert [int(piece["square"]) for piece in pieces.values()] == [0, 1, 4, 9]
    with ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as pool:
        (tmp_path / "died").unlink()
        with pytest.raises(
            tw.errors.UsageError, match="ended before the work was done.*finished pieces are stored.*workers=1"
        ):
            run_pieces(task, [2], Store(None, "x", task, {}), executor=pool, progress=False)


@pytest.fixture
def cluster(tmp_path):
    """The address of a scheduler and its two workers, all processes on the local machine."""
    environment = os.environ | {"DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "5"}
    scheduler_file = tmp_path / "scheduler.json"

    def start(what, *options):
        command = [sys.executable, "-m", f"distributed.cli.dask_{what}", "--scheduler-file", scheduler_file, *options]
        return subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def running():
        return scheduler_file.exists() and '"address"' in scheduler_file.read_text()

    processes = [start("scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--no-show")]
    try:
        wait_for(running)
        loopback = ("--host", "127.0.0.1", "--local-directory", tmp_path)
        options = ("--nthreads", "1", "--no-nanny", "--no-dashboard", *loopback)
        processes += [start("worker", *options) for _ in range(2)]
        yield scheduler_file.read_text().split('"address": "')[1].split('"')[0], processes[1:]
    finally:
        for process in processes:
            process.kill()
            process.wait()


def test_a_cluster_gives_the_same_results_although_a_worker_is_killed(cluster, tmp_path):
    from distributed import Client

    address, workers = cluster
    with Client(address, set_as_default=False) as client:
        client.wait_for_workers(2, timeout=60)
        task = Squares(str(tmp_path / "log"), 0.15)

        def kill_one():
            wait_for(lambda: len(started(task.log)) >= 4)
            workers[0].kill()

        with ThreadPoolExecutor(1) as threads:
            killing = threads.submit(kill_one)
            store = Store(tmp_path, "squares", task, {})
            pieces = run_pieces(task, range(12), store, executor=client, progress=False)
            killing.result()
    assert [int(piece["square"]) for n, piece in pieces.items() if n != 5] == [n**2 for n in range(12) if n != 5]
    assert {int(piece["process"]) for n, piece in pieces.items() if n != 5} <= {process.pid for process in workers}
    assert workers[0].poll() is not None and len(list(tmp_path.glob("pieces/*/*.npz"))) == 12
    count = len(started(task.log))
    more = run_pieces(task, range(13), store, executor=address, progress=False)
    assert int(more[12]["square"]) == 144 and started(task.log)[count:] == [12]
    # chains of a fit with a hidden choice use the same workers
    learner, trials = tw.learners.TaskSets(initial=1.2), tw.load_data("alien_task_sets")[0].select([0, 1]).first(30)
    local, remote = (
        tw.fit(learner, trials, draws=4, chains=2, executor=each, progress=False).tree["posterior"]["individual"]
        for each in (None, address)
    )
    np.testing.assert_array_equal(local, remote)


def test_a_missing_scheduler_is_an_error(monkeypatch):
    from trialwise.base import workers as module

    monkeypatch.setattr(module, "WAIT", "1s")
    with (
        pytest.raises(tw.errors.UsageError, match="no Dask scheduler answers at 'tcp://127.0.0.1:1'"),
        worker_pool("tcp://127.0.0.1:1", None, 2),
    ):
        pass


PARTS = {
    "a private attribute": "_chances = {}",
    "a property": "@property\n    def chances(self):\n        return {}",
    "a static method": "@staticmethod\n    def chances():\n        return {}",
    "a class method": "@classmethod\n    def chances(cls):\n        return {}",
    "a NumPy number": "chances = np.float64({}[0])",
}


@pytest.mark.parametrize("part", PARTS)
def test_whatever_changes_in_a_users_class_changes_its_hash(part):
    """Otherwise a resumed study would take the pieces of another environment."""

    def of(value):
        namespace = {"np": np, "tw": tw, "__name__": "mine"}
        exec(f"class Own:\n    {PARTS[part].format(value)}\n", namespace)
        return digest(namespace["Own"]())

    assert of("(.1, .9)") == of("(.1, .9)") != of("(.5, .5)")
