"""What a learner assumes of the data: the meaning of labels in their order, stages of a trial, and outcomes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from trialwise.base.errors import LearnerError

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
    stage_column
        The column that says which stage of a trial a row is, or ``""``.
    stages
        Its codes in each stage, in the order of the stages.
    leads
        The code in the second stage that each action in the first stage mostly leads to.
    probability
        The setting that gives the probability of these transitions, or ``""``.
    """

    labels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    actions: int | None = None
    outcome: Mapping[str, Range] = field(default_factory=dict)
    right_above: str = ""
    graded: bool = False
    at_most: Mapping[str, str] = field(default_factory=dict)
    action_of: Mapping[str, int] = field(default_factory=dict)
    stage_column: str = ""
    stages: tuple[tuple[int, ...], ...] = ()
    leads: Mapping[int, int] = field(default_factory=dict)
    probability: str = ""

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

    def _sentences(self) -> Iterator[str]:
        for name, roles in self.labels.items():
            yield f"labels of {name} in this order: " + ", ".join(f"{code} = {role}" for code, role in enumerate(roles))
        if self.actions is not None and "action" not in self.labels:
            yield f"{self.actions} actions"
        if self.stages:
            stages = (" or ".join(map(str, codes)) for codes in self.stages)
            order = ", then ".join(f"{self.stage_column} {codes}" for codes in stages)
            yield f"{len(self.stages)} rows a trial: {order}; with an outcome in each row, 0 before the last"
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


def assumes(
    *,
    actions: int | None = None,
    outcome: Sequence[float | None] | Mapping[str, Sequence[float | None]] | None = None,
    right_above: str = "",
    graded: bool = False,
    at_most: Mapping[str, str] | None = None,
    action_of: Mapping[str, int] | None = None,
    stages: Sequence[Mapping[str, int | Sequence[int]]] = (),
    leads: Mapping[int, int] | None = None,
    probability: str = "",
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
    stages
        The rows of a trial in their order, each with the labels (codes from 0) by which it is recognised: ``[{"cue": 0}, {"cue": (1, 2)}]``.
    leads
        For each action in the first stage, the label that it mostly leads to: ``{0: 1, 1: 2}``. This is counted in the data.
    probability
        The setting that gives the probability of these transitions.
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
    """
    for name, given, kind in (
        ("stages", stages, Sequence), ("leads", leads, Mapping), ("at_most", at_most, Mapping), ("action_of", action_of, Mapping)
    ):  # fmt: skip
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
        roles,
        actions,
        ranges,
        right_above,
        graded,
        dict(at_most or {}),
        dict(action_of or {}),
        column,
        codes,
        mostly,
        probability,
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


NOTHING = Assumptions()
"""What most learners assume."""
