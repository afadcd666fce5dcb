"""Signatures as a receiver would check them, and secrets that cannot be had."""

import base64
from pathlib import Path

import pytest

from watchd.domain.errors import HookFailed
from watchd.report.signature import read_secret, signature


def test_signature_is_that_of_the_published_example() -> None:
    """The example of https://github.com/standard-webhooks/standard-webhooks and its libraries' tests."""
    secret = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")

    signed = signature(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')

    assert signed == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@pytest.mark.parametrize("change", ["id", "time", "body", "secret"])
def test_whatever_is_changed_changes_the_signature(change: str) -> None:
    given = {"secret": "s", "id": "1", "time": "2", "body": "3"}

    def signed(values: dict[str, str]) -> str:
        return signature(
            values["secret"].encode(), values["id"], int(values["time"]), values["body"].encode()
        )

    assert signed(given) != signed(given | {change: "9"})


def test_secret_is_the_content_of_its_file_without_the_space_around_it(tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(b"  se cret\n")

    assert read_secret(str(tmp_path / "key"), {}) == b"se cret"


def test_secret_in_the_usual_form_is_decoded(tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(b"whsec_" + base64.b64encode(b"bytes\x00") + b"\n")

    assert read_secret(str(tmp_path / "key"), {}) == b"bytes\x00"


def test_secret_may_be_one_that_systemd_has_loaded(tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(b"loaded")

    assert read_secret("$CREDENTIALS_DIRECTORY/key", {"CREDENTIALS_DIRECTORY": str(tmp_path)}) == b"loaded"


@pytest.mark.parametrize(
    ("path", "content", "words"),
    [
        ("$CREDENTIALS_DIRECTORY/key", None, "LoadCredential="),
        ("missing", None, "No such file"),
        ("", None, "Is a directory"),
        ("empty", b" \n", "it is empty"),
        ("odd", b"whsec_???", "not base64"),
    ],
)
def test_secret_that_cannot_be_had_is_no_secret_and_says_why(
    tmp_path: Path, path: str, content: bytes | None, words: str
) -> None:
    if content is not None:
        (tmp_path / path).write_bytes(content)

    with pytest.raises(HookFailed, match=words) as caught:
        read_secret(path if path.startswith("$") else str(tmp_path / path), {})

    assert not caught.value.again
