"""Sizes of the pages of a Parquet file as the pages say them, by which pyarrow makes room; the file's summary may say otherwise.

Pages begin with a header in Thrift's compact protocol (https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md),
of which two numbers matter (https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift, ``PageHeader``).
"""

from __future__ import annotations

UNPACKED, PACKED = 2, 3
"""Numbers of the fields of a page's header that are its sizes in memory and in the file."""

TRUE, FALSE, BYTE, DOUBLE, BINARY, LIST, SET, MAP, STRUCT = 1, 2, 3, 7, 8, 9, 10, 11, 12
"""Kinds of values; the others are whole numbers."""


def unpacked_size(raw: bytes, start: int, end: int) -> int:
    """The bytes to which the pages between two places of a file unpack.

    Raises
    ------
    ValueError, IndexError
        If there is something else than pages.
    """
    total = 0
    while start < end:
        header = _Header(raw, start)
        sizes = header.struct()
        if min(sizes.get(UNPACKED, -1), sizes.get(PACKED, -1)) < 0:
            raise ValueError(f"no page at byte {start}")
        total += sizes[UNPACKED]
        start = header.place + sizes[PACKED]
    return total


class _Header:
    """A header that is read from a place on."""

    def __init__(self, raw: bytes, place: int) -> None:
        self.raw, self.place = raw, place

    def byte(self) -> int:
        self.place += 1
        return self.raw[self.place - 1]

    def unsigned(self) -> int:
        """A number in pieces of seven bits, the lowest first."""
        number, shift = 0, 0
        while (piece := self.byte()) & 128:
            number |= (piece & 127) << shift
            shift += 7
            if shift > 63:
                raise ValueError("a number of more than 64 bits")
        return number | piece << shift

    def signed(self) -> int:
        number = self.unsigned()
        return number >> 1 ^ -(number & 1)

    def struct(self) -> dict[int, int]:
        """The fields that are whole numbers, by their numbers; others are passed over."""
        fields: dict[int, int] = {}
        field = 0
        while head := self.byte():
            field = field + (head >> 4) if head >> 4 else self.signed()
            if (kind := head & 15) not in (TRUE, FALSE):  # which is all of a truth value
                value = self.value(kind)
                if value is not None:
                    fields[field] = value
        return fields

    def value(self, kind: int) -> int | None:
        """A value; None if it is no whole number."""
        if kind in (TRUE, FALSE, BYTE):
            self.place += 1
        elif kind == DOUBLE:
            self.place += 8
        elif kind == BINARY:
            length = self.unsigned()
            self.place += length
        elif kind in (LIST, SET):
            head = self.byte()
            for _ in range(head >> 4 if head >> 4 < 15 else self.unsigned()):
                self.value(head & 15)
        elif kind == MAP:
            if size := self.unsigned():
                kinds = self.byte()
                for _ in range(size):
                    self.value(kinds >> 4)
                    self.value(kinds & 15)
        elif kind == STRUCT:
            self.struct()
        else:
            return self.signed()
        return None
