"""On which mount a folder lies, and so whether its events can be trusted."""

from dataclasses import dataclass, field
from pathlib import Path

# What another host writes there raises no inotify event here; some accept watches and never fire.
_REMOTE = frozenset(
    {
        "nfs",
        "nfs4",
        "cifs",
        "smb3",
        "smbfs",
        "9p",
        "afs",
        "ceph",
        "lustre",
        "glusterfs",
        "ncpfs",
        "vboxsf",
        "drvfs",
    }
    | {"prl_fs", "vmhgfs", "virtiofs"}
)


@dataclass(frozen=True, slots=True)
class Mount:
    """The mount that a folder lies on. `point` is "/" where nothing better is known.

    `number` is the kernel's; what is unmounted and mounted again gets another one.
    """

    point: str
    kind: str
    number: str = field(default="", compare=False)

    @property
    def local(self) -> bool:
        """Whether every writer is a process of this kernel."""
        return self.kind not in _REMOTE and not self.kind.startswith("fuse")


def read_mounts() -> str:
    return Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="surrogateescape")


def mount_of(path: Path, mountinfo: str | None = None) -> Mount:
    """The innermost mount at or above an absolute path; the last one where several lie on one point."""
    if mountinfo is None:
        mountinfo = read_mounts()
    best = Mount("/", "unknown")
    for line in mountinfo.splitlines():
        mount = _parse(line)
        if path.is_relative_to(mount.point) and len(mount.point) >= len(best.point):
            best = mount
    return best


def _parse(line: str) -> Mount:
    """A line of proc_pid_mountinfo(5): first the number, fifth the point, after "-" the kind."""
    fields = line.split(" ")
    return Mount(_unescape(fields[4]), fields[fields.index("-") + 1], fields[0])


def _unescape(text: str) -> str:
    for code, char in ((r"\040", " "), (r"\011", "\t"), (r"\012", "\n"), (r"\134", "\\")):
        text = text.replace(code, char)
    return text
