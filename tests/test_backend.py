"""The backend: the same bits in every process, nothing global touched, programs compiled once."""

import json
import os
import stat
import subprocess
import sys
import warnings
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gorae.backend import clear_programs, compiled, diagnose, own_numerics, select_devices, workers_for
from gorae.backend.cache import cache_folder
from gorae.backend.devices import cores
from gorae.errors import DeviceError, ParameterError
from in_another_process import digest, state
from population_cases import fit, folds, members, network, outputs, table

TESTS = Path(__file__).parent
CPU = select_devices("cpu")[0]


def another_process(how, **environment):
    command = [sys.executable, "-W", "error", str(TESTS / "in_another_process.py"), how]
    environment = {**os.environ, "PYTHONPATH": "", **environment}
    done = subprocess.run(
        command, cwd=TESTS, env=environment, capture_output=True, text=True, timeout=200, check=False
    )
    assert done.returncode == 0, done.stderr
    return {**json.loads(done.stdout), "stderr": done.stderr}


@pytest.fixture(scope="module", autouse=True)
def cache_of_its_own(tmp_path_factory):
    """A cache folder that no other test writes to: what is new in it, these processes have compiled."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GORAE_CACHE", str(tmp_path_factory.mktemp("cache")))
        clear_programs()
        yield
    clear_programs()


@pytest.fixture(scope="module")
def here():
    """The digest of the fit in this process, with a diverging member and answers."""
    who = members(3, epochs=20)
    who[1].hyper["learning_rate"] = np.float32(1e30)
    results = fit(network(), who, chunk=1)
    return digest([results, [outputs(network(), table(), folds(), result) for result in results]])


@pytest.fixture(scope="module")
def plain(here):
    """Another process, and what it has added to the cache that this one filled."""
    before = set(cache_folder().iterdir())
    return {**another_process("plain"), "new_programs": set(cache_folder().iterdir()) - before}


@pytest.fixture(scope="module")
def hostile():
    """A process whose user has two CPU devices and every setting of JAX against us."""
    return another_process("hostile", XLA_FLAGS="--xla_force_host_platform_device_count=2")


def test_another_process_gives_the_same_bits(here, plain):
    """Parameters, histories and answers are bitwise those of this process."""
    assert plain["digest"] == here
    assert plain["diverged"] == [False, True, False]


def test_another_process_compiles_nothing(plain):
    """The programs that this process has compiled are loaded, and nothing is said about it."""
    assert plain["new_programs"] == set()
    assert plain["stderr"] == ""


@pytest.mark.parametrize("process", ["plain", "hostile"])
def test_nothing_global_is_touched(process, request):
    """Importing and fitting leave JAX's configuration and numpy's and Python's random state as they were."""
    found = request.getfixturevalue(process)

    assert found["importing_changed"] == []
    assert found["fitting_changed"] == []


def test_the_user_s_settings_change_no_bit(here, hostile):
    """With two CPU devices, 64 bits, traps on NaN and all the rest of it, results are bitwise the same."""
    assert hostile["devices"] == 2
    assert hostile["digest"] == here


def test_a_fit_in_this_process_changes_nothing():
    """The same holds where JAX has long been used."""
    before = state()
    fit(network(), members(1, epochs=2), chunk=1)

    assert state() == before


@pytest.fixture
def fresh(monkeypatch, tmp_path):
    """No compiled programs, and a cache folder of this test's own."""
    monkeypatch.setenv("GORAE_CACHE", str(tmp_path / "a" / "b"))
    clear_programs()
    yield tmp_path / "a" / "b"
    clear_programs()


def double(x=3.0):
    """Compile a small program and run it."""
    argument = np.float32(x)
    return float(compiled(lambda v: v + v, "double", (argument,), CPU)(argument))


def programs(folder):
    return [path for path in folder.rglob("*-cache") if path.is_file()]


def test_programs_are_kept_on_disk_for_their_owner(fresh):
    """A program lies in a folder that nobody else may look into."""
    assert double() == 6

    assert len(programs(fresh)) == 1
    for folder in (fresh.parent, fresh, fresh / "xla", programs(fresh)[0].parent):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


@pytest.mark.usefixtures("fresh")
def test_equal_keys_share_a_program():
    """Equal keys and shapes are compiled once; another shape is another program."""
    argument, made = np.zeros(2, np.float32), []

    def function(x):
        made.append(x.shape)
        return x

    for value in (argument, argument + 1, np.zeros(3, np.float32)):
        compiled(function, "shared", (value,), CPU)(value)

    assert made == [(2,), (3,)]


@pytest.mark.parametrize("off", ["", "0"])
def test_the_cache_can_be_switched_off(fresh, monkeypatch, off):
    """With an empty GORAE_CACHE nothing is written, and programs run."""
    monkeypatch.setenv("GORAE_CACHE", off)

    assert cache_folder() is None
    assert double() == 6
    assert programs(fresh.parent.parent) == []


def test_a_cache_that_cannot_be_written(fresh, monkeypatch):
    """Where the folder cannot be made, programs are compiled and not kept, without a word."""
    fresh.parent.parent.joinpath("file").touch()
    monkeypatch.setenv("GORAE_CACHE", str(fresh.parent.parent / "file" / "below"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")

        assert double() == 6


def test_a_damaged_program_is_compiled_again(fresh):
    """What lies in the cache and is no program is passed over."""
    double()
    (path,) = programs(fresh)
    path.write_bytes(b"no program")
    clear_programs()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # JAX says that it could not read it

        assert double(4.0) == 8


def test_the_user_s_own_cache_is_used(fresh, tmp_path):
    """Where the user has given JAX a cache folder, gorae has none of its own."""
    before = jax.config.jax_compilation_cache_dir
    jax.config.update("jax_compilation_cache_dir", str(tmp_path / "theirs"))
    try:
        assert double() == 6
        assert jax.config.jax_compilation_cache_dir == str(tmp_path / "theirs")
    finally:
        jax.config.update("jax_compilation_cache_dir", before)
    assert programs(fresh) == []


def test_the_default_folder(monkeypatch, tmp_path):
    """Without GORAE_CACHE the folder is below XDG_CACHE_HOME, or else below the home's .cache."""
    monkeypatch.delenv("GORAE_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_folder().parent == tmp_path / "xdg" / "gorae" / "xla"

    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_folder().parent == tmp_path / ".cache" / "gorae" / "xla"


def test_own_numerics_end_with_their_block():
    """Inside, products and integers are 32 bits wide whatever was set; outside, what was set holds."""
    with jax.enable_x64(True):
        with own_numerics():
            assert jnp.ones(1).dtype == jnp.float32
        assert jnp.ones(1).dtype == jnp.float64


def test_devices_by_name():
    """The CPU is always there; names that are none get a hint, platforms that are missing the remedy."""
    assert all(device.platform == "cpu" for device in select_devices("cpu"))
    with pytest.raises(ParameterError, match=r"device must be .*, got 'gpuu'\. Did you mean 'gpu'\?"):
        select_devices("gpuu")
    with pytest.raises(ParameterError, match="got 3"):
        select_devices(3)
    with pytest.raises(DeviceError, match=r"device='tpu' was asked for, but JAX finds only"):
        select_devices("tpu")


def test_the_user_s_default_device_is_the_default():
    """A device that the user has made JAX's default is the one that is chosen."""
    with jax.default_device(CPU):
        assert select_devices() == [CPU]
        assert select_devices("auto") == [CPU]
    with jax.default_device("cpu"):
        assert select_devices()[0].platform == "cpu"


def test_a_worker_a_core_on_one_cpu_device():
    """However many CPU devices there are, one gets all programs, from a worker for each core."""
    workers = workers_for([CPU, "another"])

    assert [worker.device for worker in workers] == [CPU] * cores()


def test_cores_heed_the_control_group(monkeypatch, tmp_path):
    """A quota of 150 % is two cores, of 10 % one; without a quota the affinity counts."""
    monkeypatch.setattr("gorae.backend.devices._QUOTA", tmp_path / "cpu.max")
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(64)), raising=False)
    assert cores() == 64
    for text, expected in {"150000 100000": 2, "10000 100000": 1, "max 100000": 64}.items():
        (tmp_path / "cpu.max").write_text(text + "\n")

        assert cores() == expected


def test_diagnose_says_what_costs_speed(monkeypatch):
    """The doctor's facts are plain JSON; a cache that is off and one core are told."""
    monkeypatch.setenv("GORAE_CACHE", "")
    monkeypatch.setattr("gorae.backend.doctor.cores", lambda: 1)
    found = diagnose()

    assert json.loads(json.dumps(found)) == found
    assert found["compile_cache"] == {"on": False, "programs": 0, "bytes": 0}
    assert len(found["advice"]) == 2
    assert found["devices"][0]["platform"] == "cpu"
