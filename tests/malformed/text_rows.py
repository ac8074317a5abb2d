"""Malformed files of text, and what is typed: (how, content, the line). "..." stands for anything
that a library says."""

CSV = "curves.csv"
CURVES = {
    "no rows": ("rate,loss_0,loss_1\n", f"{CSV}: no rows"),
    "an empty file": ("", f"{CSV}: no rows"),
    "no losses": (
        "rate,score\n1,2\n",
        f"{CSV}: no columns loss_0, loss_1, ... among rate, score",
    ),
    "epochs from 1": (
        "rate,loss_1,loss_2\n1,2,3\n",
        f"{CSV}: 2 columns from loss_1 to loss_2, and none is loss_0: epochs count from 0, each "
        "once",
    ),
    "an epoch twice": (
        "loss_0,loss_00,loss_1\n1,2,3\n",
        f"{CSV}: 3 columns from loss_0 to loss_1, and none is loss_2: epochs count from 0, each "
        "once",
    ),
    "a cell too few": (
        "rate,loss_0,loss_1\n1,2,3\n1,2\n",
        f"{CSV}, line 3: 2 cells for 3 columns",
    ),
    "blanks after an early stop": (
        "rate,loss_0,loss_1\n1,2,\n",
        f"{CSV}, line 2: the curve has 1 of 2 epochs, then blanks: a table needs trainings to the "
        "end; leave the row out, or write nan from where it diverged",
    ),
    "decimal commas": (
        "rate;loss_0\n1;2,5\n",
        f"{CSV}, line 2: the loss '2,5' is no number: decimal commas have to be points",
    ),
    "a word for a loss": (
        "rate,loss_0\n1,good\n",
        f"{CSV}, line 2: the loss 'good' is no number",
    ),
    "nan among numbers": (
        "rate,loss_0\n1,2\nnan,2\n",
        f"{CSV}, line 3: rate is 'nan' among numbers: leave the cell empty where it plays no part",
    ),
    "two columns of one name": (
        "rate,rate,loss_0\n1,2,3\n",
        f"{CSV}: each column needs a name of its own, other than 'row'",
    ),
    "not UTF-8": (
        b"rate,loss_0\n\xff\xfe,1\n",
        f"{CSV} is no text: ...",
    ),
    "a quote that is not closed": (
        'rate,loss_0\n"1,2\n' + "x" * 140_000,
        f"{CSV} is no CSV: field larger than field limit (131072)",
    ),
}
COMPRESSED = {
    "not compressed": (
        "rate,loss_0\n1,2\n",
        "curves.csv.xz is damaged, or not compressed by xz: Input format not supported by decoder",
    ),
    "cut short": (
        b"\xfd7zXZ\x00\x00\x04",
        "curves.csv.xz is damaged, or not compressed by xz: Compressed data ended before the "
        "end-of-stream marker was reached",
    ),
}

_TASKSET = 'curves.json is no list of {"hp": {...}, "valid": {"loss": [...]}}: '
TASKSET = {
    "no JSON": ("{", _TASKSET + "..."),
    "an object": ('{"a": 1}', _TASKSET + "..."),
    "no losses": ('[{"hp": {}}]', _TASKSET + "..."),
    "words for losses": ('[{"hp": {}, "valid": {"loss": ["a"]}}]', _TASKSET + "..."),
    "curves of several lengths": (
        '[{"hp": {}, "valid": {"loss": [1]}}, {"hp": {}, "valid": {"loss": [1, 2]}}]',
        "curves.json: curves of [1, 2] epochs; one length is needed",
    ),
    "no epochs": (
        '[{"hp": {}, "valid": {"loss": []}}]',
        "curves.json: curves of [0] epochs; one length is needed",
    ),
    "no trainings": ("[]", "curves.json: curves of [] epochs; one length is needed"),
}

_SOUND = """name = "MINE"
field = 2.0
face = [2150.0, 2307.0]
[calorimeter_hits]
ECALBarrel = "ECAL"
[tracker_hits]
VXDTrackerHits = ["VXDTrackerHitRelations", "VertexBarrelCollection"]
"""
_TOML = "detector mine.toml"
DETECTOR = {
    "no TOML": ("name = ", f"{_TOML} cannot be read: Invalid value (at end of document)"),
    "not UTF-8": (b"name = '\xff'", f"{_TOML} cannot be read: ..."),
    "no field": (_SOUND.replace("field = 2.0\n", ""), f"{_TOML}: lacks 'field'"),
    "an unknown key": (
        "color = 1\n" + _SOUND,
        f"{_TOML}: unknown color: known are name, field, face, calorimeter_hits, tracker_hits, "
        "collections",
    ),
    "hits of an unknown kind": (
        _SOUND.replace('"ECAL"', '"EM"'),
        f"{_TOML}: hits of ECALBarrel: choose among ECAL, HCAL, OTHER",
    ),
    "a field of zero": (
        _SOUND.replace("2.0", "0.0"),
        f"{_TOML}: field, and radius and half length of the face, have to be above 0, and finite",
    ),
    "a face that is not finite": (
        _SOUND.replace("2150.0", "nan"),
        f"{_TOML}: field, and radius and half length of the face, have to be above 0, and finite",
    ),
    "a face of one number": (
        _SOUND.replace("2150.0, ", ""),
        f"{_TOML}: face is [2307.0], which has to be 2 numbers, [...]",
    ),
    "a field in words": (
        _SOUND.replace("2.0", '"two"'),
        f"{_TOML}: field is 'two', which has to be a number",
    ),
    "relations of one name": (
        _SOUND.replace('"VXDTrackerHitRelations", ', ""),
        f"{_TOML}: tracker_hits.VXDTrackerHits is ['VertexBarrelCollection'], which has to be "
        "[relations, simulated hits], or []",
    ),
    "hits that are no table": (
        'name = "M"\nfield = 2.0\nface = [1.0, 2.0]\ncalorimeter_hits = 3\ntracker_hits = {}\n',
        f"{_TOML}: calorimeter_hits is 3, which has to be a table, [calorimeter_hits]",
    ),
}

CONFIGURATION = {
    "no get_config": ("x = 1\n", "mine.py has no get_config()"),
    "a dict": (
        "def get_config():\n    return {}\n",
        "mine.py: get_config() returns a dict, no ConfigDict",
    ),
    "an error": ("1 / 0\n", "--config=mine.py: ZeroDivisionError: division by zero"),
    "no Python": ("def\n", "--config=mine.py: SyntaxError: ..."),
}
RUN = {
    "no JSON": (
        '{"seed": ',
        "config.json is damaged (...); delete it to make it again",
    ),
    "not UTF-8": (b'{"seed": "\xff"}', "config.json is damaged (...); delete it to make it again"),
    "a list": ("[1]", "config.json is no configuration of a run; delete it to make it again"),
}
TYPED = {
    "an unknown configuration": (
        "--config=tinny",
        "error: --config=tinny: there is no such configuration; did you mean tiny?",
    ),
    "an unknown key": (
        "--config.model.widht=3",
        'error: the configuration has no key widht: Did you mean "width" instead of "widht"? '
        "(--help shows the flags)",
    ),
    "a word for a number": ("--config.model.width=wide", "error: ..."),
    "an unknown flag": ("--runn=x", "error: Unknown command line flag 'runn'. ..."),
    "an unknown process": (
        "--config.data.processes=('tbar',)",
        "error: data.processes ['tbar']: ...",
    ),
    "no workers": (
        "--config.tune.workers=0",
        "error: tune.workers = 0 must be at least 1",
    ),
    "a setting of another scheduler": (
        "--config.tune.price.ratios=True",
        "error: tune.price.ratios is for adaptive: swift_hyperband does not take it",
    ),
    "a forecast that is none": (
        "--config.tune.risk.forecast=foo",
        "error: tune.risk: forecast must be one of trend, in_context, got foo",
    ),
    "a space that is none": (
        "--config.tune.space=(1,)",
        "error: ...",
    ),
}
