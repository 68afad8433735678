"""Files that survive a crash and refuse damage: atomic writes and the safe container.

Nothing here knows what a model is. Checkpoints, searches and model files all go through the same
two calls, `write_container` and `read_container`, and everything else that gorae writes through
`atomic_write`.
"""

from gorae.files.atomic import atomic_write, make_folder
from gorae.files.container import Container, Summary, read_container, read_meta, write_container
from gorae.files.layout import ArrayInfo

__all__ = [
    "ArrayInfo",
    "Container",
    "Summary",
    "atomic_write",
    "make_folder",
    "read_container",
    "read_meta",
    "write_container",
]
