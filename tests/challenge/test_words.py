"""What a team or a network may be called."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from challenge.errors import SubmissionError
from challenge.words import LONGEST_NAME, clean_name, name_key, printable, require_typable


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ("CNN-2_b.v1", "CNN-2_b.v1"),
        ("  two   words ", "two words"),
        ("ﬁve ＣＮＮ", "five CNN"),
        ("non\u00a0breaking", "non breaking"),
        ("Zoë", "Zoë"),
        ("粒子 チーム", "粒子 チーム"),
    ],
)
def test_a_name_is_shown_in_its_normal_form(typed, shown):
    assert clean_name(typed, what="team") == shown


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "   ",
        "...",
        "a" * (LONGEST_NAME + 1),
        "ﷺ" * 10,  # 18 letters each in normal form
        "../../etc/passwd",
        "a\\b",
        "line\nbreak",
        "tab\tbed",
        "nul\0",
        "zero\u200bwidth",
        "join\u200der",
        "bidi\u202eoverride",
        "isolate\u2066d",
        "filler\u3164",
        "soft\u00adhyphen",
        "byte\udcffs",
        "<script>",
        "[red]rich[/red]",
        "=cmd()",
        "@sum",
        "a+b",
        "quote'd",
        "comma,",
        "pipe|",
        "😀",
    ],
)
def test_a_name_with_anything_else_is_refused(typed):
    with pytest.raises(SubmissionError) as refused:
        clean_name(typed, what="network")
    assert refused.value.reason == "network-name"
    assert refused.value.sentence.isprintable()


def test_names_that_differ_in_case_or_form_are_the_same():
    for one, other in (("CNN", "cnn"), ("STRASSE", "Straße"), ("ΣΟΦΟΣ", "σοφος")):
        assert name_key(clean_name(one, what="team")) == name_key(clean_name(other, what="team"))


@pytest.mark.parametrize("typed", ["\u0410lice", "c\u043enn", "Overfitter\u0455", "net \u03bfne"])
def test_a_word_of_letters_of_two_scripts_is_refused(typed):
    with pytest.raises(SubmissionError, match="in one script") as refused:
        clean_name(typed, what="team")
    assert refused.value.reason == "team-name"


@pytest.mark.parametrize("typed", ["Алиса", "トップ組", "Команда CNN", "μ-net", "Zoë 2", "탑쿼크"])
def test_names_of_any_one_script_are_taken(typed):
    assert clean_name(typed, what="team") == typed


@given(st.text(max_size=80))
def test_a_clean_name_is_printable_and_stays_as_it_is(text):
    try:
        name = clean_name(text, what="team")
    except SubmissionError:
        return
    assert name.isprintable()
    assert clean_name(name, what="team") == name
    assert not set(name) & set("/\\<>\"'&=+@|[]{}()*`,;:")


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("cnn (1)", "got '(' (U+0028): leave it out."),
        ("cnn, 2", "got ',' (U+002C)"),
        ("\U0001f600", "got '\U0001f600' (U+1F600)"),
        ("a\u200bb", "got '\\u200b' (U+200B)"),
        ("..", "with a letter or a digit; got '..'."),
        ("", "of 1 to 64 characters; got 0."),
        ("x" * 65, "of 1 to 64 characters; got 65."),
    ],
)
def test_what_is_wrong_in_a_name_is_shown(typed, words):
    with pytest.raises(SubmissionError) as refused:
        clean_name(typed, what="network")
    assert words in refused.value.sentence


@pytest.mark.parametrize("name", ["x", "_x", "\u00e9", "7"])
def test_a_new_team_begins_with_anything_but_a_dash_or_a_dot(name):
    assert require_typable(name) == name
    for sign in "-.":
        with pytest.raises(SubmissionError, match="begin with anything but '-'"):
            require_typable(sign + name)


def test_spaces_of_every_width_are_printable_and_what_ends_a_line_is_not():
    assert printable("95\u00a0% 1\u2009000\u3000\u202f") == "95\u00a0% 1\u2009000\u3000\u202f"
    assert printable("a\nb\u2028c\u2029d\re\tf\u200bg") == "a?b?c?d?e?f?g"
