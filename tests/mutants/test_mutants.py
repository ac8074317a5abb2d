"""The mutation run itself: it finds what a test misses, and only that."""

import ast
import json
from pathlib import Path

import pytest

from tests.mutants.bench import KILLED, SURVIVED, TIMED_OUT, UNTESTED, Bench
from tests.mutants.known import KNOWN, GoneError, Known, known
from tests.mutants.mutations import Mutation, mutated, mutations
from tests.mutants.report import BEGIN, END, Verdict, scores, write_page
from tests.mutants.rooms import ROOMS, equivalent, key, sample

ROOT = Path(__file__).parents[2]
TOY = '''"""A toy."""


def larger(a, b):
    """The larger of two."""
    return a if a > b else b


def down(n):
    while n > 0:
        n -= 1
    return n


def unseen(n):
    return n + 1
'''
TOY_TESTS = """import toy.numbers


def test_larger():
    assert toy.numbers.larger(1, 2) == 2
    assert toy.numbers.larger(2, 1) == 2


def test_down():
    assert toy.numbers.down(3) == 0
"""


def found(source):
    return {(m.before, m.after) for m in mutations("a.py", source)}


@pytest.mark.parametrize(
    ("source", "before", "after"),
    [
        ("x = a < b", "a < b", "a <= b"),
        ("x = 0 <= a <= 1", "0 <= a <= 1", "0 <= a < 1"),
        ("x = a + b", "a + b", "a - b"),
        ("x -= 1", "x -= 1", "x += 1"),
        ("x = 3", "3", "4"),
        ("x = 3", "3", "2"),
        ("x = 0.5", "0.5", "0.25"),
        ("x = not a", "not a", "a"),
        ("x = a and b", "a and b", "a or b"),
        ("x = min(a)", "min(a)", "max(a)"),
        ("x = np.argmin(a)", "np.argmin(a)", "np.argmax(a)"),
        ("x = sorted(a)", "sorted(a)", "sorted(a)[::-1]"),
        ("x = f(a, b=c)", "f(a, b=c)", "f(a)"),
        ("x = a[:n]", ":n", ":"),
        ("x = 1 if a else 2", "a", "True"),
        ("x = [i for i in a if i]", "i", "False"),
        ("def f():\n    return a", "return a", "return None"),
        ("f(a)", "f(a)", "pass"),
    ],
)
def test_kinds_of_mutation(source, before, after):
    assert (before, after) in found(source)


@pytest.mark.parametrize(
    "source",
    [
        '"""Words: 3 < 4."""',
        "def f(a: Float[Array, '3']) -> 3: ...",
        "@cache(size=3)\ndef f(): ...",
        "def f():\n    raise ValueError(3 < 4)",
        "x = f'{3 < 4}'",
        "x = isinstance(a, int | float)",
        "x = zip(a, b, strict=True)",
    ],
)
def test_words_and_errors_stay(source):
    assert not found(source)


def test_every_mutation_of_every_room_is_python_and_another_program():
    for room in ROOMS:
        for path in sorted((ROOT / room).rglob("*.py"))[::4]:
            source = path.read_text()
            plain = ast.dump(ast.parse(source))
            for mutation in mutations(str(path), source)[::5]:
                assert ast.dump(ast.parse(mutated(source, mutation))) != plain, mutation


def test_a_sample_is_decided_by_its_seed():
    first, again, other = (sample(ROOT, "qsvr", 20, seed) for seed in (0, 0, 1))
    assert first == again != other
    assert len({(m.path, m.start, m.text) for m in first}) == 20


def test_equivalent_mutations_exist_and_have_reasons(tmp_path):
    """So that none stays listed when its code has gone."""
    for path, code, before, after in equivalent():
        keys = {key(m) for m in mutations(path, (ROOT / path).read_text())}
        assert (path, code, before, after) in keys
    entry = {"path": "a", "code": "x = 1", "before": "1", "after": "2", "why": " "}
    (tmp_path / "some.json").write_text(json.dumps([entry]))
    with pytest.raises(ValueError, match="say why"):
        equivalent(tmp_path / "some.json")


def test_known_mutations_stand_in_the_code():
    assert [mutation.name for mutation in known(ROOT)] == [entry.name for entry in KNOWN]
    with pytest.raises(GoneError, match="'gone': its old text stands 0 times in hpo/core"):
        known(ROOT, [Known("gone", "hpo/core", "no such text", "")])


@pytest.fixture
def toy(tmp_path):
    root = tmp_path / "root"
    for name, text in (
        ("toy/numbers.py", TOY),
        ("tests/toy/test_numbers.py", TOY_TESTS),
        ("pyproject.toml", '[tool.pytest.ini_options]\npythonpath = ["."]\n'),
    ):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    for name in ("__init__.py", "covering.py"):
        (root / "tests/mutants").mkdir(exist_ok=True)
        (root / "tests/mutants" / name).write_text((ROOT / "tests/mutants" / name).read_text())
    return root


@pytest.mark.soak
def test_a_toy_is_judged_and_stays_as_it_was(toy, tmp_path):
    wanted = {
        ("larger", "a > b", "a <= b"): KILLED,
        ("larger", "a > b", "a >= b"): SURVIVED,  # of two equal ones either is the larger
        ("down", "n -= 1", "n += 1"): TIMED_OUT,
        ("unseen", "n + 1", "n - 1"): UNTESTED,
    }
    found = mutations("toy/numbers.py", TOY)
    chosen = [m for m in found if (m.where, m.before, m.after) in wanted]
    folder = tmp_path / "bench"
    folder.mkdir()
    with Bench(toy, folder, workers=2, seconds=2) as bench:
        covering = bench.covering("tests/toy").result()
        assert not covering.failing
        judged = {
            (m.where, m.before, m.after): bench.judge(
                m, covering.places.get(f"{m.path}:{m.first}", [])
            )
            for m in chosen
        }
        assert {name: outcome.result() for name, outcome in judged.items()} == wanted
        names = {test.test for test in covering.places["toy/numbers.py:4"]}
        assert names == {"tests/toy/test_numbers.py::test_larger"}
    assert (toy / "toy/numbers.py").read_text() == TOY
    copies = [path.read_text() for path in folder.glob("tree-*/toy/numbers.py")]
    assert copies == [TOY, TOY]


def test_a_test_that_fails_as_it_is_kills_nobody(toy, tmp_path):
    tests = toy / "tests/toy/test_numbers.py"
    tests.write_text(
        TOY_TESTS + "\n\ndef test_wrong():\n    assert toy.numbers.larger(1, 2) == 1\n"
    )
    folder = tmp_path / "bench"
    folder.mkdir()
    with Bench(toy, folder, workers=1) as bench:
        covering = bench.covering("tests/toy").result()
    assert covering.failing == ("tests/toy/test_numbers.py::test_wrong",)
    assert all("wrong" not in c.test for tests in covering.places.values() for c in tests)


def test_scores_and_a_page_that_keeps_its_reasons(tmp_path):
    def verdict(line, outcome, name=""):
        mutation = Mutation(
            "qsvr/a.py", line, "f", 1, f"x = a | {line}", f"a | {line}", "b", 0, 1, "b", name
        )
        return Verdict(mutation, outcome, 3)

    verdicts = [verdict(1, KILLED), verdict(2, SURVIVED), verdict(3, TIMED_OUT)]
    verdicts += [verdict(4, UNTESTED), verdict(5, KILLED, "known")]
    assert [(s.room, s.mutants, s.alive) for s in scores(verdicts)] == [
        ("qsvr", 4, 2),
        ("all rooms", 4, 2),
        ("known mutations", 1, 0),
    ]
    page, run = tmp_path / "page.md", {"command": "this", "minutes": 1.0}
    page.write_text(f"before\n{BEGIN}\n{END}\nafter\n")
    write_page(page, verdicts, run)
    assert page.read_text().count("| ? |") == 2
    page.write_text(page.read_text().replace("| ? |", "| it a \\| b |", 1))
    write_page(page, verdicts, run)
    assert page.read_text().count("| it a \\| b |") == 1
    assert page.read_text().count("| ? |") == 1
    assert page.read_text().startswith("before\n")
    assert page.read_text().endswith("\nafter\n")
    page.write_text("nothing")
    with pytest.raises(ValueError, match="no part between"):
        write_page(page, verdicts, run)
