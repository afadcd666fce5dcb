import pytest

from watchd.domain.redisurl import check_url


@pytest.mark.parametrize(
    "url",
    [
        "redis://cache",
        "redis://cache:6380/3",
        "redis://:secret@10.0.0.7:6379/0",
        "rediss://watchd:secret@cache.example.org:6380/0?ssl_ca_certs=/etc/ssl/ours.pem",
        "redis://[::1]:6379",
        "unix:///run/redis/redis.sock",
        "unix://watchd:secret@/run/redis/redis.sock?db=2",
    ],
)
def test_what_names_a_server_is_fine(url: str) -> None:
    assert check_url(url) is None


@pytest.mark.parametrize(
    ("url", "what"),
    [
        ("", "redis://HOST:PORT/DB"),
        ("cache:6379", "redis://HOST:PORT/DB"),
        ("http://:hidden@cache", "redis://HOST:PORT/DB"),
        ("redis://", "no host"),
        ("rediss://:hidden@/0", "rediss://HOST"),
        ("redis://:hidden@cache:0", "no host"),
        ("redis://:hidden@cache:99999", "usable host or port"),
        ("redis://:hidden@cache:port", "usable host or port"),
        (f"redis://:hidden@{'x' * 64}", "usable host or port"),
        ("redis://[::1", "usable host or port"),
        ("redis://:hidden@cache/photos", "no database"),
        ("redis://cache?db=hidden", "no database"),
        ("redis://cache?db=", "no database"),
        ("unix://", "no socket"),
        ("unix://:hidden@?db=1", "no socket"),
        ("redis://:hidden@cache?socket_timeout=3600", "only db, username, password"),
        ("redis://:hidden@cache?ssl_ca_certs=/hidden.pem", "only db, username, password"),
        ("rediss://:hidden@cache?ssl_hidden=1", "ssl_cert_reqs"),
    ],
)
def test_what_names_none_is_told_without_its_password(url: str, what: str) -> None:
    problem = check_url(url)

    assert problem is not None
    assert what in problem
    assert "hidden" not in problem
