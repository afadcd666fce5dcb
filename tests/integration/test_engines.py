"""The whole line with the network in OpenVINO."""

from pathlib import Path

from fakes import draw, encoded, wait_until
from house import running

from watchd.domain.reuse import Tier
from watchd.store.receipts import Receipts
from watchd.tree import Tree

ON_OPENVINO = {"models.engine": "openvino"}


def tier(root: Path, name: str) -> Tier:
    receipt = Receipts(Tree(root / ".watchd")).read(name)
    assert receipt is not None
    return receipt.reuse.tier


def delivered(root: Path, tiny: Path, name: str, data: bytes, options: dict[str, str]) -> Tier:
    """Drops a file and says where its cutout came from."""
    with running(root, tiny, options) as house:
        (house.folder.inbox / name).write_bytes(data)
        house.wait_for(f"{Path(name).stem}.png")
        wait_until(lambda: name in house.originals())
    return tier(root, name)


def test_cutouts_of_both_engines_are_the_same(tmp_path: Path, tiny: Path) -> None:
    cutouts = []
    for name, options in (("one", {}), ("other", ON_OPENVINO)):
        with running(tmp_path / name, tiny, options) as house:
            (house.folder.inbox / "a.jpg").write_bytes(encoded("JPEG", draw(200, 150)))
            house.wait_for("a.png")
            cutouts.append(house.cutout("a.png"))

    assert cutouts[0].tobytes() == cutouts[1].tobytes()


def test_fp32_mask_of_one_engine_is_the_others_and_that_of_bf16_is_not(tmp_path: Path, tiny: Path) -> None:
    data, root = encoded("JPEG", draw(200, 150)), tmp_path / "root"
    remembered = {"cache.outputs.enabled": "false"}

    assert delivered(root, tiny, "a.jpg", data, remembered) is Tier.MISS
    assert delivered(root, tiny, "b.jpg", data, remembered | ON_OPENVINO) is Tier.EXACT
    in_bf16 = ON_OPENVINO | {"profiles.default.precision": "bf16"}
    assert delivered(root, tiny, "c.jpg", data, remembered | in_bf16) is Tier.MISS
