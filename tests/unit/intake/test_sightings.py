import threading

from watchd.intake.sightings import Batch, Hint, Sightings


def test_one_entry_per_path_with_its_strongest_hint() -> None:
    sightings = Sightings(10)
    for hint in (Hint.SEEN, Hint.ARRIVED, Hint.TOUCHED):
        sightings.put("photos", "a.jpg", hint)
    sightings.put("photos", "b.jpg", Hint.TOUCHED)
    sightings.put("other", "a.jpg", Hint.SEEN)

    batch = sightings.take(0)

    assert batch.files == {
        ("photos", "a.jpg"): Hint.ARRIVED,
        ("photos", "b.jpg"): Hint.TOUCHED,
        ("other", "a.jpg"): Hint.SEEN,
    }


def test_what_was_taken_does_not_come_again() -> None:
    sightings = Sightings(10)
    sightings.put("photos", "a.jpg", Hint.SEEN)
    sightings.take(0)

    assert sightings.take(0) == Batch()


def test_beyond_the_capacity_a_scan_takes_the_place_of_paths() -> None:
    sightings = Sightings(3)

    for number in range(10):
        sightings.put("photos", f"{number}.jpg", Hint.SEEN)
    sightings.put("photos", "0.jpg", Hint.ARRIVED)
    batch = sightings.take(0)

    assert list(batch.files.items()) == [
        (("photos", "0.jpg"), Hint.ARRIVED),
        (("photos", "1.jpg"), Hint.SEEN),
        (("photos", "2.jpg"), Hint.SEEN),
    ]
    assert batch.scans == {("photos", "")}


def test_scan_is_asked_for_once_however_often() -> None:
    sightings = Sightings(3)

    for _ in range(5):
        sightings.ask_scan("photos")
        sightings.ask_scan("photos", "sub")

    assert sightings.take(0).scans == {("photos", ""), ("photos", "sub")}


def test_taker_is_woken_by_a_sighting() -> None:
    sightings = Sightings(3)
    taken: list[Batch] = []
    taker = threading.Thread(target=lambda: taken.append(sightings.take(30)))
    taker.start()

    sightings.put("photos", "a.jpg", Hint.SEEN)
    taker.join(5)

    assert [batch.files for batch in taken] == [{("photos", "a.jpg"): Hint.SEEN}]


def test_wake_that_comes_before_the_take_is_not_lost() -> None:
    sightings = Sightings(3)

    sightings.wake()

    assert sightings.take(30) == Batch()


def test_nothing_put_while_someone_takes_is_lost() -> None:
    sightings = Sightings(100_000)
    seen: set[str] = set()
    putters = [
        threading.Thread(
            target=lambda part=part: [sightings.put("f", f"{part}-{n}", Hint.SEEN) for n in range(2000)]
        )
        for part in range(4)
    ]
    for putter in putters:
        putter.start()

    while any(putter.is_alive() for putter in putters):
        seen.update(path for _, path in sightings.take(0.01).files)
    seen.update(path for _, path in sightings.take(0).files)

    assert len(seen) == 8000
