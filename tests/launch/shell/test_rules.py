"""The rules by which schedulers decide are keys of `config.tune`: risk, price, frugal."""

import inspect
import json
from dataclasses import fields

import pytest

import hpo
from configs import demo
from hpo.executors.inline import InlineExecutor
from launch.shell import configs, studies
from launch.shell.runs import RunError, check_same, defaults, open_run, working_in

# Of every key a value that is not the usual one.
OTHER = {
    "risk.points": (0.25, 0.5),
    "risk.lost": 0.5,
    "risk.surprise": 0.1,
    "risk.min_curves": 4,
    "risk.min_winners": 3,
    "risk.patience": 50.0,
    "risk.jumps": 1.5,
    "risk.forecast": "in_context",
    "price.hedges": 3,
    "price.gain": 0.1,
    "price.thaw": 0.2,
    "price.place": 0.1,
    "price.relative": 0.1,
    "price.leaders": 2,
    "price.spared": 0.1,
    "price.min_curves": 3,
    "price.at_once": 4,
    "price.ratios": True,
    "frugal": True,
}
LOST = {"risk.lost": 1.0}  # so that a small study stops somebody
every_scheduler = pytest.mark.parametrize("scheduler", list(studies._SCHEDULERS))


def settings_of(scheduler, changes=(), full=True):
    """`config.tune` of the demo by this scheduler; as it was before there were such keys where it
    is not full."""
    config = demo.get_config()
    config.tune.update(scheduler=scheduler, predictor="persistence", max_epochs=8)
    for key in ("risk", "price", "frugal") if not full else ():
        del config.tune[key]
    config = configs.filled(config) if full else config
    with config.unlocked():
        config.tune.update_from_flattened_dict(dict(changes))
    return config.tune


def takes(scheduler, key):
    section, _, field = key.rpartition(".")
    taken = inspect.signature(getattr(hpo, scheduler, hpo.full_training)).parameters
    alone = field == "ratios" and scheduler == "asynchronous_adaptive"
    return (section or field) in taken and not alone


def written(scheduler):
    """As the header of a journal has it."""
    return json.dumps(scheduler.settings)


def objective(trial):
    rate = trial.configuration["train.learning_rate"]
    for epoch in range(trial.first_epoch + 1, trial.last_epoch + 1):
        yield {studies.METRICS[0]: rate + 1 / epoch + trial.number % 3}


def test_every_field_of_a_rule_is_a_key():
    of_rules = {f"risk.{f.name}" for f in fields(hpo.Risk)}
    of_rules |= {f"price.{f.name}" for f in fields(hpo.Price)} | {"frugal"}
    assert of_rules == set(OTHER)
    assert {f"tune.{key}" for key in OTHER} <= set(defaults())


@every_scheduler
@pytest.mark.parametrize("key", OTHER)
def test_a_key_reaches_the_schedulers_that_take_it_and_others_refuse_it(scheduler, key):
    value, name = OTHER[key], key.rpartition(".")[2]
    settings = settings_of(scheduler, {key: value})
    if takes(scheduler, key):
        made = studies.make_scheduler(settings).settings
        assert made.get("risk", {}).get(name, made.get(name)) == value
        assert studies.described(settings) == f"{scheduler} ({key} = {value})"
        return
    takers = [each for each in studies._SCHEDULERS if takes(each, key)]
    with pytest.raises(RunError, match=rf"tune\.{key} is for .*: {scheduler} does not") as raised:
        studies.make_scheduler(settings)
    assert all(each in str(raised.value).split(":")[0] for each in takers)
    assert "\n" not in str(raised.value)


@every_scheduler
def test_what_is_as_usual_writes_the_journal_that_older_versions_wrote(scheduler):
    older, full = (settings_of(scheduler, full=full) for full in (False, True))
    before = written(studies.make_scheduler(older))
    assert written(studies.make_scheduler(full)) == before
    assert studies.described(full) == scheduler
    whole = settings_of(scheduler, {"risk.patience": 100, "risk.jumps": 0, "frugal": False})
    assert written(studies.make_scheduler(whole)) == before
    as_saved = studies.ConfigDict(json.loads(full.to_json()))  # tuples are lists
    assert written(studies.make_scheduler(as_saved)) == before


def test_a_rule_is_that_of_the_same_call():
    searcher = hpo.random_search(studies.make_space(settings_of("random").space))
    goal = {"metric": studies.METRICS[0]}
    for name, changes, own in (
        ("swift_improved", {"risk.jumps": 1.5}, {"risk": hpo.Risk(jumps=1.5)}),
        ("asynchronous_swift", {"risk.lost": 1.0, "frugal": True},
         {"risk": hpo.Risk(lost=1.0), "frugal": True}),
        ("adaptive", {"price.ratios": True}, {"price": hpo.Price(ratios=True)}),
        ("asynchronous_adaptive", {"price.thaw": 0.2}, {"price": hpo.Price(thaw=0.2)}),
    ):  # fmt: skip
        made = studies.make_scheduler(settings_of(name, changes))
        assert written(made) == written(getattr(hpo, name)(searcher, 8, 2, **goal, **own))


@pytest.mark.parametrize(
    ("scheduler", "section", "value", "message"),
    [
        ("swift_improved", "risk", {"forecast": "foo"}, "risk: .* trend, in_context, got foo"),
        ("swift_improved", "risk", {"jumps": -1}, "risk: jumps must be at least 0, got -1"),
        ("swift_improved", "risk", {"jump": 1}, r"risk\.jump is none of points, .*jumps, forecast"),
        ("swift_improved", "risk", {"jumps": "1"}, r"risk\.jumps = '1' is no value .* 0\.0"),
        ("swift_improved", "risk", {"lost": float("inf")}, r"risk\.lost = inf is no value"),
        ("swift_improved", "risk", {"lost": True}, r"risk\.lost = True is no value"),
        ("swift_improved", "risk", {"min_curves": True}, r"risk\.min_curves = True is no value"),
        ("swift_improved", "risk", {"min_curves": 2.5}, r"risk\.min_curves = 2\.5 is no value"),
        ("swift_improved", "risk", {"points": (0.2, "a")}, r"risk\.points = 'a' is no value"),
        ("swift_improved", "risk", {"points": (0.2, 1)}, "risk: points must lie between 0 and 1"),
        ("adaptive", "price", {"ratios": 1}, r"price\.ratios = 1 is no value .* False"),
        ("adaptive", "price", {"hedges": 0}, "price: hedges must be at least 1"),
        ("adaptive", "price", {"jumps": 1.5}, r"price\.jumps is none of hedges, .*, ratios"),
        ("asynchronous_swift", "frugal", "no", r"frugal = 'no' is no value"),
        ("hyperband", "risk", {"forecast": "foo"}, "risk: .* one of trend, in_context"),
    ],
)
def test_what_cannot_be_is_refused_in_a_line(scheduler, section, value, message):
    settings = settings_of(scheduler, full=False)
    with settings.unlocked():
        settings[section] = value
    with pytest.raises(RunError, match=rf"^tune\.{message}") as raised:
        studies.make_scheduler(settings)
    assert "\n" not in str(raised.value)


def test_a_run_begun_without_the_keys_goes_on_and_keeps_its_rule(tmp_path):
    config = demo.get_config()
    config.tune.scheduler = "swift_improved"
    for key in ("risk", "price", "frugal"):
        del config.tune[key]
    with working_in(tmp_path, config):
        pass
    assert "risk" not in json.loads((tmp_path / "config.json").read_text())["tune"]
    full = configs.filled(config)
    with working_in(tmp_path, full) as run:
        assert run.config.tune.risk.forecast == "trend"
    full.tune.risk.forecast = "in_context"
    with pytest.raises(RunError, match=r"tune\.risk\.forecast was 'trend', is 'in_context'"):
        check_same(open_run(tmp_path), full)


def test_a_study_begun_without_the_keys_goes_on_and_no_other_rule_takes_it_over(tmp_path):
    older = studies.make_scheduler(settings_of("swift_improved", full=False))
    with hpo.Journal(tmp_path / "study.db") as journal:
        began = hpo.run_study(older, InlineExecutor(objective, 2), journal, 1)
    now = studies.make_scheduler(settings_of("swift_improved"))
    with hpo.Journal(tmp_path / "study.db") as journal:
        rows = len(list(journal.entries()))
        assert hpo.run_study(now, InlineExecutor(objective, 2), journal, 1) == began
        assert len(list(journal.entries())) == rows
    other = studies.make_scheduler(settings_of("swift_improved", {"risk.jumps": 1.5}))
    with (
        hpo.Journal(tmp_path / "study.db") as journal,
        pytest.raises(hpo.JournalError, match="jumps"),
    ):
        hpo.run_study(other, InlineExecutor(objective, 2), journal, 1)


def test_a_study_by_a_networks_forecasts_is_one_config():
    changes = LOST | {"risk.forecast": "in_context"}
    made = studies.make_scheduler(settings_of("swift_improved", changes))
    state = hpo.run_study(made, InlineExecutor(objective, 2), hpo.Unrecorded(), 1)
    plain = studies.make_scheduler(settings_of("swift_improved", LOST))
    other = hpo.run_study(plain, InlineExecutor(objective, 2), hpo.Unrecorded(), 1)
    assert {p.spread for p in state.predictions} != {p.spread for p in other.predictions}


def test_the_programs_know_the_keys(launch, tmp_path):
    changes = "--config.tune.scheduler=swift_improved", "--config.tune.risk.jumps=1.5"
    asked = "--config=curves_cnn5", f"--run={tmp_path / 'run'}", *changes
    assert "swift_improved (risk.jumps = 1.5): 163" in launch("tune", *asked, "--dry_run").stdout
    assert "--config.tune.risk.jumps=1.5\n" in launch("tune", *asked, "--print_config").stdout
