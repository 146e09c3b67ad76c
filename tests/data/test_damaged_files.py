"""Damaged files are read correctly or rejected with a clear message, without other exceptions."""

import gzip

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, example, given, settings, strategies as st

from trialwise.analysis.inspect import inspect
from trialwise.base.errors import DataError, TrialwiseError
from trialwise.data.read import read_long, read_wide
from trialwise.data.trials import Trials

ANY = settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
GOOD = "participant,trial,block,context,cue,choice,outcome\n" + "".join(
    f"{p},{t},1,hot,{'ab'[t % 2]},{t % 2},{t / 4}\n" for p in (1, 2) for t in range(5)
)


def outcome_of(call, *args, **options) -> Trials | None:
    """The trials, whose arrays must be consistent, or None if the file was rejected."""
    try:
        trials = call(*args, **options)
    except TrialwiseError as error:
        assert str(error)
        assert len(str(error)) < 20_000
        return None
    n = trials.n_trials
    assert trials.offsets[0] == 0
    assert (trials.lengths > 0).all()
    assert len(trials.participants) == len(set(trials.participants)) == trials.n_participants
    if trials.choice is not None:
        assert trials.choice.shape == (n,)
        assert ((trials.choice >= -1) & (trials.choice < trials.sizes["action"])).all()
    for values in [*trials.outcome.values(), *trials.response.values()]:
        assert values.shape == (n,)
        assert values.dtype == np.float64
        assert not np.isinf(values).any()
    for column in trials.columns.values():
        assert len(column.values) == n
        if column.levels is not None:
            assert ((column.values >= 0) & (column.values < trials.sizes[column.levels])).all()
    assert trials.row.shape == (n,)
    inspect(trials).tables()
    trials.to_frame()
    return trials


@ANY
@given(raw=st.binary(max_size=400))
def test_random_bytes(tmp_path, raw):
    path = tmp_path / "trials.csv"
    for content in (raw, b"participant,choice\n" + raw, b"PK\x03\x04xl/" + raw, b"PAR1\0" + raw, b"\x1f\x8b" + raw):
        path.write_bytes(content)
        outcome_of(read_long, path)
        outcome_of(read_wide, choice=path)


@ANY
@given(data=st.data())
def test_a_good_file_with_bytes_changed(tmp_path, data):
    raw = bytearray(GOOD.encode())
    for _ in range(data.draw(st.integers(1, 6))):
        position = data.draw(st.integers(0, len(raw) - 1))
        change = data.draw(st.sampled_from(["replace", "insert", "delete", "cut"]))
        inserted = data.draw(
            st.one_of(st.binary(min_size=1, max_size=3), st.sampled_from([b'"', b"\0", b"\n", b",", b"\xff", b"\r"]))
        )
        if change == "replace":
            raw[position : position + len(inserted)] = inserted
        elif change == "insert":
            raw[position:position] = inserted
        elif change == "delete" and len(raw) > 1:
            del raw[position]
        elif change == "cut":
            raw = raw[: position + 1]
    path = tmp_path / "trials.csv"
    path.write_bytes(bytes(raw))
    outcome_of(read_long, path)
    outcome_of(read_wide, choice=path, outcome=path)


CELLS = st.one_of(
    st.none(), st.integers(), st.floats(), st.booleans(), st.text(max_size=5), st.sampled_from(["NA", "-1", -1, "inf", "1,5"]),
    st.just("x" * 5_000), st.dates(), st.lists(st.integers(), max_size=2), st.just(pd.NA), st.just(pd.NaT),
    st.complex_numbers(max_magnitude=10), st.just(np.arange(3)), st.just(np.float32(1.5)), st.just(10**400), st.just(-(10**5000)),
)  # fmt: skip


@ANY
@given(
    rows=st.lists(st.tuples(*[CELLS] * 5), max_size=6),
    declared=st.booleans(),
    reset=st.sampled_from([False, True, "b"]),
)
def test_frames_of_wrong_types(rows, declared, reset):
    frame = pd.DataFrame(rows, columns=["participant", "trial", "cue", "choice", "outcome"], dtype=object).assign(b=0)
    outcome_of(read_long, frame, actions=[0, 1] if declared else None, reset=reset)
    outcome_of(read_long, frame, trial=False, cue=False, numbers=["cue"], available=["b"], choice="b")
    outcome_of(read_wide, choice=frame, outcome=frame, columns={"more": frame})


@ANY
@given(
    lines=st.lists(st.lists(st.sampled_from(["", "1", "0.5", "a", "-1", "NaN", "inf", '"', "#", "1,5", "é"]), max_size=8), max_size=8),
    separator=st.sampled_from([",", ";", "\t", " "]),
    encoding=st.sampled_from(["utf-8", "cp1252", "utf-16"]),
)  # fmt: skip
@example(lines=[["", "", '"', ""]], separator=",", encoding="utf-8")
def test_ragged_rows(tmp_path, lines, separator, encoding):
    text = "\n".join([separator.join(["participant", "trial", "choice", "outcome"]), *map(separator.join, lines)])
    path = tmp_path / "trials.csv"
    path.write_bytes(text.encode(encoding))
    outcome_of(read_long, path)
    outcome_of(read_wide, choice=path)


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"", "is empty"),
        (b"\n\n  \n", "is empty"),
        (b"# only a comment\n", "is empty"),
        (b"participant,choice\n", "contains only a header row"),
        (b"participant,choice\n,\n,\n", "contains only a header row"),
        (b"participant,choice\n1,0\n1,1,1\n", "a row has 3 cells where the header row has 2 .row 3."),
        (b"participant,choice,reward\n1,0,0,5\n1,1,2\n", "decimal comma between commas"),
        (b'participant,choice\n1,"0\n1,1\n', "quotation mark"),
        (b"participant,choice\n1,\x000\n1,1\n", "NUL or undefined bytes .row 2."),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\x81", "is not text"),
        (b"\x89HDF\r\n\x1a\n\0\0", r"netCDF or HDF5(.|\n)*saved fit.*load\(\.\.\.\)"),
        (b"\x1f\x8bnot gzip", "not a complete gzip file"),
        (gzip.compress(GOOD.encode())[:-9], "not a complete gzip file"),
        (b"PK\x03\x04 something else", "is a zip file"),
    ],
)
def test_messages_about_files_that_are_not_tables(tmp_path, raw, message):
    path = tmp_path / "trials.csv"
    path.write_bytes(raw)
    with pytest.raises(DataError, match=message):
        read_long(path)


def test_files_of_other_programs_and_missing_files(tmp_path):
    (tmp_path / "data.mat").write_bytes(b"MATLAB 5.0\0\1\2\x81")
    with pytest.raises(DataError, match="is a MATLAB file(.|\n)*export the table as CSV"):
        read_long(tmp_path / "data.mat")
    with pytest.raises(DataError, match=r"no such file(.|\n)*did you mean .*data\.mat"):
        read_long(tmp_path / "dta.mat")
    with pytest.raises(DataError, match="no such file(.|\n)*the folder .* does not exist either"):
        read_long(tmp_path / "no" / "data.csv")
    with pytest.raises(DataError, match="is a folder"):
        read_long(tmp_path)
    for name in ("a\0b", "x" * 5000):
        with pytest.raises(DataError, match="cannot be opened"):
            read_long(name)
    with pytest.raises(TrialwiseError, match="a path or a DataFrame, not int"):
        read_long(3)


def test_mixed_encodings_are_read_with_a_note(tmp_path):
    path = tmp_path / "trials.csv"
    path.write_bytes("participant,choice\nJürgen,0\n".encode() + "Zoë,1\n".encode("cp1252"))
    trials = outcome_of(read_long, path)
    assert trials is not None
    assert trials.n_trials == 2
    assert "read as cp1252" in trials.notes[0]
