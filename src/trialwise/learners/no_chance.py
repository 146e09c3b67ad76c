"""A response to which a learner gives the probability 0, in words: why, and what to type."""

from __future__ import annotations

from trialwise.base.message import Lapse, Message
from trialwise.data.trials import MISSED, Trials
from trialwise.learners.learner import Learner
from trialwise.learners.places import column_of


def no_chance(learner: Learner, trials: Trials, t: int) -> Message:
    """What to do about the response of trial ``t``, which the learner gives the probability 0."""
    choice = MISSED if trials.choice is None else int(trials.choice[t])
    if learner.acts and choice != MISSED and trials.available is not None and not trials.available[t, choice]:
        label = trials.levels["action"][choice]
        return Message(
            f"{label!r} was not available there: correct the {column_of(trials, 'choice')} or the availability"
        )
    if learner.may_lapse:
        return Message(
            f"{type(learner).__name__} never responds like this, and one such response rules it out. If people do by mistake, it needs a lapse, "
            "responses at random on some trials: ", Lapse(),
        )  # fmt: skip
    return Message(f"{type(learner).__name__} never responds like this, and one such response rules it out")
