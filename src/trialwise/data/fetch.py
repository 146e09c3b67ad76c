"""Download public data sets: files are verified by hash and written completely or not at all, with their terms of use."""

from __future__ import annotations

import hashlib
import urllib.error
import urllib.request
from dataclasses import dataclass
from http.client import HTTPException
from os import PathLike, fspath
from pathlib import Path

from trialwise.base.errors import FetchError, UsageError
from trialwise.base.files import together, write
from trialwise.base.message import Argument
from trialwise.data.dataset import Dataset
from trialwise.data.public import DATASETS

MAX_BYTES = 20_000_000
"""Upper limit on the size of a file: a larger response cannot be the file."""


@dataclass(frozen=True)
class Download:
    """The files of a data set on disk.

    Attributes
    ----------
    dataset
        The data set.
    folder
        The folder that contains its files.
    downloaded
        Paths of the files that were downloaded by this call.
    existing
        Paths of the files that were present already.
    """

    dataset: Dataset
    folder: Path
    downloaded: tuple[Path, ...]
    existing: tuple[Path, ...]

    @property
    def paths(self) -> tuple[Path, ...]:
        """Paths of all files of the data set."""
        return tuple(self.folder / name for name in self.dataset.files)


def fetch(
    name: str | Dataset,
    folder: str | PathLike[str] | None = None,
    *,
    url: str | None = None,
    overwrite: bool = False,
    timeout: float = 30.0,
) -> Download:
    """Download a public data set into a folder.

    Files that are present already and have the expected hash are not downloaded again. All files are downloaded and verified
    before any is written, and each is written under a temporary name first, so that the folder never contains a partial file.

    Parameters
    ----------
    name
        A name in :data:`~trialwise.data.public.DATASETS`, or a :class:`Dataset`.
    folder
        The folder to write to; by default a folder named after the data set, in the working directory.
    url
        Address of a mirror: the folder with the files, in place of the data set's own.
    overwrite
        Whether to replace files of the same names that have different contents.
    timeout
        Seconds to wait for the server, above 0.

    Returns
    -------
    Download
        The paths of the files; ``download.dataset.terms`` states the terms of use.

    Raises
    ------
    FetchError
        If a file cannot be downloaded or written, has an unexpected hash, or would replace a different file.
    UsageError
        If there is no data set of that name.

    Examples
    --------
    >>> print(fetch("alien").dataset.terms)                                                   # doctest: +SKIP
    """
    dataset = _dataset(name)
    base = (url or dataset.url).rstrip("/")
    target = Path(fspath(folder)) if folder is not None else Path(dataset.name)
    existing = _existing(dataset, target, overwrite)
    contents: dict[str, bytes] = {}
    mismatches = []
    for file, expected in dataset.files.items():
        if file not in existing:
            contents[file] = _download(f"{base}/{file}", timeout)
            sha256 = hashlib.sha256(contents[file]).hexdigest()
            if sha256 != expected:
                mismatches.append(f"  {file}: {len(contents[file])} bytes, SHA-256 {sha256}, expected {expected}")
    if mismatches:
        raise FetchError(
            "\n".join(["the files on the server are not the ones expected; nothing was written:", *mismatches])
            + f"\n    -> look at {base}, try again later, or give another address, ",
            Argument("url", "https://..."),
        )
    try:
        target.mkdir(parents=True, exist_ok=True)
        with together(target, dataset.name):
            for file, content in contents.items():
                write(target / file, content)
    except (OSError, UsageError) as error:
        raise FetchError(f"cannot write into {str(target)!r}: {error}\n    -> give another folder") from None
    return Download(
        dataset, target, tuple(target / file for file in contents), tuple(target / file for file in existing)
    )


def _dataset(name: str | Dataset) -> Dataset:
    if isinstance(name, Dataset):
        return name
    if name not in DATASETS:
        raise UsageError(f"there is no data set {name!r}; there are: {', '.join(DATASETS)}")
    return DATASETS[name]


def _existing(dataset: Dataset, folder: Path, overwrite: bool) -> list[str]:
    """Names of the files that are present already, with the expected contents."""
    present = [file for file in dataset.files if (folder / file).is_file()]
    matching = [f for f in present if hashlib.sha256((folder / f).read_bytes()).hexdigest() == dataset.files[f]]
    different = [file for file in present if file not in matching]
    if different and not overwrite:
        raise FetchError(
            f"{str(folder)!r} already contains different versions of {', '.join(different)}; nothing was written"
            "\n    -> give another folder, or ",
            Argument("overwrite", True),
            " to replace them",
        )
    return matching


def _download(url: str, timeout: float) -> bytes:
    try:
        request = urllib.request.Request(url, headers={"User-Agent": "trialwise"})
        with urllib.request.urlopen(request, timeout=timeout) as response:
            content: bytes = response.read(MAX_BYTES + 1)
    except urllib.error.HTTPError as error:
        raise FetchError(
            f"{url}: the server responded with {error.code} {error.reason}"
            "\n    -> if the file has moved, give its new address: ",
            Argument("url", "https://..."),
        ) from None
    except (OSError, HTTPException) as error:  # URLError and time-outs are OSErrors
        reason = getattr(error, "reason", None) or error or type(error).__name__
        raise FetchError(
            f"{url}: no answer ({reason})\n    -> check the network connection or the proxy, and try again"
        ) from None
    except ValueError as error:
        raise FetchError(
            f"{url!r} is not a web address: {error}\n    -> give one like ", Argument("url", "https://...")
        ) from None
    if len(content) > MAX_BYTES:
        raise FetchError(f"{url}: more than {MAX_BYTES} bytes, not the file expected\n    -> check the address")
    return content
