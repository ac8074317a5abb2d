"""The studies of `benchmarks.hpo --quality`: epochs counted, rows named, nothing played twice."""

import math

import numpy as np
import pytest

import hpo
from benchmarks.hpo.peers import ours
from benchmarks.hpo.quality import running
from benchmarks.hpo.quality.child import SHARES, play
from benchmarks.hpo.quality.record import Study, append, checksum, latest, read
from benchmarks.hpo.quality.summary import markdown, summarise
from benchmarks.hpo.quality.training import Spent, Training, space_of
from hpo.simulation.tables import ROW, Table, read_table, write_table

EPOCHS = 60


@pytest.fixture(scope="module")
def table():
    generator = np.random.default_rng(0)
    rates = generator.uniform(0.1, 1, 40)
    curves = (rates[:, None] - 0.3) ** 2 + 1 / np.arange(1, 10) + generator.normal(0, 0.01, (40, 9))
    curves[3, 4:] = np.nan
    return Table("made", tuple({"rate": float(r), "width": 2} for r in rates), curves)


def test_every_epoch_counts_and_the_last_one_ends_the_study(table):
    training = Training(table, 0, 11)
    row = training.next_row()
    losses = [training.epoch(row, epoch) for epoch in range(1, 10)]
    assert training.lowest == np.minimum.accumulate(losses).tolist()
    assert training.ended == [math.inf] * 8 + [losses[-1]]
    training.epoch(row, 1)
    training.epoch(row, 2)
    with pytest.raises(Spent):
        training.epoch(row, 3)
    assert len(training.lowest) == 11


def test_what_diverged_is_returned_as_it_is_and_is_never_the_best(table):
    training = Training(table, 0, 20)
    assert math.isnan([training.epoch(3, epoch) for epoch in range(1, 6)][-1])
    assert training.lowest[-1] == table.curves[3, :4].min()


def test_rows_come_in_the_order_of_our_own_studies_each_once(table):
    training, searcher = Training(table, 7, 1), table.searcher()
    rows = [training.next_row() for _ in range(40)]
    assert rows == [searcher.propose(7, number)[ROW] for number in range(40)]
    assert sorted(rows) == list(range(40))


def test_the_nearest_row_is_trained_once_until_all_were(table):
    training = Training(table, 0, 1)
    rates = np.array([c["rate"] for c in table.configurations])
    near = [training.row_near({"rate": 0.3, "width": 2}) for _ in range(41)]
    assert near[:40] == np.argsort(np.abs(rates - 0.3)).tolist()
    assert near[40] == near[0]


def test_a_column_for_every_epoch_is_a_curve_and_no_hyperparameter():
    configurations = tuple({"rate_2": r, "acc_0": r, "acc_1": r} for r in (0.1, 0.2))
    assert space_of(Table("made", configurations, np.zeros((2, 2)))).names == ("rate_2",)


@pytest.mark.parametrize("method", ["hyperband", "asha", "adaptive", "swift_improved + BOHB"])
def test_ours_find_what_the_simulator_says_they_spend(table, method):
    found = play(ours, table, method, 1, 500)
    assert len(found["lowest"]) == len(SHARES)
    assert found == {**play(ours, table, method, 1, 500), "seconds": found["seconds"]}
    scheduler = {"hyperband": hpo.hyperband, "adaptive": hpo.adaptive}.get(method)
    if scheduler is not None:
        outcome = hpo.simulate(scheduler(table.searcher(), 9), table, 1)
        assert found["spent"] == outcome.epochs
        assert found["ended"][-1] <= float(f"{outcome.loss:.7g}")


def _study(**changes):
    base = Study("made", "hyperband", 0, "c", 60, "1", 60, 0.1, [1.0] * 20, [None] * 20)
    return base._replace(**changes)


def test_studies_are_read_as_they_were_written_and_a_line_cut_short_is_counted(tmp_path):
    path = tmp_path / "studies.jsonl"
    assert read(path) == ([], 0)
    studies = [_study(seed=seed) for seed in range(3)]
    for study in studies:
        append(path, study)
    text = path.read_text()
    path.write_text(text + text.splitlines()[0][:50])
    assert read(path) == (studies, 1)


def test_a_line_after_one_cut_short_is_whole(tmp_path):
    path = tmp_path / "studies.jsonl"
    append(path, _study())
    path.write_text(path.read_text() + '{"table": "ma')
    append(path, _study(seed=1))
    assert read(path) == ([_study(), _study(seed=1)], 1)


def test_figures_are_of_the_versions_played_last():
    old, new = _study(version="1"), _study(version="2")
    other = _study(method="asha", version="1")
    assert latest([old, new, other]) == [new, other]
    assert latest([_study(curves="a"), _study(curves="b", seed=1)]) == [_study(curves="b", seed=1)]


def test_the_same_command_goes_on_and_then_plays_nothing(table, tmp_path, capsys, monkeypatch):
    pytest.importorskip("matplotlib")
    write_table(table, tmp_path / "made.csv")
    monkeypatch.setattr(running, "zoo", dict)
    command = ["--curves", str(tmp_path / "made.csv"), "--methods", "hyperband|adaptive"]
    for name in ("studies", "json", "picture"):
        command += [f"--{name}", str(tmp_path / name)]
    running.main([*command, "--seeds", "2"])
    played, _ = read(tmp_path / "studies")
    assert [(s.method, s.seed) for s in played] == [
        ("hyperband", 0), ("adaptive", 0), ("hyperband", 1), ("adaptive", 1),
    ]  # fmt: skip
    running.main([*command, "--seeds", "2"])
    assert read(tmp_path / "studies") == (played, 0)
    assert "| adaptive |" in capsys.readouterr().out
    assert (tmp_path / "picture").read_text().startswith("<?xml")


def test_tables_and_methods_are_played_where_they_are_named(table, tmp_path, monkeypatch):
    paths = {}
    for name in ("one", "two"):
        write_table(table, tmp_path / f"{name}.csv")
        paths[name] = tmp_path / f"{name}.csv"
    monkeypatch.setattr(running, "zoo", lambda: paths)
    command = ["--seeds", "1", "--methods", "hyperband|hyperband, eta=2"]
    for name in ("studies", "json", "picture"):
        command += [f"--{name}", str(tmp_path / name)]
    running.main([*command, "--tables", "two"])
    played, _ = read(tmp_path / "studies")
    assert [(s.table, s.method) for s in played] == [
        ("two", "hyperband"), ("two", "hyperband, eta=2"),
    ]  # fmt: skip
    with pytest.raises(SystemExit):
        running.main([*command, "--tables", "tow"])


def test_what_is_set_aside_is_played_by_name_alone(monkeypatch):
    monkeypatch.setattr(running, "TOOLS", (ours,))
    assert {m for _, _, m in running.installed(None)} == set(ours.METHODS) - ours.ASIDE
    assert [m for _, _, m in running.installed([*ours.ASIDE])] == [
        m for m in ours.METHODS if m in ours.ASIDE
    ]


def test_a_summary_has_regret_by_table_and_rank_over_all(table):
    curves = {"curves": checksum(table), "epochs": EPOCHS}
    low = float(f"{np.nanmin(table.curves):.7g}")
    best = _study(**curves, lowest=[None] + [low] * 19)
    worse = _study(**curves, method="asha", lowest=[2 * low] * 20)
    figures = summarise({"made": table}, [best, worse])
    assert figures["rank"]["hyperband"]["50%"][0] == 1
    assert figures["curves"]["rank"]["hyperband"][0] == 2  # nothing was found yet
    assert figures["tables"]["made"]["regret"]["asha"]["25%"] == pytest.approx(1)
    assert figures["tables"]["made"]["better_rows"]["hyperband"]["100%"] == 0
    assert figures["methods"]["asha"]["studies"] == 1
    ranks, regrets = markdown(figures).split("\n\n")
    assert ranks.splitlines()[2].startswith("| hyperband | **1.0 ± 0.0** |")
    assert "| asha | 100.0 ± 0.0% | 100.0 ± 0.0% |" in regrets


def test_the_best_row_is_not_below_itself_in_the_digits_of_the_file(table):
    best = float(np.nanmin(table.curves))
    for loss in (best * (1 - 4e-8), best, best * (1 + 4e-8)):
        moved = Table("made", table.configurations, table.curves * loss / best)
        written = [float(f"{loss:.7g}")] * 20
        study = _study(curves=checksum(moved), lowest=written)
        figures = summarise({"made": moved}, [study])
        assert figures["better_rows"]["hyperband"]["50%"][0] == 0
        assert figures["regret"]["hyperband"]["50%"][0] == 0


def test_a_method_that_lacks_a_table_does_not_move_the_ranks_of_the_others(table):
    tables = {"made": table, "again": table}
    each = [
        _study(table=name, method=method, lowest=[loss] * 20)
        for name in tables
        for method, loss in (("hyperband", 2.0), ("asha", 3.0))
    ]
    partial = _study(table="again", method="adaptive", lowest=[1.0] * 20)
    figures = summarise(tables, [*each, partial])
    ranks = {method: at["25%"][0] for method, at in figures["rank"].items()}
    assert ranks == {"hyperband": 1, "asha": 2, "adaptive": 1}
    ranks, _ = markdown(figures).split("\n\n")
    assert ranks.splitlines()[-1].startswith("| adaptive | 1.0")
    assert "adaptive" not in figures["curves"]["rank"]


def test_a_method_with_few_of_the_seeds_does_not_move_the_ranks_of_the_others(table):
    found = {"hyperband": (3, 2.0), "asha": (2, 3.0), "adaptive": (1, 1.0)}
    studies = [
        _study(method=method, seed=seed, lowest=[loss] * 20)
        for method, (seeds, loss) in found.items()
        for seed in range(seeds)
    ]
    figures = summarise({"made": table}, studies)
    assert {m for m, about in figures["methods"].items() if about["whole"]} == {"hyperband", "asha"}
    assert {m: at["25%"][0] for m, at in figures["rank"].items()} == {
        "hyperband": 1, "asha": 2, "adaptive": 1,
    }  # fmt: skip


def test_each_of_ours_is_ranked_beside_the_other_tools_without_the_rest_of_ours(table):
    losses = {"hyperband": 2.0, "asha": 1.0, "adaptive": 4.0, "A": 3.0, "B": 5.0}
    studies = [
        _study(method=method, seed=seed, lowest=[loss + (seed and method == "A")] * 20)
        for method, loss in losses.items()
        for seed in (0, 1)
    ]
    beside = summarise({"made": table}, studies)["beside_peers"]
    at_half = {method: at["50%"] for method, at in beside.items()}
    assert {m: at["rank"][0] for m, at in at_half.items()} == {
        "hyperband": 1, "asha": 1, "adaptive": 1.75,
    }  # fmt: skip
    assert at_half["adaptive"]["lowest_peer"] == ["A", 1.25]
    assert at_half["adaptive"]["found_less"][0] == 0.25
    assert at_half["hyperband"]["found_less"] == [1, 0]


def test_a_tool_that_is_not_there_is_skipped_by_name(monkeypatch, capsys):
    def missing():
        raise ImportError("no such package")

    monkeypatch.setattr(ours, "version", missing)
    monkeypatch.setattr(running, "TOOLS", (ours,))
    assert list(running.installed(["hyperband"])) == []
    assert "not installed: hyperband" in capsys.readouterr().out


def test_tables_of_the_package_lay_a_space():
    assert {len(space_of(read_table(path)).names) for path in hpo.zoo().values()} == {2, 4, 5, 7, 9}
