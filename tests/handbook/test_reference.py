"""The reference says all that there is: every public name, key and flag."""

import datasets.edm4hep
import hpo
import qsvr
from handbook import configuration, names, programs, reference
from launch.shell import configs
from mlpf_jax.model.config import ModelConfig


def told(package: str) -> set[str]:
    parts = reference.parts_of(names.PAGES[f"reference/{package}"])
    return {name for listed in parts.values() for name in listed}


def test_every_public_name_is_in_the_reference(monkeypatch):
    assert told("hpo") >= set(hpo.__all__) - {"export", "predictors"}
    assert told("hpo") >= {f"export.{name}" for name in hpo.export.__all__}
    assert told("qsvr") >= set(qsvr.__all__) - {"SAMPLERS"}
    assert told("datasets") >= {f"edm4hep.{n}" for n in datasets.edm4hep.__all__ if n != "PARTS"}
    assert "Further" not in reference.parts_of(names.PAGES["reference/qsvr"])
    monkeypatch.setattr(qsvr, "__all__", [*qsvr.__all__, "new"])
    monkeypatch.setattr(qsvr, "new", lambda: None, raising=False)
    assert reference.parts_of(names.PAGES["reference/qsvr"])["Further"] == ["new"]


def test_every_name_of_the_reference_exists_and_says_what_it_is():
    for page in names.PAGES.values():
        for part in page.parts.values():
            for name in part.split():
                value = reference.found(page.package, name)
                assert getattr(value, "__doc__", None), f"{page.package}.{name}"


def test_every_key_of_a_configuration_is_told():
    full = configs.filled(configs.load("demo")).to_dict()
    shown = {line.partition("=")[0] for line in configs.described(full).splitlines()}
    assert {f"--config.{key.path}" for key in configuration.every_key()} == shown


def test_a_key_has_its_default_and_what_stands_behind_it_in_the_code():
    found = {key.path: key for key in configuration.every_key()}
    width, rate = found["model.width"], found["train.learning_rate"]
    assert width.default == repr(ModelConfig().width)
    assert width.meaning == "of an element's representation"
    assert (rate.default, rate.demo) == ("0.003", "0.005")
    assert found["tune.eta"].default is None
    assert found["tune.quantile"].demo == "0.25"
    assert found["model.precision"].meaning.startswith("Of the layers; inputs, hashes")
    jumps = found["tune.risk.jumps"]
    assert (jumps.default, jumps.demo) == ("0.0", "0.0")
    assert jumps.meaning.endswith("in units of the largest jump that the trial has made")
    rules = [key for path, key in found.items() if path.startswith(("tune.risk.", "tune.price."))]
    assert all(key.meaning for key in rules)
    assert found["tune.frugal"].meaning.startswith("asynchronous_swift with many workers")
    assert found["data.events.test"].meaning == "of each"
    assert found["model.bin_size"].meaning == "elements that see each other in one layer"


def test_most_keys_say_what_they_are_for():
    told = [bool(key.meaning) for key in configuration.every_key()]
    assert sum(told) > 0.6 * len(told)


def test_programs_have_their_flags_and_those_that_all_share():
    found = {flag.name: flag for flag in programs.flags_of("evaluate")}
    assert found["detector"].kind == "clic or cld"
    assert found["detector"].default == "clic"
    assert {"model", "run", "process", "events", "seed", "traceback"} <= set(found)
    assert not {"logtostderr", "v", "only_check_args"} & set(found)


def test_flags_of_one_program_are_not_those_of_the_next():
    before = {flag.name for flag in programs.flags_of("doctor")}
    programs.check("compare_hpo", ["--seeds=3"])
    assert {flag.name for flag in programs.flags_of("doctor")} == before
    assert "seeds" not in before


def test_a_page_of_the_command_line_has_every_verb():
    page = reference.command_line()
    assert all(f"### {verb}\n" in page for verb in programs.VERBS)
    assert "`--only_check_args`" not in page
