"""Progress in a log: lines, each of them once."""

from launch.shell import progress


def test_the_last_line_is_said_once(capsys, monkeypatch):
    """Also where it was just said, because its time had come."""
    for every_s in (0.0, 1000.0):
        monkeypatch.setattr(progress, "_LOG_EVERY_S", every_s)
        with progress._lines("read", 3, "events") as update:
            update(3.0)
        assert capsys.readouterr().out == "  read: 3 of 3 events\n"


def test_a_note_has_no_comma_where_nothing_is_said():
    assert progress.phrase("loss 1.2", "best in epoch 1", "") == "loss 1.2, best in epoch 1"
    assert progress.phrase("", "7 events/s") == "7 events/s"
    assert progress.phrase() == ""
