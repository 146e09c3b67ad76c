"""Idioms of ordinary Python: small functions of two parameters and a table whose cells depend on both."""

import math

import numpy as np
from numpy import where

import trialwise as tw
from trialwise import functions, softmax_into

log_sum_exp = functions.log_sum_exp

HALF, WEIGHTS, PAIRS = 0.5, (0.2, 0.3, 0.5), np.array([0.1, 0.7, 0.2])


def double(x):
    return 2 * x


def softplus_of(x, sharpness=2.0):
    def inner(z):
        return math.log1p(math.exp(z))

    return inner(sharpness * x) / sharpness


def countdown(x, n):
    return x if n <= 0 else countdown(x * HALF, n - 1)


def swap(pair):
    first, second = pair
    return second, first


IDIOMS = {}


def idiom(function):
    """Add a function to the table of idioms."""
    IDIOMS[function.__name__] = function
    return function


@idiom
def sum_from_zero_float(a, b, q):
    total = 0.0
    for k in range(3):
        total += a * q[0, 1, k]
    return total


@idiom
def sum_from_zero_int(a, b, q):
    total = 0
    for k in range(3):
        total = total + b * q[1, 0, k]
    return total


@idiom
def product_from_one(a, b, q):
    product = 1
    for k in range(3):
        product *= a + q[0, 0, k]
    return product


@idiom
def ternary_with_number(a, b, q):
    return a if a > b else 0.0


@idiom
def ternary_with_int(a, b, q):
    return b * (a if b > a else 1)


@idiom
def early_return(a, b, q):
    if b < 0:
        return 0.0
    if a > 100:
        return b
    return a * b


@idiom
def min_max_abs_power(a, b, q):
    return min(a, b) * max(a, 0.3, b) + abs(a - b) ** 1.5 + a**2 + a**b + 2**a + b**-1 + pow(a, 3)


@idiom
def power_at_zero(a, b, q):
    zero = a - a
    return zero**b + 0.0**b + zero**2 + zero**0 + 0**a + abs(zero) ** 0.5


@idiom
def minimum_of_numbers(a, b, q):
    return np.minimum(a, b) + np.maximum(a, 0.2) + max(0, b - 5)


@idiom
def comparisons(a, b, q):
    return (a < b) * a + (a >= b) * b + (a == 1 * a) * 1.5 * a + (b != a) * 2 * b


@idiom
def chained_comparison(a, b, q):
    return a * b if 0 < a < 10 and 0.0 <= b <= 10 else b


@idiom
def boolean_operators(a, b, q):
    return b if not (a > b and a > 0) or a < 0 else 2 * a


@idiom
def truth_of_a_number(a, b, q):
    return a if b else b


@idiom
def augmented_assignment(a, b, q):
    x = a
    x += b
    x -= 0.5
    x *= a
    x /= 3
    return x


@idiom
def signs(a, b, q):
    return -a + +b - -(a * b)


@idiom
def small_arrays(a, b, q):
    x = np.zeros(3)
    y = np.ones(3)
    z = np.full(3, a)
    w = np.array([a, b, 1.0])
    for k in range(3):
        x[k] = q[0, 0, k] * w[k]
        y[k] += z[k]
    return (x * y + z - w / 2).sum()


@idiom
def array_in_two_dimensions(a, b, q):
    x = np.zeros((2, 3))
    for i in range(2):
        x[i] = q[i, 1] * a
    return x[0, 2] - x[1, 0] + x.sum() + np.zeros_like(x)[0, 0] + len(x)


@idiom
def tuples(a, b, q):
    pair = (a, 2 * b)
    first, second = pair
    second, first = swap((first, second))
    return pair[0] * first + second


@idiom
def tuple_of_constants(a, b, q):
    total = 0.0
    for weight in WEIGHTS:
        total += weight * a
    return total * WEIGHTS[2]


@idiom
def module_constants(a, b, q):
    total = HALF * a
    for k in range(len(PAIRS)):
        total += PAIRS[k] * q[0, 0, k]
    return total


@idiom
def helper_functions(a, b, q):
    return double(a) + softplus_of(b) + softplus_of(a, sharpness=3.0) + countdown(a, 3)


@idiom
def numpy_functions(a, b, q):
    return np.exp(a) + np.log(b) + np.sqrt(a) + np.tanh(b) + np.log1p(a) + np.expm1(b) + np.square(a) + np.abs(-b)


@idiom
def clip_where_of_plain_numbers(a, b, q):
    """What a learner computes from a trial alone."""
    total = 0.0
    for shown in (0.2, 0.8):
        total += a * np.where(shown > 0.5, shown, 2) + b * np.clip(shown, 0.3, None) + np.clip(shown, 0, a)
    return total + np.where(a > 0.5, a, 1.0) * where(total > 0, 3, b)


@idiom
def places_where_an_array_is_large(a, b, q):
    return np.where(PAIRS > 0.15)[0][0] * a + where(PAIRS > 0.15)[0].sum() * b + np.where(PAIRS > 0.15, 1.0, 0.5)[1] * a


def chosen_by(x, a, b, select=np.where):
    return select(x > 0.3, a, b)


@idiom
def where_as_a_default(a, b, q):
    return chosen_by(0.2, a, b) + chosen_by(0.4, a, b)


@idiom
def tables_clipped_on_one_side(a, b, q):
    return a * np.clip(q, None, 0.5).sum() + np.clip(q, b, None).sum() + np.clip(q, a_min=0.1, a_max=0.6).sum()


@idiom
def clip_where_sign(a, b, q):
    return np.clip(a, 0.1, 0.5) * b + np.clip(b, 0.0, 100.0) + np.where(a > b, a, 2 * b) + np.sign(a) * b


@idiom
def math_functions(a, b, q):
    return (
        math.exp(a) + math.log(b) + math.sqrt(a) + math.tanh(a) + math.sin(b) + math.cos(a) + math.atan(b)
        + math.erf(a) + math.pow(a, b) + math.fabs(-a) + math.log10(b) + math.log2(a) + math.pi
    )  # fmt: skip


@idiom
def logistic(a, b, q):
    return 1 / (1 + math.exp(-a * b))


@idiom
def not_a_number(a, b, q):
    return a if math.isnan(b) or np.isinf(a) else b


@idiom
def while_loop(a, b, q):
    x, n = a, 0
    while n < 4 and x < 50:
        x = x * b + 1
        n += 1
    return x


@idiom
def break_and_continue(a, b, q):
    total = 0.0
    for k in range(10):
        if k == 1:
            continue
        if k > 2:
            break
        total += a * k
    return total


@idiom
def enumerate_and_zip(a, b, q):
    total = 0.0
    for k, weight in enumerate(WEIGHTS):
        total += k * weight * a
    for left, right in zip(WEIGHTS, (b, a, b)):
        total += left * right
    return total


@idiom
def rows_of_a_table(a, b, q):
    row = q[1, 0]
    column = q[0, :, 2]
    return row[2] + q[0, 1, :][1] + column[1] * row.max() + max(row) - min(column) + row[-1]


@idiom
def sums_of_a_table(a, b, q):
    row = q[0, 1]
    return sum(row) + row.sum() + q.sum() + row.mean() + np.sum(row) + np.mean(row) + np.max(row) + row.min()


@idiom
def argmax_as_an_index(a, b, q):
    row = q[0, 1]
    return row[np.argmax(row)] + row[row.argmin()] * np.argmax(row)


@idiom
def loops_over_a_row(a, b, q):
    total = 0.0
    for cell in q[0, 1]:
        total += cell * cell
    for k, cell in enumerate(q[1, 1]):
        total += k * cell
    for left, right in zip(q[0, 0], q[:, :, 1]):
        total += left * right[1]
    return total


@idiom
def row_arithmetic(a, b, q):
    row = a * q[0, 1] - q[1, 1] / b + 1
    row += q[0, 0]
    row *= b
    return row[0] * row[1] - row[2] + (-row)[0] + np.exp(row / 10).sum() + np.dot(row, q[0, 0])


@idiom
def arithmetic_in_place(a, b, q):
    row = q[0, 1]
    row *= 0.9
    q[1, 0] += row
    q[:, 1] -= b
    q[0, 1] /= a
    return q[0, 1, 2] + q[1, 0, 1] + q[1, 1, 0] + row[1]


@idiom
def copies_are_not_views(a, b, q):
    row = q[0, 1].copy()
    row[0] = a
    return row[0] + q[0, 1, 0]


@idiom
def softmax_in_place(a, b, q):
    p = b * q[0, 1]
    softmax_into(p)
    return p[0] * a + p[2]


@idiom
def conversions(a, b, q):
    return float(a) * int(3.7) + int(b * 10) * a + bool(a) * b + float(2) + round(1.6) * a


@idiom
def integer_arithmetic(a, b, q):
    n = 7
    return a * (n // 2) + b * (n % 3) + q[n % 2, n // 7, -1]


@idiom
def conditional_accumulators(a, b, q):
    best = -np.inf
    for k in range(3):
        if best < q[0, 1, k]:
            best = q[0, 1, k]
    worst = math.inf
    for k in range(3):
        worst = min(worst, q[0, 1, k])
    return best - worst


@idiom
def none_or_number(a, b, q):
    size = None
    if size is None:
        return a * b
    return b


@idiom
def lists_of_numbers(a, b, q):
    return sum([a, b, a * b])


@idiom
def rounding(a, b, q):
    whole = math.floor(b) + round(b) + math.trunc(b) + math.ceil(a) + int(b)
    return (
        whole * a
        + np.floor(b) * a
        + round(a, 1) * b
        + np.round(b, 1) * a
        + (b // a) * b
        + b % a
        + 3.3 % b
        + (-b) % 2
        + divmod(b, a)[1]
    )


@idiom
def running_sums_and_products(a, b, q):
    return np.cumsum(q[0, 0])[2] * a + q[1, 1].cumsum()[1] + np.cumprod(q[0, 1])[2] + q[1, 0].cumprod()[1]


@idiom
def sorted_tables(a, b, q):
    order = np.argsort(q[0, 1])
    return (
        np.sort(q[0, 0])[1]
        + sorted(q[1, 0])[2] * a
        + q[0, 1][order[0]]
        + q[1].sum()
        + np.median(q[1, 1])
        + q[0, 0][q[0, 0].argsort()[2]]
    )


@idiom
def products(a, b, q):
    return (
        np.prod(q[0, 0]) + q[1, 0].prod() + math.prod(q[0, 1]) + np.prod(q) + math.prod((a, b)) + math.prod([a, b, 2.0])
    )


@idiom
def any_and_all(a, b, q):
    some = np.any(q > 0) and q.any() and any(q[0, 0]) and any([x > 0 for x in q[0, 0]])
    every = np.all(q[0, 0] > 0) or all(q[0, 0] > 100) or (q < -5).all() or all([a > 1, b > 1])
    return (a if some else b) + (2 * a if every else 3 * b) + (a if 5.0 in q[0, 0] else b)


@idiom
def tables_of_truth_values(a, b, q):
    between = (q > 0) & (q < 1) | (q == a)
    return (
        (between * q).sum()
        + np.sum(q > 0) * a
        + np.mean(~between) * b
        + np.where(q > 0.3, q, 0.0).sum()
        + np.where(q[0, 0] > a, a, q[0, 1])[2]
    )


@idiom
def elementwise_extremes(a, b, q):
    return (
        np.maximum(q, a).sum()
        + np.minimum(q[0], q[1]).sum()
        + np.clip(q, 0.0, a).sum()
        + abs(q).sum()
        + np.power(q[0, 0], 2)[1]
    )


@idiom
def spread(a, b, q):
    return np.std(q) + q.var() + np.average(q[0, 0]) + q[1, 1].std()


@idiom
def arithmetic_with_ranges_and_arrays(a, b, q):
    ranged = (q[0, 0] * np.arange(3))[1] + (np.arange(3) * q[0, 1])[2] + (np.arange(3) * a).sum()
    return (
        ranged
        + sum(range(4)) * a
        + (PAIRS * b).sum()
        + (q[0, 0] - PAIRS).sum()
        + np.dot(q[1, 0], PAIRS)
        + PAIRS @ q[1, 1]
    )


@idiom
def sums_of_generators(a, b, q):
    scale = 3.0

    def inner(z):
        return sum(scale * z * weight for weight in WEIGHTS)

    total = (
        sum(x * x * a for x in q[0, 0])
        + sum(x * y for x, y in zip(q[0, 0], PAIRS))
        + sum(a * i for i in range(3))
        + inner(b)
    )
    most = max(b * x for x in q[1, 0] if x > 0.1) + sorted(-x for x in q[0, 0])[0] + math.prod(x for x in q[0, 1])
    return (
        total + most + (a if any(x > 100 for x in q[0, 0]) else b) + sum(q[i, j, 0] for i in range(2) for j in range(2))
    )


@idiom
def functions_for_learners(a, b, q):
    of_one = (
        functions.log_normal_cdf(a - b) + tw.functions.logistic(b) + functions.digamma(1) * a + functions.logistic(True)
    )
    both = np.array([a, b])
    tw.softmax_into(both)
    of_many = both[0] + log_sum_exp(q[0, 0]) + log_sum_exp((a, b)) + log_sum_exp((a, 0.0, 1)) + log_sum_exp(PAIRS)
    return of_one + of_many
