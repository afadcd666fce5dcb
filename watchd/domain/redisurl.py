"""Where a Redis server is: what may be said in its URL."""

from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

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
    # The redis package reads more from here, and that would win over what the cache relies on: its timeouts.
    if not all(key in ("db", "username", "password") or key.startswith("ssl_") for key in query):
        return "may have db, username, password and ssl_... behind its question mark, nothing else"
    path = parts.path.strip("/") if parts.scheme != "unix" else ""
    if not all(number.isascii() and number.isdigit() for number in (path or "0", *query.get("db", []))):
        return "names no database; that is a number, as in redis://HOST/0"
    return None
