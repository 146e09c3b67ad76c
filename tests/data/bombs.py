"""Small files that expand to more than the memory holds, one function a kind: ``write(folder)`` returns the path.

Run as a script with the names of some, it reads each as a user would and prints what came of it and by how many megabytes the peak of
this process's memory rose, after a good file of every format has been read.
"""

import gzip
import json
import re
import resource
import sys
import time
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

import trialwise as tw
from trialwise.base.errors import TrialwiseError

GOOD = pd.DataFrame({"subjID": ["ann"] * 4, "trial": range(4), "choice": ["left", "right"] * 2, "outcome": 1})
SHEET, STRINGS = "xl/worksheets/sheet1.xml", "xl/sharedStrings.xml"
TYPES = "[Content_Types].xml"
STRINGS_TYPE = (
    b'<Override PartName="/xl/sharedStrings.xml" '
    b'ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sharedStrings+xml"/>'
)
SPREADSHEET = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"


# -- Excel ---------------------------------------------------------------------------------------------------------------


def changed(folder, name, changes):
    """A good workbook of which some members are changed, ``{member: text -> text}``."""
    good, target = folder / "good.xlsx", folder / name
    if not good.exists():
        GOOD.to_excel(good, index=False)
    if STRINGS in changes:
        changes = {**changes, TYPES: lambda text: text.replace(b"</Types>", STRINGS_TYPE + b"</Types>")}
    with zipfile.ZipFile(good) as old, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as new:
        for member in (*old.namelist(), *({STRINGS} - {*old.namelist()} if STRINGS in changes else ())):
            text = old.read(member) if member != STRINGS else b""
            new.writestr(member, changes[member](text) if member in changes else text)
    return target


def sheet_with(folder, name, rows, **more):
    """A good workbook with more rows in its sheet."""
    return changed(folder, name, {SHEET: lambda text: text.replace(b"</sheetData>", rows + b"</sheetData>"), **more})


def xlsx_last_corner(folder):
    return sheet_with(folder, "corner.xlsx", b'<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>')


def xlsx_row_of_many_cells(folder):
    return sheet_with(folder, "row.xlsx", b"<row>" + b"<c/>" * 1_000_000 + b"</row>")


def xlsx_rows_to_the_last_column(folder):
    rows = (b'<row r="%d"><c r="XFD%d"><v>1</v></c></row>' % (n, n) for n in range(6, 1000))
    return sheet_with(folder, "wide.xlsx", b"".join(rows))


def xlsx_foreign_elements(folder):
    """They are no cells, but openpyxl builds a tree of all of them."""
    return sheet_with(folder, "elements.xlsx", b"<x/>" * 1_000_000)


def xlsx_elements_in_a_cell(folder):
    return sheet_with(folder, "cell.xlsx", b"<row><c>" + b"<v/>" * 1_000_000 + b"</c></row>")


def xlsx_styles(folder):
    styles = "xl/styles.xml"
    return changed(
        folder,
        "styles.xlsx",
        {styles: lambda text: text.replace(b"</styleSheet>", b"<x/>" * 1_000_000 + b"</styleSheet>")},
    )


def strings(texts):
    return f'<sst xmlns="{SPREADSHEET}">'.encode() + texts + b"</sst>"


def xlsx_shared_strings(folder):
    """100 MB of shared strings in 100 kB."""
    long = strings(b"<si><t>" + b"a" * 100_000_000 + b"</t></si>")
    return changed(folder, "strings.xlsx", {STRINGS: lambda _: long})


def xlsx_empty_strings(folder):
    return changed(folder, "empty.xlsx", {STRINGS: lambda _: strings(b"<si/>" * 1_000_000)})


def xlsx_one_long_string(folder):
    """One text of a megabyte, with a blank at its end, in 20 000 cells."""
    cells = b"".join(b'<row><c t="s"><v>0</v></c></row>' for _ in range(20_000))
    return sheet_with(
        folder, "long.xlsx", cells, **{STRINGS: lambda _: strings(b"<si><t>" + b"a" * 1_000_000 + b" </t></si>")}
    )


def xlsx_one_long_string_in_a_row(folder):
    cells = b"<row>" + b'<c t="s"><v>0</v></c>' * 16_000 + b"</row>"
    text = strings(b"<si><t> " + b"a" * 1_000_000 + b" </t></si>")
    return changed(
        folder, "long_row.xlsx", {SHEET: lambda sheet: re.sub(rb"<sheetData>.*</sheetData>", b"<sheetData>" + cells + b"</sheetData>", sheet, flags=re.DOTALL), STRINGS: lambda _: text}
    )  # fmt: skip


def entities(levels=9):
    lines = ['<!DOCTYPE lolz [<!ENTITY l0 "lol">']
    lines += [f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, levels + 1)]
    return ("".join(lines) + "]>").encode()


def xlsx_entities(folder):
    """Entities of entities, a billion of them."""
    text = entities() + strings(b"<si><t>&l9;</t></si>")
    return changed(folder, "entities.xlsx", {STRINGS: lambda _: text})


def xlsx_one_entity(folder):
    """An entity of 70 kB, named a hundred times: 7 MB, below what XML parsers refuse by themselves."""
    text = b'<!DOCTYPE s [<!ENTITY a "' + b"a" * 70_000 + b'">]>' + strings(b"<si><t>" + b"&a;" * 100 + b"</t></si>")
    return changed(folder, "entity.xlsx", {STRINGS: lambda _: text})


def xlsx_sheets_of_one_file(folder):
    """A workbook whose many sheets are all the same file."""
    return changed(
        folder, "sheets.xlsx", {"xl/workbook.xml": lambda text: re.sub(rb"(<sheet [^>]*/>)", rb"\1" * 50_000, text)}
    )


# -- compressed ----------------------------------------------------------------------------------------------------------


def gz_of_zeros(folder):
    path = folder / "zeros.csv.gz"
    path.write_bytes(gzip.compress(bytes(50_000_000)))
    return path


def gz_of_a_bomb(folder):
    """A workbook that is small for what it unpacks to, since it is padded; the padding packs well."""
    path = folder / "padded.xlsx"
    with zipfile.ZipFile(xlsx_shared_strings(folder)) as old, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
        for member in old.namelist():
            new.writestr(member, old.read(member))
        new.writestr("padding", bytes(10_000_000), zipfile.ZIP_STORED)
    packed = folder / "padded.xlsx.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    return packed


def zip_of_zips(folder):
    path, content = folder / "nested.xlsx", bytes(5_000_000)
    for n in range(4):
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
            for k in range(10 if n else 1):
                file.writestr(f"xl/{k}.zip", content)
        content = path.read_bytes()
    return path


# -- Parquet -------------------------------------------------------------------------------------------------------------


def parquet(folder, name, column, **options):
    path = folder / name
    pq.write_table(pa.table({"choice": column}), path, **options)
    return path


def parquet_dictionary(folder):
    """One long text ten million times."""
    codes = pa.array(np.zeros(10_000_000, np.int32))
    return parquet(folder, "dictionary.parquet", pa.DictionaryArray.from_arrays(codes, pa.array(["a" * 100_000])))


def parquet_lists(folder):
    """The same in lists, one a row and one of all."""
    texts = pa.DictionaryArray.from_arrays(pa.array(np.zeros(3_000_000, np.int32)), pa.array(["a" * 100_000]))
    return parquet(folder, "lists.parquet", pa.ListArray.from_arrays(pa.array([0, 3_000_000], pa.int32()), texts))


def parquet_fixed(folder):
    """Values of a fixed length of 100 kB."""
    texts = pa.array([b"a" * 100_000] * 3000, pa.binary(100_000))
    return parquet(folder, "fixed.parquet", texts)


def parquet_prefixes(folder):
    """Every text is the one before it, of which the file has only the length of what both share."""
    texts = pa.array(["a" * 100_000] * 3000)
    options = {"use_dictionary": False, "column_encoding": "DELTA_BYTE_ARRAY", "compression": "NONE"}
    return parquet(folder, "prefixes.parquet", texts, **options)


def parquet_lists_of_prefixes(folder):
    texts = pa.array([["a" * 100_000] * 3000])
    options = {"use_dictionary": False, "column_encoding": "DELTA_BYTE_ARRAY", "compression": "NONE"}
    return parquet(folder, "lists_of_prefixes.parquet", texts, **options)


def zigzag(number):
    """A number as the compact protocol of Thrift writes it."""
    number, octets = 2 * number, bytearray()
    while number >= 128:
        octets.append(number & 127 | 128)
        number >>= 7
    return bytes([*octets, number])


def parquet_pages(folder):
    """A page whose header claims 2 GB, which nothing else in the file does."""
    column = pa.array(np.arange(100_000) % 977)
    path = parquet(folder, "pages.parquet", column, compression="ZSTD", use_dictionary=False)
    raw = path.read_bytes()
    # a page's header: field 1 (its kind, 0), field 2 (its unpacked size), field 3 (its packed size)
    size = re.compile(rb"\x15\x00\x15(.{3})\x15", re.DOTALL).match(raw, 4)
    path.write_bytes(raw[: size.start(1)] + zigzag(2_000_000_000) + raw[size.end(1) :])
    return path


def parquet_summary(folder):
    """A page of 100 MB, of which the summary at the end says that it unpacks to nothing."""
    column = pa.array(["a" * 100_000_000])
    path = parquet(folder, "summary.parquet", column, compression="ZSTD", use_dictionary=False, write_statistics=False)
    size = pq.ParquetFile(path).metadata.row_group(0).column(0).total_uncompressed_size
    raw, footer = path.read_bytes(), int.from_bytes(path.read_bytes()[-8:-4], "little")
    summary = raw[-8 - footer :]
    while len(said := zigzag(size)) and said in summary:
        summary = summary.replace(said, b"\x80" * (len(said) - 1) + b"\x00")
    path.write_bytes(raw[: -8 - footer] + summary)
    assert pq.ParquetFile(path).metadata.row_group(0).column(0).total_uncompressed_size == 0
    return path


# -- fits ----------------------------------------------------------------------------------------------------------------


def repeated(file, texts, name="a"):
    """Make all texts of a data set the first one: they are references into a heap."""
    offset = file[name].id.get_offset()
    file.flush()
    path = file.filename
    file.close()
    with open(path, "r+b") as stream:
        stream.seek(offset)
        first = stream.read(16)
        stream.seek(offset)
        stream.write(first * texts)
    return Path(path)


def fit_one_long_text(folder):
    """A text of a megabyte, 20 000 times."""
    file = h5py.File(folder / "texts.nc", "w")
    file.create_dataset("a", data=["x" * 1_000_000, *["b"] * 19_999], dtype=h5py.string_dtype())
    return repeated(file, 20_000)


def fit_attributes(folder):
    """The same as attributes, of one value and of many."""
    path = folder / "attributes.nc"
    with h5py.File(path, "w") as file:
        file.attrs["many"] = ["x" * 1_000_000, *["b"] * 3999]
    raw = path.read_bytes()
    found = re.search(rb"\x40\x42\x0f\x00.{8}\x01\0\0\0", raw, re.DOTALL)[0]  # length, place of the heap, index in it
    start = raw.index(found)
    path.write_bytes(raw[:start] + found * 4000 + raw[start + 64_000 :])
    return path


def fit_sequences(folder):
    """Sequences of numbers, all of them one."""
    file = h5py.File(folder / "sequences.nc", "w")
    numbers = file.create_dataset("a", (5000,), h5py.vlen_dtype(np.int8))
    numbers[0] = np.zeros(1_000_000, np.int8)
    for n in range(1, 5000):
        numbers[n] = np.zeros(1, np.int8)
    return repeated(file, 5000)


def fit_elsewhere(folder):
    """A data set of a small file that is another file."""
    path = folder / "elsewhere.nc"
    with h5py.File(path, "w") as file:
        file["a"] = h5py.ExternalLink(str(fit_one_long_text(folder)), "/a")
    return path


def fit_of_raw_bytes_elsewhere(folder):
    path = folder / "raw.nc"
    (folder / "secret.txt").write_text("secret" * 100)
    with h5py.File(path, "w") as file:
        file.create_dataset("a", (600,), np.int8, external=[(str(folder / "secret.txt"), 0, 600)])
    return path


READERS = {".nc": tw.load}
BOMBS = {
    name: value
    for name, value in list(globals().items())
    if callable(value) and name.split("_")[0] in ("xlsx", "gz", "zip", "parquet", "fit") and "_" in name
}


STATUS, PEAKS = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def peak():
    """Megabytes at the peak of this process's memory; what `getrusage` says on Linux includes the process that started this one."""
    if STATUS.exists():
        return int(re.search(r"VmHWM:\s+(\d+) kB", STATUS.read_text())[1]) / 1e3
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)


def main():
    folder = Path(sys.argv[1])
    for ending, save in {"xlsx": GOOD.to_excel, "parquet": GOOD.to_parquet, "csv.gz": GOOD.to_csv}.items():
        save(folder / f"before.{ending}", index=False)
        tw.read_long(folder / f"before.{ending}")
    with h5py.File(folder / "before.nc", "w") as file:
        file["a"] = 1.0
    for path in [folder / "before.nc", *map(Path, sys.argv[2:])]:
        if PEAKS.exists():
            PEAKS.write_text("5")  # the peak is what is used now
        before, start = peak(), time.perf_counter()
        try:
            READERS.get(path.suffix, tw.read_long)(path)
            came = "read"
        except TrialwiseError as error:
            came = f"{getattr(error, 'problems', [error])[0]}"
        print(json.dumps([path.name, came, peak() - before, time.perf_counter() - start]), flush=True)


if __name__ == "__main__":
    main()
