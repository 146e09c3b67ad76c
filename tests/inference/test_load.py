"""Files that are not a fit, damaged or edited: refused with the project's own error, never loaded with other numbers."""

import json
from pathlib import Path

import h5py
import numpy as np
import pytest
import xarray as xr
from hypothesis import HealthCheck, given, settings, strategies as st

import trialwise as tw
from trialwise.base.errors import DataError
from trialwise.base.seal import LENGTH
from trialwise.inference.fitted import digest
from trialwise.inference.stored_sizes import fault_of

pytestmark = pytest.mark.sample


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    trials = tw.load_data("alien_flat").trials.select([0, 1, 2]).first(20)
    fit = tw.fit(tw.QLearning(initial=1.2), trials, draws=20, tune=30, chains=2, progress=False, seed=1)
    path = tmp_path_factory.mktemp("saved") / "fit.nc"
    fit.save(path)
    return fit, path


def same(a, b):
    return all(
        np.array_equal(a.tree[group][name], b.tree[group][name], equal_nan=True)
        for group in ("posterior", "sample_stats", "observed_data", "constant_data")
        for name in a.tree[group].data_vars
    )


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_damaged_bytes(saved, tmp_path, capfd, data):
    fit, path = saved
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    if data.draw(st.booleans()):
        content = content[: data.draw(st.integers(0, len(content)))]
    (tmp_path / "damaged.nc").write_bytes(content)
    try:
        loaded = tw.load(tmp_path / "damaged.nc")
    except DataError as error:
        assert "damaged.nc" in str(error)
    else:
        assert same(loaded, fit)  # the bytes were of no consequence
    assert "Traceback" not in capfd.readouterr().err


def edited(path, target, edit, sign=False):
    """Write a copy of the file after ``edit(tree)``, with or without the right digest."""
    with xr.open_datatree(path, engine="h5netcdf") as opened:
        tree = opened.load()
    edit(tree)
    if sign:
        tree.attrs["contents"] = digest(tree)
    tree.to_netcdf(target, engine="h5netcdf")
    return target


def in_observed(tree):
    tree["observed_data"]["choice"].values[3] = 99


def in_constant(tree):
    tree["constant_data"]["column_cue"].values[3] = 10**8


def in_offsets(tree):
    tree["constant_data"]["offsets"].values[-1] = 10**6


def in_labels(tree):
    attributes = json.loads(tree["constant_data"].attrs["trials"])
    tree["constant_data"].attrs["trials"] = json.dumps({**attributes, "participants": 3})


def in_draws(tree):
    tree["posterior"]["alpha"].values[0, 0, 0] += 1e-12


def in_statistics(tree):
    tree["sample_stats"] = xr.DataTree()


def in_attributes(tree):
    tree.attrs["seed"] = 7


def in_parameters(tree):
    tree.attrs["parameters"] = json.dumps(["gamma"])


def in_fields(tree):
    tree.attrs["learner_fields"] = json.dumps({"alpha": {"support": 1}})


def in_wrappers(tree):
    restrictions = json.loads(tree.attrs["learner_restrictions"])
    tree.attrs["learner_restrictions"] = json.dumps({**restrictions, "wrappers": ["no_such_thing"]})


def without_sampler(tree):
    del tree.attrs["sampler"]


EDITS = [in_observed, in_constant, in_offsets, in_labels, in_draws, in_statistics, in_attributes, without_sampler]


@pytest.mark.parametrize("edit", EDITS)
def test_edits_are_noticed(saved, tmp_path, edit):
    with pytest.raises(DataError, match=r"changed|wrote it without|cannot be read"):
        tw.load(edited(saved[1], tmp_path / "edited.nc", edit))


SIGNED = [in_observed, in_constant, in_offsets, in_labels, in_parameters, in_fields, in_wrappers, without_sampler]


@pytest.mark.parametrize("edit", SIGNED)
def test_impossible_contents_are_refused_whoever_wrote_them(saved, tmp_path, edit):
    """Compiled code would read beyond its arrays."""
    with pytest.raises(
        DataError, match=r"codes of its|rise|for 1000000|not iterable|of its draws|missing|with_no_such|without sampler"
    ):
        tw.load(edited(saved[1], tmp_path / "edited.nc", edit, sign=True))


def test_files_that_lost_the_hash_behind_them_or_got_more_are_whole(saved, tmp_path):
    contents = saved[1].read_bytes()
    for length in (1, LENGTH // 2, LENGTH):
        (tmp_path / "fit.nc").write_bytes(contents[:-length])
        assert same(tw.load(tmp_path / "fit.nc"), saved[0])
    (tmp_path / "fit.nc").write_bytes(contents + bytes(512))  # as some disks fill up a block
    assert same(tw.load(tmp_path / "fit.nc"), saved[0])
    (tmp_path / "fit.nc").write_bytes(contents[: -LENGTH - 1])
    with pytest.raises(DataError, match="cannot be read"):
        tw.load(tmp_path / "fit.nc")


def test_files_that_another_program_opened_for_writing(saved, tmp_path):
    path = tmp_path / "fit.nc"
    path.write_bytes(saved[1].read_bytes())
    with h5py.File(path, "r+"):
        pass
    assert same(tw.load(path), saved[0])
    with h5py.File(path, "r+") as file:
        file["posterior"]["alpha"][0, 0, 0] += 0.1
    with pytest.raises(DataError, match="changed since"):
        tw.load(path)


def test_a_file_that_must_not_be_read_is_an_error_with_its_reason(saved, monkeypatch):
    def deny(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", deny)
    with pytest.raises(DataError, match="cannot be read: Permission denied"):
        tw.load(saved[1])


def test_what_was_loaded_can_be_saved_and_loaded_again(saved, tmp_path):
    tw.load(saved[1]).save(tmp_path / "again.nc")
    assert same(tw.load(tmp_path / "again.nc"), saved[0])


SOURCE = """
import trialwise as tw
from trialwise import learner, positive, unit

K = 1.0


def scaled(x):
    return K * x


@learner
class Mine:
    '''A learner of one's own.'''

    alpha: float = unit("learning rate")
    beta: float = positive("inverse temperature")

    def start(self, task):
        return task.table("action", fill=0.5)

    def choose(self, q, trial, preference):
        for action in range(len(preference)):
            preference[action] = self.beta * q[action]

    def learn(self, q, trial, choice, outcome):
        q[choice] += self.alpha * scaled(outcome - q[choice])
"""


def learner_from(text, folder, name):
    import importlib.util
    import sys

    path = folder / f"{name}.py"
    path.write_text(text)
    spec = importlib.util.spec_from_file_location(name, path)
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.Mine


def test_another_learner_of_the_same_name_is_refused(tmp_path):
    """A changed constant, helper or method would give other predictions without a word."""
    mine = learner_from(SOURCE, tmp_path, "mine_first")
    trials = tw.load_data("alien_flat").trials.select([0, 1]).first(20)
    tw.fit(mine(), trials, draws=10, tune=10, chains=1, progress=False).save(tmp_path / "fit.nc")
    same_code = learner_from(SOURCE.replace("'''A learner", "# a comment\n    '''The learner"), tmp_path, "mine_same")
    assert tw.load(tmp_path / "fit.nc", learner=same_code).learner is not None
    for n, (old, new) in enumerate(
        {"K = 1.0": "K = 5.0", "return K * x": "return x / K", "self.beta *": "-self.beta *"}.items()
    ):
        other = learner_from(SOURCE.replace(old, new), tmp_path, f"mine_other{n}")
        with pytest.raises(tw.errors.UsageError, match="not the one that was fitted"):
            tw.load(tmp_path / "fit.nc", learner=other)
    fewer = learner_from(
        SOURCE.replace('    beta: float = positive("inverse temperature")\n', "").replace("self.beta", "2.0"),
        tmp_path,
        "fewer",
    )
    with pytest.raises(tw.errors.UsageError, match="not the one that was fitted"):
        tw.load(tmp_path / "fit.nc", learner=fewer)


def test_a_fit_is_pickled_after_its_model_was_built(saved):
    import pickle

    fit = tw.load(saved[1])
    assert fit.model is not None
    assert same(pickle.loads(pickle.dumps(fit)), fit)


@pytest.mark.parametrize("megabytes", [1, 5, 20])
def test_the_size_of_a_file_does_not_forbid_its_attributes(tmp_path, megabytes):
    """Two texts in an attribute, such as the names of the dimensions of draws, in files of all sizes."""
    path = tmp_path / "fit.nc"
    with h5py.File(path, "w") as file:
        file["draws"] = np.random.default_rng(1).standard_normal(megabytes * 125_000)
        file.attrs["sample_dims"] = ["chain", "draw"]
    assert fault_of(path) is None
