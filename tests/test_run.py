"""run.py as a new user meets it: what it installs and when, what it says when it cannot, and the real start."""

import ast
import os
import shutil
import signal
import socket
import subprocess
import sys
import urllib.request
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

import run

ROOT = Path(__file__).resolve().parents[1]
PREPARE = "import sys; sys.path.insert(0, '.'); import run; print(run.prepare())"


def make_wheel(folder: Path, name: str) -> Path:
    """A package that pip can install without a network: one module and the three files a wheel must have."""
    wheel = folder / f"{name}-1.0-py3-none-any.whl"
    about = f"{name}-1.0.dist-info"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr(f"{name}.py", "answer = 42\n")
        archive.writestr(f"{about}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        archive.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{about}/RECORD", f"{name}.py,,\n{about}/METADATA,,\n{about}/WHEEL,,\n{about}/RECORD,,\n")
    return wheel


class Clone:
    """A folder with run.py, a requirements.txt of one home-made package, and a real .venv once it was prepared."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {key: value for key, value in os.environ.items() if key != "ATTNVIZ_PYTHON"}
        self.environment |= {"PIP_NO_INDEX": "1", "PIP_CONFIG_FILE": os.devnull}
        shutil.copy(ROOT / "run.py", folder)
        make_wheel(folder, "probe_one")
        self.require("probe_one")

    def require(self, *names: str) -> None:
        lines = [f"./{name}-1.0-py3-none-any.whl\n" for name in names]
        (self.folder / "requirements.txt").write_text("".join(lines))

    def prepare(self) -> str:
        """What run.prepare() prints, pip's own words included; the last line is the interpreter."""
        return subprocess.run(
            [sys.executable, "-c", PREPARE],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            check=True,
        ).stdout

    def python(self, code: str) -> str:
        return subprocess.run([str(self.interpreter), "-c", code], capture_output=True, text=True).stdout.strip()

    @property
    def interpreter(self) -> Path:
        return self.folder / (".venv/Scripts/python.exe" if os.name == "nt" else ".venv/bin/python")

    def site_packages(self) -> Path:
        return Path(self.python("import sysconfig; print(sysconfig.get_paths()['purelib'])"))


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Clone:
    """Prepared once, for a real virtual environment takes seconds; from one that was stopped before it got pip."""
    clone = Clone(tmp_path_factory.mktemp("clone"))
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(clone.folder / ".venv")], check=True)
    first = clone.prepare()
    assert "Creating" in first
    assert "Installing" in first
    assert first.splitlines()[-1] == str(clone.interpreter)
    return clone


def test_first_start_mends_a_half_made_environment_and_the_second_does_nothing(clone: Clone) -> None:
    assert clone.python("import probe_one; print(probe_one.answer)") == "42"
    assert clone.prepare() == f"{clone.interpreter}\n"


def test_changed_requirements_are_installed_into_the_same_environment(clone: Clone) -> None:
    make_wheel(clone.folder, "probe_two")
    clone.require("probe_one", "probe_two")
    printed = clone.prepare()
    assert "Installing" in printed
    assert "Creating" not in printed
    assert clone.python("import probe_two; print(probe_two.answer)") == "42"
    assert clone.prepare() == f"{clone.interpreter}\n"


def test_a_package_whose_unpacking_was_cut_off_is_installed_again(clone: Clone) -> None:
    """As after a power cut: the module is missing, its metadata is there, pip's last file is not, no stamp was left."""
    (clone.site_packages() / "probe_one.py").unlink()
    (clone.site_packages() / "probe_one-1.0.dist-info/INSTALLER").unlink()
    (clone.folder / ".venv/installed.sha256").unlink()
    assert clone.python("import probe_one; print(probe_one.answer)") == ""
    assert "Creating" not in clone.prepare()
    assert clone.python("import probe_one; print(probe_one.answer)") == "42"


def test_an_interpreter_that_is_missing_or_broken_gives_no_answer(tmp_path: Path) -> None:
    assert run.answer(tmp_path / "python", "print(1)") == ""
    assert run.answer(Path(sys.executable), "import no_such_module") == ""
    assert run.answer(Path(sys.executable), "print(1)") == "1"


def test_run_py_starts_far_enough_under_an_old_python_to_say_so() -> None:
    ast.parse((ROOT / "run.py").read_text("utf-8"), feature_version=(3, 7))
    with pytest.raises(run.SetupError, match=r"Python must be 3\.11 or newer; got 3\.10\.13\. Install one"):
        run.check_python((3, 10, 13))
    run.check_python((3, 11, 0))
    run.check_python((3, 13, 0))


@pytest.mark.parametrize("module", ["venv", "ensurepip"])
def test_a_python_without_venv_gets_a_sentence(monkeypatch: pytest.MonkeyPatch, module: str) -> None:
    find = run.importlib.util.find_spec
    monkeypatch.setattr(run.importlib.util, "find_spec", lambda name: None if name == module else find(name))
    with pytest.raises(run.SetupError, match=rf"module {module}; .* sudo apt install python3\.\d+-venv\. Then run"):
        run.make_venv()


def test_a_full_disk_gets_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(ROOT)
    monkeypatch.setattr(run.shutil, "disk_usage", lambda _path: usage._replace(free=300_000_000))
    with pytest.raises(run.SetupError, match=r"must have \d+ GB free for the packages; got 0\.3 GB .* Free some space"):
        run.check_disk()


@pytest.mark.parametrize(
    ("complaint", "sentence"),
    [
        ("ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device", "The disk is full"),
        ("WARNING: Retrying ... Temporary failure in name resolution')': /simple/torch/", "could not be downloaded"),
        ("ERROR: No matching distribution found for torch==2.13.0", "has no build for Python"),
        ("ERROR: Could not install packages due to an OSError: [Errno 13] Permission denied: 'x'", "must be writable"),
    ],
)
def test_what_pip_complains_of_is_put_into_one_sentence(complaint: str, sentence: str) -> None:
    assert sentence in run.reason(complaint)


def test_a_failed_install_says_what_to_do_and_leaves_no_stamp(clone: Clone) -> None:
    (clone.folder / ".venv/installed.sha256").unlink()
    clone.require("probe_one", "missing")
    result = subprocess.run(
        [sys.executable, "run.py", "test"], cwd=clone.folder, env=clone.environment, capture_output=True, text=True
    )
    assert result.returncode == 1
    assert "Run the same command again" in result.stderr.splitlines()[-1]
    assert "Traceback" not in result.stderr
    assert not (clone.folder / ".venv/installed.sha256").exists()


def test_an_unknown_command_lists_the_known_ones(capsys: pytest.CaptureFixture[str]) -> None:
    assert run.main(["tests"]) == 2
    assert "must be one of test, lint, bench; got 'tests'" in capsys.readouterr().out


def test_bench_hands_everything_from_the_first_option_on_to_the_script(monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[tuple[str, ...]] = []
    monkeypatch.setattr(run, "call", lambda _python, *arguments: ran.append(arguments) or 0)
    run.bench(Path(sys.executable), ["overhead", "--rounds", "1"])
    assert ran == [("-m", "benchmarks.overhead", "--rounds", "1")]


def test_bench_lists_its_scripts_when_it_does_not_know_a_name() -> None:
    with pytest.raises(run.SetupError, match=r"names from: .*; got speed\."):
        run.bench(Path(sys.executable), ["speed"])


@pytest.mark.parametrize(
    ("codes", "expected"),
    [([0, 0], 0), ([0, 3], 3), ([1, 0], 1), ([-9, 0], -9)],
)
def test_one_failed_check_fails_the_command(codes: list[int], expected: int) -> None:
    assert run.worst(codes) == expected


def test_a_taken_port_is_passed_over() -> None:
    with socket.socket() as taken:
        try:
            taken.bind(("127.0.0.1", run.FIRST_PORT))
            taken.listen()
        except OSError:
            pass  # taken by another program: as good
        assert run.FIRST_PORT < run.chosen_port([]) < run.FIRST_PORT + 100


@pytest.mark.parametrize("options", [["--server.port", "9123"], ["--server.port=9123"]])
def test_a_port_that_was_asked_for_is_kept(options: list[str]) -> None:
    assert run.chosen_port(options) == 9123


def test_a_port_must_be_a_number() -> None:
    with pytest.raises(run.SetupError, match=r"--server\.port must be a number; got 'high'"):
        run.chosen_port(["--server.port", "high"])


@pytest.fixture
def started() -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The real `python run.py`, on this interpreter, and the address that it prints."""
    process = subprocess.Popen(
        [sys.executable, "run.py", "--no-browser"],
        cwd=ROOT,
        env={**os.environ, "ATTNVIZ_PYTHON": sys.executable},
        stdout=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        text=True,
        # A shell's background jobs ignore Ctrl-C and hand that down; a person's terminal does not.
        preexec_fn=None if os.name == "nt" else lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("The dashboard is at "):
            break
    yield process, line.split()[4]
    process.terminate()
    process.wait(timeout=60)


def test_the_real_command_serves_the_dashboard_and_stops_cleanly(started: tuple[subprocess.Popen[str], str]) -> None:
    process, address = started
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with direct.open(f"{address}/_stcore/health", timeout=30) as answer:
        assert answer.read() == b"ok"
    with direct.open(address, timeout=30) as answer:
        assert b"<title>Streamlit</title>" in answer.read()

    process.send_signal(signal.SIGINT if os.name != "nt" else signal.SIGTERM)
    assert process.wait(timeout=60) == (0 if os.name != "nt" else 1)
    with pytest.raises(OSError, match="refused"):
        direct.open(f"{address}/_stcore/health", timeout=30)
