r"""Conditional whitening: coordinates in which a hierarchical posterior is about a standard Normal.

Given the group's means :math:`\mu` and spreads :math:`|z|` (:math:`Z = \mathrm{diag}(z)`), participant n's posterior is about Normal
with covariance :math:`(H_n + Z^{-2})^{-1} = Z M_n'^{-1} M_n^{-1} Z`, where :math:`M_n M_n' = I + Z H_n Z`. Instead of :math:`u_n` the
sampler moves :math:`w_n`:

.. math::

    u_n = \mu + Z M_n'^{-1} \bigl(M_n^{-1} Z (b_n - H_n \mu) + w_n\bigr), \qquad
    \log |\partial u_n / \partial w_n| = \sum_k \log |z_k| - \log M_{n,kk}

The density is exact whatever the quality of the expansion; only the geometry depends on it. Where the data say much this is
nearly the centred form, where they say little the non-centred one, participant by participant and direction by direction:
no funnel is left, and no ridge between parameters.

A spread is the magnitude of a signed number, :math:`z \sim \mathrm{Normal}(0, t)`, which makes it HalfNormal(t); the map above is smooth
in z through zero, so a spread that may well be zero is no wall that the sampler runs into, nor an endless tail of its
logarithm.
"""

from __future__ import annotations

import numba
import numpy as np
import pytensor.tensor as pt
from pymc.logprob.transforms import Transform
from pytensor.gradient import disconnected_type
from pytensor.graph.basic import Apply
from pytensor.graph.op import Op
from pytensor.graph.traversal import ancestors
from pytensor.link.numba.dispatch.basic import register_funcify_default_op_cache_key


@numba.njit(nogil=True, cache=True, error_model="numpy")
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


@numba.njit(nogil=True, cache=True, error_model="numpy")
def _solve(lower, x):
    """``x <- L^{-1} x``, in place."""
    for i in range(len(x)):
        for k in range(i):
            x[i] -= lower[i, k] * x[k]
        x[i] /= lower[i, i]


@numba.njit(nogil=True, cache=True, error_model="numpy")
def _solve_transposed(lower, x):
    """``x <- L'^{-1} x``, in place."""
    for i in range(len(x) - 1, -1, -1):
        for k in range(i + 1, len(x)):
            x[i] -= lower[k, i] * x[k]
        x[i] /= lower[i, i]


@numba.njit(nogil=True, cache=True, error_model="numpy")
def _prepare(n, mu, z, curvature, linear, factor, gap, shift):
    """``M`` into ``factor``, ``b - H mu`` into ``gap`` and ``M^{-1} Z gap`` into ``shift``."""
    size = len(mu)
    for i in range(size):
        gap[i] = linear[n, i]
        for j in range(size):
            factor[i, j] = z[i] * curvature[n, i, j] * z[j]
            gap[i] -= curvature[n, i, j] * mu[j]
        factor[i, i] += 1.0
        shift[i] = z[i] * gap[i]
    _cholesky(factor)
    _solve(factor, shift)


@numba.njit(nogil=True, cache=True, error_model="numpy")
def whitened_to_natural(w, mu, z, curvature, linear):
    """``u (participants, parameters)`` and the log-Jacobian of each participant."""
    people, size = w.shape
    u, jacobian = np.empty((people, size)), np.zeros(people)
    factor, gap, x = np.empty((size, size)), np.empty(size), np.empty(size)
    for n in range(people):
        _prepare(n, mu, z, curvature, linear, factor, gap, x)
        for i in range(size):
            x[i] += w[n, i]
            jacobian[n] += np.log(abs(z[i]) / factor[i, i])
        _solve_transposed(factor, x)
        for i in range(size):
            u[n, i] = mu[i] + z[i] * x[i]
    return u, jacobian


@numba.njit(nogil=True, cache=True, error_model="numpy")
def natural_to_whitened(u, mu, z, curvature, linear):
    """The inverse: ``w (participants, parameters)``."""
    people, size = u.shape
    w = np.empty((people, size))
    factor, gap, shift = np.empty((size, size)), np.empty(size), np.empty(size)
    for n in range(people):
        _prepare(n, mu, z, curvature, linear, factor, gap, shift)
        for i in range(size):
            total = -shift[i]
            for k in range(i, size):
                total += factor[k, i] * (u[n, k] - mu[k]) / z[k]
            w[n, i] = total
    return w


@numba.njit(nogil=True, cache=True, error_model="numpy")
def whitening_pullback(w, mu, z, curvature, linear, u_bar, jacobian_bar):
    """Cotangents of ``w``, ``mu`` and ``z`` from those of ``u`` and the log-Jacobian.

    The adjoint of the Cholesky factor is Murray's (2016, arXiv:1602.07527).
    """
    people, size = w.shape
    w_bar, mu_bar, z_bar = np.empty((people, size)), np.zeros(size), np.zeros(size)
    factor, factor_bar, inner, inverse = (
        np.empty((size, size)), np.empty((size, size)), np.empty((size, size)), np.empty((size, size)),
    )  # fmt: skip
    gap, shift, x, y_bar, d_bar = np.empty(size), np.empty(size), np.empty(size), np.empty(size), np.empty(size)
    for n in range(people):
        _prepare(n, mu, z, curvature, linear, factor, gap, shift)
        for i in range(size):
            x[i] = shift[i] + w[n, i]
            y_bar[i] = z[i] * u_bar[n, i]
        _solve_transposed(factor, x)
        _solve(factor, y_bar)
        for i in range(size):
            w_bar[n, i] = y_bar[i]
            d_bar[i] = y_bar[i]
        _solve_transposed(factor, d_bar)
        for i in range(size):
            mu_bar[i] += u_bar[n, i]
            z_bar[i] += u_bar[n, i] * x[i] + d_bar[i] * gap[i] + jacobian_bar[n] / z[i]
            for j in range(size):
                mu_bar[i] -= curvature[n, i, j] * z[j] * d_bar[j]
                factor_bar[i, j] = -x[i] * y_bar[j] - d_bar[i] * shift[j] if j <= i else 0.0
            factor_bar[i, i] -= jacobian_bar[n] / factor[i, i]
        # the adjoint of M M' is M'^{-1} P M^{-1}, made symmetric, with P the lower triangle of M' M_bar, diagonal halved
        for i in range(size):
            for j in range(size):
                inner[i, j] = 0.0
                for k in range(i, size if j <= i else 0):
                    inner[i, j] += factor[k, i] * factor_bar[k, j]
            inner[i, i] *= 0.5
        for k in range(size):
            for i in range(size):
                shift[i] = 1.0 if i == k else 0.0
            _solve(factor, shift)
            inverse[:, k] = shift
        for i in range(size):
            for j in range(size):
                total = 0.0
                for k in range(size):
                    for m in range(k + 1):
                        total += inner[k, m] * (inverse[k, i] * inverse[m, j] + inverse[k, j] * inverse[m, i])
                z_bar[i] += total * curvature[n, i, j] * z[j]
    return w_bar, mu_bar, z_bar


class Magnitude(Op):
    """``z -> |z|``, an operation of its own so that the whitening can find the signed number behind a spread."""

    __props__ = ()

    def make_node(self, z):
        z = pt.as_tensor(z)
        return Apply(self, [z], [z.type()])

    def perform(self, node, inputs, outputs):
        outputs[0][0] = np.abs(inputs[0])

    def infer_shape(self, fgraph, node, shapes):
        return shapes

    def pullback(self, inputs, outputs, cotangents):
        return [cotangents[0] * pt.sign(inputs[0])]


@register_funcify_default_op_cache_key(Magnitude)
def _compile_magnitude(op, node, **kwargs):
    @numba.njit
    def magnitude(z):
        return np.abs(z)

    return magnitude, 1


def _signed(sd):
    """The signed number behind a spread, or the spread itself."""
    for variable in ancestors([sd]):
        if variable.owner is not None and isinstance(variable.owner.op, Magnitude):
            return variable.owner.inputs[0]
    return sd


class Whiten(Op):
    """``(w, mu, z, H, b) -> (u, log-Jacobian of each participant)``."""

    __props__ = ()

    def make_node(self, *inputs):
        inputs = [pt.as_tensor(x) for x in inputs]
        static = inputs[0].type.shape
        return Apply(
            self, inputs, [pt.tensor(dtype="float64", shape=static), pt.tensor(dtype="float64", shape=static[:1])]
        )

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
    """``(u, mu, z, H, b) -> w``; used for starting points only."""

    __props__ = ()

    def make_node(self, *inputs):
        inputs = [pt.as_tensor(x) for x in inputs]
        return Apply(self, inputs, [inputs[0].type()])

    def perform(self, node, inputs, outputs):
        outputs[0][0] = natural_to_whitened(*inputs)

    def infer_shape(self, fgraph, node, shapes):
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

    def infer_shape(self, fgraph, node, shapes):
        return shapes[:1]

    def connection_pattern(self, node):
        return [[True]] + [[False]] * (len(node.inputs) - 1)

    def pullback(self, inputs, outputs, cotangents):
        return [cotangents[0], *(disconnected_type() for _ in inputs[1:])]


@register_funcify_default_op_cache_key(Whiten)
def _compile_whiten(op, node, **kwargs):
    @numba.njit
    def whiten(w, mu, z, curvature, linear):
        c = np.ascontiguousarray  # whatever layout PyTensor hands over
        return whitened_to_natural(c(w), c(mu), c(z), c(curvature), c(linear))

    return whiten, 1


@register_funcify_default_op_cache_key(WhitenPullback)
def _compile_whiten_pullback(op, node, **kwargs):
    @numba.njit
    def whiten_pullback(w, mu, z, curvature, linear, u_bar, jacobian_bar):
        c = np.ascontiguousarray
        return whitening_pullback(c(w), c(mu), c(z), c(curvature), c(linear), c(u_bar), c(jacobian_bar))

    return whiten_pullback, 1


@register_funcify_default_op_cache_key(Unwhiten)
def _compile_unwhiten(op, node, **kwargs):
    @numba.njit
    def unwhiten(u, mu, z, curvature, linear):
        c = np.ascontiguousarray
        return natural_to_whitened(c(u), c(mu), c(z), c(curvature), c(linear))

    return unwhiten, 1


@register_funcify_default_op_cache_key(Carry)
def _compile_carry(op, node, **kwargs):
    @numba.njit
    def carry(x, *data):
        return x

    return carry, 1


class ConditionalWhitening(Transform):
    """The whitening as a PyMC transform of ``pm.Normal(mu, sd, shape=(participants, parameters))``.

    ``curvature`` and ``linear`` are the expansion: ``pm.Data`` of the model, so that other data need no new compilation;
    :meth:`carried` puts them into the graph of the mean.
    """

    name = "whitened"

    def __init__(self, curvature, linear):
        self.curvature, self.linear = curvature, linear

    def carried(self, mu):
        """``mu``, for the distribution that this transform belongs to."""
        return Carry()(mu, self.curvature, self.linear)

    def _arguments(self, value, inputs):
        mu, sd = inputs[-2:]  # PyMC hands them over as rows
        return value, mu.ravel(), _signed(sd).ravel(), self.curvature, self.linear

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
    """``x = centre + factor z``: whitens a vector of group parameters by their expected posterior."""

    name = "affine"
    ndim_supp = 1

    def __init__(self, centre, factor):
        self.centre, self.factor = centre, factor

    def carried(self, parameter):
        """A parameter of the distribution that this transform belongs to."""
        return Carry()(parameter, self.centre, self.factor)

    def backward(self, value, *inputs):
        return self.centre + pt.dot(self.factor, value)

    def log_jac_det(self, value, *inputs):
        return pt.log(pt.abs(pt.diag(self.factor))).sum()

    def forward(self, value, *inputs):
        return pt.linalg.solve_triangular(self.factor, value - self.centre, lower=True)
