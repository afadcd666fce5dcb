import io

from watchd.report.steps import Steps


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_off_a_terminal_each_line_is_told_with_its_number() -> None:
    stream = io.StringIO()

    with Steps(stream) as steps:
        steps.expect(1)
        steps.expect(1)
        steps.step("made a.jpg")
        steps.step("made b.jpg", notable=False)

    assert stream.getvalue() == "1/2 made a.jpg\n2/2 made b.jpg\n"


def test_off_a_terminal_steps_without_a_line_are_told_at_each_tenth() -> None:
    stream = io.StringIO()

    with Steps(stream) as steps:
        steps.expect(1000)
        for _ in range(1000):
            steps.step()

    assert stream.getvalue().splitlines() == [f"{tenth}00/1000" for tenth in range(1, 11)]


def test_on_a_terminal_a_bar_is_drawn_and_what_is_notable_stands_above_it() -> None:
    stream = Terminal()

    with Steps(stream) as steps:
        steps.expect(2)
        steps.step("made a.jpg", notable=False)
        steps.step("failed b.jpg: [broken]")

    assert "2/2" in stream.getvalue()
    assert "made a.jpg" not in stream.getvalue()
    assert "failed b.jpg: [broken]" in stream.getvalue()


def test_nothing_is_shown_before_the_first_step() -> None:
    stream = Terminal()

    with Steps(stream) as steps:
        steps.expect(2)

    assert stream.getvalue() == ""
