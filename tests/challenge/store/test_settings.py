"""The settings file as people edit it: read, or refused with the key and what it expects."""

from dataclasses import fields
from datetime import UTC, datetime

import pytest
from challenges import new_challenge

from challenge.errors import ChallengeError
from challenge.store.challenge import Challenge
from challenge.store.folder import SETTINGS, Rules
from challenge.store.records import Split
from challenge.store.settings import _EXPECTED, read_settings

MINIMAL = 'name = "Jörg"\nn_jets = 400\n'
MAY = datetime(2026, 5, 1, tzinfo=UTC)


def settings_of(tmp_path, text, encoding="utf-8"):
    path = tmp_path / SETTINGS
    path.write_bytes(text.encode(encoding))
    return read_settings(path)


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-16-be with mark"]
)
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_what_an_editor_or_powershell_saves_is_read(tmp_path, encoding, line_end):
    mark = "\ufeff" if encoding.endswith("mark") else ""
    text = mark + MINIMAL.replace("\n", line_end) + "per_day = 7" + line_end
    settings = settings_of(tmp_path, text, encoding.split()[0])
    assert (settings.name, settings.n_jets, settings.rules) == ("Jörg", 400, Rules(per_day=7))


def test_another_encoding_is_told(tmp_path):
    with pytest.raises(ChallengeError, match="not in UTF-8: save it again"):
        settings_of(tmp_path, MINIMAL, "latin-1")


@pytest.mark.parametrize(
    ("line", "key", "value"),
    [
        ("opens = 2026-05-01", "opens", MAY),
        ("closes = 2026-05-01", "closes", MAY.replace(hour=23, minute=59, second=59)),
        ('closes = "2026-05-01"', "closes", MAY.replace(hour=23, minute=59, second=59)),
        ('closes = "2026-05-01T12:00"', "closes", MAY.replace(hour=12)),
        ("closes = 2026-05-01T12:00:00", "closes", MAY.replace(hour=12)),
        ("closes = 2026-05-01 14:00:00+02:00", "closes", MAY.replace(hour=12)),
        ('per_day = "7"', "per_day", 7),
        ("per_day = 7.0", "per_day", 7),
    ],
)
def test_what_can_only_mean_one_thing_is_read(tmp_path, line, key, value):
    assert getattr(settings_of(tmp_path, MINIMAL + line).rules, key) == value


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("per_dya = 9", "key 'per_dya': expected no such key; is it per_day?"),
        (
            "opens = 2026-05-02\ncloses = 2026-05-01",
            "keys 'opens' and 'closes': expected it to close after it opens, at 2026-05-02 "
            "00:00:00 UTC; got 2026-05-01 23:59:59 UTC.",
        ),
        ("opens = 2026-05-02T00:00:00Z\ncloses = 2026-05-02T00:00:00Z", "'opens' and 'closes'"),
        ("Per-Day = 9", "is it per_day?"),
        ("close = 2026-05-01", "is it closes?"),
        ("refusals = 9", "is it refusals_per_day?"),
        ("deadline = 2026-05-01", "known are name, n_jets, created, opens"),
        ("[rules]\nper_day = 9", "section 'rules': expected no sections; write its keys (per_day)"),
        ("rules.per_day = 9", "section 'rules'"),
        ("per_day = 0", "key 'per_day': expected a whole number of at least 1; got 0"),
        ("per_day = 5.5", "expected a whole number of at least 1; got 5.5"),
        ("per_day = true", "got True"),
        ("per_day = inf", "got inf"),
        ('networks = "many"', "key 'networks': expected a whole number"),
        ('closes = "tomorrow"', "key 'closes': expected a time like 2026-04-01T12:00:00Z"),
        ("opens = 12:00:00", "key 'opens': expected a time"),
        ("closes = 0026-05-01", "key 'closes': expected a time"),
        ("closes = 2026-05-01T12:00", "line 3, closes = 2026-05-01T12:00: expected a time like"),
        ("closes = 1.5.2026", "line 3, closes = 1.5.2026: expected a time like"),
        ("closes = “2026-05-01”", "line 3"),
        ("per_day = 5\nper_day = 6", "line 4, per_day = 6: the key 'per_day' stands there twice"),
        ("networks", "line 3, networks"),
        ("per_day = ", "line 3, per_day =: expected a whole number"),
    ],
)
def test_what_cannot_be_meant_is_told_with_its_key(tmp_path, line, words):
    with pytest.raises(ChallengeError) as refused:
        settings_of(tmp_path, MINIMAL + line)
    assert words in str(refused.value)
    assert str(refused.value).isprintable()
    assert str(refused.value)[-2:].count("?") + str(refused.value)[-2:].count(".") == 1


def test_a_challenge_may_open_and_close_on_one_day(tmp_path):
    rules = settings_of(tmp_path, MINIMAL + "opens = 2026-05-01\ncloses = 2026-05-01").rules
    assert (rules.closes - rules.opens).seconds == 86_399


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("n_jets = 5", "key 'name' is missing"),
        ('name = "x"', "key 'n_jets' is missing: expected a whole number"),
        ("name = 2026\nn_jets = 5", "key 'name': expected a text in quotes"),
        ('name = "x"\nn_jets = "many"', "key 'n_jets'"),
        ("", "key 'name' is missing"),
    ],
)
def test_what_every_challenge_needs_is_told_when_it_is_missing(tmp_path, text, words):
    with pytest.raises(ChallengeError) as refused:
        settings_of(tmp_path, text)
    assert words in str(refused.value)


def test_what_create_writes_is_read_and_every_rule_can_be_written(tmp_path):
    rules = Rules(opens=MAY, closes=MAY.replace(month=6), per_day=1, networks=2)
    challenge = new_challenge(tmp_path / "c", **{k: getattr(rules, k) for k in vars(rules)})
    assert Challenge.open(challenge.folder).rules == rules
    assert {each.name for each in fields(Rules)} < _EXPECTED.keys()


def test_a_changed_number_of_jets_is_not_called_a_damage_of_the_labels(tmp_path):
    challenge = new_challenge(tmp_path / "c")
    path = challenge.folder / SETTINGS
    path.write_text(path.read_text().replace("n_jets = 400", "n_jets = 40"))
    with pytest.raises(ChallengeError, match=r"says n_jets = 40, and .*labels\.npz"):
        Challenge.open(challenge.folder).truth.labels_of(Split.PUBLIC)
