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
    "StudentT with the parameters 3, 0, 1": lambda: pm.StudentT.dist(nu=3, mu=0, sigma=1),
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


@pytest.mark.parametrize(
    ("prior", "text"),
    [
        (lambda: pm.Normal.dist(-1, 0.5), "Normal(-1, 0.5)"),
        (lambda: pm.Gamma.dist(2, 3), "Gamma(2, 3)"),
        (lambda: pm.HalfNormal.dist(0.7), "HalfNormal(0.7)"),
        (lambda: pm.Beta.dist(2, 5), "Beta(2, 5)"),
        (lambda: pm.SkewNormal.dist(mu=0, sigma=1, alpha=3), "SkewNormal with the parameters"),
        (lambda: pm.Triangular.dist(lower=0, upper=3, c=1), "Triangular with the parameters"),
        (lambda: pm.Rice.dist(1, 2), "Rice with the parameters"),
        (lambda: pm.Wald.dist(2, 3), "Wald with the parameters"),
    ],
)
def test_text_that_can_be_typed_is_the_same_prior(prior, text):
    assert text_of(prior()).startswith(text)


@pytest.mark.parametrize("prior", [lambda: pm.Normal.dist([0, 1], 1), lambda: pm.Poisson.dist(3)])
def test_priors_of_something_else_than_a_real_number(prior):
    with pytest.raises(tw.errors.UsageError, match="must be of one real number"):
        tw.fit(tw.QLearning(), tw.load_data("alien_flat").trials.select([0, 1]).first(10), priors={"alpha_mu": prior()})
