"""Messages: input to be typed is kept as data when messages are joined, raised, pickled or stored."""

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
    ("input_", "python"),
    [
        (Argument("draws", 100), "draws=100"),
        (Argument("draws", NAME_ALONE), "draws="),
        (Argument("cue", False), "cue=False"),
        (Argument("actions", [-1, ...]), "actions=[-1, ...]"),
        (Argument("levels", {"cue": ["a", ...]}), "levels={\"cue\": ['a', ...]}"),
        (Argument("levels", {...}), "levels={...}"),
        (Argument("choice", "x" * 100), f"choice='{'x' * 75}...'"),
        (Restriction("tie"), ".tie"),
        (Restriction("tie", "beta", "alpha", "L()."), "L().tie(beta='alpha')"),
        (LearnerSetting("L", "initial"), "L(initial=...)"),
    ],
)
def test_input_in_python(input_, python):
    assert str(input_) == python == Message(input_)


def test_nested_messages_keep_their_inputs():
    joined = Message.join("; ", [Message("one, ", KEY), "two", Message(KEY)])
    assert joined == "one, choice='key'; two; choice='key'" and joined.inputs == (KEY, KEY)
    assert Message.join("; ", []) == ""
    assert Message("more, ", KEY).with_capital() == "More, choice='key'" and Message(KEY).with_capital() == str(KEY)
    assert Message("more, ", KEY).with_capital().inputs == (KEY,)


def test_errors_contain_the_argument():
    error = UsageError(KEY, ": there is no such column")
    assert str(error) == "choice='key': there is no such column" and error.message.inputs == (KEY,)
    data_error = DataError([Problem("missing-column", "a.csv", "no such column", Message("type ", KEY), (3, 4))])
    assert "1. a.csv: no such column (rows 3, 4)\n    -> type choice='key'" in str(data_error)
    assert data_error.message.inputs == (KEY,)


@pytest.mark.parametrize("error", [UsageError("so: ", KEY), DataError([Problem("c", "w", "m", Message("type ", KEY))])])
def test_errors_are_pickled_without_loss(error):
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is type(error) and str(copy) == str(error) and copy.message.inputs == (KEY,)


def test_messages_are_stored_in_files_without_loss():
    messages = (Message("fitted with ", Argument("pooling", "none")), "plain")
    restored = from_json(to_json(messages))
    assert restored == messages and restored[0].inputs == (Argument("pooling", "none"),) and restored[1].inputs == ()
