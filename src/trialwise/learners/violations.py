"""Data that are not what a learner assumes of them are refused, with what to type; what is only remarkable becomes a note."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from trialwise.base.english import counted
from trialwise.base.errors import UsageError
from trialwise.base.message import Argument, LearnerSetting, Message, Restriction
from trialwise.data.trials import Trials
from trialwise.learners.action_sets import without_reference
from trialwise.learners.assumptions import Range, by_name, describe_range
from trialwise.learners.learner import Learner
from trialwise.learners.option_violations import fewer_options, option_violations
from trialwise.learners.places import column_of, rows_of, some
from trialwise.learners.reads import Reading
from trialwise.learners.responses.family import ResponseFamily
from trialwise.learners.stage_violations import stage_violations
from trialwise.learners.stages import StageRows

ENOUGH = 12
"""Fewest outcomes, of two kinds, that can all lie on one side of a threshold only because it is in the wrong place."""

ENOUGH_GRADED = 100
"""The same for graded outcomes, of which a participant may have few on the other side."""

UNEXPECTED = 4.0
"""A share that is farther from the probability that is assumed than so many standard errors is noted."""


def check_assumptions(learner: Learner, trials: Trials, outcomes: Mapping[str, np.ndarray] | None = None) -> None:
    """Check that data are what a learner assumes (:func:`trialwise.learners.assumptions.assumes`), apart from its responses.

    Parameters
    ----------
    learner, trials
        The learner, and data with everything that it reads.
    outcomes
        All outcomes that are possible, of any shape, by part, where they differ from those of the data.

    Raises
    ------
    UsageError
        With everything that is not as assumed, and what to type.
    """
    _refuse(_of_assumptions(learner, trials, outcomes))


def check_data(learner: Learner, trials: Trials) -> None:
    """Check that data are what a learner assumes, and that its responses can have been given.

    Parameters
    ----------
    learner, trials
        The learner, and data with everything that it reads.

    Raises
    ------
    UsageError
        With everything that is not as assumed, and all responses outside the range of their family, with rows and what to type.
    """
    _refuse(violations(learner, trials))


def _refuse(found: Iterator[Message]) -> None:
    if messages := list(found):
        raise UsageError(Message.join("\n", messages))


def violations(learner: Learner, trials: Trials) -> Iterator[Message]:
    """Everything that is not as assumed, and all impossible responses, with what to type; see :func:`check_data`."""
    yield from _of_assumptions(learner, trials, None)
    for name, family in learner.responses.items():
        if family.in_data(trials):
            yield from _impossible_responses(learner, trials, name, family)


def _impossible_responses(learner: Learner, trials: Trials, name: str, family: ResponseFamily) -> Iterator[Message]:
    """Responses that their family cannot have, with all their rows."""
    observed = family.observed(trials, name)
    wrong = np.flatnonzero(family.impossible(observed))
    if not len(wrong):
        return
    column = column_of(trials, name)
    values = [f"{observed[t, 0]:g}" for t in wrong]
    several = {*values[1:]} != {values[0]} and len(wrong) > 1
    given = f"{some(tuple(dict.fromkeys(values)))}" if several else values[0]
    yield Message(
        f"the {family.plural} of {type(learner).__name__} are {family.range} ({family.name}), and {len(wrong)} of "
        f"{int((~family.missing(observed)).sum())} in the column {column!r} {'is' if len(wrong) == 1 else 'are'} not: {given}, "
        f"in {rows_of(trials, wrong)}\n    -> {family.remedy(observed, f'table[{column!r}]')}"
    )


def _of_assumptions(learner: Learner, trials: Trials, outcomes: Mapping[str, np.ndarray] | None) -> Iterator[Message]:
    """Everything that is not as assumed, with what to type."""
    if not learner.assumptions:
        return
    assumed, outcomes = learner.assumptions, trials.outcome if outcomes is None else outcomes
    yield from _about_actions(learner, trials)
    if assumed.action_of:
        yield from _about_parameters(learner, trials)
    if assumed.rows_are_trials:
        yield from _about_rows(learner, trials)
    if assumed.stages:
        amiss = tuple(stage_violations(learner, trials))
        yield from amiss
        if assumed.options and not amiss:  # else it is not known which stage a row is
            yield from _about_options(learner, trials, shown=outcomes is not trials.outcome)
    for name, roles in assumed.labels.items():
        if name != assumed.stage_column and name in trials.levels:
            yield from _about_roles(learner, trials, name, roles)
    for name, ends in assumed.outcome.items():
        if name in outcomes:
            yield from _about_range(learner, trials, name, outcomes[name], ends)
    if assumed.right_above:
        yield from _about_threshold(learner, outcomes)


def _about_actions(learner: Learner, trials: Trials) -> Iterator[Message]:
    """Another number of actions than assumed."""
    wanted, labels = learner.assumptions.actions, trials.levels.get("action")
    if wanted is None or labels is None or len(labels) == wanted:
        return
    if len(labels) < wanted:
        every = by_name(labels, learner.assumptions.labels.get("action", ()), some=True)
        remedy = Message("if actions were never chosen, declare all: ", Argument("actions", list(every or [...])))
    else:
        remedy = Message(
            f"recode the choices to {wanted} labels, the same in every row, or use a learner for as many actions; a code that says that there "
            "was no choice is declared by ", Argument("missing", [...]),
        )  # fmt: skip
    name = type(learner).__name__
    yield Message(f"{name} is about {wanted} actions; the data have {len(labels)}: {some(labels)}\n    -> ", remedy)


def _about_options(learner: Learner, trials: Trials, shown: bool) -> Iterator[Message]:
    """Other options than declared, if it is known which action is which."""
    labels, roles = trials.levels.get("action", ()), learner.assumptions.labels["action"]
    in_order = "action" in trials.declared or labels == tuple(range(len(labels)))
    actions = labels if in_order else by_name(labels, roles)
    if actions is not None and len(actions) == len(roles):
        yield from option_violations(learner, trials, actions, shown)


def _about_parameters(learner: Learner, trials: Trials) -> Iterator[Message]:
    """Free parameters of actions that the data lack, or actions for which the learner has no parameter."""
    name, about, labels = type(learner).__name__, learner.assumptions.action_of, trials.levels.get("action", ())
    most = max(about.values()) + 1
    if len(labels) > most:
        yield Message(
            f"{name} has parameters of {most} actions; the data have {len(labels)}: {some(labels)}\n    -> recode the choices to {most} labels "
            "at most, or use a learner for as many actions"
        )
        return
    idle = without_action(learner, len(labels)) if labels else []
    relative = without_reference(learner, trials) if learner.assumptions.relative and labels else []
    reasons = []
    if idle:
        reasons.append(
            f"the data have {len(labels)} ({some(labels)}), so that {', '.join(idle)} {'has' if len(idle) == 1 else 'have'} no effect"
        )
    if relative:
        sets = " and ".join(", ".join(names) for names in relative)
        reasons.append(
            f"the data have actions that are never available together with others, so that only differences within {sets} have an effect"
        )
    if reasons:
        first, *others = sorted({*idle, *(names[0] for names in relative)}, key=learner.names.index)
        yield Message(
            f"{name} has parameters of {most} actions; {'; and '.join(reasons)}\n    -> ",
            Restriction("fix", first, 0, f"{learner}.", others=tuple((other, 0) for other in others)),
        )  # fmt: skip


def _about_rows(learner: Learner, trials: Trials) -> Iterator[Message]:
    """Rows of which a row of the file has several, of a learner that takes each for a trial."""
    if trials.expansion is not None and trials.expansion.several:
        yield Message(
            f"{type(learner).__name__} takes the row before for the trial before; in these data a row of the file is several rows, of which only the "
            "last can show an outcome of the whole\n    -> use a learner of such rows; baselines of them are RandomResponding and ChoiceKernel, which ",
            Argument("baselines", True), " of compare fits",
        )  # fmt: skip


def without_action(learner: Learner, actions: int) -> list[str]:
    """The free parameters that are only about actions which do not exist, if there are so many ``actions``."""
    about = learner.assumptions.action_of
    missing = {name for name, action in about.items() if action >= actions}
    at_work = {learner.tied.get(name, name) for name in learner.declared if name not in missing}
    return [name for name in learner.free_fields if name in missing and name not in at_work]


def _about_roles(learner: Learner, trials: Trials, name: str, roles: tuple[str, ...]) -> Iterator[Message]:
    """Labels in an order that nobody declared, of a learner for which the order matters."""
    labels, subject = trials.levels[name], type(learner).__name__
    if name == "action" and len(labels) != len(roles):
        return  # refused already
    if len(labels) > len(roles):
        yield Message(
            f"{subject} knows {counted(len(roles), 'label')} of {name} ({', '.join(roles)}); the data have {len(labels)}: "
            f"{some(labels)}\n    -> leave out or recode the rows with other labels"
        )
        return
    used = roles[: len(labels)]
    wanted = by_name(labels, roles)
    alike = len(set(used)) == 1 and roles.count(used[0]) > 1
    if name in trials.declared or labels in (tuple(range(len(labels))), wanted) or alike:
        return
    taken = ", ".join(f"{label!r} as {role}" for label, role in zip(labels, used, strict=True))
    order = list(wanted) if wanted else [...]
    remedy = Argument("actions", order) if name == "action" else Argument("levels", {name: order})
    yield Message(
        f"{subject} takes {name} {taken}, because labels that are not declared are sorted\n    -> declare the labels in the order of these "
        f"roles ({', '.join(roles)}): ", remedy,
    )  # fmt: skip


def _about_range(learner: Learner, trials: Trials, name: str, values: np.ndarray, ends: Range) -> Iterator[Message]:
    """Outcomes outside the range that is assumed."""
    low, high = ends
    outside = int(((values < low) | (values > high)).sum())
    if not outside:
        return
    present = np.unique(values[~np.isnan(values)])
    least, most = float(present[0]), float(present[-1])
    column = f"table[{column_of(trials, name)!r}]"
    if (low, high) == (0.0, np.inf) and most <= 0:
        remedy = f"give the numbers without their sign, in the file or with pandas: {column} = -{column}"
    elif (low, high) == (0.0, 1.0) and len(present) == 2:
        remedy = f"code them as 0 and 1, in the file or with pandas: {column} = ({column} == {most:g}).astype(float)"
    elif (low, high) == (0.0, 1.0) and least >= 0:
        remedy = f"rescale them, in the file or with pandas: {column} = {column} / {most:g}"
    else:
        remedy = "rescale or recode them in the file"
    yield Message(
        f"{type(learner).__name__} assumes that {name} is {describe_range(ends)}; {outside} of {counted(values.size, 'value')} "
        f"{'is' if outside == 1 else 'are'} not (they range from {least:g} to {most:g})\n    -> {remedy}"
    )


def _about_threshold(learner: Learner, outcomes: Mapping[str, np.ndarray]) -> Iterator[Message]:
    """Different outcomes that all lie on one side of the threshold between wrong and right."""
    setting, kind = learner.assumptions.right_above, type(learner).__name__
    threshold, (values, distinct) = learner.settings[setting], _of_single(outcomes)
    right = int((values > threshold).sum())
    if 0 < right < len(values) or len(values) < (ENOUGH if len(distinct) == 2 else ENOUGH_GRADED) or len(distinct) < 2:
        return
    start = f"{kind} counts outcomes above {threshold:g} (its setting {setting}) as right, all others as wrong, and "
    side = "above" if right else "not above"
    if len(distinct) == 2:
        middle = float(distinct.mean())
        between: float = int(middle) if middle.is_integer() else middle
        yield Message(
            f"{start}all {len(values)} are {side} it: {distinct[0]:g} or {distinct[1]:g}\n    -> set it between them: ",
            LearnerSetting(kind, setting, between),
        )
    else:
        yield Message(
            f"{start}all {len(values)} are {side} it: {len(distinct)} different outcomes, from {distinct[0]:g} to {distinct[-1]:g}\n"
            "    -> say above which value an outcome is right in this task: ", LearnerSetting(kind, setting),
        )  # fmt: skip


def _of_single(outcomes: Mapping[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """The outcomes that are there, and the different ones among them."""
    values = outcomes.get("outcome", np.zeros(0)).ravel()
    values = values[~np.isnan(values)]
    return values, np.unique(values)


# -- notes -------------------------------------------------------------------------------------------------------------


def assumption_notes(learner: Learner, trials: Trials) -> tuple[Message, ...]:
    """What a user should know of how a learner reads these data: roles that labels have by sorting, and shares that were counted.

    Parameters
    ----------
    learner, trials
        The learner, and data that :func:`check_assumptions` does not refuse.

    Returns
    -------
    tuple of Message
        Sentences; their elements to type are arguments with plain values.
    """
    return tuple(_notes(learner, trials))


def _notes(learner: Learner, trials: Trials) -> Iterator[Message]:
    assumed = learner.assumptions
    if assumed.right_above and not assumed.graded:
        yield from _arbitrary_threshold(learner, trials)
    for name, setting in assumed.at_most.items():
        labels, most = trials.levels.get(name, ()), int(learner.settings[setting])
        if len(labels) > most:
            shared = f"{labels[0]} and {labels[most]}"
            yield Message(
                f"{len(labels)} {name}s and only {most} {setting}: {name}s share them in the order of labels ({shared} have the same), so that "
                "the result depends on this order"
            )
    if assumed.leads and assumed.probability:
        yield from _unexpected_share(learner, trials)
    yield from fewer_options(learner, trials)
    yield from _sorted_names(learner, trials)


def _arbitrary_threshold(learner: Learner, trials: Trials) -> Iterator[Message]:
    """How many of graded outcomes count as right, if nobody said what is right."""
    setting = learner.assumptions.right_above
    threshold, (values, distinct) = learner.settings[setting], _of_single(trials.outcome)
    if threshold == learner.fields[setting].value and len(distinct) > 2:  # type: ignore[union-attr]
        right = float((values > threshold).mean())
        yield Message(
            f"{type(learner).__name__} only distinguishes right and wrong, and the outcomes are graded, from {distinct[0]:g} to "
            f"{distinct[-1]:g}: {right:.0%} of them lie above its setting {setting} of {threshold:g}, and count as right"
        )


def _unexpected_share(learner: Learner, trials: Trials) -> Iterator[Message]:
    rows = StageRows(learner, trials)
    like, total = rows.transitions(rows.present)
    common = max(rows.common, 1 - rows.common)
    if total and abs(like - total * common) > UNEXPECTED * np.sqrt(total * common * (1 - common)):
        setting = learner.assumptions.probability
        yield Message(
            f"common transitions are {like / total:.1%} of {total} in the data, and {common:.0%} by the setting {setting} of "
            f"{type(learner).__name__}"
        )


def _sorted_names(learner: Learner, trials: Trials) -> Iterator[Message]:
    """Names that were sorted, of labels that the learner's source compares with numbers, or of actions that it names by number."""
    reading, assumed = Reading(learner), learner.assumptions
    compared = {
        column.levels: f"trial.{name} with {', '.join(str(each) for each in sorted(set(reads.constants)))}"
        for name, reads in reading.trial.items()
        if (column := trials.columns.get(name)) and column.levels and reads.label and reads.constants
    }
    if reading.ordered_actions:
        compared["action"] = f"actions with {', '.join(map(str, reading.ordered_actions))}"
    for name, what in compared.items():
        labels = trials.levels.get(name, ())
        known = name in trials.declared or name in assumed.labels or name == assumed.stage_column
        if known or not labels or labels == tuple(range(len(labels))):
            continue
        codes = ", ".join(f"{code} is {label!r}" for code, label in enumerate(labels[:8]))
        remedy = Argument("actions", list(labels)) if name == "action" else Argument("levels", {name: list(labels)})
        yield Message(
            f"{type(learner).__name__} compares {what}, and labels that are not declared are sorted: {codes}; if it means another order, declare "
            "the labels in that one, else in this: ", remedy,
        )  # fmt: skip
