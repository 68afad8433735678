"""What the processes of a run tell each other: facts as JSON, arrays as safetensors, errors as sentences.

Every process makes the same calls in the same order. Each message names its topic: processes that have
parted, because one failed or was given other data, hear so instead of taking one thing for another.
"""

import json
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
from safetensors.numpy import load, save

import gorae.errors as errors
from gorae.backend.processes import gather_bytes, process_count, process_index
from gorae.errors import DeviceError, GoraeError, InputError

_FACTS = "facts"


class Message(NamedTuple):
    """What one process tells: facts that JSON can hold, and arrays by name (not "facts")."""

    facts: Mapping[str, Any] = MappingProxyType({})
    arrays: Mapping[str, np.ndarray] = MappingProxyType({})


def gather(topic: str, make: Callable[[], Message]) -> list[Message]:
    """Return what every process of the run has made; an error of one is raised in all, in one sentence.

    Args:
        topic: what it is about; the same in every process.
        make: makes this process's message; it gathers nothing itself.

    Raises:
        DeviceError: when the processes are at different topics, or one has ended.

    Example:
        >>> gather("rows", lambda: Message({"rows": 3}))[0].facts["rows"]
        3
    """
    if process_count() == 1:
        return [make()]
    failure, own = None, Message()
    try:
        own = make()
        told = _packed({"topic": topic, "facts": dict(own.facts)}, own.arrays)
    except BaseException as error:
        failure = error
        told = _packed({"topic": topic, "error": [type(error).__name__, str(error)]}, {})
    try:
        heard = gather_bytes(told)
    except DeviceError as error:
        raise failure or error from error
    found = [_unpacked(each) for number, each in enumerate(heard) if number != process_index()]
    found.insert(process_index(), ({"topic": topic, "failed": failure is not None}, {}))
    for facts, _ in found:
        if "error" in facts:
            raise _as_error(*facts["error"]) from failure
        if facts.get("failed") and failure is not None:
            raise failure
    topics = [facts["topic"] for facts, _ in found]
    if len(set(topics)) > 1:
        places = ", ".join(f"process {number} is at {each!r}" for number, each in enumerate(topics))
        raise DeviceError(
            f"the processes of this run have parted: {places}; start the same script with the same data in "
            "all of them."
        )
    others = [Message(facts.get("facts", {}), arrays) for facts, arrays in found]
    return [own if number == process_index() else each for number, each in enumerate(others)]


def from_first(topic: str, make: Callable[[], Message]) -> Message:
    """Return what the first process has made; the others make nothing. Its error is raised in all."""
    return gather(topic, make if process_index() == 0 else Message)[0]


def least(topic: str, number: float) -> float:
    """Return the least of the numbers of all processes, where it decides what all of them do.

    Example:
        >>> least("memory", 3.0)
        3.0
    """
    return min(each.facts["number"] for each in gather(topic, lambda: Message({"number": number})))


def check_alike(topic: str, value: str) -> None:
    """Refuse to go on where a value differs between the processes.

    Args:
        topic: what it is about.
        value: a fingerprint of what this process was given.

    Raises:
        InputError: when it is not the same in all.
    """
    if len({each.facts["value"] for each in gather(topic, lambda: Message({"value": value}))}) > 1:
        raise InputError(
            f"the processes of this run were given different data, parameters or seeds for the {topic}; "
            "start the same script with the same data in all, and give a splitter that draws a random_state."
        )


def _as_error(name: str, sentence: str) -> BaseException:
    """Return another process's error: of gorae's own classes, or as its name and sentence."""
    if name == "KeyboardInterrupt":
        return KeyboardInterrupt()
    kind = getattr(errors, name, None)
    if isinstance(kind, type) and issubclass(kind, GoraeError):
        return kind(sentence)
    return GoraeError(f"another process failed with {name}: {sentence}")


def _packed(facts: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> bytes:
    """Return facts and arrays as bytes."""
    text = np.frombuffer(json.dumps(facts).encode(), np.uint8)
    return save({name: np.asarray(array, order="C") for name, array in arrays.items()} | {_FACTS: text})


def _unpacked(message: bytes) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Return the facts and arrays, which may be written to, of a message."""
    arrays = {name: np.require(array, requirements="W") for name, array in load(message).items()}
    return json.loads(arrays.pop(_FACTS).tobytes()), arrays
