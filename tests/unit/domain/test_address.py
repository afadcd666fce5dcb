import pytest

from watchd.domain.address import Address


@pytest.mark.parametrize("text", ["127.0.0.1:9108", "0.0.0.0:1", "[::1]:65535", "nas.lan:9108"])
def test_what_is_written_is_read_and_written_again(text: str) -> None:
    assert str(Address.parse(text)) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "9108",
        ":9108",
        "nas",
        "nas:",
        "nas:0",
        "nas:65536",
        "nas:x",
        "::1:9108",
        "[nas]:1",
        "[::g]:1",
        "a b:1",
    ],
)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the config says what is allowed
        Address.parse(text)


@pytest.mark.parametrize(
    ("text", "local"),
    [
        ("127.0.0.1:1", True),
        ("127.8.8.8:1", True),
        ("[::1]:1", True),
        ("localhost:1", True),
        ("0.0.0.0:1", False),
        ("192.168.0.2:1", False),
        ("[::]:1", False),
        ("nas.lan:1", False),
    ],
)
def test_only_a_loopback_address_is_local(text: str, local: bool) -> None:
    assert Address.parse(text).is_local is local
