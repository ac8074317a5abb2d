"""The definition of the truth, one event and one particle at a time: slow, and easy to check.

Plain loops over what is there, none of them over pairs, so that `benchmarks.datasets` may measure
the vectorised truth against it.
"""

import math

from datasets.events import EventData
from datasets.truth.truth import Visibility


def naive_truth(event: EventData, rule: Visibility):
    """Element, merging and four-vector of every visible particle of a single event.

    Returns {particle: ("track" | "cluster" | "merged" | "dropped", element or owner)} and
    {owner: [px, py, pz, E]} with merged particles added.
    """
    p = event.particles
    everyone = range(len(p))
    p4 = {i: [p["px"][i], p["py"][i], p["pz"][i]] for i in everyone}
    for i in everyone:
        p4[i].append(math.sqrt(sum(c * c for c in p4[i]) + p["mass"][i] ** 2))
    children = {i: [] for i in everyone}
    parents = {i: [] for i in everyone}
    for parent, child in zip(event.daughters.source, event.daughters.target, strict=True):
        children[int(parent)].append(int(child))
        parents[int(child)].append(int(parent))

    weight_of_hit = _sum((hit, w) for hit, _, w in zip(*_parts(event.hit_particle), strict=True))
    deposits = {i: {} for i in everyone}
    hit_energy = event.hits["energy"].tolist()
    for hit, i, w in zip(*_parts(event.hit_particle), strict=True):
        deposits[i][hit] = hit_energy[hit] * w / weight_of_hit[hit]
    tracks = {i: {} for i in everyone}
    for t, i, w in zip(*_parts(event.track_particle), strict=True):
        tracks[i][t] = w

    # Who collects for whom: breadth first, a child goes to its first parent that has an owner.
    stable = [i for i in everyone if p["generator_status"][i] == 1]
    owner = _hand_down({i: i for i in stable}, children)
    left = {owner[i] for i in everyone if i in owner and (deposits[i] or tracks[i])}

    def below(i, generations):
        found, edge = set(), {i}
        for _ in range(generations):
            edge = {c for e in edge for c in children[e]}
            found |= edge
        return found

    stand_ins = {
        i
        for i in everyone
        if i not in owner and deposits[i] and below(i, 8) & set(stable) and not below(i, 8) & left
    }
    stand_ins = {i for i in stand_ins if not any(i in below(s, len(p)) for s in stand_ins)}
    owner = _hand_down({**owner, **{i: i for i in stand_ins}}, children)

    visible, on_track, on_cluster = [], {}, {}
    cluster_of = {}
    for c, h in zip(event.cluster_hit.source, event.cluster_hit.target, strict=True):
        cluster_of.setdefault(int(h), []).append(int(c))
    owned = {}
    for j, i in owner.items():
        owned.setdefault(i, []).append(j)
    for i, mine in sorted(owned.items()):
        energy = sum(e for j in mine for e in deposits[j].values())
        on_track[i] = _sum((t, w) for j in mine for t, w in tracks[j].items())
        on_cluster[i] = _sum(
            (c, e) for j in mine for h, e in deposits[j].items() for c in cluster_of.get(h, [])
        )
        seen = (
            energy > rule.energy_fraction * p4[i][3]
            or (p["charge"][i] != 0 and energy > rule.charged_energy)
            or any(w >= rule.track_weight for w in on_track[i].values())
        )
        if seen and abs(p["pdg"][i]) not in (12, 14, 16):
            visible.append(i)

    fate, used = {}, {}
    for i in sorted(visible, key=lambda i: (-p4[i][3], i)):
        for kind, links in (("track", on_track[i]), ("cluster", on_cluster[i])):
            free = [(-w, e) for e, w in links.items() if (kind, e) not in used]
            if free:
                element = min(free)[1]
                used[kind, element] = i
                fate[i] = (kind, element)
                break
    total = {i: list(p4[i]) for i in fate}
    for i in visible:
        if i in fate:
            continue
        if not on_cluster[i]:
            fate[i] = ("dropped", None)
            continue
        best = min((-w, c) for c, w in on_cluster[i].items())[1]
        host = used["cluster", best]
        fate[i] = ("merged", host)
        total[host] = [a + b for a, b in zip(total[host], p4[i], strict=True)]
    return fate, total


def _hand_down(owner, children):
    owner = dict(owner)
    while True:
        heirs = {}
        for parent in sorted(owner):
            for child in children[parent]:
                if child not in owner:
                    heirs.setdefault(child, owner[parent])
        if not heirs:
            return owner
        owner |= heirs


def _parts(links):
    return links.source.tolist(), links.target.tolist(), links.weight.tolist()


def _sum(pairs):
    total = {}
    for key, value in pairs:
        total[key] = total.get(key, 0.0) + value
    return total
