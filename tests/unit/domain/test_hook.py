"""Addresses that are refused, and what is shown of those that are not."""

import pytest

from watchd.domain.hook import CommandHook, WebHook, check_url


@pytest.mark.parametrize("url", ["https://example.org", "http://localhost:8080/x?y=1", "https://[::1]/x"])
def test_http_and_https_are_addresses(url):
    assert check_url(url) is None


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "ftp://example.org/x",
        "example.org/x",
        "https:///x",
        "https://example.org:port/x",
        "https://example.org:0/x",
        "https://user:secret@example.org/x",
        "https://example.org/a b",
        "https://example.org/\r\nX-Evil: 1",
        "https://example.org/ü",
        "https://[::1/x",
    ],
)
def test_anything_else_is_not_and_the_reason_tells_nothing_of_it(url):
    reason = check_url(url)

    assert reason
    assert "secret" not in reason


def test_of_an_address_only_the_host_is_shown_for_the_rest_often_is_a_secret():
    hook = WebHook("https://hooks.example.org:8443/services/T0/B0/token?key=1")

    assert str(hook) == "https://hooks.example.org:8443"
    assert "token" not in repr(hook)


def test_a_program_is_shown_by_its_name():
    assert str(CommandHook(("/usr/bin/tell", "--password=x"))) == "/usr/bin/tell"
