"""Alerts and dashboard name metrics that exist, in expressions that Prometheus can read, each with what to do."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.health.figures import Exposition

DOCS = Path(__file__).parent.parent.parent / "docs"
RULES = [
    rule for group in yaml.safe_load((DOCS / "alerts.yml").read_text())["groups"] for rule in group["rules"]
]  # fmt: skip
PANELS = json.loads((DOCS / "dashboard.json").read_text())["panels"]
EXPRESSIONS = [rule["expr"] for rule in RULES] + [
    target["expr"] for panel in PANELS for target in panel["targets"]
]
TOKEN = re.compile(
    r"\s*(?:(?P<name>[a-zA-Z_:][\w:]*)|(?P<number>\d+(?:\.\d+)?)|(?P<range>\[\d+[smhd]\])"
    r"|(?P<text>\"[^\"]*\")|(?P<compare>==|!=|>=|<=|=~|!~|>|<|=)|(?P<other>[-+*/(){},]))"
)
FUNCTIONS = {"absent", "abs", "histogram_quantile", "increase", "max", "min", "rate", "sum", "time"}
WORDS = {"by"}
PAIRS = {")": "(", "}": "{"}


def tokens(expression):
    """Kind and text of every token; fails where something is none."""
    at, found = 0, []
    while at < len(expression.rstrip()):
        match = TOKEN.match(expression, at)
        assert match, f"{expression!r} at {at}"
        assert match.lastgroup
        found.append((match.lastgroup, match[match.lastgroup]))
        at = match.end()
    return found


def metrics(expression):
    """The metrics of an expression, each with the labels that it names."""
    found = list[tuple[str, set[str]]]()
    open_, last, labels = list[str](), None, None
    for kind, text in tokens(expression):
        if text in "({" and kind == "other":
            open_.append(text)
            labels = last if text == "{" else labels
        elif text in PAIRS and kind == "other":
            assert open_, f"{expression!r}: {text} closes nothing"
            assert open_.pop() == PAIRS[text], f"{expression!r}: {text}"
        elif kind == "name" and open_[-1:] == ["{"]:
            assert found, f"{expression!r}: no metric"
            found[-1][1].add(text)
        elif (
            kind == "name"
            and text not in FUNCTIONS | WORDS
            and text.startswith(("billing_bot_", "up"))
        ):
            found.append((text, set()))
            last = text
    assert not open_, f"{expression!r}: {open_} stays open"
    return found


@pytest.fixture
async def exposed(stage):
    """Every metric that there is, with its labels, after a story."""
    ts = await stage.ask()
    await stage.press("U0BOB", ts)
    await stage.until_card(ts, "Accepted by Zuora")
    await stage.bot.watch.look_at_slack()
    stage.bot.readiness.last_backup = stage.clock.now
    text = (await Exposition(stage.bot.readiness, stage.settings().database_path).text()).decode()
    found: dict[str, Any] = {}
    for line in text.splitlines():
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split()
            found.setdefault(name, set())
            if kind == "histogram":
                found.update({f"{name}{end}": {"le"} for end in ("_bucket", "_count", "_sum")})
        elif not line.startswith("#"):
            name, _, labels = line.partition("{")
            name = name.split()[0]
            found.setdefault(name, set()).update(re.findall(r"(\w+)=\"", labels))
    return found


async def test_every_metric_and_label_that_is_named_exists(exposed):
    declared = {  # of these there is no sample in this story
        "billing_bot_signatures_refused_total": {"why"},
        "billing_bot_zuora_limit_remaining": {"limit"},
        "billing_bot_slack_connections_opened_total": set(),
    }
    known = {
        "up": {"job"},
        **exposed,
        **{name: labels | exposed.get(name, set()) for name, labels in declared.items()},
    }
    for expression in EXPRESSIONS:
        for name, labels in metrics(expression):
            assert name in known, f"{expression}: {name}"
            assert labels <= known[name], f"{expression}: {labels - known[name]} of {name}"


def test_every_alert_says_what_it_is_how_bad_and_what_to_do():
    text = (DOCS / "operate.md").read_text()
    headings = {line[4:].strip() for line in text.splitlines() if line.startswith("### ")}
    names = [rule["alert"] for rule in RULES]
    assert len(names) == len(set(names))
    for rule in RULES:
        assert set(rule) <= {"alert", "expr", "for", "labels", "annotations"}
        assert rule["labels"]["severity"] in ("page", "ticket")
        assert rule["annotations"]["summary"].endswith(".")
        assert rule["annotations"]["runbook"] == f"docs/operate.md#{rule['alert'].lower()}"
        assert rule["alert"] in headings
        assert re.fullmatch(r"\d+[smhd]", rule.get("for", "1m"))


def test_every_alert_names_a_metric_and_every_heading_an_alert():
    text = (DOCS / "operate.md").read_text()
    for rule in RULES:
        assert metrics(rule["expr"]), rule
    assert set(re.findall(r"^### (BillingBot\w+)", text, re.MULTILINE)) == {
        rule["alert"] for rule in RULES
    }


def test_panels_do_not_lie_over_each_other():
    seen = set[Any]()
    for panel in PANELS:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert place["x"] + place["w"] <= 24
        assert not cells & seen, panel["title"]
        seen |= cells
        assert panel["title"]


@pytest.mark.parametrize("wrong", ["sum(a", "a)", 'a{b="c"', "a ? b", "{)"])
def test_an_expression_that_is_not_balanced_or_no_expression_is_refused(wrong):
    with pytest.raises(AssertionError):
        metrics(wrong)
