"""Run by test_backend.py in a process of its own: a fit, and what it has done to the state of the process.

With the argument "hostile" the user has set everything that JAX lets one set before gorae is imported.
Prints one JSON object.
"""

import hashlib
import json
import random
import sys

import jax
import numpy as np
import sklearn.model_selection  # noqa: F401  its progress bars draw a random number when they are imported

HOSTILE = {
    "jax_enable_x64": True,
    "jax_default_matmul_precision": "bfloat16",
    "jax_default_prng_impl": "rbg",
    "jax_threefry_partitionable": False,
    "jax_random_seed_offset": 3,
    "jax_numpy_dtype_promotion": "strict",
    "jax_numpy_rank_promotion": "raise",
    "jax_debug_nans": True,
    "jax_debug_infs": True,
    "jax_disable_jit": True,
    "jax_transfer_guard": "disallow",
}


def state():
    """Everything global that a fit could change."""
    key = np.random.get_state()[1]  # noqa: NPY002  the global state is what is looked at
    return {
        "jax": hashlib.sha256(repr(sorted(jax.config.values.items())).encode()).hexdigest(),
        "numpy": hashlib.sha256(key.tobytes()).hexdigest(),
        "python": hashlib.sha256(repr(random.getstate()).encode()).hexdigest(),
        "errors": sorted(np.geterr().items()),
    }


def digest(results):
    """A hash of all that came of a fit."""
    found = hashlib.sha256()
    for leaf in jax.tree.leaves(results):
        found.update(np.ascontiguousarray(leaf).tobytes())
    return found.hexdigest()


def main():
    """Import, train, answer."""
    if sys.argv[1] == "hostile":
        for name, value in HOSTILE.items():
            jax.config.update(name, value)
        jax.devices()
    before = state()
    from population_cases import (
        fit,
        folds,
        members,
        network,
        outputs,
        table,
    )  # what importing does is measured

    imported = state()
    who = members(3, epochs=20)
    who[1].hyper["learning_rate"] = np.float32(1e30)
    results = fit(network(), who, chunk=1)
    answers = [outputs(network(), table(), folds(), result) for result in results]
    found = {
        "digest": digest([results, answers]),
        "diverged": [result.diverged for result in results],
        "devices": len(jax.devices()),
        "importing_changed": [name for name in before if before[name] != imported[name]],
        "fitting_changed": [name for name in before if imported[name] != state()[name]],
    }
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main()
