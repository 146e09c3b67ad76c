"""The command line: what is printed, what is written, how commands end."""

import importlib
import os
import pkgutil
import shlex
import subprocess
import sys
import types
from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from typer.testing import CliRunner

import trialwise as tw
from trialwise.base.files import write
from trialwise.base.message import NAME_ALONE, Argument, LearnerSetting, Message, Restriction
from trialwise.base.result import Finding, Result
from trialwise.cli.app import app
from trialwise.cli.options.subject import learners_in
from trialwise.cli.output import writing
from trialwise.cli.output.equations import plain, sections, symbol
from trialwise.cli.output.words import in_options
from trialwise.data.read import read_long, read_wide
from trialwise.environments.tasks.bandit import RestlessBandit
from trialwise.learners import PearceHall

matplotlib.use("Agg")

LEARNER_FILE = '''"""Two learners."""
from trialwise import constant, learner, positive, unit

@learner
class Bandit:
    """Values of actions."""
    alpha: float = unit("learning rate")
    beta: float = positive("inverse temperature")
    start_at: int = constant(0, "value before any outcome")
    greedy: bool = constant(False, "whether")

    def start(self, task):
        return task.table("action", fill=self.start_at)

    def choose(self, q, trial, preference):
        for action in range(len(preference)):
            preference[action] = self.beta * q[action]

    def learn(self, q, trial, choice, outcome):
        error = outcome - q[choice]
        q[choice] += self.alpha * error
        return error
'''

FAIR = """
import trialwise as tw

class Fair(tw.environments.Environment):
    levels = {"cue": (0, 1, 2), "action": (1, 2)}
    reads = ("cue",)

    def show(self, random):
        raise NotImplementedError

    def potential(self, shown, random):
        return random.integers(0, 2, (shown.trials, 2)) * (shown["cue"] > 0)[:, None].astype(float)
"""


@pytest.fixture(autouse=True)
def working_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.delenv("UV_RUN_RECURSION_DEPTH", raising=False)
    Path("mine.py").write_text(LEARNER_FILE)
    Path("both.py").write_text(LEARNER_FILE + "\nfixed = Bandit().fix(alpha=0.5)\n\nclass NotYet:\n    pass\n")
    Path("broken.py").write_text("x = 1\ny = unknown\n")
    Path("unwritten.py").write_text("class (\n")
    frame = pd.DataFrame({"subjID": [1, 1, 2, 2], "act": ["l", "r", "l", "r"], "reward": [1.0, 0.0, 0.0, 1.0]})
    frame.to_csv("my data.csv", index=False)
    frame.rename(columns={"act": "choice"}).to_csv("trials.csv", index=False)


def run(*words, code=0):
    result = CliRunner().invoke(app, [str(word) for word in words])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code in (code if isinstance(code, tuple) else (code,)), result.output
    return " ".join(result.output.split())


def run_in_subprocess(code, *words):
    environment = {**os.environ, "PYTHONPATH": str(Path(tw.__file__).parents[1])}
    result = subprocess.run([sys.executable, "-c", code, *words], env=environment, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


# --- what is printed ------------------------------------------------------------------------------------------------


def test_help_names_every_verb_and_exit_code():
    output = run("--help")
    for verb in ("models", "inspect", "fit", "simulate", "demo", "data", "check"):
        assert verb in output
        assert "Usage: " in run(verb, "--help")
    assert "5 diagnostics failed" in output


def test_version():
    assert run("--version").startswith("trialwise 0.")


def test_nothing_heavy_is_imported_to_help():
    code = (
        "import sys; from trialwise.cli import main\nsys.argv = ['trialwise', *sys.argv[1:]]\n"
        "try: main()\nexcept SystemExit: pass\n"
        "heavy = {'numpy', 'pandas', 'pymc', 'numba', 'matplotlib', 'scipy'} & set(sys.modules)\nassert not heavy, heavy"
    )
    for words in (["--help"], ["--version"], ["fit", "--help"]):
        run_in_subprocess(code, *words)


def test_the_public_names_import_nothing_heavy_and_win_over_modules():
    code = (
        "import sys, types, trialwise\n"
        "heavy = {'numba', 'pymc', 'pytensor', 'pandas', 'scipy'} & set(sys.modules)\nassert not heavy, heavy\n"
        "import trialwise.learners, trialwise.cli.app\n"
        "from trialwise import *\n"
        "modules = {n for n in trialwise.__all__ if isinstance(getattr(trialwise, n), types.ModuleType)}\n"
        "assert modules == {'behaviour', 'environments', 'errors', 'functions', 'learners', 'results'}, modules\n"
    )
    run_in_subprocess(code)


def test_models_lists_the_learners():
    output = run("models")
    assert "QLearning choices alpha, beta, forget" in output
    assert "PearceHall responses" in output


def test_the_page_of_a_learner_is_complete():
    output = run("models", "QLearning")
    for words in (
        "alpha α learning rate 0 to 1 0.27 (0.019 to 0.87)",
        "beta β inverse temperature above 0 2.7 (0.38 to 19) / SD(outcome)",
        "initial value before any outcome 0.0",
        "Q[x, s, a] ← Q[x, s, a] + α (r - Q[x, s, a])",
        "reads context (optional), cue (optional), choice, outcome returns error",
        "Eckstein & Collins 2020",
    ):
        assert words in output
    assert "\\" not in output


def test_the_page_of_a_user_defined_learner():
    assert "Values of actions." in run("models", "mine.py:Bandit")
    assert "start_at" in run("models", "--file", "mine.py", "Bandit")
    assert "Bandit" in run("models", "--file", "mine.py")
    assert "alpha 0.5" in run("models", "both.py:fixed")


def test_equations_in_unicode():
    output = {is_equation: text for text, is_equation in sections(PearceHall.__doc__)}
    assert output[True].splitlines()[0].strip() == "y ~ Normal(b₀ + b₁ V[s], σ)"
    assert plain(r"a &= \frac{1}{2} \\ bb &\leftarrow c") == " a = (1) / (2)\nbb ← c"
    assert (symbol("alpha_high"), symbol("alpha"), symbol("forget")) == ("α_high", "α", "")


COLUMN = Argument("participant", "...")


@pytest.mark.parametrize(
    ("message", "python", "typed"),
    [
        (
            ["type ", Argument("choice", "key press"), " or ", Argument("cue", False)],
            "type choice='key press' or cue=False",
            "type --choice 'key press' or --cue none",
        ),
        (["type ", COLUMN, " with one"], "type participant='...' with one", "type --participant COLUMN with one"),
        (["name ", Argument("choice", ...)], "name choice=...", "name --choice COLUMN"),
        ([Argument("reset", True), " resets"], "reset=True resets", "--reset block resets"),
        ([Argument("actions", [-1, 0, 1])], "actions=[-1, 0, 1]", "--actions -1,0,1"),
        ([Argument("actions", [-1, ...])], "actions=[-1, ...]", "--actions -1,..."),
        ([Argument("labels", ["a b", "c"])], "labels=['a b', 'c']", "--labels 'a b,c'"),
        (
            ["declare ", Argument("actions", [...]), ", ", Argument("levels", {...})],
            "declare actions=[...], levels={...}",
            "declare --actions a,b,c, --levels context=a,b,c",
        ),
        (
            [Argument("levels", {"context": ["hot", "cold"]})],
            "levels={\"context\": ['hot', 'cold']}",
            "--levels context=hot,cold",
        ),
        (
            [Restriction("fix", "alpha", 2.0, ""), ": alpha ranges"],
            "fix(alpha=2.0): alpha ranges",
            "--fix alpha=2.0: alpha ranges",
        ),
        (
            ["write ", Restriction("fix", "beta", "2", "QLearning()."), " to hold it"],
            "write QLearning().fix(beta='2') to hold it",
            "write --fix beta=2 to hold it",
        ),
        (["or ", Restriction("fix", "alpha")], "or .fix(alpha=...)", "or --fix alpha=..."),
        (["(", Restriction("fix"), ", ", Restriction("tie"), ")"], "(.fix, .tie)", "(--fix, --tie)"),
        (["write ", LearnerSetting("QLearning", "initial")], "write QLearning(initial=...)", "write --set initial=..."),
        (
            [LearnerSetting("QLearning", "inital", "1"), ": no such setting"],
            "QLearning(inital='1'): no such setting",
            "--set inital=1: no such setting",
        ),
        (
            ["(", Argument("draws", 2000), "), or ", Argument("pooling", "none")],
            "(draws=2000), or pooling='none'",
            "(--draws 2000), or --pooling none",
        ),
        (
            ["Use ", Argument("refit", True), ", or more draws, ", Argument("draws", NAME_ALONE)],
            "Use refit=True, or more draws, draws=",
            "Use --refit, or more draws, --draws",
        ),
        (["QLearning(initial=1.2).fix(forget=0) is one"], *["QLearning(initial=1.2).fix(forget=0) is one"] * 2),
    ],
)
def test_messages_are_written_with_options(message, python, typed):
    assert Message(*message) == python
    assert in_options(Message(*message)) == typed
    assert in_options(tw.errors.UsageError("so: ", *message).message) == f"so: {typed}"


# --- inspect --------------------------------------------------------------------------------------------------------


def test_the_next_command_starts_as_this_one_did(monkeypatch):
    how = ["inspect", "my data.csv", "--choice", "act"]
    assert "uv run" not in run(*how)
    monkeypatch.setenv("UV_RUN_RECURSION_DEPTH", "1")
    assert "uv run trialwise fit QLearning" in run(*how)


def test_inspect_repeats_files_and_options_quoted():
    output = run("inspect", "my data.csv", "--choice", "act", "--actions", "l,r,none of them", "--missing", "x y")
    line = output.partition("prediction error): ")[2].partition(" warning")[0]
    assert shlex.split(line)[:4] == ["trialwise", "fit", "QLearning", "my data.csv"]
    assert shlex.split(line)[4:10] == ["--choice", "act", "--actions", "l,r,none of them", "--missing", "x y"]
    assert "participants 2" in output


def test_every_option_reaches_the_reader(monkeypatch):
    calls = {}
    monkeypatch.setattr(
        "trialwise.data.read.read_long", lambda source, **given: calls.update(given) or read_long("trials.csv")
    )
    run(
        *(
            "inspect",
            "trials.csv",
            "--participant",
            "none",
            "--trial",
            "t",
            "--outcome",
            "gain=won",
            "--outcome",
            "loss",
        ),
        *("--response", "none", "--reset", "block", "--labels", "was=cue", "--numbers", "delay", "--levels", "cue=1,b"),
        *("--vector", "options=a,b:cue", "--vector", "pay=c,d", "--available", "l=la", "--missing", "-9"),
    )
    assert (calls["participant"], calls["trial"], calls["reset"], calls["response"]) == (False, "t", True, False)
    assert calls["outcome"] == {"gain": "won", "loss": "loss"}
    assert (calls["labels"], calls["numbers"], calls["available"]) == ({"was": "cue"}, ["delay"], {"l": "la"})
    assert calls["vectors"] == {"options": (["a", "b"], "cue"), "pay": ["c", "d"]}
    assert (calls["levels"], calls["missing"]) == ({"cue": [1, "b"]}, [-9])


def two_stage_file(path="two.csv"):
    random = np.random.default_rng(1)
    first, second = random.integers(1, 3, 60), random.integers(1, 5, 60)
    frame = pd.DataFrame({"id": np.repeat(["a", "b"], 30), "level1_choice": first, "level2_choice": second})
    frame.assign(reward=random.integers(0, 2, 60)).to_csv(path, index=False)
    return frame


def test_trials_of_several_stages_from_the_message_to_the_joined_results(fake, monkeypatch):
    frame = two_stage_file()
    output = run("inspect", "two.csv", code=3)
    typed = shlex.split(output[output.index("--expand") :])[1].rstrip(";")
    output = run("inspect", "two.csv", "--expand", typed)
    assert "60 rows of the file are 120 trials (first: 60, second: 60)" in output
    assert (
        read_long("two.csv", expand=typed).expansion
        == read_long("two.csv", expand=tw.environments.TwoStepTask).expansion
    )
    monkeypatch.setattr(FakeFit, "trial_values", lambda self: self.trials.to_frame())
    run("fit", "HybridTwoStep", "two.csv", "--expand", "TwoStepTask", "-o", "out")
    assert {path.name for path in Path("out").iterdir()} == FILES | {"trial_values_by_row.csv"}
    written = pd.read_csv("out/trial_values_by_row.csv")
    assert written["row"].tolist() == [*range(2, 62)]
    assert written[["level1_choice", "level2_choice"]].to_numpy().tolist() == frame.iloc[:, 1:].to_numpy().tolist()


def test_the_column_of_cues_that_a_message_names_is_typed_as_it_stands():
    frame = two_stage_file().assign(reward=1)
    frame["planet of stage 2"] = np.where(frame["level2_choice"] > 2, "S", "N")
    frame["level2_choice"] = frame["level2_choice"].where(frame.index != 4).astype("Int64")
    frame.to_csv("two.csv", index=False)
    output = run("inspect", "two.csv", "--expand", "TwoStepTask", code=3)
    typed = shlex.split(output[output.index("--expand '") :])[1].rstrip(";")
    assert "cue=`planet of stage 2`" in typed
    output = run("inspect", "two.csv", "--expand", typed, "--exclude", "missed_second > 0.03")
    assert "60 rows of the file are 120 trials (first: 60, second: 60)" in output
    assert read_long("two.csv", expand=typed, exclude="missed_second > 0.03").participants == ("b",)


def test_simulations_in_recorded_stages_are_written_by_rows_too():
    two_stage_file()
    Path("fair.py").write_text(FAIR)
    how = ("--expand", "TwoStepTask", "--participants", 2)
    output = run("simulate", "HybridTwoStep", "--on", "two.csv", *how, "--environment", "fair.py:Fair", "-o", "sim")
    assert "one row per row of the recorded file" in output
    by_row = read_long("sim/trials_by_row.csv", expand=tw.environments.TwoStepTask)
    by_trial = read_long("sim/trials.csv")
    assert by_row.choice.tolist() == by_trial.choice.tolist()
    assert by_row.outcome["outcome"].tolist() == by_trial.outcome["outcome"].tolist()
    words = shlex.split(output[output.index("trialwise fit HybridTwoStep") :].split(" -o results")[0])
    assert words[3:] == ["sim/trials.csv"]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (("--expand", "RestlessBandit"), "no environment or learner of this name declares an expansion; TwoStepTask"),
        (("--expand", "first choice=a"), "--expand 'first choice=a': 'first choice = a' does not begin with"),
        (("--expand", "fair.py:Fair"), "Fair declares no expansion; write --expand 'first: choice=choice1;"),
        (("--expand", "fair.py:None_"), "None_ is not in the file"),
    ],
)
def test_expansions_that_are_refused(given, words):
    two_stage_file()
    Path("fair.py").write_text(FAIR)
    assert words in run("inspect", "two.csv", *given, code=2)


def test_wide_files_by_name_by_option_and_as_a_folder():
    folder = Path("wide")
    folder.mkdir()
    for name in ("actions", "rewards", "x"):
        (folder / f"{name}.csv").write_text("a,b\n0,1\n1,1\n")
    assert "participants 2" in run("inspect", folder / "actions.csv", folder / "rewards.csv")
    assert "participants 2" in run("inspect", folder)
    assert "wide/x.csv" in run(
        *("inspect", folder / "x.csv", folder / "rewards.csv", "--choice", folder / "x.csv"),
    )
    output = run("inspect", folder / "x.csv", folder / "rewards.csv", code=2)
    assert "Name its role, e.g. --choice wide/x.csv" in output
    output = run("inspect", folder / "actions.csv", folder / "rewards.csv", "--trial", "t", code=2)
    assert "--trial is for tables with one row per trial" in output


def test_several_files_are_read_as_one_table():
    for name in ("s1", "s2"):
        Path(f"{name}.csv").write_text(f"trial,choice,reward\n1,l,1\n2,r,0\n3,{name[0]},{name[1]}\n")
    output = run("inspect", "s1.csv", "s2.csv", code=3)
    assert "if each file is one participant, type --participant file" in output
    output = run("inspect", "s1.csv", "s2.csv", "--participant", "file")
    assert "file 2 files (s1.csv, s2.csv)" in output
    assert "trialwise fit QLearning s1.csv s2.csv --participant file" in output


def test_all_problems_with_the_data_are_reported_at_once():
    Path("bad.csv").write_text("who,act,reward\n1,l,x\n")
    output = run("inspect", "bad.csv", code=3)
    assert "error: 3 problems with the data:" in output
    assert "type --participant COLUMN, or --participant none" in output
    assert "there is no such file" in run("inspect", "trails.csv", code=3)


# --- which learner --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "code", "words"),
    [
        ("qlearnin", 2, "there is no learner 'qlearnin'. Did you mean QLearning?"),
        ("mien.py:Bandit", 2, "there is no file 'mien.py'; the folder contains both.py, broken.py, mine.py"),
        ("mine.py:Bandid", 2, "there is no 'Bandid' in mine.py; its learners: Bandit"),
        ("both.py", 2, "both.py contains 2 learners: name one of both.py:Bandit, both.py:fixed"),
        ("both.py:NotYet", 4, "NotYet in both.py is not a learner: write @learner"),
        ("broken.py", 4, "broken.py, line 2: NameError: name 'unknown' is not defined"),
        ("unwritten.py", 4, "unwritten.py, line 1: invalid syntax"),
    ],
)
def test_a_learner_that_cannot_be_found_or_loaded(name, code, words):
    assert words in run("fit", name, "trials.csv", code=code)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--set", "start_at=half"], "--set start_at=half: expected int, as in start_at=0"),
        (["--set", "greedy=perhaps"], "expected true or false"),
        (["--set", "alpha=1"], "'alpha' is a parameter: write --fix alpha=1 to hold it"),
        (["--fix", "alpha"], "--fix alpha: write --fix NAME=VALUE"),
        (["--fix", "alpha=2"], "--fix alpha=2.0: alpha (learning rate) ranges 0 to 1"),
        (["--fix", "alpha=a"], "expected a number"),
        (["--tie", "alpha=beta"], "ranges 0 to 1 but beta ranges above 0"),
    ],
)
def test_invalid_restrictions(options, words):
    assert words in run("fit", "mine.py", "trials.csv", *options, code=2)


def test_an_instance_takes_no_settings():
    assert "name its class" in run("fit", "both.py:fixed", "trials.csv", "--set", "start_at=1", code=2)


def test_a_learner_is_checked_on_data_or_in_an_environment(monkeypatch):
    from trialwise.analysis.conformance.check_learner import Check, Conformance

    given, generated = [], ["3 actions"]

    def check_learner(subject, trials=None, *, seed, quiet, environment):
        given.append((subject.__name__, trials, environment))
        return Conformance("Bandit()", (Check("runs", False, "a line"),), generated[0] if trials is None else "")

    monkeypatch.setattr("trialwise.analysis.conformance.check_learner.check_learner", check_learner)
    output = run("check", "mine.py:Bandit", code=4)
    assert "generated data: 3 actions" in output and "trialwise check mine.py:Bandit data.csv" in output
    assert "generated" not in run("check", "mine.py:Bandit", "trials.csv", "--environment", "RestlessBandit", code=4)
    assert given[0] == ("Bandit", None, None)
    assert given[1][1].choice.tolist() == read_long("trials.csv").choice.tolist()
    assert repr(given[1][2]) == repr(RestlessBandit())


def test_exit_codes_of_check(monkeypatch):
    assert "C has no choose" in run("check", "both.py:NotYet", code=4).replace("NotYet has", "C has")
    from trialwise.analysis.conformance.check_learner import Check, Conformance

    monkeypatch.setattr(
        "trialwise.analysis.conformance.check_learner.check_learner",
        lambda *_, **__: Conformance("Bandit()", (Check("runs", True, "fine"),)),
    )
    assert "passed" in run("check", "mine.py")
    assert "checks of a fit" in run("check", "mine.py", "-o", "there", code=2)
    assert "name the file" in run("check", "mine.py", "--choice", "key", code=2)
    assert "leave out trials.csv --choice key" in run("check", "fit.nc", "trials.csv", "--choice", "key", code=2)
    assert "no such environment" in run("check", "fit.nc", "--environment", "Alien", code=2)
    assert "no such file" in run("check", "fit.nc", code=3)


# --- simulate -------------------------------------------------------------------------------------------------------


def test_simulate_in_another_task():
    output = run(
        "simulate", "QLearning", "-o", "bandit", "--participants", 2, "--trials", 30, "--environment", "RestlessBandit"
    )
    assert "2 participants, 60 trials" in output
    assert set(pd.read_csv("bandit/trials.csv")["choice"]) <= {0, 1, 2, 3}
    assert "no such environment; available are AlienTask" in run(
        "simulate", "QLearning", "--environment", "Bandit", code=2
    )


OWN_TASK = """
from dataclasses import dataclass
import trialwise as tw

@dataclass(frozen=True)
class Coin(tw.environments.Environment):
    trials: int = 30
    levels = {"action": ("left", "right")}

    def show(self, random):
        return tw.environments.Shown(self.trials)

    def potential(self, shown, random):
        return (random.random((shown.trials, 2)) < (0.3, 0.7)).astype(float)

class Demanding(Coin):
    def __init__(self, chance):
        self.chance = chance

ready = Coin(20)
"""


@pytest.mark.sample
def test_an_environment_of_ones_own_is_found_in_its_file():
    Path("coin.py").write_text(OWN_TASK)
    participants = ("--participants", 2)
    assert "80 trials" in run(
        "simulate", "QLearning", "-o", "a", *participants, "--environment", "coin.py:Coin", "--trials", 40
    )
    assert "40 trials" in run("simulate", "QLearning", "-o", "b", *participants, "--environment", "coin.py:ready")
    run("fit", "QLearning", "a/trials.csv", "--draws", 40, "--tune", 40, "--chains", 2, "-q", "-o", "a", code=(0, 5))
    assert (
        "share of right"
        in run("check", "a/fit.nc", "--environment", "coin.py:Coin", "--datasets", 3) + Path("a/check.csv").read_text()
    )
    run("report", "a/fit.nc", "--environment", "coin.py:Coin", "--datasets", 3, "-o", "a/page.html")
    run(
        "recover",
        "QLearning",
        "--environment",
        "coin.py:Coin",
        "--trials",
        20,
        *participants,
        "--datasets",
        1,
        "-o",
        "c",
        "--draws",
        40,
        "--tune",
        40,
        code=(0, 5),
    )
    refused = {"Nothing": "is not in the file", "tw": "is not an environment", "ready": "name its class"}
    for name, problem in refused.items():
        assert problem in run("simulate", "QLearning", "--environment", f"coin.py:{name}", "--trials", 30, code=2)
    assert "could not be made" in run("simulate", "QLearning", "--environment", "coin.py:Demanding", code=4)


def test_learners_specific_to_an_environment_are_simulated_in_it():
    output = run("simulate", "AlienQLearning", "-o", "alien", "--participants", 2, "--potential")
    assert "2 participants, 3056 trials" in output and "potential_outcomes.csv" in output
    words = shlex.split(output[output.index("trialwise fit AlienQLearning") :].split(" -o results")[0])
    assert words[3:].count("--vector") == 2 and "asked=item,context,cue" in words and words[-2:] == ["--reset", "reset"]
    whole = read_long(
        "alien/trials.csv",
        context="context",
        labels=["asked"],
        vectors={f"option_{name}": ([f"option_{name}_1", f"option_{name}_2"], name) for name in ("context", "cue")},
        levels={"asked": ["item", "context", "cue"]},
        available=[f"available_{action}" for action in range(3)],
        reset="reset",
    )
    assert "3056" in run("inspect", *words[3:])
    assert whole.available.sum() == 2 * (3 * 1528 - 60) and whole.reset.sum() == 18
    assert "Simulate it in TwoStepTask" in run("models", "HybridTwoStep")
    output = run("simulate", "HybridTwoStep", "-o", "two", "--participants", 2, "--trials", 20)
    assert "2 participants, 80 trials" in output and "trialwise fit HybridTwoStep two/trials.csv -o results" in output
    assert read_long("two/trials.csv").sizes["cue"] == 3


def test_what_a_learner_assumes_is_shown_and_checked():
    rows = [
        f"{p},{cue},{choice},0" for p in "ab" for t in range(90) for cue, choice in (("z", t % 2), ("xy"[t % 2], 0))
    ]
    Path("named.csv").write_text("\n".join(["id,cue,choice,outcome", *rows]))
    assert "2 rows a trial: cue 0, then cue 1 or 2" in run("models", "HybridTwoStep")
    assert "reads cue, choice, outcome" in run("models", "HybridTwoStep")
    typed = "--levels cue=z,x,y and --actions 0,1"
    assert typed in run("inspect", "named.csv")
    assert typed in run("fit", "HybridTwoStep", "named.csv", "-o", "out", code=2)
    declared = ("--levels", "cue=z,x,y", "--actions", "0,1")
    output = run("inspect", "named.csv", *declared)
    assert "Start with HybridTwoStep" in output and "HybridTwoStep takes" not in output
    assert "common transitions are 100.0% of 180" in output


def test_simulate_then_inspect():
    ranges = ("--param", "alpha=0:0.2", "--param", "beta=1:5", "--environment", "AlienTask", "--set", "initial=1.2")
    output = run("simulate", "QLearning", "-o", "sim", "--participants", 4, "--trials", 40, *ranges, "--wide")
    assert "uniform on 0 to 0.2" in output and "drawn from the prior" in output
    assert "trialwise fit QLearning sim/trials.csv --set initial=1.2 -o results" in output
    truth = pd.read_csv("sim/true_parameters.csv")
    assert list(truth) == ["participant", "alpha", "beta", "forget"]
    assert truth.alpha.between(0, 0.2).all() and truth.beta.between(1, 5).all()
    output = run("inspect", "sim/trials.csv")
    assert "participants 4" in output and "trials each 40" in output and "context 3 0, 1, 2" in output
    assert "trialwise fit QLearning sim/trials.csv -o results" in output
    np.testing.assert_array_equal(read_wide("sim").choice, read_long("sim/trials.csv").choice)

    words = [f"sim/{name}.csv" for name in ("contexts", "cues", "choices", "outcomes")]
    on = ("--environment", "AlienTask", "--on", *words)
    run("simulate", "QLearning", "-o", "again", *on, "--param", "alpha=0.1", "--param", "forget=0:0.5")
    again = read_long("again/trials.csv")
    np.testing.assert_array_equal(again.columns["cue"].values, read_long("sim/trials.csv").columns["cue"].values)
    assert (pd.read_csv("again/true_parameters.csv").alpha == 0.1).all()


def test_a_learner_that_responds_is_conditioned():
    output = run("simulate", "RescorlaWagner", "-o", "sim", "--participants", 2, "--param", "alpha=0.2")
    assert "alpha learning rate 0.2 for all participants" in output and "drawn from the prior" in output
    assert read_long("sim/trials.csv").lengths.tolist() == [30, 30]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--param", "alpa=1"], "no free parameter 'alpa'; there are alpha, beta, forget"),
        (["--param", "alpha=1", "--fix", "alpha=1"], "it is fixed or tied"),
        (["--param", "alpha=a:b"], "write alpha=0.1, or alpha=0:0.2"),
        (["--param", "alpha=0:1:2"], "write alpha=0.1, or alpha=0:0.2"),
        (["trials.csv"], "type --on trials.csv"),
        (["--on", "trials.csv", "--trials", "3"], "--trials is for new sequences"),
        (["--on", "trials.csv"], "no such column"),
    ],
)
def test_invalid_simulations(options, words):
    assert words in run("simulate", "QLearning", "--environment", "AlienTask", *options, code=2)
    assert not Path("simulated").exists()


def test_a_learner_of_no_particular_environment_needs_one_by_name():
    run("simulate", "QLearning", "-o", "sim", "--participants", 2, "--trials", 20, "--environment", "AlienTask")
    for verb, options in {
        "simulate": [],
        "simulate ": ["--on", "sim/trials.csv"],
        "recover": ["--datasets", 1],
        "calibrate": ["--datasets", 1],
        "confuse": ["StimulusLearning", "--datasets", 1],
    }.items():
        asked = run(verb.strip(), "QLearning", *options, "-o", "none", code=2)
        assert "name the one it acts in with --environment, one of AlienTask" in asked and "RestlessBandit" in asked
        assert "Conditioning" not in asked and "mine.py:MyEnvironment" in asked
    assert not Path("none").exists()
    assert "2 participants, 40 trials" in run(
        "simulate", "TaskSets", "-o", "sets", "--participants", 2, "--trials", 20
    )  # it was made for one


@pytest.mark.parametrize("name", ["QLearning", "HybridTwoStep", "RescorlaWagner", "TaskSets", "mine.py"])
def test_the_command_that_models_prints_simulates(name):
    output = run("models", name)
    words = shlex.split(output[output.index("trialwise simulate") :].split("-o simulated")[0])
    assert "Fit the data" in run(*words[1:], "-o", "simulated", "--participants", 2)


# --- data -----------------------------------------------------------------------------------------------------------


def test_data_lists_data_sets_and_reports_errors():
    assert "alien human choices" in run("data")
    assert "there is no data set 'aliens'" in run("data", "aliens", code=2)
    assert "no answer" in run("data", "alien", "--url", "http://127.0.0.1:9", code=6)


# --- fit and demo, with a stand-in for the sampler ---------------------------------------------------------------------


class FakeFit(Result):
    """Looks like a fit."""

    contents = tw.results.Fit.contents
    findings = ()
    attrs = {"seed": 0}
    design = None

    def __init__(self, learner, trials, problems=()):
        self.learner, self.trials, self.data = learner, trials, trials
        self.draws = types.SimpleNamespace(grouped=True)
        self.findings = (*problems, Finding("note", "fitting", "one thing to know"))

    def summary(self):
        columns = ["mean", "sd", "eti89_lb", "eti89_ub", "ess_bulk", "ess_tail", "r_hat", "mcse_mean"]
        return pd.DataFrame([[0.123456, 1, 0, 1, 1234.5, 900, 1.001, 0.1]] * 2, ["alpha_group", "alpha[1]"], columns)

    def group(self):
        return self.summary().iloc[:1]

    def tables(self):
        return {"model_summary": self.summary().rename_axis("parameter")}

    def trial_values(self):
        return pd.DataFrame({"participant": [1], "error": [0.5]})

    def save(self, path):
        write(Path(path), b"netcdf")

    def plot(self):
        return Figure()


class FakeResult(Result):
    """Looks like any other result."""

    contents = dict.fromkeys(("check", "recovery", "comparison"), "a table")

    def __init__(self, table, **more):
        self.table = table
        vars(self).update(more)

    findings = (Finding("note", "recovered", "alpha: comes back"),)

    def tables(self):
        return dict.fromkeys(self.contents, self.table)


@pytest.fixture(scope="session")
def all_imported():
    """Every module and public name of the library is imported: one first imported while a stand-in is in place would hold it for ever."""
    for module in pkgutil.walk_packages(tw.__path__, "trialwise."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    for name in tw.__all__:
        getattr(tw, name)


@pytest.fixture
def fake(monkeypatch, all_imported):
    """Calls of the sampler; set ``fake.problems`` to make diagnostics fail."""
    calls = types.SimpleNamespace(problems=(), arguments={}, learners=[], reported=None)

    def fit(learner, trials, **given):
        calls.learner, calls.trials, calls.arguments = learner, trials, given
        calls.learners.append(learner)
        return FakeFit(learner, trials, calls.problems)

    truth = pd.DataFrame({"correlation": [0.9], "bias": [0.01], "rmse": [0.1], "coverage": [0.89]}, ["alpha"])
    result = FakeResult(truth, missed=truth)
    best = pd.DataFrame({"elpd": [-9.0], "difference": [0.0], "se_difference": [0.0]}, ["TaskSets"])

    def report(fits, path, **given):
        calls.reported = fits, given
        return path

    stand_ins = {
        "inference.fit": {"fit": fit},
        "analysis.check": {"check": lambda fit, task, **given: result},
        "studies.recover": {"recover": lambda *given, **named: result},
        "analysis.comparison.compare": {"compare": lambda fits, **given: FakeResult(best)},
        "reports.report": {"report": report},
        "plots.recovery": {"recovery_plot": lambda result, table: Figure()},
        "analysis.against_truth": {"summarised": lambda result: truth, "points": lambda fit, given: given},
    }
    for name, things in stand_ins.items():
        for thing, stand_in in things.items():
            monkeypatch.setattr(importlib.import_module(f"trialwise.{name}"), thing, stand_in)
    return calls


FILES = {"fit.nc", "model_summary.csv", "trace_plot.png", "trial_values.csv"}


@pytest.mark.sample
def test_fits_of_a_user_defined_learner(small):
    """All verbs that read fits take the file of a learner from the same option."""
    both = learners_in(Path("both.py"))
    for name, learner in {"Bandit": both["Bandit"](), "fixed": both["fixed"]}.items():
        tw.fit(learner, small.trials, draws=60, tune=60, chains=2, seed=1, progress=False).save(f"{name}.nc")
    two = ["free=Bandit.nc", "fixed.nc"]
    for verb in (["compare", *two], ["check", "Bandit.nc"]):
        assert "a learner of your own: name its file, --learner mine.py:Bandit" in run(*verb, code=2)
    assert "a learner of your own" in run("report", *two, "--learner", "QLearning", code=2)
    output = run("compare", *two, "--learner", "mine.py", "--draws", 30)
    assert "free" in output and "Bandit" in output
    run("report", *two, "--learner", "both.py:fixed", "-o", "page.html")
    assert "inverse temperature" in Path("page.html").read_text("utf-8")
    run("check", "Bandit.nc", "--learner", "mine.py:Bandit", "--datasets", 5)
    run("diagnose", "Bandit.nc", "--learner", "mine.py", code=5)


def test_fit_writes_files_and_prints_results(fake):
    output = run("fit", "mine.py", "trials.csv", "-o", "out/deep", "--fix", "alpha=0.5", "--lapse", "--stickiness")
    assert {path.name for path in Path("out/deep").iterdir()} == FILES
    assert Path("out/deep/trace_plot.png").read_bytes()[:4] == b"\x89PNG"
    assert pd.read_csv("out/deep/model_summary.csv", index_col="parameter").index[0] == "alpha_group"
    assert "alpha_group 0.123 1 0 1 1234 900 1.001" in output
    assert "out/deep/fit.nc posterior draws and diagnostics" in output and "note: one thing to know" in output
    assert repr(fake.learner) == "Bandit().fix(alpha=0.5).with_stickiness().with_lapse()"
    assert fake.arguments == {
        "chains": 4,
        "pooling": "partial",
        "progress": True,
        "checkpoint": None,
        "executor": None,
    }


def test_fit_passes_options_on_and_is_quiet(fake):
    options = ["--draws", 10, "--tune", 20, "--chains", 2, "--seed", 3, "--pooling", "none", "--quiet", "-o", "out"]
    assert run("fit", "QLearning", "trials.csv", "--set", "initial=1.2", *options) == ""
    assert fake.arguments == {
        "draws": 10,
        "tune": 20,
        "chains": 2,
        "seed": 3,
        "pooling": "none",
        "progress": False,
        "checkpoint": None,
        "executor": None,
    }
    assert fake.learner.settings["initial"] == 1.2


def test_failed_diagnostics_are_reported_after_writing(fake):
    sentence = Message("R-hat of alpha_mu is 1.2: sample longer, ", Argument("draws", 2000))
    fake.problems = (Finding("problem", "r-hat", sentence),)
    output = run("fit", "QLearning", "trials.csv", "-o", "out", "-q", code=5)
    assert output == "warning: R-hat of alpha_mu is 1.2: sample longer, --draws 2000"
    assert {path.name for path in Path("out").iterdir()} == FILES


def test_a_file_that_cannot_be_written_leaves_the_old_one(fake, monkeypatch):
    Path("out").mkdir()
    for name in FILES:
        Path("out", name).write_text("old")

    def no_plot(fit):
        raise RuntimeError("no plot")

    monkeypatch.setattr(FakeFit, "plot", no_plot)
    with pytest.raises(RuntimeError, match="no plot"):
        run("fit", "QLearning", "trials.csv", "-o", "out")
    assert {path.name for path in Path("out").iterdir()} == FILES | {writing.RESCUED}
    assert all(Path("out", name).read_text() == "old" for name in FILES)
    assert Path("out", writing.RESCUED).stat().st_size


def test_an_output_that_is_a_file_stops_before_sampling(fake):
    assert "cannot create the folder 'mine.py'" in run("fit", "QLearning", "trials.csv", "-o", "mine.py", code=2)
    assert not fake.arguments


def test_errors_of_the_model_have_their_own_code(monkeypatch, fake):
    from trialwise.base.errors import ModelError

    def stuck(*_, **__):
        raise ModelError("no finite start for participant 1")

    monkeypatch.setattr(importlib.import_module("trialwise.inference.fit"), "fit", stuck)
    assert "error: no finite start" in run("fit", "QLearning", "trials.csv", code=4)


@pytest.mark.parametrize("given, used", [((), 7), (("--seed", 0), 0)])
def test_demo_is_the_same_every_time(fake, given, used):
    run("demo", "-o", "out", *given)
    assert fake.arguments["seed"] == used


def test_demo_runs_the_complete_analysis(fake):
    output = run("demo", "-o", "out", "--seed", 1)
    expected = {"check.csv", "recovery.csv", "comparison.csv", "task_sets", "task_sets_flat"}
    assert {path.name for path in Path("out").iterdir()} == {*FILES, "recovery_plot.png", *expected}
    assert {path.name for path in Path("out/task_sets").iterdir()} == {*FILES, "recovery_plot.png"}
    assert {path.name for path in Path("out/task_sets_flat").iterdir()} == FILES
    assert "alpha 0.900 0.01 0.1 0.890" in output and "alpha: comes back" in output
    kinds = ["QLearning(initial=1.2)", "TaskSets(initial=1.2)", "QLearning(initial=1.2)"]
    assert [repr(learner) for learner in fake.learners] == kinds
    assert "fitted to 30 simulated participants of 440 trials" in output and "fitted to 5 simulated" in output
    assert "trialwise inspect alien" in output and output.endswith("out/report.html")
    fits, given = fake.reported
    assert len(fits) == 3 and set(given["checks"]) < set(fits) and set(given["truth"]) < set(fits) and given["recovery"]


def test_a_quick_demo_is_small(fake):
    output = run("demo", "-o", "out", "--quick")
    assert "fitted to 10 simulated participants of 240 trials" in output and fake.arguments["draws"] == 250
    assert fake.reported[1]["recovery"] is None and not Path("out/recovery.csv").exists()


def test_a_fit_with_a_hidden_choice_has_a_checkpoint_until_it_ends(fake):
    run("fit", "TaskSets", "trials.csv", "-o", "out", "-q")
    assert fake.arguments["checkpoint"] == Path("out/unfinished.npz")
    Path("out/unfinished.npz").write_text("work")
    run("fit", "TaskSets", "trials.csv", "-o", "out", "-q")
    assert {path.name for path in Path("out").iterdir()} == FILES


def test_an_unexpected_error_keeps_its_traceback(monkeypatch):
    module = importlib.import_module("trialwise.analysis.inspect")

    def bug(*_, **__):
        raise ZeroDivisionError

    monkeypatch.setattr(module, "inspect", bug)
    assert isinstance(CliRunner().invoke(app, ["inspect", "trials.csv"]).exception, ZeroDivisionError)
