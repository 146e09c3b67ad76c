"""What a netCDF file takes in memory, by what HDF5 says of its arrays, before any of them is read as a whole."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from trialwise.base.unpacking import check_size, limit

if TYPE_CHECKING:
    import h5py
    import numpy as np

BYTES_OF_GROUP, BYTES_OF_ATTRIBUTE, BYTES_OF_REFERENCE = 100_000, 1000, 100
"""A group may contain itself, and counts accordingly; a fit has a dozen. Attributes and references are objects of Python's."""

DIMENSIONS = 8
"""More than the arrays of a fit have."""

PIECE = 8_000_000


class ForeignContents(Exception):
    """There is something in a file that no fit has."""


def fault_of(path: Path) -> str | None:
    """Why a file cannot be that of a fit; None if it may be.

    A compressed array may be anything, one that was never written takes no place, and a million texts may be the same one.

    Raises
    ------
    DataError
        If it takes more than the limit.
    """
    import h5py

    packed = path.stat().st_size
    unpacked, most = 0, limit(packed)
    try:
        with h5py.File(path, "r") as file:
            for size in _sizes(file, packed):
                unpacked += size
                if unpacked > most:
                    break
    except ForeignContents as error:
        return f"{error}, which no fit has"
    except Exception as error:  # HDF5 may fail anywhere in a damaged file
        return f"it cannot be read: {type(error).__name__}: {error}"
    check_size(path.name, packed, unpacked, is_all=False)
    return None


def _sizes(file: h5py.File, packed: int) -> Iterator[int]:
    """Bytes of all that is in a file, one after another, without recursion."""
    import h5py

    groups: list[h5py.Group] = [file]
    yield from _of_attributes(file, packed)
    while groups:
        group = groups.pop()
        for name in group:
            if not isinstance(group.get(name, getlink=True), h5py.HardLink):
                raise ForeignContents(f"{name!r} in it is a link")
            contents = group[name]
            yield from _of_attributes(contents, packed)
            if isinstance(contents, h5py.Dataset):
                yield from _of_array(contents, packed)
            else:
                yield BYTES_OF_GROUP
            if isinstance(contents, h5py.Group):
                groups.append(contents)


def _of_array(array: h5py.Dataset, packed: int) -> Iterator[int]:
    import h5py

    if array.is_virtual or array.external:
        raise ForeignContents(f"{array.name!r} in it takes its values from another file")
    if array.shape is None:
        return
    yield array.nbytes
    if not _has_pointers(array.dtype):
        return
    if h5py.check_string_dtype(array.dtype) is None or array.ndim > 1:
        raise ForeignContents(f"{array.name!r} in it has sequences of any length")
    if array.ndim == 0:
        yield len(array[()])
        return
    step = max(1, PIECE // packed)  # each text may be as long as the file
    for first in range(0, len(array), step):
        yield sum(map(len, array[first : first + step]))


def _of_attributes(contents: h5py.HLObject, packed: int) -> Iterator[int]:
    import h5py

    for name in contents.attrs:
        attribute = contents.attrs.get_id(name)
        count = math.prod(attribute.shape)
        yield BYTES_OF_ATTRIBUTE + count * attribute.dtype.itemsize
        if not _has_pointers(attribute.dtype):
            continue
        is_text = h5py.check_string_dtype(attribute.dtype) is not None
        if count > (max(DIMENSIONS, PIECE // packed) if is_text else DIMENSIONS):
            raise ForeignContents(f"the attribute {name!r} in it has many sequences of any length")
        value = contents.attrs[name]
        values = [value] if attribute.shape == () else list(value.ravel())
        yield sum(map(len, values)) * (1 if is_text else BYTES_OF_REFERENCE)


def _has_pointers(dtype: np.dtype) -> bool:
    """Whether values of a type, or parts of them, are of any length and stand elsewhere in the file."""
    import h5py

    if dtype.subdtype:
        return _has_pointers(dtype.subdtype[0])
    if dtype.fields:
        return any(_has_pointers(part[0]) for part in dtype.fields.values())
    return dtype.kind == "O" and h5py.check_ref_dtype(dtype) is None
