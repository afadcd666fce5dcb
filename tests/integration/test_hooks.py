"""The whole line, and those who are told of what it does."""

import json
from pathlib import Path

from fakes import draw, encoded, wait_until
from house import running
from receiver import Receiver

from watchd.report.signature import signature


def test_programs_and_receivers_are_told_of_every_outcome_and_of_the_batch(
    tmp_path: Path, tiny: Path, receiver: Receiver
) -> None:
    (tmp_path / "key").write_text("secret")
    said = tmp_path / "said"
    script = f'printf "%s\\n" "$WATCHD_EVENT" "$WATCHD_SOURCE" "$WATCHD_OUTPUT" "$WATCHD_ORIGINAL" >> {said}'
    web = {"url": receiver.url(), "secret": "../key"}
    hooks = {
        "rest": "1s",
        "on_delivered": [{"command": ["sh", "-c", script]}, web],
        "on_failed": [web],
        "on_batch_done": [web],
    }
    with running(tmp_path / "root", tiny, {"hooks": json.dumps(hooks)}) as house:
        (house.folder.inbox / "sub").mkdir()
        (house.folder.inbox / "sub" / "a.jpg").write_bytes(encoded("JPEG", draw(200, 150)))
        (house.folder.inbox / "bad.png").write_bytes(b"this is text and not a picture at all")
        wait_until(lambda: "batch_done" in str(receiver.posts), within_s=30)

        folder = house.folder
    assert said.read_text().splitlines() == [
        "delivered",
        f"{folder.inbox}/sub/a.jpg",
        f"{folder.outbox}/sub/a.png",
        f"{folder.originals}/sub/a.jpg",
    ]
    told = {json.loads(post.body)["event"]: json.loads(post.body) for post in receiver.posts}
    assert told["delivered"]["output"] == "sub/a.png"
    assert "not an image" in told["failed"]["reason"]
    assert (told["batch_done"]["delivered"], told["batch_done"]["failed"]) == (1, 1)
    assert str(tmp_path) not in json.dumps(told)
    for post in receiver.posts:
        stamp = int(post.headers["webhook-timestamp"])
        signed = signature(b"secret", post.headers["webhook-id"], stamp, post.body)
        assert post.headers["webhook-signature"] == signed
