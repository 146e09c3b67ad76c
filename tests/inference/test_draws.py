"""The variables of the posterior: names, shapes and values after writing and reading."""

import numpy as np
import pytest
import xarray as xr

import trialwise as tw
from trialwise.inference.draws import Draws, Layout, labelled, row_label, variables_of
from trialwise.population.population import GroupDraw, population_of

LEARNER = tw.QLearning(initial=1.2)
CHAINS, LENGTH, LABELS = 2, 30, ["a", 7, "c"]


def written_posterior(pooling, seed=0):
    """A posterior data set, with its layout and the arrays it was built from."""
    random, rows = np.random.default_rng(seed), 1 if pooling == "complete" else len(LABELS)
    mu, u = random.normal(size=(CHAINS, LENGTH, 3)), random.normal(size=(CHAINS, LENGTH, rows, 3))
    sd = np.exp(random.normal(size=mu.shape))
    layout = Layout(population_of(LEARNER, 1.0, pooling=pooling), LABELS)
    return layout, layout.dataset(GroupDraw(mu, sd, mu[..., :0], u)), (mu, sd, u)


def read(dataset, pooling):
    return Draws(dataset, LEARNER.names, pooling, len(LABELS))


@pytest.mark.parametrize("pooling", ["partial", "none", "complete"])
def test_names_and_shapes_on_disk(pooling):
    layout, dataset, _ = written_posterior(pooling)
    dims = () if pooling == "complete" else ("participant",)
    expected = {}
    for name in LEARNER.names:
        expected[name] = dims
        if pooling == "partial":
            expected |= {f"{name}_mu": (), f"{name}_sd": (), f"{name}_group": ()}
        else:
            expected[f"{name}_unconstrained"] = dims
    if pooling == "partial":
        expected["individual"] = ("participant", "parameter")
    assert set(dataset.data_vars) == set(expected)
    assert {name: values.dims[2:] for name, values in dataset.data_vars.items()} == expected
    assert layout.shapes == {name: dataset[name].shape[2:] for name in dataset.data_vars}
    assert ("participant" in dataset.coords) == bool(dims)
    if dims:
        assert list(dataset["participant"].to_numpy()) == ["a", "7", "c"]


def test_a_group_and_its_participants_are_read_as_written():
    _, dataset, (mu, sd, u) = written_posterior("partial")
    draws = read(dataset, "partial")
    assert (draws.chains, draws.length, draws.count) == (CHAINS, LENGTH, CHAINS * LENGTH)
    np.testing.assert_array_equal(draws.groups().coefficients, mu)
    np.testing.assert_array_equal(draws.groups().spreads, sd)
    np.testing.assert_allclose(draws.away(), ((u - mu[:, :, None]) / sd[:, :, None]).mean((0, 1)), rtol=1e-12)
    np.testing.assert_array_equal(draws.unconstrained(), u)
    np.testing.assert_array_equal(draws.spread("beta"), sd[..., 1])
    np.testing.assert_allclose(draws.median("beta"), np.exp(mu[..., 1]).ravel(), rtol=1e-15)
    np.testing.assert_allclose(draws.natural("beta"), np.exp(u[..., 1]).reshape(-1, 3), rtol=1e-15)
    np.testing.assert_allclose(draws.natural_means()["beta"], np.exp(u[..., 1]).mean((0, 1)))
    assert draws.summary_names == [
        "alpha_group", "beta_group", "forget_group", "alpha_mu", "alpha_sd", "beta_mu", "beta_sd", "forget_mu", "forget_sd",
        "alpha", "beta", "forget",
    ]  # fmt: skip
    np.testing.assert_array_equal(draws["alpha_mu"], mu[..., 0])


@pytest.mark.parametrize("pooling", ["none", "complete"])
def test_without_a_group(pooling):
    _, dataset, (_, _, u) = written_posterior(pooling)
    draws = read(dataset, pooling)
    np.testing.assert_array_equal(draws.unconstrained(), u)
    expected = np.broadcast_to(np.exp(u[..., 1]).reshape(CHAINS * LENGTH, -1), (CHAINS * LENGTH, 3))
    np.testing.assert_allclose(draws.natural("beta"), expected, rtol=1e-15)
    assert draws.natural_means()["beta"].shape == (3,)
    assert draws.summary_names == draws.group_names == list(LEARNER.names) and not draws.median_names
    assert (draws.median("beta") is None) == (pooling == "none")


def test_single_draws_equal_those_written_together():
    """Draws written one by one equal those written at once."""
    layout, dataset, (mu, sd, u) = written_posterior("partial")
    values_of_draw = layout.values(GroupDraw(mu[1, 4], sd[1, 4], np.zeros(0), u[1, 4]))
    assert list(values_of_draw) == list(layout.shapes)
    for name, values in values_of_draw.items():
        np.testing.assert_allclose(values, dataset[name][1, 4], rtol=1e-15)


def test_thinning_and_rows_of_tables():
    _, dataset, (mu, _, _) = written_posterior("partial")
    draws = read(dataset, "partial")
    thinned = draws.thinned(7)
    assert (thinned.chains, thinned.length) == (2, 4)
    np.testing.assert_array_equal(thinned.groups().coefficients, mu[:, [0, 9, 19, 29]])
    assert draws.thinned(1000).length == LENGTH
    rows = labelled(xr.DataTree.from_dict({"posterior": dataset}), ["alpha_mu", "beta"])
    assert list(rows) == ["alpha_mu", "beta[a]", "beta[7]", "beta[c]"]
    np.testing.assert_array_equal(rows["beta[7]"], dataset["beta"][:, :, 1])
    assert row_label("beta", 7) == "beta[7]" and variables_of(
        ["beta[7]", "beta[8]", "beta_mu", "beta_effects[age]"], {"beta", "beta_mu", "beta_effects[age]"}
    ) == ["beta", "beta_mu", "beta_effects[age]"]


def test_a_fit_reads_its_draws(fitted, small):
    draws, posterior = fitted.draws, fitted.tree["posterior"]
    assert draws.participants == small.trials.n_participants and draws.group_names == fitted.group_names
    np.testing.assert_array_equal(draws.unconstrained(), posterior["individual"])
    assert list(posterior.data_vars)[:5] == ["alpha", "beta", "forget", "alpha_mu", "alpha_sd"]
    assert fitted.population.names == LEARNER.names


def test_row_labels_of_levels_and_of_labels_with_brackets():
    names = ["alpha[slow]", "alpha[slow]_mu", "beta", "beta_mu"]
    labels = {
        "alpha[slow][7]": "alpha[slow]",
        "alpha[slow]_mu": "alpha[slow]_mu",
        "beta[a[1]]": "beta",
        "beta_mu": "beta_mu",
    }
    for label, name in labels.items():
        assert variables_of([label], names) == [name]
    assert variables_of(labels, names) == list(dict.fromkeys(labels.values()))
    assert variables_of(["alpha[slow]", "beta[a]]", "beta[[a]"], names) == ["alpha[slow]", "beta"]
