"""What a learner assumes of the data: the meaning of labels in their order, stages of a trial, and outcomes."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from trialwise.base.errors import LearnerError
from trialwise.data.expansion.declared import Expansion
from trialwise.data.expansion.given import Expand, as_expansion

type Range = tuple[float, float]


@dataclass(frozen=True)
class Assumptions:
    """What a learner assumes of the data, created by :func:`assumes`; by default nothing.

    Attributes
    ----------
    labels
        The role of each label, in order: ``{"cue": ("first stage", ...)}``.
    actions
        The number of actions, or None.
    outcome
        The range of each part of the outcome: ``{"outcome": (0.0, 1.0)}``; a single outcome is called ``"outcome"``.
    right_above
        The setting above which outcomes count as right, or ``""``.
    graded
        Whether graded outcomes are what the default of this setting is meant for.
    at_most
        The setting that gives the largest number of labels: ``{"context": "sets"}``.
    action_of
        The action that each of some parameters is about, counted from 0: ``{"bias_1": 1, "bias_2": 2}``.
    relative
        Whether only differences between these parameters of actions that are available together have an effect.
    rows_are_trials
        Whether the row before is the trial before.
    stage_column
        The column that says which stage of a trial a row is, or ``""``.
    stages
        Its codes in each stage, in the order of the stages.
    options
        The actions that are available in each stage; ``()`` if all are in every stage.
    leads
        The code in the second stage that each action in the first stage mostly leads to.
    probability
        The setting that gives the probability of these transitions, or ``""``.
    expansion
        How tables with a row a trial become rows as the learner reads them, in a form that readers accept; None if it does not say.
    """

    labels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    actions: int | None = None
    outcome: Mapping[str, Range] = field(default_factory=dict)
    right_above: str = ""
    graded: bool = False
    at_most: Mapping[str, str] = field(default_factory=dict)
    action_of: Mapping[str, int] = field(default_factory=dict)
    relative: bool = False
    rows_are_trials: bool = False
    stage_column: str = ""
    stages: tuple[tuple[int, ...], ...] = ()
    options: tuple[tuple[int, ...], ...] = ()
    leads: Mapping[int, int] = field(default_factory=dict)
    probability: str = ""
    expansion: Expansion | None = field(default=None, repr=False, compare=False)

    def __bool__(self) -> bool:
        """Whether anything is assumed."""
        return self != Assumptions()

    @property
    def settings(self) -> tuple[str, ...]:
        """The settings of the learner that are referred to."""
        return tuple(name for name in (self.right_above, self.probability, *self.at_most.values()) if name)

    @property
    def sentences(self) -> tuple[str, ...]:
        """Everything that is assumed, in words."""
        return tuple(self._sentences())

    def in_stage(self, codes: Sequence[int]) -> str:
        """The labels of a stage by their roles, or else by their codes: ``stage bet``, ``cue 1 or 2``."""
        roles = self.labels.get(self.stage_column) or range(max(codes) + 1)
        return f"{self.stage_column} {' or '.join(str(roles[code]) for code in codes)}"

    def _sentences(self) -> Iterator[str]:
        for name, roles in self.labels.items():
            yield f"labels of {name} in this order: " + ", ".join(f"{code} = {role}" for code, role in enumerate(roles))
        if self.actions is not None and "action" not in self.labels:
            yield f"{self.actions} actions"
        if self.stages:
            stages = (" or ".join(map(str, codes)) for codes in self.stages)
            order = ", then ".join(f"{self.stage_column} {codes}" for codes in stages)
            yield f"{len(self.stages)} rows a trial: {order}; for learning, each row has an outcome, 0 before the last"
        if self.options:
            actions_by_role = self.labels["action"]
            each = "; ".join(
                f"{self.in_stage(codes)}: {', '.join(actions_by_role[action] for action in actions)}"
                for codes, actions in zip(self.stages, self.options, strict=True)
            )
            yield f"the actions available in each stage, and no others: {each}"
        if self.leads:
            each = ", ".join(f"action {action} to {self.stage_column} {code}" for action, code in self.leads.items())
            yield f"first-stage choices mostly lead as follows, which is counted in the data: {each}"
        for name, (low, high) in self.outcome.items():
            yield f"{name} {describe_range((low, high))}"
        if self.right_above:
            yield f"outcomes above the setting {self.right_above} are right, all others wrong"
        for name, setting in self.at_most.items():
            yield f"no more {name}s than the setting {setting}"
        if self.action_of:
            known = ", ".join(f"{parameter} of action {action}" for parameter, action in self.action_of.items())
            yield f"{max(self.action_of.values()) + 1} actions, or fewer if parameters of the others are fixed: {known}"
        if self.relative:
            yield "one of these parameters fixed for each set of actions that are available together"
        if self.rows_are_trials:
            yield "each row is a trial, not one of several stages"


def assumes(
    *,
    actions: int | None = None,
    outcome: Sequence[float | None] | Mapping[str, Sequence[float | None]] | None = None,
    right_above: str = "",
    graded: bool = False,
    at_most: Mapping[str, str] | None = None,
    action_of: Mapping[str, int] | None = None,
    relative: bool = False,
    rows_are_trials: bool = False,
    stages: Sequence[Mapping[str, int | Sequence[int]]] = (),
    options: Sequence[Sequence[int | str]] = (),
    leads: Mapping[int, int] | None = None,
    probability: str = "",
    expand: Expand | None = None,
    **labels: Sequence[str],
) -> Assumptions:
    """Declare what a learner assumes of the data; they are checked against it before anything is computed.

    Written in the body of the class, under any name. A learner that treats all labels alike, and outcomes of any size, has nothing
    to declare.

    Parameters
    ----------
    actions
        The number of actions.
    outcome
        The range of the outcome, ``(0, 1)``; None for an end that is open; of several parts ``{"gain": (0, None), "loss": (0, None)}``.
    right_above
        The setting above which outcomes count as right, for a learner that only distinguishes right and wrong.
    graded
        Whether graded outcomes are what the default of this setting is meant for.
    at_most
        The setting that gives the largest number of labels: ``{"context": "sets"}``.
    action_of
        The action that each of some parameters is about, counted from 0: ``{"bias_1": 1, "bias_2": 2}``. Data with fewer actions are
        refused while the parameters of the others are free, since they would have no effect; data with more are refused.
    relative
        Whether only differences between these parameters have an effect, as those of a softmax. Actions that are never available together
        with others, as in the stages of a trial, are then to have one of their parameters fixed.
    rows_are_trials
        Whether the learner takes the row before for the trial before, so that rows of the stages of a trial are not for it.
    stages
        The rows of a trial in their order, each with the labels (codes from 0) by which it is recognised: ``[{"cue": 0}, {"cue": (1, 2)}]``.
    options
        The actions that are available in each of the stages, if they differ: codes from 0, ``[(0, 1), (2, 3, 4)]``, or roles,
        ``[("red", "blue"), ("5 %", "50 %", "95 %")]``; the actions are then those of all stages, in this order. Data have a row a stage, and
        ``available`` in each row; where they offer another action, or all of them, they are refused.
    leads
        For each action in the first stage, the label that it mostly leads to: ``{0: 1, 1: 2}``. This is counted in the data.
    probability
        The setting that gives the probability of these transitions.
    expand
        How a table with a row a trial becomes one with a row for each stage, as in :func:`trialwise.read_long`, which then accepts the learner
        as ``expand``.
    **labels
        The roles of labels in their order, for learners that do not treat all alike: ``cue=("first stage", "state 1", "state 2")``,
        ``action=("no-go", "go")``. Equal roles are interchangeable. Data may lack the last ones.

    Returns
    -------
    Assumptions
        For the body of the class.

    Raises
    ------
    LearnerError
        If an argument cannot be understood.
    UsageError
        If ``expand`` cannot be read.

    Examples
    --------
    >>> @tw.learner
    ... class BiasToGo:
    ...     bias: float = tw.real("bias to go, in logits")
    ...     data = tw.assumes(action=("no-go", "go"))
    ...
    ...     def choose(self, now, trial, preference):
    ...         preference[0] = 0.0
    ...         preference[1] = self.bias
    >>> BiasToGo().assumptions.sentences
    ('labels of action in this order: 0 = no-go, 1 = go',)

    Two choices of a trial, between two and between three actions:

    >>> @tw.learner
    ... class Bets:
    ...     bias: float = tw.real("bias to red, in logits")
    ...     boldness: float = tw.real("log odds of a bet against the next smaller one")
    ...     data = tw.assumes(
    ...         stage=("colour", "bet"), stages=[{"stage": 0}, {"stage": 1}], options=[("red", "blue"), ("low", "middle", "high")]
    ...     )
    ...
    ...     def choose(self, now, trial, preference):
    ...         preference[0] = self.bias
    ...         preference[1] = 0.0
    ...         for bet in range(2, 5):
    ...             preference[bet] = self.boldness * (bet - 2)
    >>> Bets().assumptions.sentences[-1]
    'the actions available in each stage, and no others: stage colour: red, blue; stage bet: low, middle, high'
    """
    declared = (
        ("stages", stages, Sequence),
        ("options", options, Sequence),
        ("leads", leads, Mapping),
        ("at_most", at_most, Mapping),
        ("action_of", action_of, Mapping),
    )
    for name, given, kind in declared:
        if given is not None and (isinstance(given, str) or not isinstance(given, kind)):
            raise LearnerError(
                f"assumes: {name} {given!r}; wanted a {'list' if kind is Sequence else 'mapping'}, as in its documentation"
            )
    roles = {name: _roles(name, each) for name, each in labels.items()}
    if actions is not None and (isinstance(actions, bool) or not isinstance(actions, int) or actions < 2):
        raise LearnerError(f"assumes: actions {actions!r}; wanted a number of actions, 2 or more")
    if "action" in roles:
        if actions not in (None, len(roles["action"])):
            raise LearnerError(
                f"assumes: {actions} actions, and the roles of action are {roles['action']}: the numbers of actions differ"
            )
        actions = len(roles["action"])
    for name, action in (action_of or {}).items():
        if isinstance(action, bool) or not isinstance(action, int) or action < 0:
            raise LearnerError(f"assumes: action_of {{{name!r}: {action!r}}}; wanted a number of an action, from 0")
    column, codes = _stages(stages)
    of_stage = _options(options, len(codes), roles)
    if of_stage:
        actions = len(roles["action"])
    mostly = dict(leads or {})
    if mostly and (len(codes) < 2 or not set(mostly.values()) <= set(codes[1])):
        raise LearnerError(
            f"assumes: leads {mostly}; wanted an action and a label of the second of the stages for each"
        )
    ranges: dict[str, Range] = {}
    if outcome is not None:
        parts = outcome if isinstance(outcome, Mapping) else {"outcome": outcome}
        ranges = {name: _range(each) for name, each in parts.items()}
    return Assumptions(
        labels=roles,
        actions=actions,
        outcome=ranges,
        right_above=right_above,
        graded=graded,
        at_most=dict(at_most or {}),
        action_of=dict(action_of or {}),
        relative=bool(relative),
        rows_are_trials=bool(rows_are_trials),
        stage_column=column,
        stages=codes,
        options=of_stage,
        leads=mostly,
        probability=probability,
        expansion=as_expansion(expand),
    )


def _roles(name: str, roles: object) -> tuple[str, ...]:
    if isinstance(roles, str) or not isinstance(roles, Sequence) or not all(isinstance(role, str) for role in roles):
        raise LearnerError(f"assumes: {name} {roles!r}; wanted the role of each label, in order: ('first', 'second')")
    return tuple(map(str, roles))


def _stages(stages: Sequence[object]) -> tuple[str, tuple[tuple[int, ...], ...]]:
    """The column of the stages, and its codes in each."""
    columns: set[str] = set()
    codes: list[tuple[int, ...]] = []
    for stage in stages:
        if not isinstance(stage, Mapping) or len(stage) != 1:
            raise LearnerError(f"assumes: a stage {stage!r}; wanted the labels of each stage, as in {{'cue': 0}}")
        ((name, each),) = stage.items()
        columns.add(name)
        own = (each,) if isinstance(each, int) else tuple(each) if isinstance(each, Sequence) else ()
        if not own or not all(isinstance(code, int) for code in own):
            raise LearnerError(f"assumes: a stage {stage!r}; wanted the labels of each stage, as in {{'cue': 0}}")
        codes.append(own)
    every = [code for each in codes for code in each]
    if len(columns) > 1 or len(codes) == 1 or sorted(every) != list(range(len(every))):
        raise LearnerError(
            f"assumes: stages {stages!r}; wanted two stages or more of one column, with each label, counted from 0, in one of them"
        )
    return next(iter(columns), ""), tuple(codes)


def _options(options: Sequence[object], stages: int, roles: dict[str, tuple[str, ...]]) -> tuple[tuple[int, ...], ...]:
    """The codes of the actions of each stage; without roles of actions, those of all stages in their order are added to ``roles``."""
    if not options:
        return ()
    wrong = (
        f"assumes: options {options!r}; wanted the actions of each of the stages, [('red', 'blue'), ('low', 'high')]"
    )
    named: dict[object, None] = {}
    for each in options:
        if isinstance(each, str) or not isinstance(each, Sequence) or not each or len({*each}) < len(each):
            raise LearnerError(wrong)
        named |= dict.fromkeys(each)
    if len(options) != stages:
        raise LearnerError(f"{wrong}; there are {stages or 'no'} stages")
    if all(isinstance(action, str) for action in named):
        known = roles.setdefault("action", tuple(map(str, named)))
    elif all(isinstance(action, int) and not isinstance(action, bool) for action in named):
        known = roles.get("action", ())
        if not known:
            raise LearnerError(f"{wrong}, or codes, if the roles of action are given as well")
    else:
        raise LearnerError(wrong)
    codes = {action: known.index(action) if action in known else action for action in named}
    unknown = [action for action, code in codes.items() if code not in range(len(known))]
    absent = [role for code, role in enumerate(known) if code not in codes.values()]
    if unknown or absent:
        what = f"{unknown[0]!r} is none of them" if unknown else f"{absent[0]!r} is in no stage"
        raise LearnerError(f"assumes: options {options!r}; the actions are {', '.join(known)}, and {what}")
    return tuple(tuple(codes[action] for action in each) for each in options)  # type: ignore[attr-defined, misc]


def _range(ends: object) -> Range:
    if isinstance(ends, str) or not isinstance(ends, Sequence) or len(ends) != 2:
        raise LearnerError(f"assumes: outcome {ends!r}; wanted a range, (0, 1), or one for each part of the outcome")
    try:
        low, high = (
            -float("inf") if ends[0] is None else float(ends[0]),
            float("inf") if ends[1] is None else float(ends[1]),
        )
    except (TypeError, ValueError):
        low, high = 1.0, 0.0
    if not low < high:
        raise LearnerError(f"assumes: outcome {ends!r}; wanted a range, the smaller number first: (0, 1)")
    return low, high


def describe_range(ends: Range) -> str:
    """A range in words: ``from 0 to 1``, ``0 or above``."""
    low, high = ends
    if high == float("inf"):
        return "of any size" if low == -float("inf") else f"of {low:g} or above"
    return f"of {high:g} or below" if low == -float("inf") else f"from {low:g} to {high:g}"


def by_name(labels: Sequence[Hashable], roles: Sequence[str], *, some: bool = False) -> tuple[Hashable, ...] | None:
    """The labels in the order of the roles that have the same names; None if names differ.

    With ``some``, labels may be fewer than roles, which then stand for those that are absent.
    """
    named = {"".join(filter(str.isalnum, str(label))).casefold(): label for label in labels}
    keys = ["".join(filter(str.isalnum, role)).casefold() for role in roles]
    if len(named) < len(labels) or not set(named) <= set(keys) or len({*keys}) < len(keys):
        return None
    if len(labels) < len(roles) and not some:
        return None
    return tuple(named.get(key, role) for key, role in zip(keys, roles, strict=True))


NOTHING = Assumptions()
"""What most learners assume."""
