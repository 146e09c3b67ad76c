r"""Lapses of responses on a bounded range: now and then any response is as likely as any other.

.. math:: p \leftarrow (1 - \epsilon)\, p + \epsilon\, u

with :math:`u` the uniform density over the range of the response.
"""

from __future__ import annotations

import math
from dataclasses import replace

from trialwise.learners.parameters import unit
from trialwise.learners.responses.plain_numbers import chain, value

LAPSE = replace(unit("probability of responding at random", mean=-3.0, width=1.0), name="lapse")


def mixed_with_lapse(part, scale, lapse, uniform):
    """The score of a response after mixing in a uniform density; its scale is 1."""
    share, rest = value(lapse), 1.0 - value(lapse)
    if uniform == 0.0:  # a response that no lapse gives
        return part + chain(
            lapse, math.log1p(-share) if rest > 0.0 else -math.inf, -1.0 / rest if rest > 0.0 else 0.0
        ), scale
    density = math.exp(value(part)) / scale
    mixture = rest * density + share * uniform
    if not mixture > 0.0:
        return chain(part, math.log(mixture) if mixture != 0.0 else -math.inf, 0.0), 1.0
    own = rest * density / mixture
    by_part = chain(part, math.log(mixture), own) if density > 0.0 else chain(0.0 * lapse, math.log(mixture), 0.0)
    return by_part + chain(lapse, 0.0, (uniform - density) / mixture), 1.0
