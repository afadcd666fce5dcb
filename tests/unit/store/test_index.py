import random
import secrets
import threading
from collections.abc import Iterator

import pytest

from watchd.store.entryname import EntryName
from watchd.store.index import EntryIndex


def entry(phash: int = 0, sha: int = 0, width: int = 1500, height: int = 1000) -> EntryName:
    return EntryName(f"{phash:064x}", width, height, f"{sha:016x}")


def at_random(count: int) -> list[EntryName]:
    return [entry(secrets.randbits(256), secrets.randbits(64), 1 + n, 999_999 - n) for n in range(count)]


@pytest.fixture
def index() -> EntryIndex:
    return EntryIndex()


def test_entry_is_found_by_digest_as_it_was_added(index: EntryIndex) -> None:
    entries = at_random(3000)
    for each in entries:
        index.add(each)

    assert [index.find(each.sha16) for each in entries] == entries
    assert len(index) == 3000


def test_unknown_digest_is_not_found(index: EntryIndex) -> None:
    index.add(entry(sha=1))

    assert index.find(f"{2:016x}") is None


def test_same_source_added_again_is_one_entry_and_the_later_one(index: EntryIndex) -> None:
    index.add_all([entry(1, sha=7), entry(2, sha=7)])
    index.add(entry(3, sha=7))

    assert len(index) == 1
    assert index.find(f"{7:016x}") == entry(3, sha=7)


@pytest.mark.parametrize("bit", [0, 63, 64, 127, 128, 200, 255])
def test_each_bit_of_the_hash_counts(index: EntryIndex, bit: int) -> None:
    index.add(entry(1 << bit))

    assert index.near(f"{0:064x}", 0) == []
    assert index.near(f"{0:064x}", 1) == [(1, entry(1 << bit))]


def test_near_entries_come_nearest_first_and_none_farther(index: EntryIndex) -> None:
    bits = random.Random(7).sample(range(256), 40)
    hashes = [sum(1 << bit for bit in bits[:count]) for count in range(41)]
    entries = [entry(phash, sha) for sha, phash in enumerate(hashes)]
    index.add_all(random.Random(8).sample(entries, len(entries)))

    assert index.near(f"{0:064x}", 16) == list(enumerate(entries[:17]))


def test_near_agrees_with_a_plain_count(index: EntryIndex) -> None:
    entries = at_random(2000)
    index.add_all(entries)
    wanted = secrets.randbits(256)

    found = index.near(f"{wanted:064x}", 118)

    plain = {(int(each.phash, 16) ^ wanted).bit_count(): each for each in entries}
    assert {each for _, each in found} == {
        each for each in entries if (int(each.phash, 16) ^ wanted).bit_count() <= 118
    }
    assert all(distance in plain for distance, _ in found)
    assert [distance for distance, _ in found] == sorted(distance for distance, _ in found)


def test_empty_index_has_nothing_near(index: EntryIndex) -> None:
    assert index.near(f"{0:064x}", 256) == []


def test_discarded_entries_are_gone_and_the_others_stay(index: EntryIndex) -> None:
    entries = at_random(500)
    index.add_all(entries)
    gone = set(random.Random(7).sample(entries, 300))

    for each in gone:
        index.discard(each)

    assert [index.find(each.sha16) for each in entries] == [
        None if each in gone else each for each in entries
    ]
    assert {each for _, each in index.near(f"{0:064x}", 256)} == set(entries) - gone
    assert len(index) == 200


def test_discarding_what_another_entry_of_its_source_has_replaced_does_nothing(index: EntryIndex) -> None:
    index.add(entry(1, sha=7))
    index.add(entry(2, sha=7))

    index.discard(entry(1, sha=7))
    index.discard(entry(9, sha=9))

    assert index.find(f"{7:016x}") == entry(2, sha=7)


def test_shard_gives_its_own_entries(index: EntryIndex) -> None:
    entries = at_random(2000)
    index.add_all(entries)

    assert {shard: set(index.in_shard(shard)) for shard in ("00", "7c", "ff")} == {
        shard: {each for each in entries if each.shard == shard} for shard in ("00", "7c", "ff")
    }


def test_hundred_thousand_entries_take_less_than_ten_megabytes_of_numbers(index: EntryIndex) -> None:
    index.add_all([entry(sha=number) for number in range(100_000)])

    assert index.size_bytes < 10_000_000


def test_threads_that_add_and_discard_leave_what_they_left(index: EntryIndex) -> None:
    def work(entries: list[EntryName]) -> Iterator[None]:
        for each in entries:
            index.add(each)
            index.near(each.phash, 16)
            yield
        for each in entries[::2]:
            index.discard(each)
            yield

    lots = [at_random(400) for _ in range(4)]
    threads = [threading.Thread(target=lambda lot=lot: list(work(lot))) for lot in lots]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert {each for _, each in index.near(f"{0:064x}", 256)} == {each for lot in lots for each in lot[1::2]}
