"""Tasks on the workers of joblib's active backend, heard of as they end."""

import sys
import time
import warnings
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import suppress
from itertools import islice
from typing import Any, NamedTuple, Self

from joblib import Parallel, delayed, effective_n_jobs
from joblib.parallel import get_active_backend

_OWN_BACKENDS = "joblib._parallel_backends"
_SHORT_WAVE = 1.0


class Task(NamedTuple):
    """A call that a worker makes: what it calls, and with what."""

    function: Callable[..., Any]
    arguments: tuple[Any, ...]


Done = tuple[int, Any]
"""A task that has ended: its number, from 0, and its result."""


def is_on_cluster() -> bool:
    """Return whether joblib's active backend is a cluster's: none of joblib's own, which are local.

    Example:
        >>> is_on_cluster()
        False
    """
    return type(get_active_backend()[0]).__module__ != _OWN_BACKENDS


def sent_once(value: Any) -> Any:
    """Return what stands for a large argument of many tasks, so that it travels once.

    With Ray that is a reference into its object store, from where all workers of a machine read it: of what
    joblib hands it today, Ray's own backend would store every task's copy. Dask's backend sends an object
    once that is an argument itself, and loky's maps arrays into memory; they get the value.
    """
    if not type(get_active_backend()[0]).__module__.startswith("ray."):
        return value
    import ray

    return ray.put(value)


def received(value: Any) -> Any:
    """Return the value that `sent_once` has sent to this worker; its arrays may be read-only."""
    ray = sys.modules.get("ray")
    return ray.get(value) if ray is not None and isinstance(value, ray.ObjectRef) else value


class Workers:
    """The workers of joblib's active backend. They stay, with all they have compiled, until `close`.

    Args:
        n_jobs: how many; None for what `joblib.parallel_config` says or, on a cluster, for all.
    """

    def __init__(self, n_jobs: int | None):
        self._n_jobs = n_jobs
        self._parallel: Parallel | None = None

    def __enter__(self) -> Self:
        """Return the workers, who are there now."""
        self.open()
        return self

    def __exit__(self, *_: object) -> None:
        """Let the workers go."""
        self.close()

    def open(self) -> int:
        """Have the workers come, if they are not there yet, and return how many work at a time."""
        if self._n_jobs is None and is_on_cluster() and get_active_backend()[1] is None:
            self._n_jobs = -1
        if self._parallel is None:
            try:
                parallel = Parallel(n_jobs=self._n_jobs, return_as="generator_unordered")
            except ValueError:  # the backend gives results only all at once, as Ray's does
                parallel = Parallel(n_jobs=self._n_jobs)
            self._parallel = parallel.__enter__()
        asked: Any = self._n_jobs
        return effective_n_jobs(asked)

    def close(self) -> None:
        """Let the workers go."""
        parallel, self._parallel = self._parallel, None
        if parallel is not None:
            with suppress(Exception):  # a cluster that is gone already
                parallel.__exit__(None, None, None)

    def results(self, tasks: Iterable[Task]) -> Generator[list[Done], None, None]:
        """Have tasks done; yield what has ended since: the numbers of tasks, and their results.

        Where the backend gives results only all at once, tasks are done in waves: of one a worker, and of
        more when a wave is over within a second. To close the iterator early drops what is under way.
        """
        count = self.open()
        calls = (
            delayed(_numbered)(number, task.function, *task.arguments) for number, task in enumerate(tasks)
        )
        if self._parallel is None or not self._parallel.return_generator:
            yield from self._in_waves(iter(calls), count)
            return
        found: Any = self._parallel(calls)
        try:
            for done in found:
                yield [done]
        finally:
            with warnings.catch_warnings():  # joblib's regret of tasks that were done for nothing
                warnings.simplefilter("ignore", UserWarning)
                found.close()

    def _in_waves(self, calls: Iterator[Any], size: int) -> Iterator[list[Done]]:
        """Yield results a wave at a time."""
        while self._parallel is not None and (wave := list(islice(calls, size))):
            began = time.perf_counter()
            done: Any = self._parallel(wave)
            yield done
            if time.perf_counter() - began < _SHORT_WAVE:
                size *= 2


def _numbered(number: int, function: Callable[..., Any], *arguments: Any) -> Done:
    """Return the number of a task and its result."""
    return number, function(*arguments)
