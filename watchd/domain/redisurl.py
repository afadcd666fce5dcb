"""Where a Redis server is: what may be said in its URL."""

from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

# The redis package reads more from a URL, and that would win over what the cache relies on: its timeouts.
_OPTIONS = ("db", "username", "password")
_TLS = ("ssl_ca_certs", "ssl_ca_path", "ssl_certfile", "ssl_keyfile", "ssl_cert_reqs", "ssl_check_hostname")
_FORMS = "redis://HOST:PORT/DB, rediss://HOST:PORT/DB or unix:///PATH?db=DB"


def check_url(url: str) -> str | None:
    """What is wrong with it, None: nothing. Says nothing of what it holds, for that may be a password."""
    try:
        parts = urlsplit(url)
        port = parts.port
        (parts.hostname or "").encode("idna")
    except ValueError:
        return f"has no usable host or port; write {_FORMS}"
    if parts.scheme not in ("redis", "rediss", "unix"):
        return f"must be {_FORMS}"
    if parts.scheme == "unix" and not unquote(parts.path).strip("/"):
        return "names no socket; write unix:///PATH"
    if parts.scheme != "unix" and (not parts.hostname or port == 0):
        return f"names no host; write {parts.scheme}://HOST:PORT/DB"
    return _check_options(parts)


def _check_options(parts: SplitResult) -> str | None:
    query = parse_qs(parts.query, keep_blank_values=True)
    allowed = (*_OPTIONS, *_TLS) if parts.scheme == "rediss" else _OPTIONS
    if not query.keys() <= set(allowed):
        return f"may have behind its question mark only {', '.join(allowed)}"
    path = parts.path.strip("/") if parts.scheme != "unix" else ""
    if not all(number.isascii() and number.isdigit() for number in (path or "0", *query.get("db", []))):
        return "names no database; that is a number, as in redis://HOST/0"
    return None
