"""The documentation against the code: links, options, examples and flags that a reader would copy."""

import ast
import inspect
import json
import re
import shlex
from pathlib import Path

import pytest
import yaml
from monai.bundle import run

from custom.__main__ import build_parser
from custom.config_check import OWN_KEY_PREFIX, read_config
from custom.data import load_datalist, load_phase_map
from custom.data.check.remarks import REMARKS
from custom.data.datalist_rules import ITEM_KEYS
from custom.data.splits import SECTIONS
from custom.types import PHASES

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "bundle" / "docs"
PAGES = [ROOT / "README.md", *sorted(DOCS.glob("*.md"))]
RUN_ARGUMENTS = set(inspect.signature(run).parameters) - {"override"}
SERVER_OPTIONS = {"conf", "host"}  # of MONAI Label


def blocks(page: Path, language: str = "") -> list[str]:
    """Contents of the fenced blocks of one language."""
    return [
        body
        for kind, body in re.findall(r"^```(\w*)\n(.*?)^```$", page.read_text("utf-8"), re.M | re.S)
        if kind == language
    ]


def commands() -> list[str]:
    lines = [line for page in PAGES for block in blocks(page) for line in block.splitlines()]
    return sorted({line for line in lines if "monai.bundle run" in line})


def anchors(page: Path) -> set[str]:
    titles = re.findall(r"^#+ (.*)$", page.read_text("utf-8"), re.M)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_relative_links_exist(page):
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text("utf-8")):
        if target.startswith("http"):
            continue
        path, _, anchor = target.partition("#")
        linked = page.parent / path if path else page
        assert linked.exists(), target
        assert not anchor or anchor in anchors(linked), target


@pytest.mark.parametrize("command", commands())
def test_options_of_a_command_are_keys_of_its_configuration(command):
    words = shlex.split(command.partition("monai.bundle run")[2])
    options = {word[2:]: words[i + 1] for i, word in enumerate(words) if word.startswith("--")}
    files = yaml.safe_load(options["config_file"])
    keys = set(read_config([ROOT / file for file in ([files] if isinstance(files, str) else files)], {}))
    assert words[0] in keys
    named = {option.partition("#")[0] for option in options}
    assert {name for name in named if not name.startswith(OWN_KEY_PREFIX)} <= keys | RUN_ARGUMENTS


def verb_commands() -> list[str]:
    lines = [line for page in PAGES for block in blocks(page) for line in block.splitlines()]
    return sorted({line for line in lines if line.startswith("python -m custom ")})


@pytest.mark.parametrize("command", verb_commands())
def test_a_verbs_command_is_one_that_its_parser_takes(command):
    words = shlex.split(command)[3:]
    assert build_parser(words[0]).parse_args(words).verb == words[0]


def options_of_verbs() -> set[str]:
    """Every option of every verb, without its dashes."""
    (verbs,) = (action.choices for action in build_parser()._actions if isinstance(action.choices, dict))
    return {option.lstrip("-") for verb in verbs.values() for option in verb._option_string_actions}


def test_options_named_in_the_text_exist():
    configs = [read_config([ROOT / "bundle/configs" / name], {}) for name in ("train.json", "inference.json")]
    known = set().union(*configs) | RUN_ARGUMENTS | options_of_verbs() | SERVER_OPTIONS | {"key"}
    for page in PAGES:
        prose = re.sub(r"^```.*?^```$", "", page.read_text("utf-8"), flags=re.M | re.S)
        codes = [code for code in re.findall(r"`[^`\n]+`", prose) if "benchmarks" not in code]
        named = {option for code in codes for option in re.findall(r"--([\w-]+)", code)}
        assert named <= known, page.name


def json_examples() -> list[dict]:
    return [json.loads(block) for page in PAGES for block in blocks(page, "json")]


def test_phase_map_examples_are_accepted(tmp_path):
    examples = [example for example in json_examples() if "training" not in example]
    tables = [block for page in PAGES for block in blocks(page, "csv")]
    assert examples
    assert tables
    for example in examples:
        phase_map = load_phase_map(example)
        assert phase_map.for_case("case02")["delayed"].time_point == 8
        assert "delayed" not in phase_map.for_case("case01")
    for table in tables:
        (tmp_path / "phases.csv").write_text(table, "utf-8")
        phase_map = load_phase_map(tmp_path / "phases.csv")
        assert phase_map.for_case("case02") == load_phase_map(examples[0]).for_case("case02")


def test_datalist_example_is_accepted(tmp_path):
    (example,) = [example for example in json_examples() if "training" in example]
    items = [item for section in SECTIONS for item in example[section]]
    for item in items:
        for path in [*item.get("phases", {}).values(), item.get("image"), item["label"]]:
            if path is not None:
                (tmp_path / path.partition("@")[0]).mkdir(parents=True, exist_ok=True)
    (tmp_path / "datalist.json").write_text(json.dumps(example), "utf-8")
    for section in SECTIONS:
        if example[section]:
            loaded = load_datalist(dataset_dir=tmp_path, section=section)
            assert [item["case"] for item in loaded] == [item["case"] for item in example[section]]


def test_every_key_of_a_datalist_entry_is_documented():
    table = (DOCS / "data.md").read_text("utf-8").partition("## The datalist")[2].partition("Top level")[0]
    first_cells = re.findall(r"^\| (.*?) \|", table, re.M)
    assert {key for cell in first_cells for key in re.findall(r"`(\w+)`", cell)} == set(ITEM_KEYS)


def documented_flags(page: str) -> set[str]:
    table = re.split(r"^#+ Flags$", (DOCS / page).read_text("utf-8"), flags=re.M)[1].partition("\n## ")[0]
    rows = re.findall(r"^\| (`.*?) \|", table, re.M)
    return {flag.partition(":")[0] for row in rows for flag in re.findall(r"`([^`]+)`", row)}


def flags_in_code(*packages: str) -> set[str]:
    """Texts that go into a variable called ``flags`` or ``remarks``, are appended to it, or returned with it."""
    found = set()
    for package in packages:
        for path in (ROOT / "custom" / package).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if (value := _value_of_flags(node)) is not None:
                    found |= _texts(value)
    return found


def _value_of_flags(node):
    if isinstance(node, ast.Assign | ast.AugAssign):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        if any(isinstance(target, ast.Name) and target.id in ("flags", "remarks") for target in targets):
            return node.value
    if isinstance(node, ast.Call) and ast.unparse(node.func) == "flags.append":
        return node.args[0]
    if isinstance(node, ast.Return) and node.value is not None and "*flags" in ast.unparse(node.value):
        return node.value
    return None


def _texts(value) -> set[str]:
    if isinstance(value, ast.Dict):
        return {key.value for key in value.keys}
    constants = [
        node.value for node in ast.walk(value) if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]
    return {text.rstrip(":") for text in constants if re.fullmatch(r"[a-z]+(_[a-z]+)+:?", text)}


def test_documented_flags_are_those_of_the_code():
    reading, results = flags_in_code("data", "transforms"), flags_in_code("inference", "outputs")
    assert len(reading) > 10
    assert len(results) > 5
    assert documented_flags("data.md") == reading
    assert results <= documented_flags("outputs.md") <= results | reading


def test_the_check_has_words_for_every_flag_of_reading():
    assert set(REMARKS) == flags_in_code("data")


def test_model_card_states_the_training_configuration():
    config, card = read_config([ROOT / "bundle/configs/train.json"], {}), (DOCS / "README.md").read_text("utf-8")
    rows = dict(re.findall(r"^\| (.+?) \| (.+?) \|", card, re.M))
    width, height = config["roi_size"]
    assert rows["Actual input"] == f"{width} × {height} pixels of {config['spacing_mm']} mm, 4 channels"
    assert rows["Widths"] == ", ".join(map(str, config["network_def"]["widths"]))
    assert rows["Epochs"] == f"{config['epochs']}, validated every {config['val_interval']}"
    assert rows["Batch"].startswith(f"{config['studies_per_batch']} studies × {config['slices_per_study']} slices")
    stated = [float(text) for text in re.findall(r"(?:loss|TIM) \((?:weight )?([\d.]+)\)", card)]
    assert stated == [config["loss_weights"][name] for name in ("seg", "reg", "cls", "tim", "adv")]


def test_phases_are_called_as_in_the_code():
    text = (DOCS / "data.md").read_text("utf-8")
    assert all(f"`{phase}`" in text for phase in PHASES)
