"""Where programs run: devices, workers and processes, the persistent compile cache, the memory budget.

Nothing here happens on import. JAX's own configuration is set only while gorae compiles, and put back after.
"""

from gorae.backend.blas import one_blas_thread
from gorae.backend.compile import clear_programs, compiled, own_numerics
from gorae.backend.devices import Device, Worker, cores, select_devices, workers_for
from gorae.backend.doctor import diagnose
from gorae.backend.interrupts import hearing_interrupts
from gorae.backend.memory import is_out_of_memory, memory_budget
from gorae.backend.messages import Message, check_alike, from_first, gather, least
from gorae.backend.processes import process_count, process_index

__all__ = [
    "Device",
    "Message",
    "Worker",
    "check_alike",
    "clear_programs",
    "compiled",
    "cores",
    "diagnose",
    "from_first",
    "gather",
    "hearing_interrupts",
    "is_out_of_memory",
    "least",
    "memory_budget",
    "one_blas_thread",
    "own_numerics",
    "process_count",
    "process_index",
    "select_devices",
    "workers_for",
]
