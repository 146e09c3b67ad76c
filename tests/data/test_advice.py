"""Obeying the printed advice to the letter leads to the right reading, or to a question that only a person can answer.

A robot reads each file of :mod:`tests.data.foreign_files` as its author would at first, then types what every message says, five steps
at most: of alternatives the first.
"""

import re
import shlex

import pandas as pd
import pytest
from foreign_files import FILES, QUESTION

import trialwise as tw
from trialwise.base.message import Argument, Message
from trialwise.cli.options.columns import Columns
from trialwise.learners import BUILT_IN

STEPS = 5


def is_open(value):
    """Whether a value has to be chosen by a person."""
    if isinstance(value, list | set):
        return any(map(is_open, value))
    return any(map(is_open, value.values())) if isinstance(value, dict) else value is ... or "..." in str(value)


def first_advice(message):
    """The arguments of the first alternative: those joined by "and"; None if a person has to choose a value."""
    typed = {}
    for part in message.parts if isinstance(message, Message) else ():
        if isinstance(part, Argument):
            if is_open(part.value):
                return None
            typed[part.name] = part.value
        elif typed and part.strip() != "and":
            break
    return typed or None


def obey(frame, typed):
    """Read a file and follow the advice: the trials, or the message that asks a person; and the steps taken."""
    steps = [dict(typed)]
    for _ in range(STEPS):
        try:
            trials = tw.read_long(frame, **typed)
            messages = list(trials.notes)
        except tw.errors.DataError as error:
            trials, messages = None, [problem.remedy for problem in error.problems]
        advice = [first_advice(message) for message in messages]
        new = {name: value for each in advice for name, value in (each or {}).items() if typed.get(name) != value}
        if not new:
            return trials if trials is not None else "\n".join(messages), steps
        assert not (trials is None and None in advice and not new), "no progress"
        typed = {**typed, **new}
        assert typed not in steps, f"a loop: {steps}"
        steps.append(typed)
    raise AssertionError(f"no end after {STEPS} steps: {steps}")


def read_as(trials):
    table = trials.to_frame()
    outcome = next(iter(trials.outcome), None)
    reset = table["reset"] if "reset" in table else [False] * len(table)
    outcomes = [None] * len(table) if outcome is None else table[outcome]
    rows = zip(table["participant"], table["choice"], outcomes, reset, strict=True)
    return [tuple(None if pd.isna(cell) else cell for cell in row) for row in rows]


def plain(rows):
    return [
        (str(p), None if c is None else str(c), None if r is None else float(r), bool(new)) for p, c, r, new in rows
    ]


def ends(file):
    result, steps = obey(file.frame, file.typed)
    if isinstance(result, str):
        return "question", steps, result
    return (
        ("right" if plain(read_as(result)) == plain(file.right if file.right != QUESTION else []) else "wrong"),
        steps,
        "",
    )


@pytest.mark.parametrize("name", FILES)
def test_advice(name):
    file = FILES[name]
    end, steps, asked = ends(file)
    if file.right == QUESTION and end == "wrong":  # read at once: then the question is among the notes
        trials = tw.read_long(file.frame, **steps[-1])
        assert any(re.search(r"\?", note) for note in trials.notes), f"a silent reading after {steps}"
    else:
        assert end == ("question" if file.right == QUESTION else "right"), f"{end} after {steps}\n{asked}"


@pytest.mark.parametrize(
    ("name", "learner", "options"),
    [
        ("two stages in two rows", "HybridTwoStep", "--levels cue=spaceport,planet1,planet2 --actions l,r"),
        (
            "two stages, the other way round",
            "HybridTwoStep",
            "--levels 'cue=start,a red house,blue house' --actions l,r",
        ),
        ("two stages in codes", "HybridTwoStep", ""),
        ("two stages, no outcome of the first", None, ""),
        ("two stages, names with commas", None, ""),
    ],
)
def test_the_command_declares_what_the_findings_on_the_learner_say(name, learner, options):
    inspection = tw.inspect(FILES[name].frame, command_options="x.csv")
    assert inspection.learner == learner
    words = [learner or "LEARNER", "x.csv", options, "-o results"]
    assert inspection.next_command == " ".join(["trialwise fit", *filter(None, words)])
    assert learner or "findings on HybridTwoStep" in inspection.why


def test_enough_files_are_read_rightly():
    found = [ends(file)[0] for file in FILES.values()]
    assert len(found) >= 40
    assert found.count("right") >= 30


@pytest.mark.parametrize("name", [name for name, file in FILES.items() if file.right != QUESTION])
def test_the_suggested_learner_can_take_the_trials(name, tmp_path):
    """As the suggested command reads them: with the declarations that it adds."""
    trials, steps = obey(FILES[name].frame, FILES[name].typed)
    inspection = tw.inspect(trials)
    if inspection.learner is not None:
        words = shlex.split(inspection.next_command)
        assert [words[0:3], words[-2:]] == [["trialwise", "fit", inspection.learner], ["-o", "results"]]
        typed = dict(zip(words[3:-2:2], words[4:-2:2], strict=True))
        assert typed.keys() <= {"--levels", "--actions"}
        columns = Columns(levels=[typed["--levels"]] if "--levels" in typed else [], actions=typed.get("--actions"))
        FILES[name].frame.to_csv(tmp_path / "file.csv", index=False)
        if typed:
            assert len(steps) == 1, "other options than these would have to be typed, too"
            trials = columns.read([tmp_path / "file.csv"])
        learner = BUILT_IN[inspection.learner]()
        middle = {each.name: each.constrain(each.mean) for each in learner.parameters}
        assert (tw.log_likelihood(learner, trials, middle, plain=True) < 0).all()
    else:
        assert inspection.why
