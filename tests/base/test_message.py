"""Messages: what is to be typed stays data, through joining, errors, pickling and files."""

import pickle

import pytest

from trialwise.base.errors import DataError, Problem, UsageError
from trialwise.base.message import NAME_ALONE, Argument, LearnerSetting, Message, Restriction, from_json, to_json

KEY = Argument("choice", "key")


def test_a_message_is_its_text_in_python():
    message = Message("name it, ", KEY, "; or hold it, ", Restriction("fix", "alpha", 0.5))
    assert message == "name it, choice='key'; or hold it, .fix(alpha=0.5)"
    assert message.inputs == (KEY, Restriction("fix", "alpha", 0.5))


@pytest.mark.parametrize(
    ("written", "python"),
    [
        (Argument("draws", 100), "draws=100"),
        (Argument("draws", NAME_ALONE), "draws="),
        (Argument("cue", False), "cue=False"),
        (Argument("actions", [-1, ...]), "actions=[-1, ...]"),
        (Argument("levels", {"cue": ["a", ...]}), "levels={\"cue\": ['a', ...]}"),
        (Argument("levels", {...}), "levels={...}"),
        (Argument("choice", "x" * 100), f"choice='{'x' * 35}...'"),
        (Restriction("tie"), ".tie"),
        (Restriction("tie", "beta", "alpha", "L()."), "L().tie(beta='alpha')"),
        (LearnerSetting("L", "initial"), "L(initial=...)"),
    ],
)
def test_what_is_typed_in_python(written, python):
    assert str(written) == python == Message(written)


def test_messages_in_messages_lose_nothing():
    whole = Message.join("; ", [Message("one, ", KEY), "two", Message(KEY)])
    assert whole == "one, choice='key'; two; choice='key'" and whole.inputs == (KEY, KEY)
    assert Message.join("; ", []) == ""
    assert Message("more, ", KEY).with_capital() == "More, choice='key'" and Message(KEY).with_capital() == str(KEY)
    assert Message("more, ", KEY).with_capital().inputs == (KEY,)


def test_errors_hold_the_argument():
    error = UsageError(KEY, ": there is no such column")
    assert str(error) == "choice='key': there is no such column" and error.message.inputs == (KEY,)
    damaged = DataError([Problem("missing-column", "a.csv", "no such column", Message("type ", KEY), (3, 4))])
    assert "1. a.csv: no such column (rows 3, 4)\n    -> type choice='key'" in str(damaged)
    assert damaged.message.inputs == (KEY,)


@pytest.mark.parametrize("error", [UsageError("so: ", KEY), DataError([Problem("c", "w", "m", Message("type ", KEY))])])
def test_errors_come_back_whole_from_another_process(error):
    other = pickle.loads(pickle.dumps(error))
    assert type(other) is type(error) and str(other) == str(error) and other.message.inputs == (KEY,)


def test_messages_in_files():
    messages = (Message("fitted with ", Argument("pooling", "none")), "plain")
    back = from_json(to_json(messages))
    assert back == messages and back[0].inputs == (Argument("pooling", "none"),) and back[1].inputs == ()
