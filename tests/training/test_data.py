import io
import threading
import zipfile
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from attnviz.errors import AssetError
from attnviz.training import data


def jpeg(level: int) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (64, 64), (level, level, level)).save(file, "JPEG", quality=95)
    return file.getvalue()


def archive() -> bytes:
    """The layout of the official archive with two classes: two training pictures each, one validation picture each."""
    file = io.BytesIO()
    root = "tiny-imagenet-200"
    with zipfile.ZipFile(file, "w") as zipped:
        zipped.writestr(f"{root}/wnids.txt", "n2\nn1\n")
        for number, wnid in enumerate(("n1", "n2")):
            lines = [f"{wnid}_{k}.JPEG\t{k}\t10\t20\t30\n" for k in range(2)]
            zipped.writestr(f"{root}/train/{wnid}/{wnid}_boxes.txt", "".join(lines))
            for k in range(2):
                zipped.writestr(f"{root}/train/{wnid}/images/{wnid}_{k}.JPEG", jpeg(100 * number + 10 * k))
            zipped.writestr(f"{root}/val/images/val_{number}.JPEG", jpeg(200 + 10 * number))
        zipped.writestr(f"{root}/val/val_annotations.txt", "val_0.JPEG\tn2\t0\t0\t63\t63\nval_1.JPEG\tn1\t1\t2\t3\t4\n")
    return file.getvalue()


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    served = tmp_path / "served"
    served.mkdir()

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(served))) as http:
        threading.Thread(target=http.serve_forever, daemon=True).start()
        monkeypatch.setattr(data, "ARCHIVE_URL", f"http://127.0.0.1:{http.server_port}/tiny.zip")
        yield served
        http.shutdown()


def test_an_empty_folder_is_filled_from_the_archive(server: Path, tmp_path: Path) -> None:
    (server / "tiny.zip").write_bytes(archive())
    training, validation = data.open_splits(tmp_path / "data", None)
    assert training.wnids == ("n1", "n2")
    assert training.labels.tolist() == [0, 0, 1, 1]
    assert np.abs(training.pictures.mean(axis=(1, 2, 3)) - [0, 10, 100, 110]).max() < 2
    # The files give x0, y0, x1, y1 with the last pixel included.
    assert training.boxes_yxyx[1].tolist() == [10, 1, 31, 21]
    assert validation.labels.tolist() == [0, 1]
    assert np.abs(validation.pictures.mean(axis=(1, 2, 3)) - [210, 200]).max() < 2


def test_a_second_opening_needs_no_network_and_keeps_the_order_of_classes_asked_for(
    server: Path, tmp_path: Path
) -> None:
    (server / "tiny.zip").write_bytes(archive())
    data.open_splits(tmp_path / "data", None)
    (server / "tiny.zip").unlink()
    training, _ = data.open_splits(tmp_path / "data", ("n2", "n1"))
    assert training.labels.tolist() == [0, 0, 1, 1]
    assert training.pictures[0].mean() > 90  # class n2 comes first


@pytest.mark.parametrize("content", [None, b"not an archive"])
def test_a_failed_download_leaves_nothing_and_says_what_to_do(
    server: Path, tmp_path: Path, content: bytes | None
) -> None:
    if content is not None:
        (server / "tiny.zip").write_bytes(content)
    with pytest.raises(AssetError, match="Download the archive elsewhere"):
        data.open_splits(tmp_path / "data", None)
    assert list((tmp_path / "data").iterdir()) == []


def test_stopping_while_unpacking_leaves_nothing_half_done(
    server: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (server / "tiny.zip").write_bytes(archive())
    extract, extracted = zipfile.ZipFile.extract, []

    def stop_at_the_third(zipped: zipfile.ZipFile, member: object, path: object = None, pwd: object = None) -> object:
        extracted.append(member)
        if len(extracted) == 3:
            raise KeyboardInterrupt
        return extract(zipped, member, path, pwd)  # type: ignore[arg-type]

    monkeypatch.setattr(zipfile.ZipFile, "extractall", lambda zipped, path: [
        stop_at_the_third(zipped, member, path) for member in zipped.namelist()
    ])  # fmt: skip
    with pytest.raises(KeyboardInterrupt):
        data.open_splits(tmp_path / "data", None)
    assert list((tmp_path / "data").iterdir()) == []
    monkeypatch.undo()


def test_a_folder_with_other_files_is_not_written_to(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(AssetError, match="empty"):
        data.open_splits(tmp_path, None)
