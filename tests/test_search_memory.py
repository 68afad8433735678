"""A search where memory is scarce: fewer settings at a time, the same table."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

resource = pytest.importorskip("resource", reason="Windows has no limits of a process's data")

MEGABYTE = 1 << 20


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux counts all data of a process")
def test_a_process_with_a_limit_searches_in_batches():
    """With 240 MB more than at its start, where all settings at once would hold 300, the table is bitwise the same."""
    import searching_in_little_memory as child

    script = Path(__file__).with_name("searching_in_little_memory.py")
    command = [sys.executable, script, str(240 * MEGABYTE)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert len(found["batches"]) > 1
    assert sum(found["batches"]) == len(child.RATES)
    assert found["table"] == json.loads(json.dumps(child.table(child.SEARCH.fit(child.X, child.Y))))
