"""Conversion of the user's priors to text and plain values."""

import json

import numpy as np
import pymc as pm
import pytensor.tensor as pt
import pytest

import trialwise as tw
from trialwise.population.stored import StoredPrior, constants, from_plain, text_of, to_plain

TEXTS = {
    "Normal(-1, 0.5)": lambda: pm.Normal.dist(-1.0, 0.5),
    "HalfNormal(2)": lambda: pm.HalfNormal.dist(2.0),
    "Gamma(2, 3)": lambda: pm.Gamma.dist(alpha=2, beta=3),
    "Exponential(4)": lambda: pm.Exponential.dist(4),
    "StudentT(3, 0, 1)": lambda: pm.StudentT.dist(nu=3, mu=0, sigma=1),
    "Beta(3, 12)": lambda: pm.Beta.dist(mu=0.2, sigma=0.1),
    "Uniform(0, 4)": lambda: pm.Uniform.dist(0, 4),
    "Normal(0, 1.41)": lambda: pm.Normal.dist(0, pt.sqrt(2.0)),
}


@pytest.mark.parametrize("text", TEXTS)
def test_text(text):
    assert text_of(TEXTS[text]()) == text


def test_a_prior_with_a_random_parameter_has_no_constants():
    prior = pm.Normal.dist(0, pm.HalfNormal.dist(1))
    assert constants(prior) is None and not to_plain({"alpha_mu": prior})
    assert constants(pm.Normal.dist([0.0, 1.0], 1.0)) is None


@pytest.mark.parametrize("text", TEXTS)
def test_a_prior_is_restored_from_plain_values(text):
    prior = TEXTS[text]()
    stored = from_plain(json.loads(json.dumps(to_plain({"alpha": prior}))))["alpha"]
    assert text_of(stored) == str(stored) == text and constants(stored) == constants(stored.to_pymc()) == constants(
        prior
    )
    points = np.linspace(0.1, 0.9, 5)
    np.testing.assert_allclose(
        pm.logp(stored.to_pymc(), points).eval(), pm.logp(prior, points).eval(), rtol=1e-6, atol=1e-6
    )  # PyMC stores 1 / 3 in single precision


def test_only_distributions_are_created_from_stored_names():
    for name in ("sample", "Model", "nothing"):
        with pytest.raises(tw.errors.UsageError, match="does not have"):
            StoredPrior(name, (0.0, 1.0)).to_pymc()
