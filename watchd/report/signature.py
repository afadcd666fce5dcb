"""The signature of what is sent, as https://www.standardwebhooks.com has it, with libraries for receivers."""

import base64
import binascii
import hashlib
import hmac
import os
from collections.abc import Mapping

from watchd.domain.errors import HookFailed
from watchd.domain.hook import CREDENTIALS

_MOST_BYTES = 4096
_ENCODED = b"whsec_"


def signature(secret: bytes, identity: str, timestamp: int, body: bytes) -> str:
    """Over the time, too, so that a receiver can refuse what somebody has recorded and sends again."""
    digest = hmac.new(secret, f"{identity}.{timestamp}.".encode() + body, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(digest).decode('ascii')}"


def read_secret(path: str, environ: Mapping[str, str]) -> bytes:
    """The content of the file without the space around it; `whsec_` and base64 stand for bytes.

    HookFailed: there is none, and nothing is to be sent unsigned.
    """
    if path.startswith(CREDENTIALS):
        folder = environ.get("CREDENTIALS_DIRECTORY", "")
        if not folder:
            raise HookFailed(f"no secret: {path}: systemd gives none; its unit needs LoadCredential=")
        path = os.path.join(folder, path.removeprefix(CREDENTIALS))
    try:
        with open(path, "rb") as file:
            text = file.read(_MOST_BYTES).strip()
        secret = base64.b64decode(text[len(_ENCODED) :], validate=True) if text.startswith(_ENCODED) else text
    except OSError as error:
        raise HookFailed(f"no secret: {path}: {error.strerror}") from error
    except binascii.Error as error:
        raise HookFailed(f"no secret: {path}: what follows whsec_ is not base64") from error
    if not secret:
        raise HookFailed(f"no secret: {path}: it is empty")
    return secret
