import io

from watchd.report.download import DownloadBar


def test_off_a_terminal_each_tenth_is_one_line() -> None:
    stream = io.StringIO()

    with DownloadBar(stream) as bar:
        for have in range(0, 1001, 5):
            bar(have * 1000, 1_000_000)

    lines = stream.getvalue().splitlines()
    assert len(lines) == 11
    assert lines[0] == "downloaded 0.0 of 1.0 MB"
    assert lines[-1] == "downloaded 1.0 of 1.0 MB"


def test_download_of_unknown_length_says_nothing_off_a_terminal() -> None:
    stream = io.StringIO()

    with DownloadBar(stream) as bar:
        bar(1000, None)

    assert stream.getvalue() == ""


def test_on_a_terminal_a_bar_is_drawn() -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    stream = Terminal()

    with DownloadBar(stream) as bar:
        bar(500_000, 1_000_000)
        bar(1_000_000, 1_000_000)

    assert "downloading" in stream.getvalue()
