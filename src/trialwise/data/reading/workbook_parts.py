"""A look through the parts of an Excel workbook before openpyxl builds trees of them, which may be a hundred times as large."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping, Sequence
from typing import IO
from xml.parsers import expat

from trialwise.base.unpacking import check_size, limit
from trialwise.data.reading.text import file_error

BYTES_OF_ELEMENT, BYTES_OF_OBJECT = 100, 300
"""In a row of a sheet, an element takes so many bytes until its row ends; elsewhere openpyxl makes an object of it, which stays."""

PIECE = 1 << 16
NAMESPACE = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
WORKSHEET, SHEET, ROW = (f"{NAMESPACE}}}{tag}" for tag in ("worksheet", "sheet", "row"))


def last_rows(raw: bytes, name: str) -> Mapping[str, int]:
    """The number of the last row of each sheet of a workbook, by the name of the sheet's part.

    Parameters
    ----------
    raw
        The file.
    name
        Its name, for messages.

    Raises
    ------
    DataError
        If its parts unpack to more than the limit or make objects of more, define entities, or are listed as more sheets than there are.
    BadZipFile, NotImplementedError, OSError, EOFError, zlib.error
        If it is damaged.
    """
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        members = archive.infolist()
        check_size(name, len(raw), sum(member.file_size for member in members))
        walk, rows = _Walk(len(members), len(raw), name), {}
        for member in members:
            with archive.open(member) as stream:
                rows[member.filename] = walk.through(stream)
    return rows


class _Walk:
    """A walk through the elements of one part after another."""

    def __init__(self, members: int, packed: int, name: str) -> None:
        self.members, self.packed, self.name = members, packed, name
        self.sheets, self.left = 0, limit(packed)

    def through(self, stream: IO[bytes]) -> int:
        """Count the elements of a part, and return the number of its last row."""
        inside, cells, row, last = 0, 0, 0, 0
        is_sheet: bool | None = None
        parser = expat.ParserCreate(namespace_separator="}")
        parser.ordered_attributes = True

        def start(tag: str, attributes: Sequence[str]) -> None:
            nonlocal is_sheet, inside, cells, row, last
            if is_sheet is None:
                is_sheet = tag == WORKSHEET
            if inside:
                cells += 1
                inside += tag == ROW
            elif tag == ROW and is_sheet:
                self.left -= BYTES_OF_ELEMENT
                inside, cells = 1, 0
                row = _number(attributes, row + 1)
                last = max(last, row)
            else:
                self.left -= BYTES_OF_OBJECT
                self.sheets += tag == SHEET

        def end(tag: str) -> None:
            nonlocal inside
            if tag == ROW and inside:
                inside -= 1

        parser.StartElementHandler, parser.EndElementHandler = start, end  # type: ignore[assignment]
        parser.StartDoctypeDeclHandler = self.refuse_entities
        try:
            while piece := stream.read(PIECE):
                parser.Parse(piece)
                self.check(cells)
        except expat.ExpatError:  # a picture, or damaged: openpyxl reads no further either
            pass
        self.check(cells)
        return last

    def check(self, cells: int) -> None:
        """Refuse the workbook if its trees are too large with so many elements in the row at hand, or it lists a sheet twice."""
        if self.left < cells * BYTES_OF_ELEMENT:
            check_size(self.name, self.packed, limit(self.packed) + 1, "export it as CSV", is_all=False)
        if self.sheets > self.members:
            message = f"lists {self.sheets} sheets and has {self.members} parts"
            raise file_error(self.name, "damaged-file", message, "save it again from Excel, or export it as CSV")

    def refuse_entities(self, *declared: object) -> None:
        """Refuse a document type, of which entities are a part: each may stand for many of others."""
        message = "defines entities in its XML, which no spreadsheet program does"
        raise file_error(self.name, "damaged-file", message, "open it in Excel and save it again, or export it as CSV")


def _number(attributes: Sequence[str], following: int) -> int:
    """The number that a row gives itself, or that of the place after the one before."""
    names = attributes[::2]
    if "r" not in names:
        return following
    try:
        return int(float(attributes[2 * names.index("r") + 1]))
    except (ValueError, OverflowError):
        return following
