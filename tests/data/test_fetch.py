"""Downloads from a local server: files are written completely or not at all."""

import dataclasses
import hashlib
import os
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest

from trialwise.base.errors import FetchError, UsageError
from trialwise.data.dataset import Dataset
from trialwise.data.fetch import fetch
from trialwise.data.public.alien import ALIEN
from trialwise.data.read import read_wide

FILES = {"actions.csv": b"a,b\n0,1\n", "rewards.csv": b"a,b\n1.5,0\n"}
TINY = Dataset(
    "tiny", "two tables", "http://nowhere.invalid", {f: hashlib.sha256(c).hexdigest() for f, c in FILES.items()}, ""
)


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


@pytest.fixture
def serve(monkeypatch):
    monkeypatch.setenv("no_proxy", "*")
    servers = []

    def _serve(folder):
        server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}"

    yield _serve
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def source(tmp_path):
    folder = tmp_path / "source"
    folder.mkdir()
    for name, content in FILES.items():
        (folder / name).write_bytes(content)
    return folder


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()} if folder.exists() else {}


def test_files_are_downloaded_once(serve, source, tmp_path):
    url, folder = serve(source), tmp_path / "deep" / "down"
    download = fetch(TINY, folder, url=f"{url}/")
    assert contents(folder) == FILES
    assert download.downloaded == download.paths == (folder / "actions.csv", folder / "rewards.csv")
    (folder / "rewards.csv").unlink()
    second = fetch(TINY, folder, url=url)
    assert (second.existing, second.downloaded) == ((folder / "actions.csv",), (folder / "rewards.csv",))
    assert read_wide(folder).n_trials == 2


def test_all_hash_mismatches_are_reported_and_nothing_is_written(serve, source, tmp_path):
    (source / "actions.csv").write_bytes(b"something else")
    (source / "rewards.csv").write_bytes(b"")
    with pytest.raises(FetchError, match=r"(?s)not the ones expected.*actions.csv: 14 bytes.*rewards.csv: 0 bytes"):
        fetch(TINY, tmp_path / "data", url=serve(source))
    assert contents(tmp_path / "data") == {}


def test_a_missing_file_is_an_http_error(serve, source, tmp_path):
    (source / "rewards.csv").unlink()
    with pytest.raises(FetchError, match="rewards.csv: the server responded with 404"):
        fetch(TINY, tmp_path / "data", url=serve(source))
    assert contents(tmp_path / "data") == {}


def test_no_network(serve, source, tmp_path, monkeypatch):
    monkeypatch.setenv("no_proxy", "*")
    with pytest.raises(FetchError, match="no answer .*(.|\n)*check the network"):
        fetch(TINY, tmp_path / "data", url="http://127.0.0.1:9", timeout=2)
    with pytest.raises(FetchError, match="is not a web address"):
        fetch(TINY, tmp_path / "data", url="nonsense")


def test_different_files_are_not_replaced_without_overwrite(serve, source, tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "actions.csv").write_bytes(b"my own")
    url = serve(source)
    with pytest.raises(FetchError, match=r"different versions of actions.csv(.|\n)*overwrite=True"):
        fetch(TINY, folder, url=url)
    assert contents(folder) == {"actions.csv": b"my own"}
    fetch(TINY, folder, url=url, overwrite=True)
    assert contents(folder) == FILES


def test_a_folder_that_cannot_be_written(serve, source, tmp_path):
    (tmp_path / "data").write_text("a file")
    with pytest.raises(FetchError, match="give another folder"):
        fetch(TINY, tmp_path / "data", url=serve(source))


def test_a_failure_while_writing_leaves_no_partial_file(serve, source, tmp_path, monkeypatch):
    def fail(*_):
        raise OSError("disk full")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(FetchError, match="disk full"):
        fetch(TINY, tmp_path / "data", url=serve(source))
    assert contents(tmp_path / "data") == {}


def test_unknown_data_sets():
    with pytest.raises(UsageError, match="there are: alien"):
        fetch("aliens")


def test_the_terms_name_collectors_and_redistributor():
    for word in ("Eckstein", "Collins", "PNAS 2020", "MIT", "no licence", "cite both"):
        assert word.casefold() in ALIEN.terms.casefold()


def test_the_human_data_have_the_expected_hashes(serve, tmp_path, alien_humans):
    download = fetch(dataclasses.replace(ALIEN), tmp_path / "alien", url=serve(alien_humans))
    assert len(download.downloaded) == 4
    assert read_wide(tmp_path / "alien").sizes == {"context": 3, "cue": 4, "action": 3}
