"""The whitening as PyTensor operations, for models with user priors of other families.

The default model is sampled by :mod:`trialwise.population.density`, which needs no PyTensor; these operations provide the same
coordinates (:mod:`trialwise.population.geometry.whitening`) for any PyMC model with Normal effects.
"""

from __future__ import annotations

import numba
import numpy as np
import pytensor.tensor as pt
from pytensor.gradient import disconnected_type
from pytensor.graph.basic import Apply
from pytensor.graph.op import Op
from pytensor.link.numba.dispatch.basic import register_funcify_default_op_cache_key

from trialwise.population.geometry.whitening import whitened_to_effects, whitening_pullback


class Whiten(Op):
    """``(w, coefficients, L, curvature, linear, mixed) -> (v, y, log-volume)``, see
    :func:`trialwise.population.geometry.whitening.whitened_to_effects`."""

    __props__ = ()

    def make_node(self, *inputs):
        inputs = [pt.as_tensor(x) for x in inputs]
        shape = inputs[0].type.shape
        return Apply(self, inputs, [pt.tensor(dtype="float64", shape=s) for s in (shape, shape, shape[:1])])

    def perform(self, node, inputs, outputs):
        for out, value in zip(outputs, whitened_to_effects(*inputs), strict=True):
            out[0] = value

    def infer_shape(self, node, shapes):
        return [shapes[0], shapes[0], (shapes[0][0],)]

    def connection_pattern(self, node):
        return [[True] * 3] * 3 + [[False] * 3] * 3

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


@register_funcify_default_op_cache_key(Whiten)
def _compile_whiten(op, node, **kwargs):
    @numba.njit
    def whiten(w, coefficients, lower, curvature, linear, mixed):
        c = np.ascontiguousarray  # PyTensor may pass any memory layout
        return whitened_to_effects(c(w), c(coefficients), c(lower), c(curvature), c(linear), c(mixed))

    return whiten, 2


@register_funcify_default_op_cache_key(WhitenPullback)
def _compile_whiten_pullback(op, node, **kwargs):
    @numba.njit
    def whiten_pullback(w, coefficients, lower, curvature, linear, mixed, v_bar, y_bar, volume_bar):
        c = np.ascontiguousarray
        return whitening_pullback(
            c(w), c(coefficients), c(lower), c(curvature), c(linear), c(mixed), c(v_bar), c(y_bar), c(volume_bar)
        )

    return whiten_pullback, 2
