r"""Learners for all phases of the alien task, including the test phases without feedback.

Codes are those of :class:`~trialwise.environments.AlienExperiment`: contexts 0 to 2 are the seasons, 3 is the hidden season and 4
the novel season; ``asked`` is 0 for an item, 1 for a comparison of two seasons and 2 for a comparison of two aliens of one season.
The learning rules are those of the learners for the initial learning phase, whose methods are called here.

**Hidden season.** It has values of its own, which are reset at each announced change of season: to their initial values or, with
``carried``, to what was learnt about the three seasons before the phase began. The paper's text describes the first, its final
code the second. **Comparisons** and **novel season** are described for each learner below.

``beta_test`` is a free parameter where the published simulations used a temperature of 1: ``.fix(beta_test=1)`` reproduces them.
Their flat learner compared seasons at an inverse temperature of 0, ``.fix(beta_high=0)``, and was therefore indifferent. In the
published simulations no forgetting took place in comparisons and in the novel season; here values are forgotten there too, unless
``frozen`` is set.

Source: Eckstein & Collins (2020), PNAS 117(47):29381, Methods, and their code.
"""

from typing import Any

from trialwise.learners.assumptions import assumes
from trialwise.learners.decorator import learner
from trialwise.learners.parameters import constant, hidden, positive, unit
from trialwise.learners.state import memory, state
from trialwise.learners.zoo.hierarchical_bayes import HierarchicalBayes
from trialwise.learners.zoo.q_learning import QLearning
from trialwise.learners.zoo.task_sets import TaskSets

CONTEXTS = ("season", "season", "season", "hidden season", "novel season", "training")
ASKED = ("an item", "the better of two seasons", "the better of two aliens")

ONE_PHASE: dict[str, Any] = {kind.__name__: kind for kind in (QLearning, TaskSets, HierarchicalBayes)}
flat_elapse, flat_learn = (ONE_PHASE["QLearning"].methods[name] for name in ("elapse", "learn"))
sets_elapse, bayes_elapse = (ONE_PHASE[name].methods["elapse"] for name in ("TaskSets", "HierarchicalBayes"))


@learner
class AlienQLearning:
    r"""Flat Q-learning in all phases of the alien task: values of items for each alien in each season.

    .. math::

        \text{item:} \quad & p(a) = \mathrm{softmax}_a\, \beta\, Q[x, s, a] \\
        \text{seasons:} \quad & p(c) = \mathrm{softmax}_c\, \beta_\mathrm{high} \tfrac14 \textstyle\sum_s \max_a Q[c, s, a] \\
        \text{aliens:} \quad & p(s) = \mathrm{softmax}_s\, \beta_\mathrm{test} \max_a Q[x, s, a] \\
        \text{novel season:} \quad & p(a) = \mathrm{softmax}_a\, \beta_\mathrm{test} \tfrac13 \textstyle\sum_x Q[x, s, a]

    Learning and forgetting are those of :class:`QLearning`. A block of the hidden season starts from :math:`Q_0` or, with
    ``carried``, from the mean of the seasons' values at the beginning of the hidden phase. Signal: ``error``.

    The flat model of Eckstein & Collins (2020, PNAS 117(47):29381), which had :math:`\beta_\mathrm{high} = 0` (indifference between
    seasons) and :math:`\beta_\mathrm{test} = 1`.
    """

    alpha: float = unit("learning rate", mean=-1.0)
    beta: float = positive("inverse temperature", mean=1.0)
    forget: float = unit("forgetting rate", mean=-2.0)
    beta_high: float = positive("inverse temperature in comparisons of seasons")
    beta_test: float = positive("inverse temperature in comparisons of aliens and in the novel season")
    initial: float = constant(1.2, "value before any outcome")
    carried: bool = constant(
        False, "a hidden block starts from what was learnt about the seasons, not from initial values"
    )
    frozen: bool = constant(False, "no forgetting in comparisons and in the novel season")
    data = assumes(context=CONTEXTS, asked=ASKED)

    def start(self, task):
        return state(
            value=task.table("context", "cue", "action", fill=self.initial),
            known=task.table("cue", "action"),
            begun=memory(0),
        )

    def over_seasons(self, value, cue, action):
        return (value[0, cue, action] + value[1, cue, action] + value[2, cue, action]) / 3.0

    def reset(self, now, trial):
        for cue in range(len(now.known)):
            for action in range(len(now.known[cue])):
                if now.begun == 0:
                    now.known[cue, action] = self.over_seasons(now.value, cue, action)
                known = now.known[cue, action]
                now.value[trial.context, cue, action] = known if self.carried else self.initial
        now.begun = 1

    def choose(self, now, trial, preference):
        preference[:] = 0.0  # comparisons have two options: the third action is not available
        if trial.asked == 1:
            for side in range(len(trial.option_context)):
                worth = 0.0
                for cue in range(4):
                    worth += max(now.value[trial.option_context[side], cue]) / 4.0
                preference[side] = self.beta_high * worth
        elif trial.asked == 2:
            for side in range(len(trial.option_cue)):
                preference[side] = self.beta_test * max(now.value[trial.context, trial.option_cue[side]])
        else:
            for action in range(len(preference)):
                if trial.context == 4:
                    preference[action] = self.beta_test * self.over_seasons(now.value, trial.cue, action)
                else:
                    preference[action] = self.beta * now.value[trial.context, trial.cue, action]

    def elapse(self, now, trial):
        if not (self.frozen and (trial.asked != 0 or trial.context == 4)):
            flat_elapse(self, now.value, trial)

    def learn(self, now, trial, choice, outcome):
        error = flat_learn(self, now.value, trial, choice, outcome)
        return error


@learner
class AlienTaskSets:
    r"""Task sets in all phases of the alien task.

    .. math::

        \text{item:} \quad & p(z) \propto \exp(\beta_\mathrm{high}\, H[x, z]), \qquad p(a \mid z) \propto \exp(\beta\, Q[z, s, a]) \\
        \text{seasons:} \quad & p(c) = \mathrm{softmax}_c\, \beta_\mathrm{high} \max_k H[c, k] \\
        \text{aliens:} \quad & p(z) \text{ as above}, \qquad p(s \mid z) = \mathrm{softmax}_s\, \beta_\mathrm{test} \max_a Q[z, s, a] \\
        \text{novel season:} \quad & p(z) \propto \exp(\beta_\mathrm{high} \max_x H[x, z]), \qquad
            p(a \mid z) \propto \exp(\beta_\mathrm{test}\, Q[z, s, a])

    Learning and forgetting are those of :class:`TaskSets`. In a block of the hidden season the values of sets :math:`H` start from
    :math:`Q_0` or, with ``carried``, from each set's largest value over seasons at the beginning of the hidden phase; the values
    :math:`Q` within sets are not reset. Signals: ``error`` and ``error_high``.

    The hierarchical model of Eckstein & Collins (2020, PNAS 117(47):29381), with 1 for :math:`\beta_\mathrm{test}`.
    """

    alpha: float = unit("learning rate", mean=-1.0)
    beta: float = positive("inverse temperature", mean=1.0)
    forget: float = unit("forgetting rate", mean=-2.0)
    alpha_high: float = unit("learning rate of task sets", mean=-1.0)
    beta_high: float = positive("inverse temperature of task sets and in comparisons of seasons")
    forget_high: float = unit("forgetting rate of task sets", mean=-2.0)
    beta_test: float = positive("inverse temperature in comparisons of aliens and in the novel season")
    initial: float = constant(1.2, "value before any outcome")
    carried: bool = constant(
        False, "a hidden block starts from what was learnt about the seasons, not from initial values"
    )
    frozen: bool = constant(False, "no forgetting in comparisons and in the novel season")
    sets: int = hidden(3, "number of task sets", exchangeable=True)
    data = assumes(context=CONTEXTS, asked=ASKED)

    def start(self, task):
        return state(
            low=task.table(self.sets, "cue", "action", fill=self.initial),
            high=task.table("context", self.sets, fill=self.initial),
            known=task.table(self.sets),
            fresh=self.initial + 0.0,
            begun=memory(0),
        )

    def reset(self, now, trial):
        for k in range(self.sets):
            if now.begun == 0:
                now.known[k] = max(now.high[0, k], now.high[1, k], now.high[2, k])
            now.high[trial.context, k] = now.known[k] if self.carried else now.fresh
        now.begun = 1

    def hide(self, now, trial, preference):
        for k in range(len(preference)):
            served = now.high[trial.context, k]
            if trial.context == 4:
                served = max(now.high[0, k], now.high[1, k], now.high[2, k])
            preference[k] = self.beta_high * served

    def choose(self, now, trial, task_set, preference):
        if trial.asked == 0:
            beta = self.beta_test if trial.context == 4 else self.beta
            for action in range(len(preference)):
                preference[action] = beta * now.low[task_set, trial.cue, action]
            return
        preference[:] = 0.0  # comparisons have two options: the third action is not available
        if trial.asked == 1:
            for side in range(len(trial.option_context)):
                worth = now.high[trial.option_context[side], 0]
                for k in range(1, self.sets):
                    worth = max(worth, now.high[trial.option_context[side], k])
                preference[side] = self.beta_high * worth
        elif trial.asked == 2:
            for side in range(len(trial.option_cue)):
                worth = now.low[task_set, trial.option_cue[side], 0]
                for action in range(1, len(preference)):
                    worth = max(worth, now.low[task_set, trial.option_cue[side], action])
                preference[side] = self.beta_test * worth

    def elapse(self, now, trial):
        if not (self.frozen and (trial.asked != 0 or trial.context == 4)):
            sets_elapse(self, now, trial)

    learn = ONE_PHASE["TaskSets"].methods["learn"]


ALL_PHASES: Any = AlienTaskSets


@learner
class AlienHierarchicalBayes:
    r"""Inference over task sets in all phases of the alien task.

    As :class:`AlienTaskSets`, with the probability of a set in a season, :math:`P[x, k]`, in place of its value :math:`H`, and with
    :math:`Q` the expected probability of a correct choice; learning and forgetting are those of :class:`HierarchicalBayes`. A block
    of the hidden season starts from equal probabilities of all sets or, with ``carried``, from the largest probability of each set
    over seasons. Choices with rewards above ``right_above`` count as correct. Signals: ``error`` and ``surprise``.

    The Bayesian model of Eckstein & Collins (2020, PNAS 117(47):29381); ``published=True`` reproduces its code.
    """

    alpha: float = unit("learning rate", mean=-1.0)
    beta: float = positive("inverse temperature", mean=1.5, per_outcome=False)
    forget: float = unit("forgetting rate", mean=-2.0)
    beta_high: float = positive(
        "inverse temperature of task sets and in comparisons of seasons", mean=1.5, per_outcome=False
    )
    forget_high: float = unit("forgetting rate of task sets", mean=-2.0)
    beta_test: float = positive(
        "inverse temperature in comparisons of aliens and in the novel season", mean=1.5, per_outcome=False
    )
    right_above: float = constant(1.5, "outcomes above this value count as correct")
    published: bool = constant(False, "use a set's expectation as its likelihood after correct and wrong choices alike")
    carried: bool = constant(
        False, "a hidden block starts from what was learnt about the seasons, not from initial values"
    )
    frozen: bool = constant(False, "no forgetting in comparisons and in the novel season")
    sets: int = hidden(3, "number of task sets", exchangeable=True)
    data = assumes(right_above="right_above", graded=True, context=CONTEXTS, asked=ASKED)

    def start(self, task):
        return state(
            low=task.table(self.sets, "cue", "action", fill=1.0 / task.size("action")),
            high=task.table("context", self.sets, fill=1.0 / self.sets),
            known=task.table(self.sets),
            fresh=1.0 / self.sets,
            chance=1.0 / task.size("action"),
            begun=memory(0),
        )

    def elapse(self, now, trial):
        if not (self.frozen and (trial.asked != 0 or trial.context == 4)):
            bayes_elapse(self, now, trial)

    reset = ALL_PHASES.methods["reset"]
    hide = ALL_PHASES.methods["hide"]
    choose = ALL_PHASES.methods["choose"]
    learn = ONE_PHASE["HierarchicalBayes"].methods["learn"]
