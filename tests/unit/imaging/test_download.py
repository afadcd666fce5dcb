"""Fetching weights from a real server on this machine: whole, broken, resumed, wrong."""

import fcntl
import hashlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from watchd.domain.errors import ModelError
from watchd.imaging.download import pull
from watchd.imaging.models import KNOWN, ModelSpec

WEIGHTS = bytes(range(256)) * 20_000  # 5 MB: several reads


@dataclass
class Server:
    """What the server has and how it behaves; `asked` are the Range headers it saw."""

    data: bytes = WEIGHTS
    ranges: bool = True
    sized: bool = True
    breaks_after: int | None = None
    asked: list[str | None] = field(default_factory=list)
    address: str = ""

    def spec(self, data: bytes = WEIGHTS) -> ModelSpec:
        """A model that this server publishes, with the checksum of `data`."""
        checksum = f"md5:{hashlib.md5(data).hexdigest()}"
        return replace(KNOWN["u2netp"], url=f"{self.address}/u2netp.onnx", checksum=checksum)


@pytest.fixture
def server() -> Iterator[Server]:
    state = Server()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = self.headers["Range"]
            state.asked.append(asked)
            start = int(asked.removeprefix("bytes=").removesuffix("-")) if asked and state.ranges else 0
            if not self.path.endswith("u2netp.onnx"):
                self.send_error(404)
                return
            if start and start >= len(state.data):
                self.send_error(416)
                return
            self.send_response(206 if start else 200)
            if state.sized:
                self.send_header("Content-Length", str(len(state.data) - start))
            self.end_headers()
            self.wfile.write(state.data[start : state.breaks_after])

        def log_message(self, *_: object) -> None:
            """Keeps the test's output clean."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        state.address = f"http://127.0.0.1:{listening.server_port}"
        yield state
        listening.shutdown()
        thread.join()


@pytest.fixture
def part(tmp_path: Path) -> Path:
    return tmp_path / "u2netp.onnx.part"


def silent(done: int, total: int | None) -> None:
    """Nobody looks at this progress."""


def test_model_appears_whole_and_nothing_else_stays(server: Server, tmp_path: Path) -> None:
    path = pull(server.spec(), tmp_path / "new" / "home", silent)

    assert path == tmp_path / "new" / "home" / "u2netp.onnx"
    assert path.read_bytes() == WEIGHTS
    assert [file.name for file in path.parent.iterdir()] == ["u2netp.onnx"]


def test_progress_ends_at_the_whole(server: Server, tmp_path: Path) -> None:
    told: list[tuple[int, int | None]] = []

    pull(server.spec(), tmp_path, lambda done, total: told.append((done, total)))

    assert told[0] == (0, len(WEIGHTS))
    assert told[-1] == (len(WEIGHTS), len(WEIGHTS))
    assert told == sorted(told)


def test_server_that_tells_no_size_is_fine(server: Server, tmp_path: Path) -> None:
    server.sized = False
    told: list[int | None] = []

    path = pull(server.spec(), tmp_path, lambda _, total: told.append(total))

    assert path.read_bytes() == WEIGHTS
    assert set(told) == {None}


def test_broken_connection_keeps_what_came_and_the_next_pull_goes_on(
    server: Server, tmp_path: Path, part: Path
) -> None:
    server.breaks_after = 3_000_000
    with pytest.raises(ModelError) as broken:
        pull(server.spec(), tmp_path, silent)
    assert part.stat().st_size == 3_000_000
    assert not (tmp_path / "u2netp.onnx").exists()
    server.breaks_after = None

    path = pull(server.spec(), tmp_path, silent)

    assert "`watchd models pull u2netp`" in str(broken.value)
    assert server.asked == [None, "bytes=3000000-"]
    assert path.read_bytes() == WEIGHTS


def test_server_without_ranges_sends_it_from_the_start(server: Server, tmp_path: Path, part: Path) -> None:
    server.ranges = False
    part.write_bytes(WEIGHTS[:1000])

    assert pull(server.spec(), tmp_path, silent).read_bytes() == WEIGHTS


def test_part_longer_than_the_file_is_begun_anew(server: Server, tmp_path: Path, part: Path) -> None:
    part.write_bytes(WEIGHTS + b"more")

    assert pull(server.spec(), tmp_path, silent).read_bytes() == WEIGHTS
    assert server.asked == [f"bytes={len(WEIGHTS) + 4}-", None]


def test_whole_part_only_gets_its_name(server: Server, tmp_path: Path, part: Path) -> None:
    part.write_bytes(WEIGHTS)

    assert pull(server.spec(), tmp_path, silent).read_bytes() == WEIGHTS
    assert server.asked == []


def test_wrong_checksum_is_told_with_both_and_nothing_is_kept(server: Server, tmp_path: Path) -> None:
    with pytest.raises(ModelError) as wrong:
        pull(server.spec(b"other weights"), tmp_path, silent)

    assert hashlib.md5(WEIGHTS).hexdigest() in str(wrong.value)
    assert hashlib.md5(b"other weights").hexdigest() in str(wrong.value)
    assert list(tmp_path.iterdir()) == []


def test_part_of_another_file_is_found_out_by_the_checksum(
    server: Server, tmp_path: Path, part: Path
) -> None:
    part.write_bytes(b"something else")

    with pytest.raises(ModelError, match="nothing was kept"):
        pull(server.spec(), tmp_path, silent)

    assert pull(server.spec(), tmp_path, silent).read_bytes() == WEIGHTS


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        (lambda server: f"{server.address}/gone", "Not Found"),
        (lambda server: "http://127.0.0.1:1/u2netp.onnx", "refused"),
    ],
    ids=["no such file", "nobody listens"],
)
def test_network_trouble_is_told_with_the_three_ways(
    server: Server, tmp_path: Path, address: Callable[[Server], str], reason: str
) -> None:
    with pytest.raises(ModelError) as trouble:
        pull(replace(server.spec(), url=address(server)), tmp_path, silent)

    message = str(trouble.value)
    assert reason in message
    assert f"put the file at {tmp_path}/u2netp.onnx" in message
    assert "--model FILE.onnx" in message


def test_home_that_cannot_be_written_is_told(server: Server, tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(ModelError, match="u2netp cannot be fetched"):
        pull(server.spec(), tmp_path / "file" / "home", silent)


def test_two_pulls_never_write_one_file(server: Server, tmp_path: Path, part: Path) -> None:
    with part.open("wb") as other:
        fcntl.flock(other, fcntl.LOCK_SH)

        with pytest.raises(ModelError, match="another pull is at work"):
            pull(server.spec(), tmp_path, silent)

    assert server.asked == []


def test_model_without_an_address_cannot_be_pulled(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="builtin has no address"):
        pull(KNOWN["builtin"], tmp_path, silent)
