"""What links must carry: the time of a step's messages by what the links are said to carry."""

from collections.abc import Iterator
from typing import Any

# GB/s in one direction, as makers and standards say: nothing here was measured. A ring crosses the
# port of each node once.
LINKS = {
    "NVLink 4 (H100 SXM: 900 GB/s both ways; NVIDIA's data sheet)": 450.0,
    "PCIe 5.0 x16 (32 GT/s a lane, 128b/130b; PCI-SIG)": 63.0,
    "InfiniBand NDR between nodes (400 Gb/s; NVIDIA ConnectX-7's data sheet)": 50.0,
    "10 Gb/s Ethernet between nodes (IEEE 802.3)": 1.25,
}
OVERHEAD = 0.05  # of a step that messages may take


def lines(found: dict[str, Any]) -> Iterator[str]:
    """By model the time that messages of 8 devices take, and the step for which that is 5%."""
    for name, model in found.items():
        mesh = model["meshes"].get("8", {"sent": 0.0})
        yield f"{name}, 8 devices (data = 8), {mesh['sent'] / 1e6:.2f} MB a step:"
        for link, rate in LINKS.items():
            took = mesh["sent"] / (rate * 1e9)
            yield (
                f"  {link:75} {took * 1e3:8.3f} ms; 5% of a step of {took / OVERHEAD * 1e3:8.2f} ms"
            )
