"""Downloads from a server on this machine: what is checked, and what every kind of failure leaves behind."""

import hashlib
import socket
import threading
import urllib.error
import urllib.request
from email.message import Message
from pathlib import Path

import pytest

from attnviz import zoo
from attnviz.errors import AssetError
from attnviz.zoo.pretrained import fetching
from attnviz.zoo.pretrained.cache import read_note
from attnviz.zoo.pretrained.fetching import fetch
from tests.zoo.pretrained.file_server import Server

ADDRESS = "https://models.example/models/net.pth"
PATH = "/models/net.pth"
CONTENT = bytes(range(256)) * 4096  # 1 MiB
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "net.pth"


def left_beside(path: Path) -> set[str]:
    return {each.name for each in path.parent.iterdir()} - {"net.pth.lock"}


def test_a_good_file_arrives_with_a_note_of_what_was_checked(server: Server, path: Path) -> None:
    server.put(PATH, CONTENT)
    note = fetch("net", ADDRESS, path, SHA256[:8])
    assert path.read_bytes() == CONTENT
    assert note.sha256 == SHA256
    assert note.checked == "the first 8 digits of its sha256 are those in the file's name"
    assert read_note(path) == note
    assert left_beside(path) == {"net.pth", "net.pth.json"}


def test_progress_goes_from_nothing_to_all(server: Server, path: Path) -> None:
    """1 MiB in pieces of 2**18 bytes is four pieces; a slow server gives them no less whole."""
    server.put(PATH, CONTENT)
    server.pause_s, server.piece = 0.02, 2**17
    seen: list[tuple[int, int | None]] = []
    fetch("net", ADDRESS, path, SHA256[:8], lambda done, total: seen.append((done, total)))
    assert seen == [(2**18 * count, 2**20) for count in range(5)]


@pytest.mark.parametrize("reports", [False, True])
def test_a_wrong_hash_leaves_nothing(server: Server, path: Path, reports: bool) -> None:
    server.put(PATH, CONTENT)
    if reports:
        server.reported[PATH] = "0" * 64
    with pytest.raises(AssetError, match=f"sha256 of .* must begin with 0000.*got {SHA256[:12]}.*thrown away"):
        fetch("net", ADDRESS, path, "" if reports else "00000000")
    assert left_beside(path) == set()


def test_the_hub_reports_the_sha256_before_it_redirects(server: Server, path: Path) -> None:
    server.put(PATH, CONTENT, reports=True)
    server.redirect = "/storage"
    assert fetch("net", ADDRESS, path).checked == "its sha256 is the one that the hub reports"
    assert [asked for asked, _ in server.requests] == [PATH, "/storage" + PATH]
    path.unlink()
    server.files[PATH] = CONTENT[:-1] + b"!"
    with pytest.raises(AssetError, match="as the server itself reports"):
        fetch("net", ADDRESS, path)


def test_a_server_without_hashes_is_said_to_be_one(server: Server, path: Path) -> None:
    server.put(PATH, CONTENT)
    assert fetch("net", ADDRESS, path).checked == "only its length: no sha256 is published"


@pytest.mark.parametrize("ranges", [True, False])
def test_a_cut_connection_leaves_nothing_under_the_name_and_can_be_gone_on_from(
    server: Server, path: Path, ranges: bool
) -> None:
    """Of 1,048,576 bytes 300,000 arrive. A server with ranges is asked for the rest, another one for all again."""
    server.put(PATH, CONTENT)
    server.cut_after, server.ranges = 300_000, ranges
    with pytest.raises(AssetError, match="must give 1,048,576 bytes; got 300,000: the connection was cut"):
        fetch("net", ADDRESS, path, SHA256[:8])
    assert left_beside(path) == {"net.pth.part"}

    server.cut_after = None
    starts: list[int] = []
    assert fetch("net", ADDRESS, path, SHA256[:8], lambda done, _: starts.append(done)).sha256 == SHA256
    assert server.requests[-1] == (PATH, "bytes=300000-")
    assert starts[0] == (300_000 if ranges else 0)
    assert starts[-1] == 1_048_576
    assert path.read_bytes() == CONTENT
    assert left_beside(path) == {"net.pth", "net.pth.json"}


def test_without_a_hash_a_cut_download_starts_again(server: Server, path: Path) -> None:
    """The rest might be of another version of the file, and nothing would tell."""
    server.put(PATH, CONTENT)
    server.cut_after = 300_000
    with pytest.raises(AssetError, match=r"the connection was cut. Try again\.$"):
        fetch("net", ADDRESS, path)
    assert left_beside(path) == set()
    path.with_name("net.pth.part").write_bytes(b"of another version")
    server.cut_after = None
    fetch("net", ADDRESS, path)
    assert path.read_bytes() == CONTENT


def test_a_rest_of_another_file_is_found_and_the_next_try_is_a_fresh_one(server: Server, path: Path) -> None:
    server.put(PATH, CONTENT)
    path.parent.mkdir()
    path.with_name("net.pth.part").write_bytes(b"of another version")
    with pytest.raises(AssetError, match="thrown away: try again"):
        fetch("net", ADDRESS, path, SHA256[:8])
    assert left_beside(path) == set()
    assert fetch("net", ADDRESS, path, SHA256[:8]).sha256 == SHA256


def test_a_whole_file_that_was_never_named_is_asked_for_again(server: Server, path: Path) -> None:
    """The program ended between the last byte and the name: nothing lies behind what there is (416)."""
    server.put(PATH, CONTENT)
    path.parent.mkdir()
    path.with_name("net.pth.part").write_bytes(CONTENT)
    assert fetch("net", ADDRESS, path, SHA256[:8]).sha256 == SHA256
    assert [asked for _, asked in server.requests] == ["bytes=1048576-", ""]


def test_a_missing_file_gets_one_sentence(server: Server, path: Path) -> None:
    with pytest.raises(AssetError, match=r"net: .*net.pth must be there; got 404 Not Found") as error:
        fetch("net", ADDRESS, path)
    assert all(name in str(error.value) for name in zoo.names())
    assert left_beside(path) == set()


def test_no_network_gets_one_sentence_that_names_what_there_is_without(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as taken:  # bound and not listening: nobody answers there
        taken.bind(("127.0.0.1", 0))
        monkeypatch.setenv("ATTNVIZ_MIRROR", f"http://127.0.0.1:{taken.getsockname()[1]}")
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        with pytest.raises(AssetError, match=r"got no answer .*Check the network connection") as error:
            fetch("net", ADDRESS, path)
    assert "\n" not in str(error.value)
    assert all(name in str(error.value) for name in zoo.names())
    assert left_beside(path) == set()


def test_a_server_that_says_nothing_any_more_counts_as_cut(
    server: Server, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.put(PATH, CONTENT)
    server.piece, server.pause_s = 2**19, 1.0
    monkeypatch.setattr(fetching, "WAIT_S", 0.2)
    with pytest.raises(AssetError, match=r"connection was cut|no answer"):
        fetch("net", ADDRESS, path, SHA256[:8])
    assert not path.exists()


def test_what_the_progress_raises_ends_the_download_and_passes(server: Server, path: Path) -> None:
    class StopError(Exception):
        pass

    def stop(done: int, _total: int | None) -> None:
        if done:
            raise StopError

    server.put(PATH, CONTENT)
    with pytest.raises(StopError):
        fetch("net", ADDRESS, path, SHA256[:8], stop)
    assert left_beside(path) == {"net.pth.part"}


def test_three_at_once_download_once(server: Server, path: Path) -> None:
    server.put(PATH, CONTENT)
    server.pause_s = 0.01
    errors: list[Exception] = []

    def one() -> None:
        try:
            fetch("net", ADDRESS, path, SHA256[:8])
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=one) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert server.requests == [(PATH, "")]
    assert path.read_bytes() == CONTENT
    assert left_beside(path) == {"net.pth", "net.pth.json"}


def test_a_folder_that_cannot_be_made_gets_one_sentence(server: Server, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(AssetError, match=r"must be one that can be written; got .*ATTNVIZ_CACHE"):
        fetch("net", ADDRESS, tmp_path / "file" / "net.pth")


def test_a_disk_without_room_is_known_before_the_download(
    server: Server, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.put(PATH, CONTENT)
    monkeypatch.setattr(fetching.shutil, "disk_usage", lambda _: type("Usage", (), {"free": 2**19})())
    with pytest.raises(AssetError, match="must have room for 1 MB"):
        fetch("net", ADDRESS, path)


def test_a_mirror_must_be_an_address(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ATTNVIZ_MIRROR", "file:///etc")
    with pytest.raises(AssetError, match=r"ATTNVIZ_MIRROR must be an address .*got 'file:///etc'"):
        fetch("net", ADDRESS, path)


def test_https_is_never_left_for_http() -> None:
    """Else a hash reported in the open would be believed."""
    request = urllib.request.Request("https://models.example/a")
    with pytest.raises(urllib.error.URLError, match="away from https"):
        fetching._Server().redirect_request(request, None, 302, "Found", Message(), "http://models.example/a")
