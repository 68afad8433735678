"""The journal of a search in several processes: the first one has the files, and tells the others.

All processes make the same calls, so that they go on from the same entries and parameters. With one process
this is the journal itself.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

from gorae.backend import Message, from_first, process_count
from gorae.search.journal import NoJournal, Part, as_text, open_journal, outputs_by_name, stored_seed
from gorae.search.races import Arrays
from gorae.search.space import Setting
from gorae.search.trials import Entry

_TOPIC = "the journal"


class SharedJournal(NoJournal):
    """The journal that the first process has open.

    Args:
        own: that journal; in the other processes nothing is asked of it.
    """

    def __init__(self, own: NoJournal):
        self._own = own

    def known(self, part: Part, settings: Sequence[Setting]) -> dict[int, list[Entry]]:
        """Return the entries of a part that the first process has kept."""

        def told() -> Message:
            found = self._own.known(part, settings)
            entries = [[place, [as_text(entry) for entry in own]] for place, own in found.items()]
            return Message({"entries": entries}, outputs_by_name(found))

        message = from_first(_TOPIC, told)
        return {
            place: [
                json.loads(entry) | {"outputs": message.arrays.get(f"{place}/{split}")}
                for split, entry in enumerate(own)
            ]
            for place, own in message.facts["entries"]
        }

    def keep(
        self, part: Part, settings: Sequence[Setting], found: Mapping[int, list[Entry]], seconds: float
    ) -> None:
        """Have the first process write its entries."""
        from_first(_TOPIC, lambda: Message({"kept": self._own.keep(part, settings, found, seconds)}))

    def states(self, part: Part) -> Arrays:
        """Return where settings stood that went on, as the first process has kept it."""
        return dict(from_first(_TOPIC, lambda: Message(arrays=self._own.states(part))).arrays)

    def keep_states(self, part: Part, arrays: Callable[[], Arrays]) -> None:
        """Have the first process write where settings stand."""
        from_first(_TOPIC, lambda: Message({"kept": self._own.keep_states(part, arrays)}))

    def forget_states(self, part: Part) -> None:
        """Have the first process remove what earlier rungs have left."""
        from_first(_TOPIC, lambda: Message({"forgot": self._own.forget_states(part)}))

    def part_size(self, batch: int, choose: Callable[[], int]) -> int | None:
        """Return how many settings of a batch make a part, as the first process has it."""
        size = choose()
        told = from_first(_TOPIC, lambda: Message({"size": self._own.part_size(batch, lambda: size)}))
        return told.facts["size"]

    def seconds(self) -> float:
        """Return the seconds that the search has taken before, as the first process has kept it."""
        return from_first(_TOPIC, lambda: Message({"seconds": self._own.seconds()})).facts["seconds"]


@contextmanager
def open_shared(path: Any, fingerprint: str, seed: int) -> Iterator[NoJournal]:
    """Open the journal of a search in the first process; arguments and errors are those of `open_journal`."""
    if process_count() == 1:
        with open_journal(path, fingerprint, seed) as journal:
            yield journal
        return
    with ExitStack() as stack:
        own: list[NoJournal] = []

        def opened() -> Message:
            own.append(stack.enter_context(open_journal(path, fingerprint, seed)))
            return Message()

        from_first(_TOPIC, opened)
        yield SharedJournal(own[0] if own else NoJournal())


def shared_seed(path: Any) -> int | None:
    """Return the root seed of the search that the first process's journal holds, or None."""
    return from_first(_TOPIC, lambda: Message({"seed": stored_seed(path)})).facts["seed"]
