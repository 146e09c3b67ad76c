"""The likelihood of a learner as a PyTensor operation, and as an observed distribution in any PyMC model."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import pymc as pm
import pytensor
import pytensor.tensor as pt
from pytensor.gradient import DisconnectedType, disconnected_type
from pytensor.graph.basic import Apply
from pytensor.graph.op import Op
from pytensor.link.numba.dispatch.basic import register_funcify_and_cache_key

from trialwise.base.errors import LearnerError, UsageError, did_you_mean
from trialwise.base.expects import NAME, brief, expects
from trialwise.data.as_trials import DATA, Data, as_trials
from trialwise.data.trials import Trials
from trialwise.engine import cache
from trialwise.learners.learner import LEARNER, Learner
from trialwise.likelihoods.kinds import likelihood_of
from trialwise.likelihoods.likelihood import Likelihood

if TYPE_CHECKING:
    from pytensor.tensor.variable import TensorVariable

INPUTS = ("rows", "offsets", "ints", "reals", "sizes", "numbers")
"""The data that a kernel reads besides the observed responses, in the kernel's order; each is a ``pm.Data`` of the model."""


class LogLikelihood(Op):
    """``(free, constants, rows, offsets, observed, ints, reals, sizes, numbers) -> (log-likelihood, gradient)``.

    ``free`` is ``(rows, parameters)`` on the natural scale; the outputs are ``(segments,)`` and ``(segments, parameters)``. The
    gradient comes with the value in one pass, so the pullback is the cotangent times the second output. The data are
    inputs: the compiled operation serves other data of the same layout (columns, number of actions) too.
    """

    __props__ = ("key",)

    def __init__(self, likelihood: Likelihood):
        learner, packed = likelihood.learner, likelihood.packed
        if not likelihood.has_gradient:
            raise LearnerError(
                f"{learner} makes an unobserved choice: its likelihood can only be estimated, by particles, but PyMC's samplers need "
                "an exact, differentiable likelihood. Use trialwise.fit, which integrates over the hidden choice"
            )
        self.key = cache.key("op", __name__, cache.text(__file__), learner.key, packed.layout)
        self.columns = packed.all_slots
        self.kernel: Callable = likelihood.arrangement.kernel

    def make_node(self, free, constants, *data):
        inputs = [pt.as_tensor(x) for x in (free, constants, *data)]
        return Apply(self, inputs, [pt.dvector("log_likelihood"), pt.dmatrix("gradient")])

    def perform(self, node, inputs, outputs):
        free, *rest = inputs
        _check(free, rest[1], self.columns)
        outputs[0][0], outputs[1][0] = self.kernel(np.ascontiguousarray(free, np.float64), *rest)

    def infer_shape(self, node, shapes):
        segments = shapes[3][0] - 1
        return [(segments,), (segments, shapes[0][1])]

    def connection_pattern(self, node):
        return [[True, False]] + [[False, False]] * (len(node.inputs) - 1)

    def pullback(self, inputs, outputs, cotangents):
        if isinstance(cotangents[0].type, DisconnectedType):
            by_segment = pt.zeros_like(outputs[1])
        else:
            by_segment = cotangents[0][:, None] * outputs[1]
        free, rows = inputs[0], inputs[2]
        slope = pt.inc_subtensor(pt.zeros_like(free)[rows], by_segment)
        return [slope, *(disconnected_type() for _ in inputs[1:])]


def _check(free, rows, columns):
    """Compiled and interpreted: the kernel does not look where parameters end."""
    if free.shape[1] != columns or (len(rows) > 0 and free.shape[0] <= rows.max()):
        raise ValueError(
            "parameters of another shape than (participants, free parameters) of the learner and the trials"
        )


@register_funcify_and_cache_key(LogLikelihood)
def _compile_log_likelihood(op, node, **kwargs):
    """Compile to the kernel itself, with a key of the learner: otherwise Numba would run an outdated kernel from its cache."""
    import numba

    kernel, columns = op.kernel, op.columns
    check = numba.njit(_check)

    @numba.njit
    def log_likelihood(free, constants, rows, offsets, observed, ints, reals, sizes, numbers):
        check(free, rows, columns)
        return kernel(np.ascontiguousarray(free), constants, rows, offsets, observed, ints, reals, sizes, numbers)

    return log_likelihood, op.key


@expects(name=NAME, learner=LEARNER, trials=DATA)
def likelihood(name: str, learner: Learner, trials: Data, **parameters: Any) -> TensorVariable:
    """Add the trials as an observed distribution to your own PyMC model, with any priors.

    ::

        with pm.Model(coords={"participant": trials.participants}):
            alpha = pm.Beta("alpha", 2, 5, dims="participant")
            beta = pm.Gamma("beta", 2, 1, dims="participant")
            tw.likelihood("choices", tw.QLearning().fix(forget=0), trials, alpha=alpha, beta=beta)

    The log-density has one value per participant; random draws are one-step predictions, each trial's response given the
    recorded trials before it. The data are ``pm.Data`` of the model, named ``<name>_ints`` and so on, packed for this learner and
    these columns: for other trials, build another model.

    Parameters
    ----------
    name
        Name of the observed variable.
    learner, trials
        As for :func:`log_likelihood`.
    **parameters
        Every free parameter by name, on its natural scale: tensors ``(participants,)`` or scalars.

    Returns
    -------
    TensorVariable
        The observed variable, ``(trials,)``; ``(trials, columns)`` if a trial has more than one observed number.

    Raises
    ------
    UsageError
        For missing or unknown parameters.
    LearnerError
        If the learner cannot be compiled.

    Examples
    --------
    >>> trials = tw.load_data("alien_flat").trials.select([0, 1, 2]).first(60)
    >>> import pymc as pm
    >>> with pm.Model(coords={"participant": trials.participants}) as model:
    ...     alpha = pm.Beta("alpha", 2, 5, dims="participant")
    ...     beta = pm.Gamma("beta", 2, 1, dims="participant")
    ...     choices = tw.likelihood("choices", tw.QLearning(initial=1.2).fix(forget=0), trials, alpha=alpha, beta=beta)
    >>> choices.name, [variable.name for variable in model.free_RVs]
    ('choices', ['alpha', 'beta'])
    """
    trials = as_trials(trials, warn=True)
    for parameter in parameters:
        if parameter not in learner.names:
            raise UsageError(
                f"{learner} has no parameter '{parameter}'. {did_you_mean(parameter, learner.names, 'parameters')}"
            )
    missing = [parameter for parameter in learner.names if parameter not in parameters]
    if missing:
        raise UsageError(f"{learner} needs {', '.join(missing)}: likelihood(..., {missing[0]}=...)")
    count = trials.n_participants
    if pm.Model.get_context(error_if_none=False) is None:
        raise UsageError("likelihood(...) adds to a PyMC model: write it inside `with pm.Model():`")
    columns = [
        pt.broadcast_to(_tensor(parameter, parameters[parameter], count), (count,)) for parameter in learner.names
    ]
    return observe(name, learner, trials, pt.stack(columns, axis=1))


def _data(name: str, array: np.ndarray) -> Any:
    """Data of a PyMC model, NaN included: a missing outcome is NaN to the learner, which ``pm.Data`` refuses.

    Missing responses need no NaN: flags among the whole numbers say which they are, so that the number in their place is not read.
    """
    if not np.isnan(array).any():
        return pm.Data(name, array)
    model = pm.modelcontext(None)
    shared = pytensor.shared(array, name=model.name_for(name))
    model.register_data_var(shared)
    return shared


def _tensor(parameter: str, value: Any, count: int) -> Any:
    """A user's value of a parameter as a scalar, or a vector with one entry per participant."""
    wanted = f"wanted a number, a variable of PyMC, or one value for each of {count} participants"
    try:
        tensor = pt.as_tensor(value)
    except Exception as error:
        raise UsageError(f"likelihood(..., {parameter}={brief(value)}): {wanted}") from error
    length = tensor.type.shape[0] if tensor.ndim == 1 else None
    if tensor.ndim > 1 or length not in (None, 1, count):
        raise UsageError(f"likelihood(..., {parameter}=...) has shape {tensor.type.shape}: {wanted}")
    return tensor


def observe(name: str, learner: Learner, trials: Trials, free: TensorVariable) -> TensorVariable:
    """:func:`likelihood` with the parameters as one matrix ``(participants, parameters)``."""
    exact = likelihood_of(learner, trials)
    op = LogLikelihood(exact)
    constants, rows, offsets, observed, ints, reals, sizes, numbers = exact.arrangement.arguments
    parts = dict(zip(INPUTS, (rows, offsets, ints, reals, sizes, numbers), strict=True))
    settings = pm.Data(f"{name}_constants", constants)
    data = [_data(f"{name}_{part}", array) for part, array in parts.items()]

    univariate = observed.shape[1] == 1

    def logp(value, free, constants, rows, offsets, ints, reals, sizes, numbers):
        return op(free, constants, rows, offsets, value[:, None] if univariate else value, ints, reals, sizes, numbers)[
            0
        ]

    def random(free, *_, rng=None, size=None):
        drawn = exact.draw(np.asarray(free, float), exact.random_numbers(rng))
        return drawn[:, 0] if univariate else drawn

    return pm.CustomDist(
        name,
        free,
        settings,
        *data,
        logp=logp,
        random=random,
        signature=f"(r,p),(k),(s),(o),(t,a),(t,b),(z),(u)->{'(t)' if univariate else '(t,c)'}",
        dtype=str(observed.dtype),
        observed=pm.Data(f"{name}_observed", np.nan_to_num(observed[:, 0] if univariate else observed)),
        class_name=learner.family.plural.title(),
    )
