"""What the benchmarks' table holds, and in which order."""

from bench.figures import PARTS, Options, Row
from bench.report import merged, missing, pauses, table


def row(part, what, ours="1"):
    return Row(part=part, what=what, ours=ours)


def names(kept):
    return [(each.part, each.what) for each, _ in kept]


def test_parts_stand_in_their_order_whenever_they_were_measured():
    kept = merged([], [row("verifying", "v"), row("pauses", "p")], "monday")
    kept = merged(kept, [row("memory", "m1"), row("memory", "m2")], "tuesday")
    kept = merged(kept, [row("clicks", "c"), row("pauses", "q")], "wednesday")

    assert names(kept) == [
        ("clicks", "c"), ("memory", "m1"), ("memory", "m2"), ("verifying", "v"), ("pauses", "p"),
        ("pauses", "q"),
    ]  # fmt: skip


def test_a_part_that_is_measured_again_keeps_no_old_row():
    kept = merged([], [row("memory", "old"), row("start", "s"), row("pauses", "p")], "monday")
    kept = merged(kept, [row("memory", "new"), row("pauses", "p", "2")], "tuesday")

    assert names(kept) == [("start", "s"), ("memory", "new"), ("pauses", "p")]
    assert [at for _, at in kept] == ["monday", "tuesday", "tuesday"]
    assert kept[-1][0].ours == "2"


def test_parts_without_a_figure_are_named():
    kept = merged([], [row(part, "w") for part in PARTS if part != "start"], "monday")

    assert missing(kept) == ["start"]
    assert missing(merged(kept, [row("start", "w")], "tuesday")) == []


def test_a_goal_is_met_up_to_its_bound():
    def row(*rounds):
        return Row(part="memory", what="w", ours="o", rounds=rounds, goal="≤ 1.5", most=1.5)

    assert "| **1.50** (1.40 to 1.60) | ≤ 1.5 | met |" in table([row(1.4, 1.5, 1.6)])
    assert "| missed |" in table([row(1.51)])


def test_a_pause_is_a_row_of_its_own():
    quick, slow = pauses(Options(pauses={"reads": 50.0, "clicks": 50.6}))

    assert (quick.verdict, quick.ours) == ("met", "50 ms")
    assert (slow.verdict, slow.ours) == ("missed", "51 ms")
