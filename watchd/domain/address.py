"""Where something listens for connections: a host and a port."""

import ipaddress
import re
from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, slots=True)
class Address:
    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """From `127.0.0.1:9108`, `[::1]:9108` or `name:9108`; ValueError if it is none of these."""
        match = re.fullmatch(r"(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9.-]+)):([0-9]{1,5})", text)
        if match is None or not 1 <= int(match[3]) <= 65535:
            raise ValueError(text)
        if match[1]:
            ipaddress.IPv6Address(match[1])
        return cls(match[1] or match[2], int(match[3]))

    @property
    def is_local(self) -> bool:
        """Whether only this machine can reach it."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"
