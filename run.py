"""Sets attnviz up and starts it. Needs nothing but Python 3.11 or newer.

    python3 run.py                     install what is missing, then start the dashboard
    python3 run.py test [ARGUMENTS]    the same, then the whole test suite (ARGUMENTS go to pytest)
    python3 run.py lint                ruff, and mypy over attnviz
    python3 run.py bench [NAMES]       the scripts in benchmarks/ that produce the README's numbers

Everything is installed into .venv beside this file, once; later starts take seconds. Options after `run.py` alone go
to Streamlit, for example `--server.port 9000`; `--no-browser` keeps the browser closed. With ATTNVIZ_PYTHON set to an
interpreter that has the requirements already (a container, conda), nothing is installed.
"""

# This file must start under any Python 3, so that an old one gets a sentence and not a syntax error.
from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import webbrowser
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
REQUIREMENTS = ROOT / "requirements.txt"
STAMP = VENV / "installed.sha256"
OLDEST_PYTHON = (3, 11)
LEAST_FREE_GB = 3  # measured: .venv takes 2.2 GB without the CUDA packages, about 6 GB with them
FIRST_PORT = 8501
ANSWER_WITHIN_S = 120
NO_NETWORK = ("name resolution", "getaddrinfo", "connection refused", "unreachable", "timed out")


class SetupError(Exception):
    """What stops the setup, as one sentence with the next step."""


def prepare() -> Path:
    """The interpreter of .venv, with every requirement installed; an install that was interrupted goes on."""
    if os.environ.get("ATTNVIZ_PYTHON"):
        return Path(os.environ["ATTNVIZ_PYTHON"])
    check_python(sys.version_info[:3])
    python = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    version = answer(python, "import sys; print(sys.version)")
    if version and STAMP.is_file() and STAMP.read_text() == fingerprint(version):
        return python
    check_disk()
    if not answer(python, "import pip; print(pip.__version__)"):
        make_venv()
    remove_half_installed()
    install(python)
    STAMP.write_text(fingerprint(answer(python, "import sys; print(sys.version)")))
    return python


def check_python(version: tuple) -> None:
    if version[:2] < OLDEST_PYTHON:
        raise SetupError(
            f"Python must be 3.11 or newer; got {'.'.join(map(str, version))}. "
            "Install one from python.org and start run.py with it, for example: python3.13 run.py"
        )


def check_disk() -> None:
    free_gb = shutil.disk_usage(ROOT).free / 1e9
    if free_gb < LEAST_FREE_GB:
        raise SetupError(
            f"The disk must have {LEAST_FREE_GB} GB free for the packages; got {free_gb:.1f} GB on the disk of {ROOT}. "
            "Free some space and run the same command again."
        )


def answer(python: Path, code: str) -> str:
    """What the interpreter prints for `code`; empty if it is missing or broken."""
    try:
        return subprocess.run([str(python), "-c", code], capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""


def fingerprint(version: str) -> str:
    return hashlib.sha256(REQUIREMENTS.read_bytes() + version.encode()).hexdigest()


def make_venv() -> None:
    for module in ("venv", "ensurepip"):
        if importlib.util.find_spec(module) is None:
            package = f"python{sys.version_info[0]}.{sys.version_info[1]}-venv"
            raise SetupError(
                f"Python must come with its module {module}; {sys.executable} does not. "
                f"On Debian and Ubuntu: sudo apt install {package}. Then run the same command again."
            )
    say(f"Creating {VENV}")
    command = [sys.executable, "-m", "venv", "--clear", str(VENV)]
    made = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if made.returncode:
        print(made.stdout, file=sys.stderr)
        raise SetupError(
            reason(made.stdout) or f"Creating {VENV} failed; Python's own words are above. Delete it and try again."
        )


def remove_half_installed() -> None:
    """Makes pip install a package again whose unpacking was cut off: pip itself would take it for complete."""
    for record in [*VENV.glob("lib/python*/site-packages/*.dist-info"), *VENV.glob("Lib/site-packages/*.dist-info")]:
        if record.is_dir() and not (record / "INSTALLER").is_file():  # pip writes it after the package's last file
            shutil.rmtree(record)


def install(python: Path) -> None:
    say(f"Installing the packages of {REQUIREMENTS.name}. This happens once: 2 GB, a few minutes.")
    if sys.platform == "linux" and not shutil.which("nvidia-smi"):
        say(
            "No NVIDIA card? To leave out the CUDA packages (4 GB more), stop with Ctrl-C, set PIP_EXTRA_INDEX_URL "
            "to the CPU address that https://pytorch.org/get-started/locally shows, and start again."
        )
    command = [str(python), "-m", "pip", "install", "--disable-pip-version-check", "--no-input"]
    process = subprocess.Popen(
        [*command, "-r", str(REQUIREMENTS)],
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        env={**os.environ, "PIP_USER": "0"},  # a user-wide PIP_USER=1 is refused inside a virtual environment
    )
    complaints = []
    for line in process.stderr:
        sys.stderr.write(line)
        complaints.append(line)
    if process.wait():
        raise SetupError(
            reason("".join(complaints))
            or "Installing failed; pip's own words are above. Run the same command again: it goes on where it stopped."
        )


def reason(complaint: str) -> str:
    """One sentence for the failures that have a known next step; empty for the others."""
    text = complaint.lower()
    if "errno 28" in text or "no space left" in text or "not enough space" in text:
        return (
            f"The disk is full: {ROOT} and the folder for temporary files need several GB while installing. "
            "Free some space and run the same command again: it goes on where it stopped."
        )
    if any(sign in text for sign in NO_NETWORK):
        return "The packages could not be downloaded. Check the network (or the proxy) and run the same command again."
    if "no matching distribution" in text:
        version = f"{sys.version_info[0]}.{sys.version_info[1]}"
        return (
            f"Some package has no build for Python {version} on this system; its name is above. "
            "Python 3.11, 3.12 and 3.13 are tried: start run.py with one of them, after deleting .venv."
        )
    if "permission denied" in text or "errno 13" in text:
        return f"{ROOT} must be writable for you; it is not. Copy the folder to your own files and run it from there."
    return ""


def dashboard(python: Path, arguments: list) -> int:
    """Starts the dashboard, says where it is, opens the browser where there is one, and waits until it stops."""
    options = [argument for argument in arguments if argument != "--no-browser"]
    port = chosen_port(options)
    address = f"http://127.0.0.1:{port}"
    command = [
        *[str(python), "-P", str(Path("dashboard", "__main__.py"))],
        # headless: Streamlit neither asks for an e-mail address nor opens the browser itself
        *["--server.headless", "true", "--browser.gatherUsageStats", "false", "--logger.hideWelcomeMessage", "true"],
        *["--server.address", "127.0.0.1", "--server.port", str(port), *options],
    ]
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a polite kill stops Streamlit too
    process = subprocess.Popen(command, cwd=ROOT)
    try:
        if not wait_for(f"{address}/_stcore/health", process):
            raise SetupError(f"The dashboard did not start at {address}; its own words are above.")
        say(f"The dashboard is at {address}   (Ctrl-C stops it)")
        if "--no-browser" not in arguments and has_display():
            webbrowser.open(address)
        return process.wait()
    except KeyboardInterrupt:
        return 0
    finally:
        stop(process)


def chosen_port(options: list) -> int:
    """The port asked for, or the first free one from 8501 on."""
    for place, option in enumerate(options):
        if option.startswith("--server.port"):
            value = option.partition("=")[2] or "".join(options[place + 1 : place + 2])
            if not value.isdigit():
                raise SetupError(f"--server.port must be a number; got '{value}'.")
            return int(value)
    for port in range(FIRST_PORT, FIRST_PORT + 100):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise SetupError(
        f"Ports {FIRST_PORT} to {FIRST_PORT + 99} are all taken. Choose another: python3 run.py --server.port 9000"
    )


def wait_for(url: str, process: subprocess.Popen) -> bool:
    """True once the address answers; False if the process ends first, or never answers."""
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    deadline = time.monotonic() + ANSWER_WITHIN_S
    while process.poll() is None and time.monotonic() < deadline:
        try:
            with direct.open(url, timeout=2):
                return True
        except (OSError, urllib.error.URLError):
            time.sleep(0.2)
    return False


def has_display() -> bool:
    if os.environ.get("CI") or os.environ.get("SSH_CONNECTION"):
        return False
    if sys.platform in ("win32", "darwin"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def stop(process: subprocess.Popen) -> None:
    """Ends it; Ctrl-C in a terminal has reached it too, so it gets a moment to end by itself first."""
    for push, patience_s in ((lambda: None, 1), (process.terminate, 10), (process.kill, None)):
        push()
        try:
            process.wait(timeout=patience_s)
            return
        except subprocess.TimeoutExpired:
            continue


def test(python: Path, arguments: list) -> int:
    return call(python, "-m", "pytest", *arguments)


def lint(python: Path, arguments: list) -> int:
    return worst([call(python, "-m", "ruff", "check", "."), call(python, "-m", "mypy")])


def bench(python: Path, arguments: list) -> int:
    """Runs the named scripts of benchmarks/, or all; what stands from the first option on goes to each of them."""
    scripts = {script.stem: script for script in sorted(ROOT.glob("benchmarks/[!_]*.py"))}
    if not scripts:
        raise SetupError(f"{ROOT / 'benchmarks'} must hold the measuring scripts; got none. Is the clone complete?")
    first_option = next((n for n, argument in enumerate(arguments) if argument.startswith("-")), len(arguments))
    named, rest = arguments[:first_option] or list(scripts), arguments[first_option:]
    unknown = [name for name in named if name not in scripts]
    if unknown:
        raise SetupError(f"bench must be given names from: {', '.join(scripts)}; got {unknown[0]}.")
    return worst([call(python, "-m", f"benchmarks.{name}", *rest) for name in named])


def call(python: Path, *arguments: str) -> int:
    return subprocess.run([str(python), *arguments], cwd=ROOT).returncode


def worst(exit_codes: list) -> int:
    return next((code for code in exit_codes if code), 0)


def say(sentence: str) -> None:
    print(sentence, flush=True)


COMMANDS = {"test": test, "lint": lint, "bench": bench}


def main(arguments: list) -> int:
    if any(argument in ("-h", "--help", "help") for argument in arguments[:1]):
        print(__doc__.strip())
        return 0
    name = arguments[0] if arguments and not arguments[0].startswith("-") else None
    if name is not None and name not in COMMANDS:
        print(f"run.py: the command must be one of {', '.join(COMMANDS)}; got '{name}'. See: python3 run.py --help")
        return 2
    try:
        python = prepare()
        return COMMANDS[name](python, arguments[1:]) if name else dashboard(python, arguments)
    except SetupError as error:
        print(f"\n{error}", file=sys.stderr)
    except OSError as error:
        print(f"\n{reason(str(error)) or error}", file=sys.stderr)
    except KeyboardInterrupt:
        print("\nStopped. The same command goes on where it stopped.", file=sys.stderr)
        return 130
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
