"""What commands say while they work, and how tables and JSON are printed."""

import io
import json

import pytest

from attnviz.cli.telling import Bar, in_words, print_json, print_table


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_shows_one_line_that_is_taken_away() -> None:
    """Half of 24 places is 12."""
    stream = Terminal()
    bar = Bar(stream)
    bar(0.5, "ViT")
    assert stream.getvalue() == f"\r[{'#' * 12}{'.' * 12}]  50 %  ViT"
    bar(1.0, "done")
    bar.close()
    assert stream.getvalue().endswith(" \r")
    assert "\n" not in stream.getvalue()


def test_the_time_left_follows_from_the_time_passed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A quarter took 10 s, so the other three take 30 s."""
    now = iter((0.0, 10.0))
    monkeypatch.setattr("attnviz.cli.telling.time.monotonic", lambda: next(now))
    stream = Terminal()
    Bar(stream)(0.25, "ViT")
    assert stream.getvalue().endswith("ViT, about 30 s left")


def test_a_log_gets_a_line_for_each_part() -> None:
    stream = io.StringIO()
    bar = Bar(stream)
    for share, label in ((0.0, "ViT"), (0.1, "ViT"), (0.5, "Swin"), (1.0, "")):
        bar(share, label)
    bar.close()
    assert stream.getvalue() == "ViT\nSwin\n"


def test_quiet_is_quiet() -> None:
    stream = Terminal()
    bar = Bar(stream, quiet=True)
    bar(0.5, "ViT")
    bar.close()
    assert stream.getvalue() == ""


def test_numbers_stand_to_the_right_and_sentences_last(capsys: pytest.CaptureFixture[str]) -> None:
    long = "w" * 61
    print_table([{"name": "a", "said": long, "n": "1"}, {"name": "bcd", "said": "short", "n": "10"}])
    assert capsys.readouterr().out.splitlines() == [
        "name   n  said",
        f"a      1  {long}",
        "bcd   10  short",
    ]


def test_what_json_does_not_know_is_null(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"a": float("nan"), "b": [float("inf"), 1.5], "c": {"d": None}})
    assert json.loads(capsys.readouterr().out) == {"a": None, "b": [None, 1.5], "c": {"d": None}}


def test_cells_in_words() -> None:
    assert [in_words(value) for value in (0.123456, 3, True, "a\N{NO-BREAK SPACE}b")] == ["0.1235", "3", "yes", "a b"]
