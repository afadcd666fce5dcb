"""How what the config only names is written: what is read, what is refused, and what is shown."""

from pathlib import Path

import pytest
from reading import read, refusal

from watchd.config import references
from watchd.domain.address import Address


def test_a_relative_folder_starts_at_the_folder_of_the_file_and_an_absolute_one_does_not():
    assert read(references.folder(), "in") == Path("/etc/watchd/in")
    assert read(references.folder(), "/srv/in") == Path("/srv/in")


def test_a_folder_may_start_at_the_home_of_the_user(monkeypatch):
    monkeypatch.setenv("HOME", "/home/ann")

    assert read(references.folder(), "~/photos") == Path("/home/ann/photos")


def test_a_model_is_a_name_or_a_file_that_starts_at_the_folder_of_the_file():
    assert read(references.model(), "u2net") == "u2net"
    assert read(references.model(), "nets/my.onnx") == "/etc/watchd/nets/my.onnx"


def test_a_redis_server_is_a_url_or_none():
    assert read(references.redis(), "redis://cache.lan:6379/2") == "redis://cache.lan:6379/2"
    assert read(references.redis(), "none") is None
    assert refusal(references.redis(), "http://cache.lan").startswith("redis://HOST")


def test_an_address_is_host_and_port_or_none():
    assert read(references.address(), "127.0.0.1:9108") == Address("127.0.0.1", 9108)
    assert read(references.address(), "none") is None
    assert references.address().write(Address("::1", 9108)) == "[::1]:9108"
    assert refusal(references.address(), 9108).startswith("HOST:PORT")


@pytest.mark.parametrize("url", ["redis://:secret@cache.lan/0", "unix:///run/redis?password=secret&db=1"])
def test_the_password_of_a_redis_server_is_not_shown(url):
    assert "secret" not in references.redis().write(url)


@pytest.mark.parametrize(("value", "group"), [("users", "users"), (100, "100"), ("100", "100")])
def test_a_group_is_a_name_or_a_number(value, group):
    assert read(references.group(), value) == group


@pytest.mark.parametrize("value", [True, "", 1.5, ["users"]])
def test_what_names_no_group_is_refused(value):
    assert refusal(references.group(), value) == "the name or number of a group"
