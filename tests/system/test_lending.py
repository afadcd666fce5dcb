"""Two daemons that share nothing but a Redis: what one has inferred the other does not infer again."""

import json
from contextlib import ExitStack
from pathlib import Path

import pytest
from commands import daemon, watchd
from fakes import draw, encoded, wait_until
from redises import redis_server

from watchd.domain.reuse import Tier
from watchd.store.receipts import Receipts
from watchd.tree import Tree

AWAY = "redis is away"


def tier(root: Path, name: str, data: bytes) -> Tier:
    """Drops a file and says where its cutout came from."""
    (root / "inbox" / name).write_bytes(data)
    wait_until((root / "originals" / name).exists, within_s=20)
    receipts = Receipts(Tree(root / ".watchd"))

    def delivered() -> bool:
        receipt = receipts.read(name)
        return receipt is not None and receipt.state == "delivered"

    wait_until(delivered)
    receipt = receipts.read(name)
    assert receipt is not None
    return receipt.reuse.tier


def test_mask_of_one_host_is_the_other_s_too_and_without_redis_all_goes_on(
    tmp_path: Path, tiny: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    first, second, third = (encoded("JPEG", draw(width, 300)) for width in (400, 440, 480))
    roots = [tmp_path / "one", tmp_path / "two"]
    with redis_server(tmp_path_factory.mktemp("r")) as server, ExitStack() as life:
        for root in roots:
            root.mkdir()
            (root / "config.yaml").write_text(f"watch: [root: .]\ncache: {{redis: '{server.tcp}'}}\n")
            life.enter_context(daemon(root, "--model", tiny))
        one, other = roots

        assert tier(one, "a.jpg", first) is Tier.MISS
        assert tier(other, "a.jpg", first) is Tier.EXACT
        server.kill()
        assert tier(one, "b.jpg", second) is Tier.MISS
        assert tier(other, "b.jpg", second) is Tier.MISS
        server.start()
        for root in roots:
            log = Path(f"{root}.log")
            wait_until(lambda log=log: "redis is back" in log.read_text(), within_s=20)
            assert log.read_text().count(AWAY) == 1
        assert tier(one, "c.jpg", third) is Tier.MISS
        assert tier(other, "c.jpg", third) is Tier.EXACT
        wait_until(lambda: counted_by_all(one)["hit_exact"] >= 1, within_s=30)


def counted_by_all(root: Path) -> dict[str, float]:
    counts: dict[str, float] = json.loads(watchd("cache", "stats", root, "--json").stdout)["redis"]
    return counts


def test_redis_that_cannot_be_meant_is_a_config_error(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("watch: [root: .]\ncache: {redis: 'http://cache.lan'}\n")

    result = watchd("run", "--once", tmp_path)

    assert result.returncode == 78
    assert "cache.redis" in result.stderr
    assert "redis://HOST" in result.stderr
