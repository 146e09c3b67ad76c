"""Built-in learners satisfy the contract; violations are reported with specific messages."""

import importlib.util
import inspect
from pathlib import Path

import numpy as np
import pymc as pm
import pytest

import trialwise as tw
from trialwise import hidden, learner, positive, real, state, unit
from trialwise.analysis.conformance.check_learner import check_learner
from trialwise.analysis.conformance.specimen import specimen
from trialwise.base.errors import LearnerError, UsageError
from trialwise.learners.reads import Reading

EXAMPLES = sorted((Path(__file__).parents[3] / "examples" / "learners").glob("*.py"))
COLUMNS = {"probabilistic_selection": {"options": (2, 6), "action": 2}}


def load(path):
    """The learner defined in a file."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return next(v for v in vars(module).values() if inspect.isclass(v) and v.__module__ == path.stem)


@pytest.mark.parametrize(
    "learner_instance",
    [
        tw.QLearning(),
        tw.QLearning(initial=1.2).with_lapse().with_stickiness(),
        tw.QLearning().fix(forget=0.1),
        tw.QLearning().tie(forget="alpha"),
        tw.learners.RescorlaWagner(),
        tw.learners.PearceHall(),
        tw.learners.StimulusLearning(initial=1.2),
        tw.learners.TaskSets(initial=1.2),
        tw.learners.TaskSets(sets=2).tie(alpha_high="alpha").with_lapse().with_stickiness(),
        tw.learners.MixedTaskSets(initial=1.2),
        tw.learners.HierarchicalBayes(),
        tw.learners.HierarchicalBayes(published=True),
        tw.learners.AlienQLearning(carried=True),
        tw.learners.AlienTaskSets(carried=True),
        tw.learners.AlienHierarchicalBayes(frozen=True),
        tw.learners.GLMHMM(),
        tw.learners.EngagedQLearning().with_lapse(),
    ],
    ids=repr,
)
def test_built_in_learners(learner_instance):
    check_learner(learner_instance, quiet=True).raise_if_failed()


def test_a_learner_with_two_stages():
    check_learner(tw.learners.HybridTwoStep(), quiet=True).raise_if_failed()


def test_the_argmax_learner_fails_only_one_check():
    """The set is chosen by argmax, so that gradient-based methods cannot fit the learner and raise an error."""
    detail = failure(tw.learners.ArgmaxTaskSets(initial=1.2), "every parameter matters")
    assert "alpha_high changes the likelihood only in steps" in detail and "argmax" in detail
    result = check_learner(tw.learners.ArgmaxTaskSets(initial=1.2), quiet=True)
    assert sum(not check.passed for check in result.checks) == 1


@learner
class NotExchangeable:
    """Options declared as exchangeable that are not."""

    beta: float = positive("inverse temperature")
    strategies: int = hidden(2, "number of strategies", exchangeable=True)

    def start(self, task):
        return task.table(self.strategies, "action")

    def hide(self, q, trial, preference):
        preference[0] = 0.7
        preference[1] = 0.0

    def choose(self, q, trial, strategy, preference):
        for action in range(len(preference)):
            preference[action] = self.beta * q[strategy, action]

    def learn(self, q, trial, strategy, choice, outcome):
        q[strategy, choice] += 0.5 * (outcome - q[strategy, choice])


def test_options_that_are_not_exchangeable():
    detail = failure(NotExchangeable, "hidden options are exchangeable")
    assert "options 0 and 1 swapped" in detail and "Do not declare them exchangeable" in detail


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_examples(path):
    assert len(path.read_text().splitlines()) < 35
    check_learner(load(path), columns=COLUMNS.get(path.stem), quiet=True).raise_if_failed()


# -- learners that violate the contract --------------------------------------------------------------------------------


def failure(subject, check, **options):
    """The message of the failed check with this name."""
    result = check_learner(subject, quiet=True, **options)
    assert not result.passed
    with pytest.raises(LearnerError):
        result.raise_if_failed()
    failed = {row.name: row.detail for row in result.checks if not row.passed}
    assert check in failed, failed
    return failed[check]


@learner
class HardChoice:
    alpha: float = unit("learning rate")
    beta: float = positive("inverse temperature")

    def start(self, task):
        return task.table("action")

    def choose(self, q, trial, preference):
        for action in range(len(preference)):
            preference[action] = self.beta if action == np.argmax(q) else 0.0

    def learn(self, q, trial, choice, outcome):
        q[choice] += self.alpha * (outcome - q[choice])


def test_argmax_is_explained():
    message = failure(HardChoice, "every parameter matters")
    assert "alpha changes the likelihood only in steps" in message and "softmax" in message and "beta" not in message


@learner
class Unused:
    alpha: float = unit("learning rate")
    bias: float = real("bias to the first action")

    def choose(self, nothing, trial, preference):
        preference[:] = 0.0
        preference[0] = self.bias


def test_a_parameter_without_effect():
    message = failure(Unused, "every parameter matters")
    assert message.startswith("alpha never changes the likelihood") and "constant(...)" in message


FUTURE = np.zeros(94)


@learner
class Peeking:
    beta: float = positive("inverse temperature")

    def choose(self, nothing, trial, preference):
        preference[:] = 0.0
        preference[0] = self.beta * FUTURE[int(trial.number)]

    def learn(self, nothing, trial, choice, outcome):
        return outcome


def test_peeking_through_a_global():
    trials = specimen(Peeking(), columns={"number": (0.0, 90.0)})
    FUTURE[:] = np.nan_to_num(trials.outcome["outcome"])
    trials.outcome["outcome"][:] = FUTURE
    message = failure(Peeking, "no trial knows the future", trials=trials)
    assert "Peeking.choose reads FUTURE, which contains the outcomes" in message


COUNTER = np.zeros(1)


@learner
class GlobalMemory:
    beta: float = positive("inverse temperature")

    def choose(self, nothing, trial, preference):
        preference[:] = 0.0
        preference[0] = self.beta * COUNTER[0]

    def learn(self, nothing, trial, choice, outcome):
        COUNTER[0] += outcome


def test_memory_in_a_global():
    message = failure(GlobalMemory, "it runs and compiles")
    assert "GlobalMemory.learn" in message and "remember things in the state" in message


@learner
class ChangesOnSight:
    alpha: float = unit("learning rate")

    def start(self, task):
        return task.table("action", fill=0.1)

    def choose(self, q, trial, preference):
        q[0] += self.alpha
        preference[:] = q


def test_state_changed_while_choosing():
    assert "choose and respond may only read the state" in failure(ChangesOnSight, "a missed trial only elapses")


@learner
class HalfFilled:
    beta: float = positive("inverse temperature")

    def choose(self, nothing, trial, preference):
        preference[0] = self.beta * trial.size


def test_preference_that_is_not_filled():
    assert "HalfFilled.choose left preference[1] empty" in failure(HalfFilled, "it runs and compiles")


@learner
class Divides:
    beta: float = positive("inverse temperature")

    def choose(self, nothing, trial, preference):
        preference[:] = 0.0
        preference[0] = self.beta * np.log(4.9 - trial.size)


def test_likelihood_that_is_not_a_number():
    assert "is nan in the middle of the priors" in failure(Divides, "it runs and compiles")


class Undecorated:
    alpha: float = unit("learning rate")

    def choose(self, nothing, trial, preference):
        preference[0] = self.alpah


def test_unknown_field():
    assert "Did you mean 'alpha'" in failure(Undecorated, "it is a learner")


def test_unknown_column():
    message = failure(HalfFilled, "it runs and compiles", trials=specimen(tw.QLearning()))
    assert "reads trial.size, but the data have no such column" in message


@learner
class Returns:
    def choose(self, nothing, trial, preference):
        preference[:] = 0.0
        return preference


@learner
class OneNumber:
    noise: float = positive("standard deviation of the response")

    def respond(self, nothing, trial):
        return self.noise


@learner
class ReturnsText:
    def choose(self, nothing, trial, preference):
        preference[:] = 0.0

    def learn(self, nothing, trial, choice, outcome):
        return "better" if outcome > 0 else "worse"


WEIGHTS = {"first": 0.5}


@learner
class UsesDict:
    beta: float = positive("inverse temperature")

    def choose(self, nothing, trial, preference):
        preference[:] = 0.0
        preference[0] = self.beta * WEIGHTS["first"]


@learner
class Unequal:
    beta: float = positive("inverse temperature")

    def start(self, task):
        return state(level=0.0)

    def choose(self, now, trial, preference):
        preference[:] = 0.0
        preference[0] = self.beta * now.level

    def learn(self, now, trial, choice, outcome):
        now.level += outcome
        if outcome > 0.2:
            return outcome, now.level
        return outcome


@learner
class Outside:
    beta: float = positive("inverse temperature")

    def start(self, task):
        return task.table(2)

    def choose(self, q, trial, preference):
        preference[:] = self.beta * q[2]


@pytest.mark.parametrize(
    ("subject", "expected"),
    [
        (Returns, "it fills preference[action] and returns nothing"),
        (OneNumber, "return mean, sd"),
        (ReturnsText, "ReturnsText.learn returned"),
        (UsesDict, "UsesDict.choose, line"),
        (Unequal, "signals"),
        (Outside, "tables have the size that task.table(...) gives them"),
    ],
)
def test_errors_of_invalid_learners(subject, expected):
    message = failure(subject, "it runs and compiles")
    assert expected in message, message


def test_subjects_that_are_not_learners():
    with pytest.raises(UsageError, match="wanted a learner, its class or an instance of it"):
        check_learner(3)
    with pytest.raises(UsageError, match="vector of 2 labels out of 6"):
        check_learner(tw.QLearning, columns={"cue": "many"})


# -- the table, and the generated data ---------------------------------------------------------------------------------


def test_table_is_printed(capsys):
    result = check_learner(Unused)
    printed = capsys.readouterr().out
    assert (
        "Unused()" in printed and "FAILED" in printed and all(row.name.split()[0] in printed for row in result.checks)
    )
    assert check_learner(Unused, quiet=True) == result
    assert not capsys.readouterr().out


def columns_read_by_helpers(trial):
    left, right = trial.pair[0], trial.pair[1]
    return left * right


@learner
class ReadsManyColumns:
    beta: float = positive("inverse temperature")

    def start(self, task):
        return task.table("cue", "stage", "action")

    def level(self, seen, q):
        cue = seen.cue
        return q[cue, seen.stage, 0] if seen.stage == 3 else columns_read_by_helpers(seen)

    def choose(self, q, trial, preference):
        for action, (cue, amount) in enumerate(zip(trial.options, trial.amounts, strict=False)):
            preference[action] = self.beta * q[cue, 0, action] + amount + self.level(trial, q) * trial.available[action]
        preference[1] += trial.delay / 3 if trial.delay > 20 else 0.0

    def learn(self, q, trial, choice, outcome):
        if not np.isnan(outcome.forgone):
            q[trial.cue, trial.stage, 1 - choice] += outcome.forgone
        q[trial.cue, trial.stage, choice] += outcome.gain


def test_columns_are_recognised():
    assert set(Reading(ReadsManyColumns()).trial) >= {"cue", "stage", "options", "amounts", "pair", "delay"}
    trials = specimen(ReadsManyColumns())
    kinds = {name: (c.levels, c.values.ndim) for name, c in trials.columns.items()}
    assert kinds == {
        "cue": ("cue", 1), "stage": ("stage", 1), "options": ("options", 2),
        "amounts": (None, 2), "pair": (None, 2), "delay": (None, 1),
    }  # fmt: skip
    assert trials.sizes["stage"] == 4 and trials.sizes["action"] == 2
    assert trials.columns["delay"].values.max() > 20 > trials.columns["delay"].values.min()
    assert set(trials.outcome) == {"gain", "forgone"} and trials.available is not None
    partly_missing = np.isnan(trials.outcome["forgone"]) & ~np.isnan(trials.outcome["gain"])
    assert partly_missing.any()


def test_columns_named_after_a_dimension_have_its_labels():
    trials = specimen(tw.learners.AlienTaskSets())
    assert {name: c.levels for name, c in trials.columns.items()} == {
        "cue": "cue", "context": "context", "asked": "asked", "option_context": "context", "option_cue": "cue",
    }  # fmt: skip
    assert trials.sizes["context"] == 6 and trials.sizes["asked"] == 3 and trials.reset.any()


def test_specimen_contains_all_kinds_of_trials():
    trials = specimen(tw.QLearning())
    chosen, shown = trials.choice >= 0, ~np.isnan(trials.outcome["outcome"])
    assert (chosen & shown).any() and (chosen & ~shown).any() and (~chosen & shown).any() and (~chosen & ~shown).any()
    assert trials.reset.any() and 1 in trials.lengths and len(set(trials.lengths)) == 4
    values = trials.outcome["outcome"][shown]
    assert {0.0, 1.0} <= set(values) and (values < 0).any()
    declared = specimen(tw.QLearning(), columns={"cue": 6, "action": 5, "delay": (0.0, 30.0), "pair": (2, 3)})
    assert declared.sizes["cue"] == 6 and declared.sizes["action"] == 5
    assert declared.columns["pair"].values.shape == (94, 2)


# --- on data, in an environment, and what a learner's methods raise -------------------------------------------------------


@learner
class TwoProportions:
    """Refuses more than two actions and outcomes that are no proportions, which generated data have."""

    alpha: float = unit("learning rate")
    beta: float = positive("inverse temperature")

    def start(self, task):
        return task.table("action", fill=0.5)

    def choose(self, q, trial, preference):
        if len(preference) != 2:
            raise ValueError("two actions")
        for k in range(2):
            preference[k] = self.beta * q[k]

    def learn(self, q, trial, choice, outcome):
        if outcome < 0.0 or outcome > 1.0:
            raise ValueError("no proportion")
        q[choice] += self.alpha * (outcome - q[choice])


@pytest.mark.compile
def test_on_data_or_in_an_environment(capsys):
    generated = check_learner(TwoProportions)
    assert [(each.name, each.passed) for each in generated.checks] == [("it runs and compiles", False)]
    assert "3 actions, outcome from" in generated.generated
    assert (
        "give it others: trials='data.csv', or the environment it acts in, environment=" in generated.findings[-1].text
    )
    assert "trials='data.csv'" in " ".join(capsys.readouterr().out.split())
    task = tw.environments.ProbabilisticReversal(trials=30)
    check_learner(TwoProportions, environment=task, quiet=True).raise_if_failed()
    truth = {"alpha": 0.3, "beta": 2.0}
    table = tw.simulate(TwoProportions(), task, truth, participants=3, seed=2).trials.to_frame()
    on_data = check_learner(TwoProportions, table, quiet=True)
    on_data.raise_if_failed()
    assert on_data.checks[0].detail == "90 trials of 3 participants"
    assert [each.code for each in on_data.findings] == ["reading"] and not on_data.generated


@learner
class Failing:
    """Raises an exception on later trials, or at some values of its parameter."""

    a: float = real("parameter")
    late: int = tw.constant(0, "whether elapse fails on the eleventh trial")

    def start(self, task):
        return task.table("action")

    def choose(self, v, trial, preference):
        for k in range(len(preference)):
            preference[k] = self.a * v[k]
        preference[0] = np.log(self.a + 9.0)

    def elapse(self, v, trial):
        v[0] += 1.0
        if self.late and v[0] > 10.5:
            raise RuntimeError("tired")
        if self.a > 5.0:
            raise ValueError("too large")


@pytest.mark.compile
def test_exceptions_of_methods_name_line_and_trial():
    trials = tw.load_data("alien_flat").trials.select([0, 1]).first(20)
    late = Failing(late=1)
    checked = check_learner(late, quiet=True).checks
    assert len(checked) == 1
    assert "Failing.elapse" in checked[0].detail and 'RuntimeError("tired")' in checked[0].detail
    assert "participant 'participant 1', trial 11" in checked[0].detail
    calls = [
        lambda: tw.log_likelihood(late, trials, {"a": 1.0}),
        lambda: tw.log_likelihood(late, trials, {"a": 1.0}, plain=True),
        lambda: tw.trial_values(late, trials, {"a": 1.0}),
        lambda: tw.fit(late, trials, draws=10, tune=10, chains=1, progress=False),
        lambda: tw.point(late, trials, starts=1),
    ]
    for call in calls:
        with pytest.raises(
            LearnerError,
            match=r"(?s)Failing.elapse, line \d+: raise RuntimeError.*participant '0', trial 11, row 12 of the file",
        ):
            call()
    with pytest.raises(LearnerError, match=r"(?s)raise ValueError.*participant '1', trial 1, "):
        tw.log_likelihood(Failing(), trials, {"a": [1.0, 6.0]})
    for plain in (False, True):
        with pytest.raises(
            LearnerError, match=r"not a number \(NaN\): participant '1', trial 1, row 442 of the file, at a = -10"
        ):
            tw.log_likelihood(Failing(), trials, {"a": [1.0, -10.0]}, plain=plain)


@pytest.mark.sample
def test_an_exception_while_sampling_names_the_line():
    """At starting points the learner runs; where it fails is reached by draws only."""
    trials = tw.load_data("alien_flat").trials.select([0, 1]).first(5)
    with pytest.raises(LearnerError, match=r"(?s)Failing.elapse, line \d+: raise ValueError.*too large"):
        tw.fit(
            Failing(), trials, priors={"a_mu": pm.Normal.dist(2.5, 1.0)}, draws=200, tune=50, chains=1, progress=False
        )
