"""Inspection: a summary of the data, cautions about them, and a command to continue with."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from os import PathLike, fspath
from typing import TYPE_CHECKING

import numpy as np

from trialwise.base.english import counted
from trialwise.base.errors import UsageError
from trialwise.base.expects import NAME, expects
from trialwise.base.message import Argument, Message
from trialwise.base.result import Finding, Result
from trialwise.base.rows import rows_of
from trialwise.data.as_trials import DATA, Data, read_data
from trialwise.data.expansion.declared import Repeats, Stages
from trialwise.data.expansion.given import EXPAND, Expand, as_expansion
from trialwise.data.reading.measures import measures_of
from trialwise.data.trials import Trials
from trialwise.learners.learner import Learner
from trialwise.learners.responses import possible_families
from trialwise.learners.stages import StageRows
from trialwise.learners.violations import assumption_notes, violations

if TYPE_CHECKING:
    import pandas as pd

FEWEST_STAGED = 20
"""Fewest rows of a later stage, all after one of the stage before, that show that rows are stages of trials."""

ALWAYS = {Stages: "choice in one of the stages", Repeats: "number of repetitions"}
"""What the rule ``same == 1`` is about in expanded files."""

FEW_TRIALS = 30
"""Fewest trials of a participant without a warning: with fewer, the estimates depend mostly on the group."""


@dataclass(frozen=True)
class Summary:
    """Summary statistics of one column; NaN if all values are missing."""

    count: int
    missing: int
    min: float
    mean: float
    sd: float
    max: float


@dataclass(frozen=True, repr=False)
class Inspection(Result):
    """The result of :func:`inspect`.

    Attributes
    ----------
    participants, trials
        Numbers of participants and trials.
    trials_each
        Fewest, median and most trials of a participant.
    missed_choices, missing_outcomes
        Numbers of trials; None if the data contain no choices, or no outcomes.
    labels
        The labels of each set, e.g. ``{"context": (0, 1, 2), "action": ("left", "right")}``.
    declared
        The sets whose labels were declared rather than inferred.
    choice_shares
        Share of each action among all choices, summing to 1.
    outcomes, responses, numbers
        A :class:`Summary` of each outcome, response and real column known before the choice.
    by_context
        ``{context: (trials, mean of each outcome)}``, in the order of :attr:`outcomes`; empty without contexts.
    mapping
        The column in which each role was found.
    learner
        The learner suggested as a first model, or None if none is applicable.
    why
        The reason for this suggestion, or what the data lack.
    next_command
        The command to type next on the command line.
    resets
        Number of trials before which the learner's state is reset, beside each participant's first.
    families
        For each response, the response families that it can have, see :attr:`trialwise.responses`.
    findings
        Noteworthy features of the data, each a caution.

    Examples
    --------
    >>> inspection = tw.inspect(tw.load_data("alien_flat").trials)
    >>> print(inspection.headline)
    Inspection(30 participants, 13200 trials)
    >>> {action: round(share, 2) for action, share in inspection.choice_shares.items()}
    {0: 0.32, 1: 0.34, 2: 0.34}
    """

    participants: int
    trials: int
    trials_each: tuple[int, float, int]
    missed_choices: int | None
    missing_outcomes: int | None
    labels: Mapping[str, tuple[Hashable, ...]]
    declared: frozenset[str]
    choice_shares: Mapping[Hashable, float]
    outcomes: Mapping[str, Summary]
    responses: Mapping[str, Summary]
    numbers: Mapping[str, Summary]
    by_context: Mapping[Hashable, tuple[int, tuple[float, ...]]]
    mapping: Mapping[str, str]
    learner: str | None
    why: str
    next_command: str
    resets: int = 0
    families: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()

    @property
    def warnings(self) -> tuple[Finding, ...]:
        """The findings."""
        return self.findings

    @property
    def headline(self) -> str:
        """The numbers of participants and trials."""
        return f"Inspection({counted(self.participants, 'participant')}, {self.trials} trials)"

    def tables(self, *, rounded: bool = True) -> dict[str, pd.DataFrame]:
        """All results as tables of text, in reading order; empty tables are left out.

        Parameters
        ----------
        rounded
            Whether numbers are rounded for reading.

        Returns
        -------
        dict
            Tables by title.
        """
        import pandas as pd

        def figure(value: float) -> str:
            return f"{value:.4g}" if rounded else repr(float(value))

        def table(rows: Iterable[tuple[str, ...]], *header: str) -> pd.DataFrame:
            return pd.DataFrame(list(rows), columns=list(header))

        shares = (
            (str(action), f"{share:.3f}" if rounded else repr(float(share)))
            for action, share in self.choice_shares.items()
        )
        tables = {
            "columns": table(self.mapping.items(), "role", "found in"),
            "counts": table(self._counts(), "what", "number"),
            "labels": table(self._labels(), "set", "number", "labels", "how"),
            "numbers": table(self._numbers(figure), "column", "missing", "min", "mean", "sd", "max"),
            "responses": table(
                ((name, ", ".join(families)) for name, families in self.families.items()),
                "response",
                "possible families",
            ),
            "choices": table(shares, "action", "share"),
            "contexts": table(self._contexts(figure), "context", "trials", *(f"mean {name}" for name in self.outcomes)),
        }
        return {title: each for title, each in tables.items() if len(each)}

    def __str__(self) -> str:
        """All tables and warnings, for printing."""
        return "\n\n".join(map(str, [*(rows_of(*each) for each in self.tables().items()), *self.findings]))

    def _counts(self) -> Iterator[tuple[str, str]]:
        few, median, many = self.trials_each
        yield "participants", str(self.participants)
        yield "trials", str(self.trials)
        yield "trials each", str(few) if few == many else f"{few} to {many} (median {median:g})"
        if self.missed_choices is not None:
            yield "missed choices", _of(self.missed_choices, self.trials)
        if self.missing_outcomes is not None:
            yield "trials without outcome", _of(self.missing_outcomes, self.trials)
        if self.resets:
            yield "resets of the state", str(self.resets)

    def _labels(self) -> Iterator[tuple[str, str, str, str]]:
        for name, labels in self.labels.items():
            how = "declared" if name in self.declared else "inferred"
            yield name, str(len(labels)), _brief(labels, 12), how

    def _numbers(self, figure: Callable[[float], str]) -> Iterator[tuple[str, ...]]:
        for name, column in {**self.numbers, **self.responses, **self.outcomes}.items():
            yield name, str(column.missing), *map(figure, (column.min, column.mean, column.sd, column.max))

    def _contexts(self, figure: Callable[[float], str]) -> Iterator[tuple[str, ...]]:
        for label, (count, means) in self.by_context.items():
            yield str(label), str(count), *map(figure, means)


@expects(trials=DATA, command_options=NAME, expand=EXPAND)
def inspect(trials: Data, *, command_options: str = "", expand: Expand | None = None) -> Inspection:
    """Summarise a data set and report noteworthy features.

    Parameters
    ----------
    trials
        The trials of all participants; or a path or a DataFrame, which is read with all roles recognised.
    command_options
        Files and options of the command that read the trials, to be repeated in :attr:`Inspection.next_command`; by default the path.
    expand
        How a row of a table that is read becomes several trials, as for :func:`trialwise.read_long`.

    Returns
    -------
    Inspection
        Nothing is printed.

    Raises
    ------
    UsageError
        If ``expand`` is given for trials that were read already.
    DataError
        As :func:`trialwise.read_long`, for a path or a DataFrame.

    Examples
    --------
    >>> inspection = tw.inspect(tw.load_data("alien_task_sets").trials)
    >>> inspection.participants, inspection.trials_each, inspection.learner
    (30, (440, 440.0, 440), 'QLearning')
    """
    if isinstance(trials, str | PathLike):
        given = {} if expand is None else {"expand": str(as_expansion(expand))}
        words = [fspath(trials), *(word for name, text in given.items() for word in (f"--{name}", text))]
        command_options = command_options or shlex.join(words)
    if expand is not None and isinstance(trials, Trials):
        raise UsageError(
            Argument("expand", ...),
            " is for tables that are read; these trials are read already: give it to read_long",
        )
    trials = trials if isinstance(trials, Trials) else read_data(trials, expand=expand)
    outcomes = {name: _summary(values) for name, values in trials.outcome.items()}
    responses = {name: _summary(values) for name, values in trials.response.items()}
    staged = _for_stages(trials)
    amiss = tuple(violations(staged, trials)) if staged else ()
    declarations = _declarations(amiss, trials)
    learner, why = _suggestion(trials) if staged is None else _staged_suggestion(staged, declarations)
    words = ["trialwise fit", learner or "LEARNER", command_options, declarations or "", "-o results"]
    lengths = trials.lengths
    return Inspection(
        participants=trials.n_participants,
        trials=trials.n_trials,
        trials_each=(int(lengths.min()), float(np.median(lengths)), int(lengths.max()))
        if len(lengths)
        else (0, 0.0, 0),
        missed_choices=None if trials.choice is None else int((trials.choice < 0).sum()),
        missing_outcomes=int(trials.without_outcome.sum()) if trials.outcome else None,
        labels=dict(trials.levels),
        declared=trials.declared,
        choice_shares=_choice_shares(trials),
        outcomes=outcomes,
        responses=responses,
        numbers={name: _summary(c.values.ravel()) for name, c in trials.columns.items() if c.levels is None}
        | ({} if trials.rt is None else {"rt": _summary(trials.rt)}),
        by_context=_by_context(trials),
        mapping=dict(trials.mapping),
        resets=0 if trials.reset is None else int(trials.reset.sum()),
        families={name: tuple(each.name for each in possible_families(trials, name)) for name in trials.response},
        findings=(*_cautions(trials, outcomes), *_about_assumptions(staged, trials, amiss)),
        learner=learner,
        why=why,
        next_command=" ".join(word for word in words if word),
    )


def _summary(values: np.ndarray) -> Summary:
    present = values[~np.isnan(values)]
    missing = len(values) - len(present)
    if not len(present):
        return Summary(0, missing, *[float("nan")] * 4)
    statistics = (present.min(), present.mean(), present.std(), present.max())
    return Summary(len(present), missing, *(float(statistic) for statistic in statistics))


def _choice_shares(trials: Trials) -> dict[Hashable, float]:
    if trials.choice is None:
        return {}
    actions = trials.levels["action"]
    counts = np.bincount(trials.choice[trials.choice >= 0], minlength=len(actions))
    total = int(counts.sum()) or 1  # if all choices were missed, shares are zero
    return {label: int(count) / total for label, count in zip(actions, counts, strict=True)}


def _by_context(trials: Trials) -> dict[Hashable, tuple[int, tuple[float, ...]]]:
    if "context" not in trials.columns:
        return {}
    codes, labels = trials.columns["context"].values, trials.levels[trials.columns["context"].levels or "context"]
    summaries = {}
    for n, label in enumerate(labels):
        rows = codes == n
        means = tuple(_summary(values[rows]).mean for values in trials.outcome.values())
        summaries[label] = (int(rows.sum()), means)
    return summaries


def _suggestion(trials: Trials) -> tuple[str | None, str]:
    if len(trials.outcome) > 1:
        names = ", ".join(f"outcome.{name}" for name in trials.outcome)
        return None, f"several outcomes: use a learner that reads {names}, built in or your own"
    if trials.expansion is not None:
        return None, "a row of the file is several trials: use a learner that tells them apart, built in or your own"
    for name, values in trials.outcome.items():
        summary = _summary(values)
        if not summary.min < summary.max:  # nor if both are NaN
            return None, f"nothing can be learnt from the {name}, see above; name another column, or correct the data"
    if trials.choice is not None and trials.outcome:
        return "QLearning", "choices and outcomes: values learnt by prediction error"
    if trials.response and trials.outcome:
        return "RescorlaWagner", "responses and outcomes without choices: an expectation learnt by prediction error"
    if trials.choice is not None:
        return None, "choices without outcomes: nothing to learn from; name the outcome, or use a learner of your own"
    return None, "responses without outcomes: nothing to learn from; name the outcome, or use a learner of your own"


def _staged_suggestion(learner: Learner, declarations: str | None) -> tuple[str | None, str]:
    """A learner of several stages, and why; or why not yet, if the data have to be changed before."""
    name, assumed = type(learner).__name__, "; ".join(learner.assumptions.sentences)
    if declarations is None:
        return (
            None,
            f"trials of several rows, one for each stage, as {name} reads them; but first do what the findings on {name} say",
        )
    return name, f"trials of several rows, one for each stage; assumes {assumed}"


def _declarations(amiss: Sequence[Message], trials: Trials) -> str | None:
    """Options that declare labels, as the findings say: all that has to be done before a fit; None if that is more, or needs an answer."""
    options = []
    for message in amiss:
        arguments = [each for each in message.inputs if isinstance(each, Argument)]
        if not arguments or len(arguments) < len(message.inputs):
            return None
        for each in arguments:
            sets = each.value if each.name == "levels" else {"action": each.value} if each.name == "actions" else None
            if sets is None:
                return None
            for name, labels in sets.items():
                texts = [str(label) for label in labels]
                if ... in labels or any("," in text or text != text.strip() for text in texts):
                    return None  # only a person can say, or only in Python
                of_set = ",".join(texts) if each.name == "actions" else f"{name}={','.join(texts)}"
                declared = name in trials.declared and list(trials.levels[name]) == list(labels)
                options += [f"--{each.name} {shlex.quote(of_set)}"] * (not declared)
    return " ".join(dict.fromkeys(options))


def _about_assumptions(learner: Learner | None, trials: Trials, amiss: Sequence[Message]) -> Iterator[Finding]:
    """What has to be declared, or known, before the suggested learner is fitted."""
    if learner is not None:
        for message in amiss or assumption_notes(learner, trials):
            yield _caution("assumptions", message, [type(learner).__name__])


def _for_stages(trials: Trials) -> Learner | None:
    """A built-in learner for trials of several stages, if the rows follow each other as it assumes."""
    from trialwise.learners import BUILT_IN

    for learner in (kind() for kind in BUILT_IN.values()):
        rows, assumed = StageRows(learner, trials), learner.assumptions
        staged = bool(assumed.stages) and len(rows.labels) == sum(map(len, assumed.stages))
        fits = staged and bool(trials.outcome) and trials.sizes.get("action") == assumed.actions
        if fits and rows.later(rows.best) >= FEWEST_STAGED and not rows.out_of_place(rows.best):
            return learner
    return None


def _cautions(trials: Trials, outcomes: Mapping[str, Summary]) -> Iterator[Finding]:
    for note in trials.notes:
        yield _caution("reading", note)
    inferred = [name for name in trials.levels if name not in trials.declared | {"block", "session"}]
    if inferred:
        yield _caution(
            "inferred-labels",
            Message(
                f"the labels of {', '.join(inferred)} were inferred from the data, so that labels that never occur are missing;"
                " declare them if there are more (", Argument("actions", [...]), ", ", Argument("levels", {...}), ")",
            ),
            inferred,
        )  # fmt: skip
    yield from _about_participants(trials)
    for name, summary in outcomes.items():
        yield from _about_outcome(name, summary, scales_prior=trials.choice is not None)
    if trials.choice is not None and trials.outcome:
        count = int(((trials.choice < 0) & ~trials.without_outcome).sum())
        if count:
            yield _caution(
                "outcome-without-choice",
                f"{_of(count, trials.n_trials)} trials have an outcome but no choice: only a learner with watch learns from them",
            )
    if trials.scored is not None:
        count = int((trials.responded & ~trials.scored).sum())
        yield _caution(
            "forced-responses",
            f"{_of(count, int(trials.responded.sum()))} responses were not the participants' own: they teach and do not enter the likelihood",
        )


def _caution(code: str, sentence: str, about: Iterable[Hashable] = ()) -> Finding:
    return Finding("caution", code, sentence, about=tuple(map(str, about)))


def _about_participants(trials: Trials) -> Iterator[Finding]:
    lengths, participants = trials.lengths, trials.participants
    if len(set(lengths.tolist())) > 1:
        message = f"participants have {lengths.min()} to {lengths.max()} trials: no problem, none is padded or dropped"
        yield _caution("unequal-trials", message)
    few = [str(label) for label, length in zip(participants, lengths, strict=True) if length < FEW_TRIALS]
    if few:
        message = (
            f"{_of(len(few), len(participants))} participants have fewer than {FEW_TRIALS} trials ({_brief(few, 8)})"
        )
        yield _caution("few-trials", f"{message}: their estimates will depend mostly on the group", few)
    if trials.choice is None:
        return
    measures = measures_of(trials).values  # so that the rule that is suggested leaves out those who are named
    same, none, often = [], [], []
    for n, (label, start, stop) in enumerate(zip(participants, trials.offsets, trials.offsets[1:], strict=False)):
        responses = int(trials.own[start:stop].sum())
        if responses == 0:
            none.append(label)
        elif responses > 1 and measures["trials"][n] > 1 and measures["same"][n] == 1:
            same.append(label)
        if responses and measures["missed"][n] > 0.2:
            often.append(label)
    if none:
        yield _caution(
            "no-choices",
            f"no choice {'at all' if trials.scored is None else 'of their own'}: participants {_brief(none, 8)}",
            none,
        )
    if same:
        what = "action" if trials.expansion is None else ALWAYS[type(trials.expansion)]
        words = f"always the same {what}: participants {_brief(same, 8)}; consider leaving them out, "
        yield _caution("one-action", Message(words, Argument("exclude", "same == 1")), same)
    if often:
        what = "the choices" if trials.expansion is None else "the rows of the file have a choice that was"
        yield _caution("many-missed", f"more than a fifth of {what} missed: participants {_brief(often, 8)}", often)


def _about_outcome(name: str, summary: Summary, *, scales_prior: bool) -> Iterator[Finding]:
    if summary.count == 0:
        yield _caution("no-outcomes", f"every {name} is missing: nothing can be learnt")
    elif summary.min == summary.max:
        yield _caution(
            "constant-outcome", f"every {name} is {summary.min:g}: nothing can be learnt about what is better"
        )
    elif not scales_prior:  # an inverse temperature is of choices
        return
    elif summary.sd > 20 or max(abs(summary.min), abs(summary.max)) >= 100:
        yield _caution(
            "large-outcome",
            f"the {name} has an SD of {summary.sd:.3g} (from {summary.min:g} to {summary.max:g}): the default"
            " prior of beta scales with SD(outcome), and priors of your own should do so too; are these the units you meant?",
        )


def _of(count: int, total: int) -> str:
    return f"{count} of {total}" + (f" ({count / total:.1%})" if total and count else "")


def _brief(labels: Sequence[Hashable], most: int) -> str:
    return ", ".join(str(label) for label in labels[:most]) + (", ..." if len(labels) > most else "")
