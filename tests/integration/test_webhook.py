"""POSTs to a real server of every habit."""

import json
import shutil
import ssl
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from receiver import Habit, Receiver, answers, drips, hangs_up, never_answers, never_ends, receiving

from watchd.domain.errors import HookFailed
from watchd.domain.hook import WebHook
from watchd.report.notice import Notice, Occasion
from watchd.report.signature import signature
from watchd.report.webhook import post

NOTICE = Notice("id-1", Occasion.DELIVERED, "photos", "now", {"source": "ä.jpg"}, {"source": "/srv/ä.jpg"})


def hook(receiver: Receiver, **changes: object) -> WebHook:
    return replace(WebHook(receiver.url(), timeout_s=20.0), **changes)  # type: ignore[arg-type]


def failure(receiver: Receiver, *habits: Habit, **changes: object) -> HookFailed:
    receiver.habits = list(habits)
    with pytest.raises(HookFailed) as caught:
        post(hook(receiver, **changes), NOTICE, {})
    return caught.value


def test_receiver_gets_json_without_details(receiver: Receiver) -> None:
    post(hook(receiver, url=receiver.url("/a?b=c")), NOTICE, {})

    [got] = receiver.posts
    assert got.path == "/a?b=c"
    assert got.headers["content-type"] == "application/json"
    assert got.headers["webhook-id"] == "id-1"
    assert "webhook-signature" not in got.headers
    assert json.loads(got.body) == json.loads(NOTICE.body(details=False))


def test_receiver_that_may_know_them_gets_the_details(receiver: Receiver) -> None:
    post(hook(receiver, details=True), NOTICE, {})

    assert json.loads(receiver.posts[0].body)["details"] == {"source": "/srv/ä.jpg"}


def test_receiver_can_check_who_sent_it_and_when(receiver: Receiver, tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(b"secret\n")

    post(hook(receiver, secret=str(tmp_path / "key")), NOTICE, {})

    [got] = receiver.posts
    timestamp = int(got.headers["webhook-timestamp"])
    assert got.headers["webhook-signature"] == signature(b"secret", "id-1", timestamp, got.body)


def test_nothing_is_sent_unsigned_that_should_be_signed(receiver: Receiver, tmp_path: Path) -> None:
    error = failure(receiver, answers(200), secret=str(tmp_path / "missing"))

    assert "no secret" in str(error)
    assert receiver.posts == []


@pytest.mark.parametrize("status", [408, 429, 500, 503])
def test_receiver_in_trouble_is_worth_another_try(receiver: Receiver, status: int) -> None:
    error = failure(receiver, answers(status, b"busy\n", Retry_After="7"))

    assert (str(error), error.output, error.again, error.wait_s) == (f"answered {status}", "busy", True, 7.0)


@pytest.mark.parametrize("after", ["1000000", "-1", "Fri, 27 Nov 2026 00:00:00 GMT", "٣"])
def test_receiver_cannot_make_us_wait_for_ever(receiver: Receiver, after: str) -> None:
    error = failure(receiver, answers(503, Retry_After=after.encode("utf-8").decode("latin-1")))

    assert error.wait_s <= 60.0


@pytest.mark.parametrize("status", [400, 401, 404, 410])
def test_receiver_that_refuses_is_not_asked_again(receiver: Receiver, status: int) -> None:
    assert not failure(receiver, answers(status)).again


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("target", ["/elsewhere", "file:///etc/passwd", "ftp://localhost/x"])
def test_redirect_is_not_followed_anywhere(receiver: Receiver, status: int, target: str) -> None:
    place = receiver.url(target) if target.startswith("/") else target

    error = failure(receiver, answers(status, Location=place))

    assert f"answered {status}: a redirect" in str(error)
    assert not error.again
    assert len(receiver.posts) == 1


@pytest.mark.parametrize("habit", [never_answers, drips])
def test_receiver_that_never_comes_to_an_answer_is_given_up(receiver: Receiver, habit: Habit) -> None:
    error = failure(receiver, habit, timeout_s=0.5)

    assert str(error) == "no answer within 0.5 s (timeout)"
    assert error.again


def test_receiver_that_hangs_up_is_worth_another_try(receiver: Receiver) -> None:
    error = failure(receiver, hangs_up)

    assert error.again
    assert str(error)


def test_endless_answer_is_not_read_to_its_end(receiver: Receiver) -> None:
    receiver.habits = [never_ends]

    post(hook(receiver), NOTICE, {})


def test_answer_that_is_no_http_is_a_failure_and_cannot_forge_a_line_of_the_log(receiver: Receiver) -> None:
    error = failure(receiver, lambda _, handler: handler.wfile.write(b"\x00\x1b[2J nonsense\r\n\r\n"))

    assert "\x1b" not in str(error)


def test_address_where_nobody_listens_is_worth_another_try() -> None:
    with pytest.raises(HookFailed, match="refused") as caught:
        post(WebHook("http://127.0.0.1:1/x"), NOTICE, {})

    assert caught.value.again


def test_host_that_has_no_address_is_worth_another_try() -> None:
    with pytest.raises(HookFailed) as caught:
        post(WebHook("http://nobody.invalid/x"), NOTICE, {})

    assert caught.value.again


def test_proxy_of_the_environment_is_used(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", receiver.address.replace("//", "//user:pass@"))

    post(WebHook("http://elsewhere.invalid/x?y=1"), NOTICE, {})

    [got] = receiver.posts
    assert got.path == "http://elsewhere.invalid/x?y=1"
    assert got.headers["proxy-authorization"] == "Basic dXNlcjpwYXNz"


def test_proxy_sees_of_https_only_the_host(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    receiver.habits = [answers(502)]
    monkeypatch.setenv("https_proxy", receiver.address)

    with pytest.raises(HookFailed, match="502"):
        post(WebHook("https://elsewhere.invalid/token"), NOTICE, {})

    assert [got.path for got in receiver.posts] == ["elsewhere.invalid:443"]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Key and certificate of localhost, signed by nobody else."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    file = tmp_path_factory.mktemp("tls") / "localhost.pem"
    words = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost"
    subprocess.run(
        [
            "openssl",
            *words.split(),
            "-addext",
            "subjectAltName=DNS:localhost",
            "-keyout",
            file,
            "-out",
            file.with_suffix(".crt"),
        ],
        check=True,
        capture_output=True,
    )
    return file


@pytest.fixture
def secure(receiver: Receiver, certificate: Path) -> Iterator[Receiver]:
    """Behind TLS. Depends on `receiver` for an environment without proxies."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate.with_suffix(".crt"), certificate)
    with receiving(context) as secure:
        yield secure


def test_receiver_with_a_certificate_that_is_trusted_is_told(
    secure: Receiver, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.with_suffix(".crt")))

    post(hook(secure), NOTICE, {})

    assert len(secure.posts) == 1


def test_receiver_with_a_certificate_that_nobody_vouches_for_is_told_nothing(secure: Receiver) -> None:
    error = failure(secure, answers(200))

    assert "certificate" in str(error)
    assert not error.again
    assert secure.posts == []


def test_receiver_that_answers_without_end_behind_tls_is_given_up(
    secure: Receiver, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.with_suffix(".crt")))

    error = failure(secure, drips, timeout_s=0.5)

    assert "no answer within" in str(error)
