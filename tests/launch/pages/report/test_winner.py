"""Which epoch the report says is the model: the one that the training says, not the best."""

import pytest

from configs import tiny
from datasets.storage.files import write_json
from launch.pages.report.sections import trained
from launch.shell import outcomes
from launch.shell.runs import Run

LOST = " The state of epoch 2, the best, was lost."


@pytest.mark.parametrize(
    ("chosen", "epoch", "lost"),
    [(2, 2, ""), (4, 4, LOST), (None, 2, "")],
    ids=["the best", "its state was lost", "an older run, which does not say"],
)
def test_the_epoch_of_the_model(tmp_path, chosen, epoch, lost):
    run = Run(tmp_path, tiny.get_config())
    run.config.fit.select = "loss"
    for e, loss in enumerate((3.0, 1.0, 2.0, 1.5), 1):
        outcomes.record(run, {"epoch": e, "loss": loss, "validation_loss": loss})
    write_json(tmp_path / "best.json", {"trial": 3, "loss": 0.5, "epochs": 2, "values": {}})
    if chosen is not None:
        outcomes.choose(run, chosen)
    (section,) = trained(run)
    said = f"the model of epoch {epoch} of 4 chosen, by its validation loss."
    assert section.text.endswith(said + lost)
    (drawing,) = section.drawings
    loss = {2: "1", 4: "1.5"}[epoch]
    assert f"<title>epoch {epoch}, validation loss {loss}</title>" in drawing.picture
