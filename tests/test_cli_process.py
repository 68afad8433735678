"""The command line as a process of its own: quick to start, quiet where it should be, stopped by Ctrl-C."""

import json
import os
import signal
import subprocess
import sys

import pytest

from study_cases import people_study

GORAE = [sys.executable, "-c", "import gorae.cli; gorae.cli.main()"]


def test_import_is_light():
    """Importing the command line imports none of the heavy libraries, so that `--help` is quick."""
    heavy = ["jax", "sklearn", "polars", "matplotlib", "numpy", "pandas", "rich", "equinox"]
    code = f"import gorae.cli, sys; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("arguments", [["--help"], ["-h"], ["fit", "--help"], ["--version"]])
def test_help(arguments):
    """Help and version are printed on standard output, with exit code 0."""
    done = subprocess.run([*GORAE, *arguments], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "gorae" in done.stdout


def test_exit_codes():
    """The process exits with 2 for wrong usage and 1 for what failed, without a traceback."""
    for arguments, code in ((["fit"], 2), (["info", "missing.gorae"], 1)):
        done = subprocess.run([*GORAE, *arguments], capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout) == (code, "")
        assert "Traceback" not in done.stderr


def test_closed_pipe(tmp_path):
    """A reader that goes away early, such as `head`, ends the command without a traceback."""
    people_study("knn").save(tmp_path / "people.gorae")
    with started(tmp_path, "info", "people.gorae") as command:
        command.stdout.close()
        told = command.stderr.read()
    assert command.returncode != 0
    assert "Traceback" not in told


def started(folder, *arguments):
    """Start `gorae` in a folder."""
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen([*GORAE, *arguments], cwd=folder, env={**os.environ, "NO_COLOR": "1"}, **pipes)


@pytest.mark.skipif(os.name == "nt", reason="SIGINT cannot be sent to one process on Windows")
def test_sigint(tmp_path):
    """A real Ctrl-C while networks train: the models so far, both files, whole, and exit code 130."""
    with started(tmp_path, "fit", "spirals", "--models", "bayes,knn,mlp", "--json") as command:
        told = ""
        for line in iter(command.stderr.readline, ""):
            told += line
            if line.split()[:1] == ["knn"]:
                break
        command.send_signal(signal.SIGINT)
        told += command.stderr.read()
        out = command.stdout.read()
    assert command.returncode == 130, told
    found = json.loads(out)
    assert [row["model"] for row in found["ladder"]] == ["chance", "bayes", "knn"]
    assert found["interrupted"] is True
    assert "Interrupted by Ctrl-C: mlp is missing" in told
    assert "\x1b" not in told
    assert sorted(path.name for path in tmp_path.iterdir()) == ["spirals.gorae", "spirals.html"]
    done = subprocess.run(
        [*GORAE, "info", "spirals.gorae"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert "best of the ladder: knn" in done.stdout


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no device that is always full")
def test_standard_output_that_is_full() -> None:
    """A result that cannot be written is one sentence and exit code 1, not a traceback."""
    command = [sys.executable, "-c", "from gorae.cli import main; main()", "doctor"]
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            command, stdout=full, stderr=subprocess.PIPE, text=True, timeout=100, check=False
        )

    assert done.returncode == 1
    assert done.stderr == "gorae: the result could not be written: No space left on device.\n"
