r"""Conditional whitening: coordinates in which a hierarchical posterior is about a standard Normal.

Given the group's means :math:`\mu` and spreads (:math:`D = \mathrm{diag}(sd^2)`), participant n's posterior is about Normal with
precision :math:`A_n = H_n + D^{-1} = L_n L_n'`. Instead of :math:`u_n` the sampler moves :math:`w_n`:

.. math::

    u_n = \mu + A_n^{-1} (b_n - H_n \mu) + L_n'^{-1} w_n, \qquad \log |\partial u_n / \partial w_n| = -\sum_k \log L_{n,kk}

The density is exact whatever the quality of the expansion; only the geometry depends on it. Where the data say much
this is nearly the centred form, where they say little the non-centred one, participant by participant and direction by
direction: no funnel is left, and no ridge between parameters.
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


@numba.njit(nogil=True, cache=True)
def _cholesky(a):
    """Lower Cholesky factor of a small matrix, in place of its lower triangle."""
    size = a.shape[0]
    for j in range(size):
        for k in range(j):
            a[j, j] -= a[j, k] * a[j, k]
        a[j, j] = np.sqrt(a[j, j])
        for i in range(j + 1, size):
            for k in range(j):
                a[i, j] -= a[i, k] * a[j, k]
            a[i, j] /= a[j, j]


@numba.njit(nogil=True, cache=True)
def _solve(lower, x):
    """``x <- L^{-1} x``, in place."""
    for i in range(len(x)):
        for k in range(i):
            x[i] -= lower[i, k] * x[k]
        x[i] /= lower[i, i]


@numba.njit(nogil=True, cache=True)
def _solve_transposed(lower, x):
    """``x <- L'^{-1} x``, in place."""
    for i in range(len(x) - 1, -1, -1):
        for k in range(i + 1, len(x)):
            x[i] -= lower[k, i] * x[k]
        x[i] /= lower[i, i]


@numba.njit(nogil=True, cache=True)
def _prepare(n, mu, sd, curvature, linear, lower, shift):
    """Factor ``A_n`` into ``lower`` and put ``L^{-1} (b - H mu)`` into ``shift``."""
    size = len(mu)
    for i in range(size):
        for j in range(size):
            lower[i, j] = curvature[n, i, j]
        lower[i, i] += 1.0 / (sd[i] * sd[i])
        shift[i] = linear[n, i]
        for j in range(size):
            shift[i] -= curvature[n, i, j] * mu[j]
    _cholesky(lower)
    _solve(lower, shift)


@numba.njit(nogil=True, cache=True)
def whitened_to_natural(w, mu, sd, curvature, linear):
    """``u (participants, parameters)`` and the log-Jacobian of each participant."""
    people, size = w.shape
    u, jacobian = np.empty((people, size)), np.zeros(people)
    lower, x = np.empty((size, size)), np.empty(size)
    for n in range(people):
        _prepare(n, mu, sd, curvature, linear, lower, x)
        for i in range(size):
            x[i] += w[n, i]
            jacobian[n] -= np.log(lower[i, i])
        _solve_transposed(lower, x)
        for i in range(size):
            u[n, i] = mu[i] + x[i]
    return u, jacobian


@numba.njit(nogil=True, cache=True)
def natural_to_whitened(u, mu, sd, curvature, linear):
    """The inverse: ``w (participants, parameters)``."""
    people, size = u.shape
    w = np.empty((people, size))
    lower, shift = np.empty((size, size)), np.empty(size)
    for n in range(people):
        _prepare(n, mu, sd, curvature, linear, lower, shift)
        for i in range(size):
            total = -shift[i]
            for k in range(i, size):
                total += lower[k, i] * (u[n, k] - mu[k])
            w[n, i] = total
    return w


@numba.njit(nogil=True, cache=True)
def whitening_pullback(w, mu, sd, curvature, linear, u_bar, jacobian_bar):
    """Cotangents of ``w``, ``mu`` and ``sd`` from those of ``u`` and the log-Jacobian.

    The adjoint of the Cholesky factor is Murray's (2016, arXiv:1602.07527), for the diagonal of A alone.
    """
    people, size = w.shape
    w_bar, mu_bar, sd_bar = np.empty((people, size)), np.zeros(size), np.zeros(size)
    lower, shift, x, y_bar, c_bar = (
        np.empty((size, size)), np.empty(size), np.empty(size), np.empty(size), np.empty(size),
    )  # fmt: skip
    lower_bar, inner, column = np.empty((size, size)), np.empty((size, size)), np.empty(size)
    for n in range(people):
        _prepare(n, mu, sd, curvature, linear, lower, shift)
        for i in range(size):
            x[i] = shift[i] + w[n, i]
            y_bar[i] = u_bar[n, i]
        _solve_transposed(lower, x)
        _solve(lower, y_bar)
        for i in range(size):
            c_bar[i] = y_bar[i]
            w_bar[n, i] = y_bar[i]
        _solve_transposed(lower, c_bar)
        for i in range(size):
            for j in range(i + 1):
                lower_bar[i, j] = -x[i] * y_bar[j] - c_bar[i] * shift[j]
            lower_bar[i, i] -= jacobian_bar[n] / lower[i, i]
            mu_bar[i] += u_bar[n, i]
            for j in range(size):
                mu_bar[i] -= curvature[n, i, j] * c_bar[j]
        # inner = lower triangle of L' L_bar, its diagonal halved
        for i in range(size):
            for j in range(size):
                inner[i, j] = 0.0
                if j <= i:
                    for k in range(i, size):
                        inner[i, j] += lower[k, i] * lower_bar[k, j]
            inner[i, i] *= 0.5
        # diagonal of L'^{-1} inner L^{-1}: only it feels sd
        for k in range(size):
            for i in range(size):
                column[i] = 1.0 if i == k else 0.0
            _solve(lower, column)  # L^{-1} e_k
            total = 0.0
            for i in range(size):
                for j in range(i + 1):
                    total += column[i] * inner[i, j] * column[j]
            sd_bar[k] -= 2.0 * total / (sd[k] * sd[k] * sd[k])
    return w_bar, mu_bar, sd_bar


class Whiten(Op):
    """``(w, mu, sd, H, b) -> (u, log-Jacobian of each participant)``."""

    __props__ = ()

    def make_node(self, *inputs):
        inputs = [pt.as_tensor(x) for x in inputs]
        static = inputs[0].type.shape
        return Apply(self, inputs, [pt.tensor(dtype="float64", shape=static), pt.tensor(dtype="float64", shape=static[:1])])

    def perform(self, node, inputs, outputs):
        outputs[0][0], outputs[1][0] = whitened_to_natural(*inputs)

    def infer_shape(self, fgraph, node, shapes):
        return [shapes[0], (shapes[0][0],)]

    def connection_pattern(self, node):
        return [[True, True]] * 3 + [[False, False]] * 2

    def pullback(self, inputs, outputs, cotangents):
        given = [
            pt.zeros_like(out) if not hasattr(ct.type, "dtype") else ct
            for out, ct in zip(outputs, cotangents, strict=True)
        ]
        return [*WhitenPullback()(*inputs, *given), disconnected_type(), disconnected_type()]


class WhitenPullback(Op):
    """The adjoint of :class:`Whiten`."""

    __props__ = ()

    def make_node(self, *inputs):
        inputs = [pt.as_tensor(x) for x in inputs]
        return Apply(self, inputs, [inputs[k].type() for k in range(3)])

    def perform(self, node, inputs, outputs):
        for out, value in zip(outputs, whitening_pullback(*inputs), strict=True):
            out[0] = value

    def infer_shape(self, fgraph, node, shapes):
        return shapes[:3]


class Unwhiten(Op):
    """``(u, mu, sd, H, b) -> w``; used for starting points only."""

    __props__ = ()

    def make_node(self, *inputs):
        inputs = [pt.as_tensor(x) for x in inputs]
        return Apply(self, inputs, [inputs[0].type()])

    def perform(self, node, inputs, outputs):
        outputs[0][0] = natural_to_whitened(*inputs)

    def infer_shape(self, fgraph, node, shapes):
        return shapes[:1]


def _contiguous(function, count):
    """The kernel on C-contiguous copies, whatever layout PyTensor hands over."""
    c = np.ascontiguousarray
    if count == 5:
        return numba.njit(lambda a, b, d, e, f: function(c(a), c(b), c(d), c(e), c(f)))
    return numba.njit(lambda a, b, d, e, f, g, h: function(c(a), c(b), c(d), c(e), c(f), c(g), c(h)))


@register_funcify_default_op_cache_key(Whiten)
def _whiten_numba(op, node, **kwargs):
    return _contiguous(whitened_to_natural, 5), 1


@register_funcify_default_op_cache_key(WhitenPullback)
def _whiten_pullback_numba(op, node, **kwargs):
    return _contiguous(whitening_pullback, 7), 1


@register_funcify_default_op_cache_key(Unwhiten)
def _unwhiten_numba(op, node, **kwargs):
    return _contiguous(natural_to_whitened, 5), 1


class ConditionalWhitening(Transform):
    """The whitening as a PyMC transform of ``pm.Normal(mu, sd, shape=(participants, parameters))``.

    ``curvature`` and ``linear`` are the expansion: ``pm.Data`` of the model, so that other data need no new compilation.
    """

    name = "whitened"

    def __init__(self, curvature, linear):
        self.curvature, self.linear = curvature, linear

    def _arguments(self, value, inputs):
        mu, sd = inputs[-2:]  # PyMC hands them over as rows
        return value, mu.ravel(), sd.ravel(), self.curvature, self.linear

    def backward(self, value, *inputs):
        return Whiten()(*self._arguments(value, inputs))[0]

    def log_jac_det(self, value, *inputs):
        return Whiten()(*self._arguments(value, inputs))[1]

    def forward(self, value, *inputs):
        return Unwhiten()(*self._arguments(value, inputs))


class NonCentred(Transform):
    """``u = mu + sd w``: plainly non-centred."""

    name = "non_centred"

    def backward(self, value, *inputs):
        return inputs[-2] + inputs[-1] * value

    def log_jac_det(self, value, *inputs):
        return pt.log(inputs[-1]).sum() * pt.ones(value.shape[0])

    def forward(self, value, *inputs):
        return (value - inputs[-2]) / inputs[-1]


class Affine(Transform):
    """``x = centre + factor z``, or its exponential: whitens a vector of group parameters by their expected posterior."""

    name = "affine"
    ndim_supp = 1

    def __init__(self, centre, factor, positive: bool = False):
        self.centre, self.factor, self.positive = centre, factor, positive

    def backward(self, value, *inputs):
        x = self.centre + pt.dot(self.factor, value)
        return pt.exp(x) if self.positive else x

    def log_jac_det(self, value, *inputs):
        jacobian = pt.log(pt.diag(self.factor)).sum()
        return jacobian + (self.centre + pt.dot(self.factor, value)).sum() if self.positive else jacobian

    def forward(self, value, *inputs):
        x = pt.log(value) if self.positive else value
        return pt.linalg.solve_triangular(self.factor, x - self.centre, lower=True)
