"""The loop: progress, Ctrl-C, errors and memory, each without anything lost or left running."""

import json
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import jax
import pytest

from gorae.backend import select_devices
from gorae.errors import GoraeWarning, MemoryPlanError
from gorae.train import loop, task, train, workers
from population_cases import assert_alike, assert_same, fit, folds, members, network, table

TESTS = Path(__file__).parent
COUNT = 5


@pytest.fixture(scope="module")
def alone():
    return fit(network(), members(COUNT), chunk=1)


@pytest.fixture
def four_workers(monkeypatch):
    """Four workers, however many cores there are."""
    monkeypatch.setattr("gorae.backend.devices.cores", lambda: 4)


def run(who, **options):
    return train(network(), table(), folds(), who, devices=select_devices("cpu"), **options)


def nothing_is_left_running():
    return not [t for t in threading.enumerate() if t.daemon and t.name.startswith("Thread-")]


def test_progress_ends_with_everything_done():
    """The last word of progress: all members, all epochs, the best score that validation gave."""
    told = []
    results = run(members(COUNT), chunk=1, progress=told.append).results

    last = told[-1]
    assert (last.members, last.finished) == (COUNT, COUNT)
    assert last.epochs == last.epochs_planned == sum(result.epochs for result in results)
    assert last.best_score == max(result.history.validation_score[-1] for result in results)


class Turns:
    """Notes whose turn it is, with segments of one epoch and two workers."""

    def __init__(self, monkeypatch):
        self.taken = []
        self.real = task.train_task
        monkeypatch.setattr(task, "_SEGMENT_SECONDS", 0.0)
        monkeypatch.setattr("gorae.backend.devices.cores", lambda: 2)
        monkeypatch.setattr(workers, "train_task", self)

    def __call__(self, work, who, *rest):
        self.taken.append(list(who.task if isinstance(who, task.Paused) else who))
        return self.real(work, who, *rest)


def test_members_that_would_wait_at_the_end_take_turns(monkeypatch, alone):
    """The last three of five on two workers go by turns, and become what they are alone."""
    turns = Turns(monkeypatch)
    results = run(members(COUNT), chunk=1).results

    assert sorted(turns.taken[:4]) == [[0], [1], [2], [3]]
    assert [4] in turns.taken[4:]
    assert len(turns.taken) > 2 * COUNT
    for result, reference in zip(results, alone, strict=True):
        assert_same(result, reference)


def test_ctrl_c_keeps_who_waits_for_a_turn(monkeypatch):
    """After Ctrl-C a member that has made way is kept as it was, with the epochs it has had."""
    turns = Turns(monkeypatch)

    def interrupt(told):
        if len(turns.taken) > 6:
            raise KeyboardInterrupt

    outcome = run(members(3, epochs=10**6, patience=10**6), chunk=1, progress=interrupt)
    assert outcome.interrupted
    assert all(result is not None and not result.stopped for result in outcome.results)
    assert all(len(result.history.train_loss) == result.epochs > 0 for result in outcome.results)
    assert nothing_is_left_running()


def test_no_turns_where_memory_holds_only_those_at_work(monkeypatch, alone):
    """Who has begun then trains to its end before another begins."""
    turns = Turns(monkeypatch)
    plan = loop.plan_members
    monkeypatch.setattr(loop, "plan_members", lambda *a, **k: replace(plan(*a, **k), turns=False))
    results = run(members(3), chunk=1).results

    assert sorted(turns.taken) == [[0], [1], [2]]
    for result, reference in zip(results, alone, strict=False):
        assert_same(result, reference)


def test_early_stopping_is_no_longer_planned():
    """Epochs that early stopping saved do not hold progress below its end."""
    told = []
    results = run(members(3, patience=1), chunk=1, progress=told.append).results

    assert any(result.epochs < 100 for result in results)
    assert told[-1].epochs == told[-1].epochs_planned == sum(result.epochs for result in results)


def test_no_members_at_all():
    """An empty population is trained at once."""
    assert run([]).results == []


class Held:
    """Lets the first task through and holds all others until the training stops."""

    def __init__(self, monkeypatch):
        self.let_through = threading.Event()
        self.real = task.train_task
        self.lock = threading.Lock()
        monkeypatch.setattr(workers, "train_task", self)

    def __call__(self, work, who, *rest):
        """Train the first task, and of the others nothing."""
        with self.lock:
            first = not self.let_through.is_set()
            self.let_through.set()
        if first:
            return self.real(work, who, *rest)
        while not work.stop:
            time.sleep(0.001)
        return {}


def raises_after_first_result(error):
    def progress(told):
        if told.finished:
            raise error

    return progress


def test_ctrl_c_keeps_what_is_done(monkeypatch, alone):
    """After Ctrl-C finished members are results, the others None, and no thread is left."""
    Held(monkeypatch)
    outcome = run(members(COUNT), chunk=1, progress=raises_after_first_result(KeyboardInterrupt()))

    assert outcome.interrupted
    (kept,) = [i for i, result in enumerate(outcome.results) if result is not None]
    assert_same(outcome.results[kept], alone[kept])
    assert nothing_is_left_running()


def test_ctrl_c_before_the_first_epoch(monkeypatch):
    """With nothing to keep, Ctrl-C is Ctrl-C."""
    held = Held(monkeypatch)
    held.let_through.set()

    def progress(told):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(members(2), chunk=1, progress=progress)
    assert nothing_is_left_running()


@pytest.mark.usefixtures("four_workers")
def test_ctrl_c_while_threads_start(monkeypatch):
    """Ctrl-C between the start of two workers stops them all."""
    real, started = threading.Thread.start, []

    def start(thread):
        real(thread)
        started.append(thread)
        if len(started) == 1:
            raise KeyboardInterrupt

    monkeypatch.setattr(threading.Thread, "start", start)
    Held(monkeypatch).let_through.set()
    with pytest.raises(KeyboardInterrupt):
        run(members(COUNT), chunk=1)

    assert nothing_is_left_running()


def test_an_error_in_progress_ends_the_training(monkeypatch):
    """What the caller's own function raises reaches the caller, once, after the workers have ended."""
    Held(monkeypatch)
    with pytest.raises(ZeroDivisionError, match="mine"):
        run(members(COUNT), chunk=1, progress=raises_after_first_result(ZeroDivisionError("mine")))
    assert nothing_is_left_running()


def test_an_error_in_a_worker_ends_the_training(monkeypatch):
    """A worker's error is raised where train was called, and the other workers end too."""
    real = task.train_task

    def failing(work, who, *rest):
        if who == [2]:
            raise ZeroDivisionError("in member 2")
        return real(work, who, *rest)

    monkeypatch.setattr(workers, "train_task", failing)
    with pytest.raises(ZeroDivisionError, match="in member 2"):
        run(members(COUNT), chunk=1)
    assert nothing_is_left_running()


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="timers that send signals are POSIX")
def test_ctrl_c_at_random_instants():
    """After a signal at 25 random instants, or two, what had an epoch is kept and nothing runs on."""
    command = [sys.executable, "-W", "error", str(TESTS / "interrupting.py"), "25"]
    done = subprocess.run(command, cwd=TESTS, capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 0, done.stderr

    found = json.loads(done.stdout)["found"]
    assert all(each["running"] == [] for each in found)
    assert all(each["end"] == "before" or each["epochs"] for each in found)
    assert sum(each["end"] == "interrupted" for each in found) >= 5
    assert all(min(each["epochs"], default=1) >= 1 for each in found)


def limit_memory(monkeypatch, fits, error=None):
    """Make programs of more than `fits` members run out of memory; return the sizes that were tried."""
    error = error or jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory allocating 99 bytes.")
    real, tried = task.compiled, []

    def compiled(function, key, arguments, device, **options):
        if key[0] != "train":
            return real(function, key, arguments, device, **options)
        tried.append(key[-1])
        if key[-1] <= fits:
            return real(function, key, arguments, device, **options)

        def fail(*_):
            raise error

        return fail

    monkeypatch.setattr(task, "compiled", compiled)
    return tried


@pytest.mark.parametrize(
    ("chunk", "fits", "error"), [(8, 4, None), (4, 1, MemoryError())], ids=["device", "host"]
)
def test_out_of_memory_halves_the_stack(monkeypatch, alone, chunk, fits, error):
    """The stack is halved until it fits; one warning says so, and the results are the same."""
    tried = limit_memory(monkeypatch, fits, error)
    with pytest.warns(GoraeWarning, match=f"went on with {fits} instead of {chunk} members") as told:
        results = run(members(COUNT), chunk=chunk).results

    assert len(told) == 1
    assert sorted(set(tried), reverse=True) == [size for size in (8, 4, 2, 1) if fits <= size <= chunk]
    for result, reference in zip(results, alone, strict=True):
        assert_alike(result, reference)


def test_memory_is_asked_for_less_five_times_at_most(monkeypatch):
    """64 members do not fit, nor 32, 16, 8, 4 and 2: the sixth refusal is the last."""
    tried = limit_memory(monkeypatch, 1)
    with pytest.raises(MemoryPlanError, match="memory ran out with 2 members a program; use a smaller"):
        run(members(COUNT), chunk=64)
    assert sorted(set(tried)) == [2, 4, 8, 16, 32, 64]
    assert nothing_is_left_running()


def test_one_member_that_does_not_fit(monkeypatch):
    """Where not even one member fits, the error says what to change."""
    limit_memory(monkeypatch, 0)
    with pytest.raises(MemoryPlanError, match="memory ran out with 1 member a program; use a smaller model"):
        run(members(COUNT), chunk=1)


@pytest.mark.usefixtures("four_workers")
def test_two_members_at_a_time_do_not_fit(monkeypatch, alone):
    """Where two programs at once are too many, workers leave until one is left, and it does all the work."""
    real, lock, busy = task.train_task, threading.Lock(), []

    def crowded(work, who, *rest):
        with lock:
            busy.append(who)
        try:
            time.sleep(0.02)
            if len(busy) > 1:
                raise MemoryError
            return real(work, who, *rest)
        finally:
            with lock:
                busy.remove(who)

    monkeypatch.setattr(workers, "train_task", crowded)
    with pytest.warns(GoraeWarning, match="went on with fewer programs at a time"):
        results = run(members(COUNT), chunk=1).results

    for result, reference in zip(results, alone, strict=True):
        assert_same(result, reference)
