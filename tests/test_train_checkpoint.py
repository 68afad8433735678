"""Checkpoints: whatever is killed goes on to bitwise what it would have been, and only its own fit does."""

import json
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from gorae.backend import select_devices
from gorae.errors import DamagedFileError, FileError, ParameterError
from gorae.train import Checkpoint, Member, SharedRows, task, train
from gorae.train.checkpoint import fingerprint
from population_cases import assert_same, fit, folds, members, network, table

KILLER = Path(__file__).parents[1] / "benchmarks" / "kill_resume.py"
COUNT = 5


@pytest.fixture(scope="module")
def alone():
    return fit(network(), members(COUNT), chunk=1)


@pytest.fixture(scope="module")
def stacked():
    return fit(network(), members(COUNT), chunk=4)


def resume(folder, *, until=None, chunk=1, every=1, who=None, **changed):
    """Go on with a fit until that many epochs are done, or to its end; return its results."""

    def progress(told):
        if until is not None and told.epochs >= until:
            raise KeyboardInterrupt

    given = {"shared": table(), "splits": folds(), "members": who or members(COUNT), **changed}
    checkpoint = Checkpoint(folder, every)
    devices = select_devices("cpu")
    outcome = train(
        network(), *given.values(), devices=devices, chunk=chunk, checkpoint=checkpoint, progress=progress
    )
    return outcome.results


def without_training(monkeypatch):
    """Make every attempt to run the program fail."""

    def refuse(_, key, *rest):
        raise AssertionError(key)

    monkeypatch.setattr(task, "compiled", refuse)


@pytest.mark.parametrize("every", [1, 7])
def test_an_interrupted_fit_goes_on(tmp_path, alone, every):
    """Interrupted twice, and resumed twice, a fit ends bitwise as if nothing had been, its history whole."""
    resume(tmp_path, until=1, every=every)
    resume(tmp_path, until=120, every=every)

    for result, reference in zip(resume(tmp_path, every=every), alone, strict=True):
        assert_same(result, reference)


def test_a_finished_fit_is_not_trained_again(tmp_path, monkeypatch, alone):
    """The members of a finished checkpoint are results without a single step."""
    resume(tmp_path)
    without_training(monkeypatch)

    for result, reference in zip(resume(tmp_path), alone, strict=True):
        assert_same(result, reference)


def test_a_stack_whose_members_were_written_at_different_epochs(tmp_path, stacked):
    """A kill between the writes of a stack leaves one member behind, or without a file; both catch up."""
    resume(tmp_path, until=10, chunk=4)
    behind = {path: path.read_bytes() for path in Checkpoint(tmp_path).folder.iterdir()}
    resume(tmp_path, until=200, chunk=4)
    Checkpoint(tmp_path).path(1).write_bytes(behind[Checkpoint(tmp_path).path(1)])
    Checkpoint(tmp_path).path(2).unlink()

    for result, reference in zip(resume(tmp_path, chunk=4), stacked, strict=True):
        assert_same(result, reference)


def test_stacks_may_be_of_another_size_when_they_go_on(tmp_path, alone):
    """A fit that began in stacks ends member by member."""
    resume(tmp_path, until=20, chunk=4)

    for result, reference in zip(resume(tmp_path, chunk=1), alone, strict=True):
        assert result.epochs == reference.epochs
        np.testing.assert_allclose(result.parameters.head.weight, reference.parameters.head.weight, atol=1e-6)


OTHER = {
    "another learning rate": {"members": members(COUNT, learning_rate=0.5)},
    "another seed": {"members": members(COUNT, seed=8)},
    "another fold": {"members": [Member(m.hyper, (m.split + 1) % 3) for m in members(COUNT)]},
    "a value changed": {"shared": SharedRows(table().rows + np.float32(1e-3), table().targets)},
    "a target changed": {"shared": SharedRows(table().rows, table().targets[::-1])},
    "a weight changed": {"splits": [folds()[0]._replace(train_weight=np.ones(8, np.float32)), *folds()[1:]]},
}


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("finished")
    resume(folder, who=members(COUNT, epochs=100))
    return folder


@pytest.mark.parametrize("changed", OTHER.values(), ids=OTHER)
def test_another_fit_is_refused(finished, changed):
    """A checkpoint of other data, settings or seeds is refused by name, and left as it is."""
    before = Checkpoint(finished).path(0).read_bytes()
    with pytest.raises(FileError, match=f"{finished.name}.*holds another fit .*give an empty folder"):
        resume(finished, **changed)
    assert Checkpoint(finished).path(0).read_bytes() == before


def test_another_start_is_another_fit():
    """A member that goes on from a state is not the one that begins, nor one that goes on from another."""
    (old,) = fit(network(), members(1, epochs=2), keep_state=True, chunk=1)
    starts = [None, old.state, old.state._replace(waited=np.int32(3))]
    hyper = members(1)[0].hyper
    hashes = [fingerprint(network(), table(), folds(), [Member(hyper, 0, state)]) for state in starts]

    assert len(set(hashes)) == 3


def test_the_hash_of_a_fit_names_no_address():
    """The same functions at another place in memory, as in another process, are the same fit."""

    def problem():
        def groups(parameters):
            return network().layers(parameters)

        return replace(network(), layers=groups)

    one, other = problem(), problem()
    assert repr(one) != repr(other)
    assert fingerprint(one, table(), folds(), members(1)) == fingerprint(other, table(), folds(), members(1))


def test_a_damaged_checkpoint_is_refused(tmp_path):
    """One flipped bit in a member's file ends the resumption with the file's name."""
    who = members(2, epochs=2)
    resume(tmp_path, who=who)
    path = Checkpoint(tmp_path).path(1)
    content = bytearray(path.read_bytes())
    content[-5] ^= 1
    path.write_bytes(content)

    with pytest.raises(DamagedFileError, match=r"member-00001\.gorae"):
        resume(tmp_path, who=who)


def test_what_killed_writers_left_is_removed(tmp_path):
    """A temporary file of a process that was killed long ago goes; that of one that may still write stays."""
    old, young = tmp_path / ".gorae-a.tmp", tmp_path / ".gorae-b.tmp"
    for path in (old, young):
        path.touch()
    os.utime(old, (time.time() - 3600,) * 2)
    resume(tmp_path, who=members(1, epochs=1))

    assert not old.exists()
    assert young.exists()


def test_a_checkpoint_that_cannot_be_written(tmp_path):
    """Where a file is in the place of the folder, the error names it."""
    (tmp_path / "file").touch()
    with pytest.raises(FileError, match="file"):
        resume(tmp_path / "file")


@pytest.mark.parametrize("every", [0, -1, 1.5])
def test_epochs_between_writes_are_counted(tmp_path, every):
    """Only a positive whole number of epochs can lie between two writes."""
    with pytest.raises(ParameterError, match="every must be a positive number of epochs"):
        Checkpoint(tmp_path, every)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the killer forks")
def test_kill_9_at_random_instants():
    """After kill -9, wherever it falls, every file loads and the fit ends bitwise as without it."""
    command = [sys.executable, str(KILLER), "--kills", "12", "--only-print"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=250, check=False)
    assert done.returncode == 0, done.stderr

    for campaign in json.loads(done.stdout).values():
        assert campaign["kills"] == 6
        assert campaign["files_unreadable"] == 0
        assert campaign["fits_resumed_to_the_end"] >= 1
        assert campaign["results_that_differ"] == 0
