"""Mock annealers of every size, in processes of their own: what goes wrong there ends a process."""

import subprocess
import sys

import pytest

from qsvr.samplers import devices
from tests.soaked import soaked

KINDS = ("pegasus", "zephyr", "chimera")
COUPLED = """
import resource, sys
resource.setrlimit(resource.RLIMIT_AS, (6 << 30,) * 2)
from qsvr.samplers import devices
name = sys.argv[1]
graph = devices.solver_of(name).to_networkx_graph()
most = devices.largest_clique(name)
for variables in [*range(1, 13), most]:
    if variables > most:
        continue
    chains = devices.embedding(name, variables).chains
    used = [qubit for chain in chains.values() for qubit in chain]
    assert sorted(chains) == list(range(variables))
    assert len(used) == len(set(used))
    for i, chain in chains.items():
        assert all(any(graph.has_edge(a, b) for a in chain for b in chains[j]) for j in range(i))
print(most)
"""


@pytest.mark.parametrize("kind", KINDS)
def test_mocks_that_hold_no_problem_are_refused_in_words(kind):
    for size in range(devices.SMALLEST):
        with pytest.raises(ValueError, match=f"{kind}{size} is too small: .* begin at {kind}2"):
            devices.largest_clique(f"{kind}{size}")


MOST = {"pegasus": 10, "zephyr": 24, "chimera": 8}


@pytest.mark.parametrize("kind", ["zephyr", *soaked("pegasus", "chimera")])
def test_every_clique_of_a_small_mock_is_embedded(kind):
    done = subprocess.run(
        [sys.executable, "-c", COUPLED, f"{kind}{devices.SMALLEST}"],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.stdout.split() == [str(MOST[kind])], done.stderr[-2000:]
