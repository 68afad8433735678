"""The planner: inside the budget whatever the sizes, one member a program where that is faster."""

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gorae.backend import memory, memory_budget, select_devices
from gorae.errors import MemoryPlanError, ParameterError
from gorae.estimators.population import Build
from gorae.models import MLPShape
from gorae.models.network import parameters_by_layer
from gorae.train import Problem, SharedRows, member_bytes, parameter_count, plan_members
from population_cases import CLASSES, fit, folds, members, network, split, table


def problem(width=100, batch_size=32):
    build = Build(MLPShape(50, CLASSES, hidden=(width,)))
    return Problem(build, parameters_by_layer, "cross_entropy", batch_size=batch_size, classes=CLASSES)


def accelerators(count, free):
    """Devices as JAX describes accelerators, half of whose memory is taken."""
    stats = {"bytes_limit": 2 * free, "bytes_in_use": free}
    return [SimpleNamespace(platform="gpu", id=i, memory_stats=lambda: stats) for i in range(count)]


def rows(count):
    return SharedRows(np.zeros((count, 50), np.float32), np.zeros(count, np.int32))


FOLD = split(range(100), inputs=50, padded=128)


@given(
    width=st.integers(1, 500),
    batch=st.integers(1, 1000),
    count=st.integers(1, 2000),
    budget=st.integers(10**4, 10**9),
    where=st.sampled_from(["cpu", "gpu"]),
)
def test_a_plan_stays_inside_the_budget(width, batch, count, budget, where):
    """Members times their bytes, with the rows, are within GORAE_MEMORY; else the error says what is needed."""
    devices = select_devices("cpu") if where == "cpu" else accelerators(2, 10**12)
    each = member_bytes(problem(width, batch), FOLD)
    shared = rows(1000)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GORAE_MEMORY", str(budget))
        if each + 204_000 > budget:
            with pytest.raises(MemoryPlanError, match=r"one member needs about .* MB with its data"):
                plan_members(problem(width, batch), shared, FOLD, count, devices)
            return
        plan = plan_members(problem(width, batch), shared, FOLD, count, devices)

    at_a_time = plan.chunk * (len(plan.workers) if where == "cpu" else 1)
    assert 1 <= at_a_time * plan.member_bytes <= budget - 204_000
    assert 1 <= len(plan.workers) <= max(count, 1)


def test_member_bytes_count_what_must_be_there():
    """Twice the state (parameters, best, Adam's moments), a gradient, and a batch of activations at the least."""
    parameters = 50 * 100 + 100 + 100 * CLASSES + CLASSES

    assert parameter_count(problem()) == parameters
    assert member_bytes(problem(), FOLD) >= 4 * (2 * 4 * parameters + parameters + 32 * (50 + 100))
    assert member_bytes(problem(batch_size=64), FOLD) > member_bytes(problem(), FOLD)


def test_many_tiny_members_are_stacked_on_a_cpu():
    """A hundred tiny networks go in eights, few or large ones one by one."""
    cpu = select_devices("cpu")

    assert plan_members(problem(8), rows(10), FOLD, 1000, cpu).chunk == 8
    assert plan_members(problem(8), rows(10), FOLD, 10, cpu).chunk == 1
    assert plan_members(problem(500), rows(10), FOLD, 1000, cpu).chunk == 1


def test_short_trainings_are_not_stacked():
    """A stack has to save more than compiling one network's program for the final fit costs."""
    cpu = select_devices("cpu")

    assert plan_members(problem(8), rows(10), FOLD, 200, cpu, steps=300).chunk == 1
    assert plan_members(problem(8), rows(10), FOLD, 200, cpu, steps=350).chunk == 8
    assert plan_members(problem(8), rows(10), FOLD, 1000, cpu, steps=70).chunk == 8


def test_small_members_are_stacked_where_none_waits():
    """Networks in between go in eights too if all of them train for all epochs."""
    cpu = select_devices("cpu")

    assert plan_members(problem(200), rows(10), FOLD, 1000, cpu).chunk == 1
    assert plan_members(problem(200), rows(10), FOLD, 1000, cpu, together=True).chunk == 8
    assert plan_members(problem(1000), rows(10), FOLD, 1000, cpu, together=True).chunk == 1


def test_an_accelerator_takes_as_many_as_fit():
    """Two devices share the members, and a small one takes what fits."""
    each = member_bytes(problem(), FOLD)

    assert plan_members(problem(), rows(10), FOLD, 300, accelerators(2, 10**12)).chunk == 150
    assert plan_members(problem(), rows(10), FOLD, 300, accelerators(2, 21 * each)).chunk == 10
    assert len(plan_members(problem(), rows(10), FOLD, 1, accelerators(2, 10**12)).workers) == 1


def test_a_small_budget_gives_the_same_results(monkeypatch):
    """With memory for one member only, one is trained at a time, to the same results."""
    whole = fit(network(), members(3, epochs=5))
    each = member_bytes(network(), folds()[0]) + sum(array.nbytes for array in table())
    monkeypatch.setenv("GORAE_MEMORY", str(each + 100))
    little = fit(network(), members(3, epochs=5))

    for one, other in zip(whole, little, strict=True):
        np.testing.assert_array_equal(one.parameters.head.weight, other.parameters.head.weight)


def test_a_budget_that_is_too_small(monkeypatch):
    """A fit that cannot be planned says so before it begins."""
    monkeypatch.setenv("GORAE_MEMORY", "1000")
    with pytest.raises(MemoryPlanError, match=r"the budget on cpu is 0\.0 MB; use a smaller model"):
        fit(network(), members(1))


@pytest.mark.parametrize("wrong", ["4GB", "-1", "0", "1e9", "²"])
def test_a_budget_is_a_number_of_bytes(monkeypatch, wrong):
    """What is no number of bytes is refused, and not passed over."""
    monkeypatch.setenv("GORAE_MEMORY", wrong)
    with pytest.raises(ParameterError, match="GORAE_MEMORY must be a number of bytes"):
        memory_budget(select_devices("cpu")[0])


def test_half_of_what_is_free(monkeypatch):
    """Half of an accelerator's free memory may be used; on a CPU the smaller of machine and control group."""
    monkeypatch.delenv("GORAE_MEMORY", raising=False)
    assert memory_budget(accelerators(1, 10**9)[0]) == 5 * 10**8

    monkeypatch.setattr("gorae.backend.memory._available", lambda: 8 * 10**9)
    monkeypatch.setattr("gorae.backend.memory._group_free", lambda: 6 * 10**9)
    assert memory_budget(select_devices("cpu")[0]) == 3 * 10**9


def test_a_control_group_has_its_limit_less_what_is_used(monkeypatch, tmp_path):
    """Pages of files, which the system drops when memory is wanted, count as free; "max" is no limit."""
    monkeypatch.setattr("gorae.backend.memory._GROUP", tmp_path)
    monkeypatch.setattr("gorae.backend.memory._available", lambda: 10**12)
    monkeypatch.delenv("GORAE_MEMORY", raising=False)
    (tmp_path / "memory.current").write_text("700\n")
    (tmp_path / "memory.stat").write_text("anon 400\ninactive_file 300\n")
    (tmp_path / "memory.max").write_text("2000\n")
    assert memory_budget(select_devices("cpu")[0]) == 800

    (tmp_path / "memory.max").write_text("max\n")
    assert memory_budget(select_devices("cpu")[0]) == 5 * 10**11


@pytest.mark.skipif(memory.resource is None, reason="Windows has no such limits")
def test_the_process_has_its_limits_less_what_is_used(monkeypatch, tmp_path):
    """Of the limits of address space and of data the one that leaves less counts; none is no limit."""
    monkeypatch.setattr("gorae.backend.memory._available", lambda: 10**12)
    monkeypatch.setattr("gorae.backend.memory._group_free", lambda: None)
    monkeypatch.setattr("gorae.backend.memory._STATUS", tmp_path / "status")
    monkeypatch.delenv("GORAE_MEMORY", raising=False)
    (tmp_path / "status").write_text("Name:\tpython\nVmSize:\t   3 kB\nVmData:\t   2 kB\n")
    limits = {memory.resource.RLIMIT_AS: 9 * 1024, memory.resource.RLIMIT_DATA: memory.resource.RLIM_INFINITY}
    monkeypatch.setattr(memory.resource, "getrlimit", lambda which: (limits[which], limits[which]))
    assert memory_budget(select_devices("cpu")[0]) == 3 * 1024

    limits[memory.resource.RLIMIT_DATA] = 4 * 1024
    assert memory_budget(select_devices("cpu")[0]) == 1024

    limits.update(dict.fromkeys(limits, memory.resource.RLIM_INFINITY))
    assert memory_budget(select_devices("cpu")[0]) == 5 * 10**11


@pytest.mark.parametrize(
    ("changes", "chunk"),
    [({}, 8), ({"epochs": 3}, 1), ({"patience": 1}, 1)],
    ids=["all alike", "one ends sooner", "one may stop"],
)
def test_a_training_is_stacked_where_members_end_together(monkeypatch, changes, chunk):
    """Members between tiny and large are stacked only if none waits for another."""
    monkeypatch.setattr("gorae.train.planner._TINY_STEP", 0)
    monkeypatch.setattr("gorae.train.planner._MANY_MEMBERS", 0)
    monkeypatch.setattr("gorae.train.planner._STACKED_STEPS", 0)
    who = members(32, epochs=2)
    who[5].hyper.update({name: np.uint32(value) for name, value in changes.items()})
    planned = []
    monkeypatch.setattr(
        "gorae.train.loop.plan_members", lambda *a, **k: planned.append(plan_members(*a, **k)) or planned[0]
    )
    fit(network(), who)

    assert planned[0].chunk == chunk
