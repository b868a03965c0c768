"""The plain text of a message: whole where it fits, and what gives way where it does not."""

from bot.cards import blocks


def test_what_fits_stays_whole():
    assert blocks.fitted(["a", "b"], 3) == "a\nb"


def test_a_long_line_gives_way_and_the_others_stay_whole():
    lines = [
        "title",
        "Why: " + "&amp;" * 1000,
        "R-1: asked by <@U0ALICE>",
        "Needs: one of <@U0BOB>",
    ]

    text = blocks.fitted(lines, 3900)

    assert len(text) <= 3900
    first, why, *rest = text.split("\n")
    assert [first, *rest] == [lines[0], *lines[2:]]
    assert why.startswith("Why: &amp;&amp;")
    assert why.endswith("&amp;…")


def test_nothing_is_cut_within_a_mention():
    assert blocks.fitted(["Needs: <@U0ALICE>, <@U0BOB>"], 22) == "Needs: <@U0ALICE>, …"


def test_the_longest_line_gives_way_more_than_once_and_the_limit_holds():
    text = blocks.fitted(["x" * 50, "y" * 49, "z"], 40)

    assert len(text) <= 40
    assert text.endswith("z")


def test_what_people_typed_is_not_formatted_in_message_text_either():
    text = blocks.as_text(["`code` *bold* _it_ ~no~ :tada: https://e.example at 14:03"])

    assert text.replace("\u2060", "") == "`code` *bold* _it_ ~no~ :tada: https://e.example at 14:03"
    for parsed in ("`code`", "*bold*", "_it_", "~no~", ":tada:", "https://"):
        assert parsed not in text
    assert "14:03" in text
