"""Who owns what: particles to tracks and clusters, as sparse matrices over a whole batch.

Everything here knows rows and weights only; the rules of particle flow stand in `target`.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from datasets.events import Links

NOBODY = -1


class Assignment(NamedTuple):
    """Element of each owner, and where the owners without an element went."""

    track: Int[np.ndarray, " owners"]  # primary track; -1 if none
    cluster: Int[np.ndarray, " owners"]  # primary cluster; -1 if none
    merged_into: Int[np.ndarray, " owners"]  # owner of the best cluster; -1 if none

    @property
    def primary(self) -> np.ndarray:
        """Owners that have an element of their own."""
        return (self.track >= 0) | (self.cluster >= 0)


def inherit(
    owner: Int[np.ndarray, " particles"], daughters: Links
) -> Int[np.ndarray, " particles"]:
    """Hands the owner of a particle down to all its descendants that have none (-1).

    A particle with several parents takes the owner of the parent that comes first. One round a
    generation; decay loops in broken records end because no particle is visited twice.
    """
    owner = owner.copy()
    parent, daughter = daughters.source, daughters.target
    while True:
        ready = (owner[parent] >= 0) & (owner[daughter] < 0)
        if not ready.any():
            return owner
        heirs, givers = daughter[ready], parent[ready]
        first = np.full(len(owner), len(owner))
        np.minimum.at(first, heirs, givers)
        owner[heirs] = owner[first[heirs]]
        open_links = owner[daughter] < 0
        parent, daughter = parent[open_links], daughter[open_links]


def reaches(
    flag: Bool[np.ndarray, " particles"], daughters: Links, generations: int
) -> Bool[np.ndarray, " particles"]:
    """Particles with the flag among their descendants of up to that many generations."""
    below = np.zeros(len(flag), bool)
    for _ in range(generations):
        seen = daughters.source[(flag | below)[daughters.target]]
        if below[seen].all():
            break
        below[seen] = True
    return below


def flip(links: Links) -> Links:
    """The same relation seen from its other end."""
    return Links(links.target, links.source, links.weight)


def relabel(links: Links, name: Int[np.ndarray, " sources"]) -> Links:
    """Gives every source a new number; links of sources numbered -1 end here."""
    source = name[links.source]
    kept = source >= 0
    return Links(source[kept], links.target[kept], links.weight[kept])


def combine(links: Links, shape: tuple[int, int]) -> Links:
    """One link for all those between the same two ends, with the sum of their weights."""
    return _from_matrix(_matrix(links, shape))


def chain(first: Links, second: Links, shape: tuple[int, int, int]) -> Links:
    """The matrix product of two relations: sums of products of weights along all paths."""
    return _from_matrix(_matrix(first, shape[:2]) @ _matrix(second, shape[1:]))


def _matrix(links: Links, shape: tuple[int, int]):
    from scipy.sparse import coo_array

    return coo_array((links.weight, (links.source, links.target)), shape=shape).tocsr()


def _from_matrix(matrix) -> Links:
    """Links by source, without those of no weight."""
    entries = matrix.tocoo()
    kept = entries.data > 0
    return Links(
        entries.row[kept].astype(np.int64),
        entries.col[kept].astype(np.int64),
        entries.data[kept],
    )


def assign(
    energy: Float[np.ndarray, " owners"],
    to_track: Links,
    to_cluster: Links,
    tracks: int,
    clusters: int,
) -> Assignment:
    """Gives each owner, by decreasing energy, its best unused track, else its best unused cluster.

    "Best" is the highest weight, then the first element; among equal energies the first owner
    chooses first. Owners left over are merged into the owner of their best cluster, if any.

    Serial choice is the stable matching in which all elements prefer the owners in one order, so
    it is found in rounds: every owner without an element asks for the next one of its list, and
    an element goes to the first in order that ever asked for it (Gale and Shapley 1962).
    """
    rank = np.empty(len(energy), np.int64)
    rank[np.lexsort((np.arange(len(energy)), -energy))] = np.arange(len(energy))
    element = np.concatenate([to_track.target, tracks + to_cluster.target])
    owner = np.concatenate([to_track.source, to_cluster.source])
    weight = np.concatenate([to_track.weight, to_cluster.weight])
    order = np.lexsort((element, -weight, element >= tracks, owner))
    wish, asker = element[order], owner[order]

    holder = _match(wish, asker, rank, tracks + clusters)
    held = np.full(len(energy), NOBODY)
    taken = holder >= 0
    held[holder[taken]] = np.flatnonzero(taken)

    return Assignment(
        np.where(held < tracks, held, NOBODY),
        np.where(held >= tracks, held - tracks, NOBODY),
        np.where(held >= 0, NOBODY, _owner_of_best_cluster(wish, asker, holder, tracks, len(held))),
    )


def _match(wish, asker, rank, elements):
    """The owner each element ends up with; wishes come by owner, best first."""
    limit = len(rank)
    owner_of_rank = np.empty(limit + 1, np.int64)
    owner_of_rank[rank] = np.arange(limit)
    owner_of_rank[limit] = NOBODY
    ends = np.searchsorted(asker, np.arange(limit), side="right")
    position = np.searchsorted(asker, np.arange(limit), side="left")
    best_rank = np.full(elements, limit)
    asking = np.flatnonzero(position < ends)
    while len(asking):
        wanted = wish[position[asking]]
        before = best_rank[wanted]
        np.minimum.at(best_rank, wanted, rank[asking])
        displaced = owner_of_rank[before[(before < limit) & (best_rank[wanted] < before)]]
        refused = asking[best_rank[wanted] != rank[asking]]
        asking = np.unique(np.concatenate([refused, displaced]))
        position[asking] += 1
        asking = asking[position[asking] < ends[asking]]
    return owner_of_rank[best_rank]


def _owner_of_best_cluster(wish, asker, holder, tracks, owners):
    """For every owner, who holds the first cluster of its list."""
    of_clusters = wish >= tracks
    first = np.full(owners, NOBODY)
    askers, positions = np.unique(asker[of_clusters], return_index=True)
    first[askers] = holder[wish[of_clusters][positions]]
    return first
