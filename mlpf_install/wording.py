"""Counts in sentences, for all parts: of one thing it says the singular."""


def counted(count: float, thing: str, form: str = "") -> str:
    """ "1 event", "2 events", "1,000 events" with the format ","; `thing` is the noun's singular.

    What decides is the count as it is written: 0.9 by ".0f" is "1 event". Nouns of English that
    are none of the regular ones are not known here.
    """
    number = format(count, form)
    return f"{number} {thing if number == '1' else plural(thing)}"


def plural(thing: str) -> str:
    """The regular plural: events, studies, processes, batches."""
    if thing.endswith("y") and thing[-2:-1] not in "aeiou":
        return f"{thing[:-1]}ies"
    return f"{thing}es" if thing.endswith(("s", "x", "tch")) else f"{thing}s"
