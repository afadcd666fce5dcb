"""The example at the top of the repository, and the text that `watchd init` starts from."""

from pathlib import Path

from watchd.config.example import example, starter
from watchd.config.keys import all_keys
from watchd.config.load import load
from watchd.config.schema import Config

FILE = Path(__file__).parents[3] / "config.example.yaml"


def test_the_example_file_is_the_one_made_from_the_schema():
    """Else: python -c "from watchd.config.example import example; print(example(), end='')" > FILE."""
    assert FILE.read_text(encoding="utf-8") == example()


def test_loading_the_example_gives_the_defaults():
    config = load(FILE, None, {}, {}).config

    defaults = Config.model_validate({"watch": [{"root": str(FILE.parent / "photos")}]})
    assert config == defaults


def test_the_example_shows_each_folder_where_it_lies_by_default(tmp_path):
    uncommented = example().replace("    # ", "    ")
    shown = [line.split("#")[0].split() for line in uncommented.splitlines()]
    places = {words[0].rstrip(":"): words[1] for words in shown if len(words) == 2}

    folder = load(FILE, None, {}, {}).config.watch_folders()[0]

    for key, place in folder.places().items():
        assert FILE.parent / places[key] == place


def test_the_example_names_every_key_with_its_description_and_whether_it_reloads():
    flat = " ".join(line.strip(" #-") for line in example().splitlines())

    for key in all_keys():
        assert f"{key.path[-1]}:" in flat
        assert key.description in flat
    live, restart = flat.count("; live"), flat.count("; restart")
    assert live + restart >= len({id(key.field) for key in all_keys() if key.section is None}) - 1


def test_the_starter_loads_in_the_folder_where_it_lies_and_changes_no_default(tmp_path):
    (tmp_path / "config.yaml").write_text(starter())

    assert load(None, tmp_path, {}, {}).config == Config.model_validate({"watch": [{"root": str(tmp_path)}]})


def test_the_starter_is_right_with_its_commented_keys_switched_on(tmp_path):
    about, keys = starter().split("\n\n", 1)
    (tmp_path / "config.yaml").write_text(
        keys.replace("# recursive", "recursive").replace("# settle", "settle")
    )

    assert about.startswith("# ")
    assert str(tmp_path / "config.yaml:5") == load(None, tmp_path, {}, {}).origins["watch[0].settle"]
