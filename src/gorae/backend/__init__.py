"""Where programs run: devices and workers, the persistent compile cache, the memory budget.

Nothing here happens on import. JAX's own configuration is set only while gorae compiles, and put back after.
"""

from gorae.backend.compile import clear_programs, compiled, own_numerics
from gorae.backend.devices import Device, Worker, cores, select_devices, workers_for
from gorae.backend.doctor import diagnose
from gorae.backend.memory import is_out_of_memory, memory_budget

__all__ = [
    "Device",
    "Worker",
    "clear_programs",
    "compiled",
    "cores",
    "diagnose",
    "is_out_of_memory",
    "memory_budget",
    "own_numerics",
    "select_devices",
    "workers_for",
]
