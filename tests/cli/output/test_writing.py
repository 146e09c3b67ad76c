"""Files of every command: all of a result or none, formulas marked in those for people, refusals in plain words."""

import csv
import json
import os
import resource
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

import trialwise as tw
from trialwise.base.errors import DataError, UsageError
from trialwise.base.files import MARK
from trialwise.cli.app import app
from trialwise.cli.output import writing

BAD = ["=1+cmd|x0", "@SUM(1)", "+1+1", "-2+3", "x\ty", "-3", "plain", "'=q"]


def run(*words, code=0):
    result = CliRunner().invoke(app, [str(word) for word in words])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == code, result.output
    return " ".join(result.output.split())


@pytest.fixture
def simulation():
    truth = {"alpha": 0.3, "beta": 2, "forget": 0}
    return tw.simulate(tw.QLearning(initial=1.2), tw.environments.AlienTask(trials=12), truth, participants=BAD, seed=1)


# -- labels --------------------------------------------------------------------------------------------------------------


def test_simulated_data_are_read_again_as_they_were(tmp_path, simulation):
    simulation.save(tmp_path, wide=True, potential=True)
    for trials in (tw.read_long(tmp_path / "trials.csv"), tw.read_wide(tmp_path)):
        assert sorted(map(str, trials.participants)) == sorted(BAD)
    assert list(pd.read_csv(tmp_path / "true_parameters.csv").participant) == BAD


def test_simulated_data_for_people(tmp_path, simulation):
    for path in simulation.save(tmp_path, wide=True, potential=True, for_people=True):
        with open(path, newline="") as stream:
            cells = {cell for row in csv.reader(stream) for cell in row}
        assert not cells & set(BAD[:5]), path
        if path.name in ("trials.csv", "true_parameters.csv"):
            assert cells >= {f"'{label}" for label in BAD[:5]} | set(BAD[5:])


def test_files_of_a_fit_are_for_people(tmp_path, fitted):
    labels = dict(zip(fitted.trials.participants, BAD, strict=True))
    table = fitted.trial_values()
    table["participant"] = table["participant"].map(labels)
    table["error"] = -1.5
    path = writing.write_table(tmp_path / "trial_values.csv", table)
    written = pd.read_csv(path)
    assert list(dict.fromkeys(written.participant)) == [f"'{each}" for each in BAD[:5]] + BAD[5:]
    assert (written.error == -1.5).all()
    raw = writing.write_table(tmp_path / "raw.csv", table, for_people=False)
    assert list(dict.fromkeys(pd.read_csv(raw).participant)) == BAD


# -- together ------------------------------------------------------------------------------------------------------------

KILLED = """
import os, signal, sys
import trialwise as tw
import trialwise.base.files as files
from trialwise.cli.output import writing
from pathlib import Path

folder, point = Path(sys.argv[1]), int(sys.argv[2])
fit = tw.load(sys.argv[3])
count = 0

def replace(source, target, real=os.replace):
    global count
    if count == point:
        os.kill(os.getpid(), signal.SIGKILL)
    count += 1
    real(source, target)

files.os.replace = replace
writing.save(fit, folder)
"""


@pytest.mark.parametrize("point", range(2, 5))
def test_a_fit_killed_while_its_files_appear(tmp_path, fitted, point):
    names = {path.name: text for path, text in writing.save(fitted, tmp_path)}
    for name in names:
        if name != "fit.nc":
            (tmp_path / name).write_text("older")
    older = fitted.tree.copy()
    older.attrs["created"] = "2020-01-01T00:00:00"
    replace(fitted, tree=older).save(tmp_path / "fit.nc")
    fitted.save(tmp_path / "source.nc")
    ended = subprocess.run([sys.executable, "-c", KILLED, tmp_path, str(point), tmp_path / "source.nc"], check=False)
    assert ended.returncode == -signal.SIGKILL
    assert len(list(tmp_path.glob(f"*{MARK}"))) == 1
    with pytest.raises(DataError, match="two runs"):
        tw.load(tmp_path / "fit.nc")
    for verb in ("diagnose", "check", "report", "compare"):
        assert "interrupted" in run(verb, tmp_path / "fit.nc", code=3)
    (tmp_path / "alone").mkdir()
    (tmp_path / "fit.nc").rename(tmp_path / "alone" / "fit.nc")
    tw.load(tmp_path / "alone" / "fit.nc")
    writing.save(fitted, tmp_path)
    tw.load(tmp_path / "fit.nc")
    assert not list(tmp_path.glob(f"*{MARK}"))


def interrupted(monkeypatch, after):
    """Let a rename fail after so many, the mark's included."""
    real, done = os.replace, []

    def fail(source, target):
        if len(done) == after:
            raise OSError(5, "Input/output error")
        done.append(target)
        real(source, target)

    monkeypatch.setattr("trialwise.base.files.os.replace", fail)


def test_interrupted_data_are_not_read(tmp_path, simulation, monkeypatch):
    simulation.save(tmp_path, wide=True)
    with monkeypatch.context() as patch:
        interrupted(patch, 4)
        second = tw.simulate(
            tw.QLearning(), tw.environments.AlienTask(trials=12), {"alpha": 0.1, "beta": 1, "forget": 0}, participants=3
        )
        with pytest.raises(UsageError, match="cannot be replaced"):
            second.save(tmp_path, wide=True)
    with pytest.raises(DataError, match="two runs"):
        tw.read_wide(tmp_path)
    assert "two runs" in run("inspect", tmp_path, code=3)
    assert "two runs" in run("inspect", tmp_path / "trials.csv", code=3)
    second.save(tmp_path, wide=True)
    assert tw.read_wide(tmp_path).n_participants == 3


@pytest.mark.parametrize("after", [0, 1, 2, 3])
def test_files_of_a_result_appear_together(tmp_path, fitted, monkeypatch, after):
    diagnosis = tw.diagnose(fitted)
    writing.write_result(diagnosis, tmp_path, "diagnosis_plot.png", "ranks", "diagnosis")
    names = {"diagnosis.csv", "diagnosis_plot.png"}
    assert {path.name for path in tmp_path.iterdir()} == names
    for name in names:
        (tmp_path / name).write_text("older")
    with monkeypatch.context() as patch:
        interrupted(patch, after)
        if after < 3:
            with pytest.raises(UsageError):
                writing.write_result(diagnosis, tmp_path, "diagnosis_plot.png", "ranks", "diagnosis")
        else:
            writing.write_result(diagnosis, tmp_path, "diagnosis_plot.png", "ranks", "diagnosis")
    older = {name for name in names if (tmp_path / name).read_bytes() == b"older"}
    marks = list(tmp_path.glob(f"*{MARK}"))
    assert len(older) == (2, 2, 1, 0)[after] and len(marks) == (0, 1, 1, 0)[after]
    assert not marks or set(json.loads(marks[0].read_text())["sha256"]) == names
    assert not list(tmp_path.glob(".*.part"))


# -- places that cannot be written --------------------------------------------------------------------------------------


def test_a_report_into_a_device_is_refused_at_once(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = run("report", "fit.nc", "-o", "/dev/null", code=2)
    assert "'/dev/null' cannot be written: it is a device" in text
    assert Path("/dev/null").is_char_device()


def test_a_fit_is_saved_through_a_link(tmp_path, fitted):
    (tmp_path / "link.nc").symlink_to(tmp_path / "real.nc")
    fitted.save(tmp_path / "link.nc")
    assert (tmp_path / "link.nc").is_symlink() and tw.load(tmp_path / "real.nc").attrs == tw.load(
        tmp_path / "link.nc"
    ).attrs


LIMITED = """
import resource, sys
import trialwise as tw
fit = tw.load(sys.argv[1])
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]), resource.RLIM_INFINITY))
try:
    fit.save(sys.argv[2])
except tw.errors.UsageError as error:
    print(error)
"""


@pytest.mark.parametrize("limit", [0, 1000, 20_000])
def test_a_fit_larger_than_files_may_be(tmp_path, fitted, limit):
    fitted.save(tmp_path / "fit.nc")
    (tmp_path / "out").mkdir()
    words = [sys.executable, "-c", LIMITED, tmp_path / "fit.nc", tmp_path / "out" / "fit.nc", str(limit)]
    ended = subprocess.run(words, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    assert "cannot be written: it would be larger than files may be here; raise the limit" in ended.stdout
    assert not list((tmp_path / "out").iterdir())


def test_the_command_line_prints_the_error(tmp_path, monkeypatch):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200, hard))
    try:
        text = run("simulate", "TaskSets", "-o", tmp_path, "--trials", 20, code=2)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert "trials.csv' cannot be written: it would be larger" in text and not list(tmp_path.iterdir())


def test_a_saved_fit_is_the_fit(tmp_path, fitted):
    fitted.save(tmp_path / "fit.nc")
    loaded = tw.load(tmp_path / "fit.nc")
    np.testing.assert_array_equal(loaded.draws["alpha"], fitted.draws["alpha"])
    assert (tmp_path / "fit.nc").read_bytes()[:4] == b"\x89HDF"
