"""Several processes put together by `jax.distributed`: they share the members, and all end with one table."""

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import several_processes as child
from gorae.backend import Message, check_alike, from_first, gather, least, process_count, process_index

pytestmark = [
    pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL, and no gloo"),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]


def free_port():
    """A port of this machine that nobody uses."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def start(what, folder):
    """Start two processes of one run."""
    port = str(free_port())
    script = str(Path(__file__).with_name("several_processes.py"))
    return [
        subprocess.Popen(
            [sys.executable, script, what, str(folder), port, str(index)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        for index in range(2)
    ]


def kill(both):
    """Kill who has not ended, and return what both have said last."""
    for each in both:
        each.kill()
    return [each.communicate()[1][-3000:] for each in both]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder in which a search of two processes was killed after its first rung."""
    folder = tmp_path_factory.mktemp("processes")
    both = start("killed", folder)
    try:
        assert both[0].wait(timeout=200) == -signal.SIGKILL
    finally:
        told = kill(both)
        print(*told, sep="\n")
    return folder


@pytest.fixture(scope="module")
def found(folder):
    """What each of two processes has found, which go on with the search that was killed."""
    both = start("everything", folder)
    try:
        codes = [each.wait(timeout=280) for each in both]
    finally:
        told = kill(both)
        print(*told, sep="\n")
    assert codes == [0, 0], told
    return [json.loads((folder / f"everything-{index}.json").read_text()) for index in range(2)]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The tables of a single process that nobody has killed."""
    folder = tmp_path_factory.mktemp("single")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("gorae.train.planner._STACKED_STEPS", 0)
        return {name: search.fit(child.X, child.Y) for name, search in child.searches(folder).items()}


@pytest.mark.parametrize("name", ["stacked", "alone", "halved"])
def test_the_table_is_that_of_one_process(found, whole, name):
    """Scores, best model and out-of-fold outputs are bitwise a single process's, in both; one was resumed."""
    expected = json.loads(json.dumps(child.table(whole[name])))
    for each in found:
        np.testing.assert_equal(each[name], expected)


def test_only_the_first_opens_the_journal(found):
    """The SQLite file is opened by process 0, and by no other."""
    assert [each["opened"] for each in found] == [1, 0]


def test_a_seed_that_is_drawn_is_one(found):
    """Without a random_state both processes search with the seed that process 0 has drawn."""
    np.testing.assert_equal(found[0]["drawn"], found[1]["drawn"])


def test_an_error_in_one_is_raised_in_all(found):
    """When memory runs out in process 1, both raise the same sentence."""
    assert [each["error"] for each in found] == [
        ["MemoryPlanError", "memory ran out with 1 member a program."]
    ] * 2


def test_ctrl_c_in_one_ends_all(found):
    """After Ctrl-C in process 1 both hold the same members as they were, and say so."""
    one, two = (each["interrupted"] for each in found)
    assert one == two
    assert len(one["told"]) == 1
    assert len(one["epochs"]) == 3
    assert all(0 < epochs < 10**7 for epochs in one["epochs"])


def test_other_data_are_refused(found):
    """Processes that were given different rows, or whose splitter draws on its own, hear so and do not hang."""
    for each in found:
        assert each["data"][0] == each["splits"][0] == "InputError"
        assert "different data" in each["data"][1]
        assert "random_state" in each["splits"][1]


def test_what_needs_a_clock_is_refused(found):
    """Seconds, which two clocks count differently, are refused in one sentence; so is a Study."""
    for each in found:
        assert each["seconds"][0] == "ParameterError"
        assert "give fits, epochs or flops" in each["seconds"][1]
        assert each["study"][0] == "DeviceError"


def test_a_process_that_ends_is_not_waited_for(found):
    """When process 1 has ended, process 0 hears so at its next fit."""
    assert found[1]["after"] == found[0]["after"]
    assert found[0]["gone"][0] == "DeviceError"
    assert "process 1 of this run has ended" in found[0]["gone"][1]


def test_messages_of_any_length(found):
    """Long and empty messages arrive whole; the doctor counts the processes."""
    assert [each["bytes"] for each in found] == [True, True]
    assert [each["processes"] for each in found] == [2, 2]


def test_alone_nothing_is_exchanged():
    """With one process messages come back as they were made, and errors as they were raised."""
    message = Message({"a": 1}, {"b": np.ones(2)})
    assert (process_count(), process_index()) == (1, 0)
    assert gather("topic", lambda: message) == [message]
    assert from_first("topic", lambda: message) is message
    assert least("topic", 2.5) == 2.5
    check_alike("topic", "value")
    with pytest.raises(ZeroDivisionError):
        gather("topic", lambda: Message({"a": 1 // 0}))
