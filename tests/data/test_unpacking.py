"""Small files that unpack to much are refused where the limit is reached, and read where the user raises it as the message says."""

import gzip
import re
import zipfile

import h5py
import numpy as np
import pandas as pd
import pytest

import trialwise as tw
from trialwise.base import unpacking
from trialwise.base.errors import DataError, UsageError
from trialwise.inference.checkpoint import Checkpoint
from trialwise.studies.store import Store

ROWS = 2000
FRAME = pd.DataFrame(
    {"subjID": ["ann"] * ROWS, "trial": range(ROWS), "choice": ["left", "right"] * (ROWS // 2), "outcome": 1}
)


@pytest.fixture
def low(monkeypatch):
    """Limits that a file of 50 kB exceeds."""
    monkeypatch.setattr(unpacking, "SMALL", 10_000)
    monkeypatch.setattr(unpacking, "RATIO", 1)
    monkeypatch.setattr(unpacking, "RATIO_OF_LARGE", 0)
    monkeypatch.setattr(unpacking, "PIECE", 1000)


def refused(call, *args):
    with pytest.raises(DataError) as caught:
        call(*args)
    (problem,) = caught.value.problems
    assert problem.code == "unpacks-too-large"
    return problem


def obeyed(problem, monkeypatch):
    """Set the variable as the message says."""
    variable, number = re.search(r"environment variable (\w+) to (\d+)$", problem.remedy).groups()
    monkeypatch.setenv(variable, number)


def test_limits_by_size_and_ratio():
    assert unpacking.limit(1) == unpacking.limit(300_000) == unpacking.SMALL
    assert unpacking.limit(1_000_000) == 100_000_000
    assert unpacking.limit(100_000_000) == unpacking.LARGE
    assert unpacking.limit(10**9) == 10**10  # so much is no bomb: it may be what was never compressed


@pytest.mark.parametrize("text", ["much", "0", "-1", "nan", "inf"])
def test_a_variable_that_is_no_size(monkeypatch, text):
    monkeypatch.setenv(unpacking.VARIABLE, text)
    with pytest.raises(UsageError, match=f"{unpacking.VARIABLE} is '{text}'"):
        unpacking.limit(1)


def test_tables_of_trials_are_read(tmp_path):
    FRAME.to_csv(tmp_path / "trials.csv.gz", index=False)
    assert tw.read_long(tmp_path / "trials.csv.gz").n_trials == ROWS


@pytest.mark.parametrize("ending", ["csv.gz", "xlsx", "parquet"])
def test_the_remedy_works(tmp_path, monkeypatch, low, ending):
    path = tmp_path / f"trials.{ending}"
    {"csv.gz": FRAME.to_csv, "xlsx": FRAME.to_excel, "parquet": FRAME.to_parquet}[ending](path, index=False)
    problem = refused(tw.read_long, path)
    assert f"to {unpacking._size(10_000)}" not in problem.message
    monkeypatch.setenv(unpacking.VARIABLE, "0.02")
    refused(tw.read_long, path)
    obeyed(problem, monkeypatch)
    assert tw.read_long(path).n_trials == ROWS


def test_gzip_stops_at_the_limit(tmp_path, monkeypatch, low):
    """A second member, and a false size at the end, hide how much there is."""
    read, pieces = gzip.GzipFile.read, []

    def counted(self, size=-1):
        pieces.append(read(self, size))
        return pieces[-1]

    monkeypatch.setattr(gzip.GzipFile, "read", counted)
    raw = gzip.compress(bytes(500_000)) + gzip.compress(b"1")
    (tmp_path / "trials.csv.gz").write_bytes(raw)
    problem = refused(tw.read_long, tmp_path / "trials.csv.gz")
    assert sum(map(len, pieces)) <= 12_000
    assert "more than 11 kB" in problem.message
    assert "gunzip" in problem.remedy


def rewritten(source, target, member, change):
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, change(old.read(name)) if name == member else old.read(name))


@pytest.mark.parametrize("row, place", [(1_048_576, "XFD"), (10**12, "A")])
def test_cells_far_from_the_table(tmp_path, monkeypatch, row, place):
    monkeypatch.setattr(unpacking, "SMALL", 500_000)
    FRAME.head(4).to_excel(tmp_path / "good.xlsx", index=False)
    cell = f'<row r="{row}"><c r="{place}{row}"><v>1</v></c></row></sheetData>'.encode()
    bomb = tmp_path / "trials.xlsx"
    rewritten(
        tmp_path / "good.xlsx", bomb, "xl/worksheets/sheet1.xml", lambda text: text.replace(b"</sheetData>", cell)
    )
    assert "clear the cells far from the table" in refused(tw.read_long, bomb).remedy


@pytest.mark.parametrize("claimed", [b"A1:XFD1048576", b"A1"])
def test_the_size_that_a_sheet_claims_does_not_matter(tmp_path, claimed):
    FRAME.head(4).to_excel(tmp_path / "good.xlsx", index=False)

    def change(text):
        return re.sub(rb'<dimension ref="[^"]*"', b'<dimension ref="' + claimed + b'"', text)

    rewritten(tmp_path / "good.xlsx", tmp_path / "trials.xlsx", "xl/worksheets/sheet1.xml", change)
    trials, good = tw.read_long(tmp_path / "trials.xlsx"), tw.read_long(tmp_path / "good.xlsx")
    assert trials.to_frame().equals(good.to_frame())
    assert trials.mapping == good.mapping


def test_parquet_that_repeats(tmp_path):
    """One number a hundred million times, and one long text ten thousand times: a few kB each."""
    numbers = pd.DataFrame({"choice": pd.Categorical.from_codes(np.zeros(20_000_000, np.int8), ["left"])})
    numbers.to_parquet(tmp_path / "numbers.parquet")
    assert "160 MB" in refused(tw.read_long, tmp_path / "numbers.parquet").message
    pd.DataFrame({"choice": ["left" * 1000] * 10_000}).to_parquet(tmp_path / "text.parquet")
    assert "40.1 MB" in refused(tw.read_long, tmp_path / "text.parquet").message


def test_a_row_of_many_cells(tmp_path):
    path = tmp_path / "trials.csv"
    for text in ("a," * 200_000, "subjID,choice\n" + "1," * 200_000, "#\nsubjID,choice\n1,1\n" + '1,"' + "," * 200_000):
        path.write_text(text)
        with pytest.raises(DataError, match="more than 100000 cells"):
            tw.read_long(path)


def test_fits_with_arrays_that_were_never_written(tmp_path, monkeypatch):
    for name, shape in (("large", (10**12,)), ("small", (10,))):
        with h5py.File(tmp_path / f"{name}.nc", "w") as file:
            file.create_dataset("a/b", shape, np.float64, chunks=(10,), compression="gzip")
            file["a/itself"] = file["a"]
    assert "8e+03 GB" in refused(tw.load, tmp_path / "large.nc").message
    refused(tw.load, tmp_path / "small.nc")  # groups without end
    (tmp_path / "text.nc").write_text("no fit")
    with pytest.raises(DataError, match="cannot be read"):
        tw.load(tmp_path / "text.nc")


def test_stored_pieces_that_claim_too_much_are_computed_again(tmp_path):
    store = Store(tmp_path, "recover", 1, {})
    store.save(0, {"a": np.arange(3.0)})
    assert store.load(0)["a"].tolist() == [0, 1, 2]
    path = store._file(0)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("a.npy", bytes(40_000_000))
    assert store.load(0) is None
    header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000,), }"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("a.npy", b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header)
    assert store.load(0) is None
    path.write_bytes(b"PK no zip")
    assert store.load(0) is None
    with pytest.raises(UsageError, match="holds no progress of a fit"):
        Checkpoint(path, 1).load()
