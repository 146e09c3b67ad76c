"""Trials of several stages that are not as a learner assumes, in words: what the data show, and what to type."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from trialwise.base.english import counted
from trialwise.base.message import Argument, Message
from trialwise.data.reading.roles import PRE_CHOICE_ROLES
from trialwise.data.trials import Trials
from trialwise.learners.assumptions import by_name
from trialwise.learners.learner import Learner
from trialwise.learners.places import column_of, some
from trialwise.learners.stages import UNLIKE, StageRows


def stage_violations(learner: Learner, trials: Trials) -> Iterator[Message]:
    """What in the data is not as a learner with several stages assumes, each with what to type."""
    assumed, rows, name = learner.assumptions, StageRows(learner, trials), type(learner).__name__
    wanted = sum(map(len, assumed.stages))
    if len(rows.labels) != wanted:
        have = (
            f"{counted(len(rows.labels), 'label')} of {rows.column} ({some(rows.labels)})"
            if rows.labels
            else f"no column {rows.column}"
        )
        more: Message | str = ""
        if not rows.labels:
            role = rows.column in PRE_CHOICE_ROLES
            named = Argument(rows.column, ...) if role else Argument("labels", [rows.column])
            more = Message("\n    -> ", "if another column says it, name it: " if role else "keep the column: ", named)
        elif len(rows.labels) < wanted:
            declared = Argument("levels", {rows.column: [...]})
            more = Message("\n    -> if some labels do not occur by chance, declare all, in this order: ", declared)
        yield Message(
            f"{name} is about trials with {len(assumed.stages)} stages and {wanted} labels of {rows.column}; the data have {have}\n    -> "
            f"{_shape(rows)}", more,
        )  # fmt: skip
        return
    amiss, later = rows.out_of_place(rows.best), rows.later(rows.best)
    if amiss > max(UNLIKE * later, 1) and later:
        yield Message(
            f"{name} is about trials with {len(assumed.stages)} stages; in these data {amiss} of {counted(later, 'row')} of later stages do "
            f"not follow a row of the stage before (counted with {rows.labels[rows.best[0]]!r} as the first stage)\n    -> {_shape(rows)}"
        )
        return
    if amiss:
        yield _about_rows(rows, rows.best)
    if rows.verdict(rows.best) == "mixed":  # the order of labels can be seen when they are recoded
        yield _about_counterbalancing(rows)
    else:
        yield from _about_labels(rows)
    yield from _about_outcomes(rows)


def _about_labels(rows: StageRows) -> Iterator[Message]:
    """Labels that have other roles in the data than in their present order, or may have."""
    column = rows.trials.columns[rows.column].levels
    declared = column in rows.trials.declared
    coded = all(isinstance(label, int) for label in rows.labels)  # the file's own order, and the counts are seen below
    placed = rows.present in rows.fitting
    verdict = rows.verdict(rows.present)
    if (declared or coded) and placed and verdict != "contradicted":
        return
    roles = rows.learner.assumptions.labels.get(rows.column, ())
    named = None if rows.learner.assumptions.leads else by_name(rows.labels, roles)
    if named == rows.labels:
        if not placed:
            yield _about_rows(rows, rows.present)
        return
    taken = ", ".join(f"{label!r} as {role}" for label, role in zip(rows.labels, roles, strict=False))
    how = "" if declared or coded else " (labels that are not declared are sorted)"
    start = f"{type(rows.learner).__name__} takes {rows.column} {taken}{how}"
    decided = len(rows.fitting) == 1 and not rows.learner.assumptions.leads  # by the rows that follow each other alone
    if decided or rows.verdict(rows.best) == "confirmed":
        conclusion = "which the data confirm:" if rows.best == rows.present else "but in the data"
        yield Message(
            f"{start}, {conclusion} {_shown(rows, rows.best)}\n    -> declare the labels in the order of these roles: ",
            _declaration(rows, rows.best),
        )
        return
    if named is not None and not decided:
        yield Message(
            f"{start}\n    -> declare the labels in the order of the roles: ", Argument("levels", {column: list(named)})
        )
        return
    known = [{order[role] for order in rows.fitting} for role in rows.present]
    yield Message(
        f"{start}; the data do not decide whether that is right ({_shown(rows, rows.best)})\n    -> declare the labels in the order of these "
        "roles: ", _declaration(rows, [codes.pop() if len(codes) == 1 else None for codes in known]),
    )  # fmt: skip


def _about_rows(rows: StageRows, order: Sequence[int]) -> Message:
    """A few rows that, with this order of labels, do not follow a row of the stage before."""
    role, amiss = np.argsort(order)[rows.cue], rows.out_of_place(order)
    stage = np.zeros(len(rows.present), int)
    for number, codes in enumerate(rows.learner.assumptions.stages):
        stage[list(codes)] = number
    stage_of = stage[role]
    before = np.concatenate([[-1], stage_of[:-1]])
    before[rows.begins] = -1
    wrong = np.flatnonzero((stage_of > 0) & (before != stage_of - 1))
    places = ", ".join(_place(rows.trials, t) for t in wrong[:3]) + (", ..." if len(wrong) > 3 else "")
    first = " or ".join(repr(rows.labels[order[code]]) for code in rows.learner.assumptions.stages[0])
    return Message(
        f"{type(rows.learner).__name__} assumes that each row of a later stage directly follows one of the stage before ({rows.column} "
        f"{first}); {counted(amiss, 'row')} {'does' if amiss == 1 else 'do'} not: {places}\n    -> put the rows into the order in which they "
        "happened, add the missing row of the first stage with an empty choice, or leave the row out"
    )


def _about_counterbalancing(rows: StageRows) -> Message:
    """Choices that lead elsewhere for some participants than for others."""
    trials, (unlike, alike) = rows.trials, rows.sides(rows.best)
    assumed = rows.learner.assumptions
    action, code = next(iter(assumed.leads.items()))
    pair = [rows.labels[rows.best[each]] for each in assumed.leads.values()]
    name = type(rows.learner).__name__
    start = f"{name} assumes that choice {trials.levels['action'][action]!r} mostly leads to the same {rows.column} for everybody"
    if not len(unlike) or len(pair) != 2:
        return Message(
            f"{start}; in these data participants differ more than by chance, as if it were counterbalanced\n    -> recode {rows.column}, "
            "participant by participant, so that it does"
        )
    like, total = rows.by_participant(rows.best)
    likely = [trials.participants[n] for n in np.flatnonzero(like < total / 2)]
    decided = {*unlike.tolist(), *alike.tolist()}
    unclear = [label for n, label in enumerate(trials.participants) if n not in decided]
    few = f"; with few trials, that is uncertain for {some(unclear)}" if unclear else ""
    cue, owner = column_of(trials, rows.column), column_of(trials, "participant")
    swap = {pair[0]: pair[1], pair[1]: pair[0]}
    return Message(
        f"{start}; it mostly leads to {rows.labels[rows.best[code]]!r} for {counted(trials.n_participants - len(likely), 'participant')}, and to "
        f"another for {len(likely)} ({some(likely)}), as if it were counterbalanced{few}\n    -> recode {rows.column} for these {len(likely)}, in the file or with pandas: "
        f"table[{cue!r}] = table[{cue!r}].where(~table[{owner!r}].isin({likely!r}), table[{cue!r}].replace({swap!r}))"
    )


def _about_outcomes(rows: StageRows) -> Iterator[Message]:
    """Choices before the last stage without an outcome: a learner never hears of them."""
    trials, assumed = rows.trials, rows.learner.assumptions
    if "learn" not in rows.learner.methods or trials.choice is None or not trials.outcome:
        return
    role = np.argsort(rows.best)[rows.cue]
    last = np.isin(role, assumed.stages[-1])
    silent = trials.without_outcome & (trials.choice >= 0)
    wrong = np.flatnonzero(silent & ~last)
    name = type(rows.learner).__name__
    if len(wrong):
        codes = [rows.labels[rows.best[code]] for stage in assumed.stages[:-1] for code in stage]
        cue, outcome = column_of(trials, rows.column), column_of(trials, next(iter(trials.outcome)))
        which = f"== {codes[0]!r}" if len(codes) == 1 else f".isin({codes!r})"
        yield Message(
            f"{name} learns from every row with a choice and an outcome, and {counted(len(wrong), 'row')} of the first stage "
            f"{'has' if len(wrong) == 1 else 'have'} no outcome, so that it would not notice the choice ({_place(trials, wrong[0])})\n"
            f"    -> give these rows the outcome 0, in the file or with pandas: "
            f"table.loc[table[{cue!r}] {which}, {outcome!r}] = 0"
        )
    if last.any() and silent[last & (trials.choice >= 0)].all() and (last & (trials.choice >= 0)).any():
        yield Message(
            f"{name} learns from the outcome of the last stage, and no row of it has one\n    -> move the outcomes to the rows of the last "
            "stage, and give the others 0"
        )


def _shown(rows: StageRows, order: Sequence[int]) -> str:
    """What the data show, with numbers: which label begins the trials, and which action leads where."""
    assumed, choices = rows.learner.assumptions, rows.trials.levels.get("action", ())
    first = [order[code] for code in assumed.stages[0]]
    later = [order[code] for code in assumed.stages[1]]
    follows = int(rows.follows[np.ix_(first, later)].sum())
    names = " or ".join(repr(rows.labels[code]) for code in first)
    parts = [f"{names} comes before {follows:,} of {counted(rows.later(order), 'row')} with the other labels"]
    led = rows.led[first].sum(0)[:, later]
    for action in assumed.leads:
        total = int(led[action].sum()) if action < len(led) else 0
        if total:
            most = int(led[action].argmax())
            parts.append(
                f"choice {choices[action]!r} leads from there to {rows.labels[later[most]]!r} in {led[action][most] / total:.0%} "
                f"of {counted(total, 'trial')}"
            )
    return "; ".join(parts)


def _declaration(rows: StageRows, order: Sequence[int | None]) -> Message:
    """The labels in an order (None where a person has to say which), and the choices in theirs, as arguments to type."""
    name = rows.trials.columns[rows.column].levels or rows.column
    levels = Argument("levels", {name: [... if code is None else rows.labels[code] for code in order]})
    if not rows.learner.assumptions.leads:
        return Message(levels)
    return Message(levels, " and ", Argument("actions", list(rows.trials.levels.get("action", ()))))


def _shape(rows: StageRows) -> str:
    """The table that is wanted, in words and as an example."""
    assumed = rows.learner.assumptions
    roles = assumed.labels.get(rows.column, ())
    named = [f"{code} = {role}" for code, role in enumerate(roles)]
    stages = [code[0] for code in assumed.stages]
    learns = rows.learner.learns
    lines = [f"        participant,{rows.column},choice" + ",outcome" * learns]
    for number, code in enumerate(stages):
        chosen = assumed.labels["action"][assumed.options[number][-1]] if assumed.options else "1"
        lines.append(f"        s1,{code},{chosen}" + f",{int(code == stages[-1])}" * learns)
    meaning = f" ({', '.join(named)})" if named else ""
    return (
        f"a trial is {counted(len(stages), 'row')}, one for each stage, in this order; the column {rows.column} says which stage and "
        f"state a row is{meaning}{'; outcomes before the last stage are 0' * learns}:\n" + "\n".join(lines)
    )


def _place(trials: Trials, t: int) -> str:
    """Where a trial is: ``participant 'a', row 4 of the file``."""
    n = int(np.searchsorted(trials.offsets, t, side="right")) - 1
    where = f"row {trials.row[t]} of the file" if trials.row is not None else f"row {t - trials.offsets[n] + 1}"
    return f"participant {str(trials.participants[n])!r}, {where}"
