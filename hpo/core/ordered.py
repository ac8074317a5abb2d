"""Results in order, in a value that never changes: what asynchronous rungs rank trials by."""

import bisect
from typing import NamedTuple

# Results of a chunk before it is split in two. An insertion copies a chunk and the list of chunks:
# with 256 both are as long where there are some 40,000 results.
_CHUNK = 256


class Result(NamedTuple):
    """Smaller is better; of equal losses the earlier trial."""

    loss: float
    trial: int


class Ordered(NamedTuple):
    """Sorted chunks of results; none is empty. An insertion copies one chunk, not everything."""

    chunks: tuple[tuple[Result, ...], ...] = ()

    def insert(self, result: Result) -> "Ordered":
        """With one more result."""
        if not self.chunks:
            return Ordered(((result,),))
        place = min(self._chunk_of(result), len(self.chunks) - 1)
        chunk = self.chunks[place]
        i = bisect.bisect_left(chunk, result)
        chunk = chunk[:i] + (result,) + chunk[i:]  # noqa: RUF005 - a third faster
        half = len(chunk) // 2
        parts = (chunk,) if len(chunk) <= _CHUNK else (chunk[:half], chunk[half:])
        return Ordered((*self.chunks[:place], *parts, *self.chunks[place + 1 :]))

    def remove(self, result: Result) -> "Ordered":
        """Without a result. Raises ValueError where it is not there."""
        place = self._chunk_of(result)
        chunk = self.chunks[place] if place < len(self.chunks) else ()
        i = bisect.bisect_left(chunk, result)
        if i == len(chunk) or chunk[i] != result:
            raise ValueError(f"{result} is not among the results")
        left = chunk[:i] + chunk[i + 1 :]
        parts = (left,) if left else ()
        return Ordered((*self.chunks[:place], *parts, *self.chunks[place + 1 :]))

    def rank(self, result: Result) -> int:
        """How many are better."""
        place = self._chunk_of(result)
        if place == len(self.chunks):
            return self.size
        before = sum(map(len, self.chunks[:place]))
        return before + bisect.bisect_left(self.chunks[place], result)

    def first(self) -> Result | None:
        """The best, if there is any."""
        return self.chunks[0][0] if self.chunks else None

    def all(self) -> list[Result]:
        """Everything, best first."""
        return [result for chunk in self.chunks for result in chunk]

    @property
    def size(self) -> int:
        """How many there are."""
        return sum(map(len, self.chunks))

    def _chunk_of(self, result: Result) -> int:
        """The first chunk whose last result is not better."""
        return bisect.bisect_left(self.chunks, result, key=lambda chunk: chunk[-1])
