"""Conditional whitening as PyMC transforms, for models with user priors of other families.

The default model is sampled by :mod:`trialwise.population.density`, which needs no PyTensor; these transforms provide the same
coordinates (:mod:`trialwise.population.geometry.whitening`) for any PyMC model with Normal participants.
"""

from __future__ import annotations

import numba
import numpy as np
import pytensor.tensor as pt
from pymc.logprob.transforms import Transform
from pytensor.gradient import disconnected_type
from pytensor.graph.basic import Apply
from pytensor.graph.op import Op
from pytensor.link.numba.dispatch.basic import register_funcify_default_op_cache_key

from trialwise.population.geometry.whitening import natural_to_whitened, whitened_to_natural, whitening_pullback


class Whiten(Op):
    """``(w, centre, z, owner, H, b) -> (u, log-Jacobian of each participant)``."""

    __props__ = ()

    def make_node(self, *inputs):
        inputs = [pt.as_tensor(x) for x in inputs]
        rows, people = inputs[5].type.shape, inputs[0].type.shape[:1]
        return Apply(self, inputs, [pt.tensor(dtype="float64", shape=rows), pt.tensor(dtype="float64", shape=people)])

    def perform(self, node, inputs, outputs):
        outputs[0][0], outputs[1][0] = whitened_to_natural(*inputs)

    def infer_shape(self, node, shapes):
        return [shapes[5], (shapes[0][0],)]

    def connection_pattern(self, node):
        return [[True, True]] * 3 + [[False, False]] * 3

    def pullback(self, inputs, outputs, cotangents):
        connected = [
            pt.zeros_like(out) if not hasattr(ct.type, "dtype") else ct
            for out, ct in zip(outputs, cotangents, strict=True)
        ]
        return [*WhitenPullback()(*inputs, *connected), *(disconnected_type() for _ in range(3))]


class WhitenPullback(Op):
    """The adjoint of :class:`Whiten`."""

    __props__ = ()

    def make_node(self, *inputs):
        inputs = [pt.as_tensor(x) for x in inputs]
        return Apply(self, inputs, [inputs[k].type() for k in range(3)])

    def perform(self, node, inputs, outputs):
        for out, value in zip(outputs, whitening_pullback(*inputs), strict=True):
            out[0] = value

    def infer_shape(self, node, shapes):
        return shapes[:3]


class Unwhiten(Op):
    """``(u, centre, z, owner, H, b) -> w``; used for starting points only."""

    __props__ = ()

    def make_node(self, *inputs):
        inputs = [pt.as_tensor(x) for x in inputs]
        return Apply(self, inputs, [inputs[0].type()])

    def perform(self, node, inputs, outputs):
        outputs[0][0] = natural_to_whitened(*inputs)

    def infer_shape(self, node, shapes):
        return shapes[:1]


class Carry(Op):
    """``(x, *data) -> x``: makes data part of the graph of a variable, so that PyMC finds what its transform needs."""

    __props__ = ()
    view_map = {0: [0]}

    def make_node(self, x, *data):
        inputs = [pt.as_tensor(v) for v in (x, *data)]
        return Apply(self, inputs, [inputs[0].type()])

    def perform(self, node, inputs, outputs):
        outputs[0][0] = inputs[0]

    def infer_shape(self, node, shapes):
        return shapes[:1]

    def connection_pattern(self, node):
        return [[True]] + [[False]] * (len(node.inputs) - 1)

    def pullback(self, inputs, outputs, cotangents):
        return [cotangents[0], *(disconnected_type() for _ in inputs[1:])]


@register_funcify_default_op_cache_key(Whiten)
def _compile_whiten(op, node, **kwargs):
    @numba.njit
    def whiten(w, centre, z, owner, curvature, linear):
        c = np.ascontiguousarray  # PyTensor may pass any memory layout
        return whitened_to_natural(c(w), c(centre), c(z), c(owner), c(curvature), c(linear))

    return whiten, 1


@register_funcify_default_op_cache_key(WhitenPullback)
def _compile_whiten_pullback(op, node, **kwargs):
    @numba.njit
    def whiten_pullback(w, centre, z, owner, curvature, linear, u_bar, jacobian_bar):
        c = np.ascontiguousarray
        return whitening_pullback(c(w), c(centre), c(z), c(owner), c(curvature), c(linear), c(u_bar), c(jacobian_bar))

    return whiten_pullback, 1


@register_funcify_default_op_cache_key(Unwhiten)
def _compile_unwhiten(op, node, **kwargs):
    @numba.njit
    def unwhiten(u, centre, z, owner, curvature, linear):
        c = np.ascontiguousarray
        return natural_to_whitened(c(u), c(centre), c(z), c(owner), c(curvature), c(linear))

    return unwhiten, 1


@register_funcify_default_op_cache_key(Carry)
def _compile_carry(op, node, **kwargs):
    @numba.njit
    def carry(x, *data):
        return x

    return carry, 1


class ConditionalWhitening(Transform):
    """The whitening as a PyMC transform of ``pm.Normal(centre, sd, shape=(participants, parameters))``.

    ``centre`` has one row per participant, or is one mean for all. ``curvature`` and ``linear`` are the expansion, as ``pm.Data`` of
    the model, so that other data need no recompilation; :meth:`carried` adds them to the graph of the mean.
    """

    name = "whitened"

    def __init__(self, curvature, linear):
        self.curvature, self.linear = curvature, linear

    def carried(self, centre):
        """``centre``, for the distribution that this transform belongs to."""
        return Carry()(centre, self.curvature, self.linear)

    def _arguments(self, value, inputs):
        centre, sd = inputs[-2:]
        owner = pt.arange(self.linear.shape[0])  # one row of parameters per participant
        return value, pt.atleast_2d(centre), sd.ravel(), owner, self.curvature, self.linear

    def backward(self, value, *inputs):
        return Whiten()(*self._arguments(value, inputs))[0]

    def log_jac_det(self, value, *inputs):
        return Whiten()(*self._arguments(value, inputs))[1]

    def forward(self, value, *inputs):
        return Unwhiten()(*self._arguments(value, inputs))


class NonCentred(Transform):
    """The non-centred parametrisation, ``u = mu + sd w``."""

    name = "non_centred"

    def backward(self, value, *inputs):
        return inputs[-2] + inputs[-1] * value

    def log_jac_det(self, value, *inputs):
        return pt.log(inputs[-1]).sum() * pt.ones(value.shape[0])

    def forward(self, value, *inputs):
        return (value - inputs[-2]) / inputs[-1]
