"""A new challenge shows jets and hides everything else."""

import time

import numpy as np
import pytest
from challenges import NOON
from new_challenges import EIGHT, N, labelled_jets, labels_file, reason_of
from public_files import write_public_file

from challenge.cli import main
from challenge.errors import ChallengeError, CreationError
from challenge.intake.quota import DAY
from challenge.setup.create import create_from_jets, create_from_labels
from challenge.setup.plan import Plan
from challenge.store.challenge import Challenge
from challenge.store.folder import COLUMNS, SETTINGS, TEST_JETS, Rules
from course_utils.jetfile import JetFile, write_jets
from course_utils.kinematics import jet_mass, jet_pt
from course_utils.samples import SAMPLES, small_sample


@pytest.fixture
def jets(tmp_path):
    path = tmp_path / "test.h5"
    write_jets(path, [labelled_jets()], provenance={"seed": 20260401 * 10**10, "process": "top"})
    return path


# --- from jets -------------------------------------------------------------------------------


def test_the_public_jets_and_the_secret_labels_belong_together(tmp_path, jets):
    challenge, _ = create_from_jets(tmp_path / "c", jets, seed=7)
    source, labels = labelled_jets(), challenge.truth.labels
    with JetFile(tmp_path / "c" / TEST_JETS) as file:
        public = file.read()
    assert len(public) == challenge.n_jets == N
    # The hardest constituent tells each jet of the source from every other.
    energies = source.jets[:, 0, 0].tolist()
    order = [energies.index(energy) for energy in public.jets[:, 0, 0].tolist()]
    assert sorted(order) == list(range(N))
    assert order != sorted(order)
    np.testing.assert_array_equal(public.jets, source.jets[order])
    np.testing.assert_array_equal(labels, source.y_true[order])


def test_the_public_file_tells_nothing_but_the_jets(tmp_path, jets):
    create_from_jets(tmp_path / "c", jets, seed=7, plan=Plan(name="Spring"))
    with JetFile(tmp_path / "c" / TEST_JETS) as file:
        public, frame, provenance = file.read(), file.frame(), file.provenance
    assert not public.truth.any()
    assert not public.y_true.any()
    assert len(np.unique(public.ttv)) == 1
    assert frame.index.tolist() == list(range(N))
    assert provenance == {"challenge": "Spring"}
    assert str(20260401 * 10**10).encode() not in (tmp_path / "c" / TEST_JETS).read_bytes()


def test_the_order_follows_from_the_seed_and_the_source_together(tmp_path, jets):
    other = tmp_path / "other.h5"
    write_jets(other, [labelled_jets(1)], provenance={})
    labels = [
        create_from_jets(tmp_path / name, source, seed=seed)[0].truth.labels.tolist()
        for name, source, seed in (("a", jets, 1), ("b", jets, 1), ("c", jets, 2), ("d", other, 1))
    ]
    assert labels[0] == labels[1]
    assert labels[0] != labels[2]
    # The same labels in the source, and the same seed: only the jets differ.
    assert labels[0] != labels[3]


def test_jets_of_one_class_make_no_challenge(tmp_path):
    path = tmp_path / "test.h5"
    write_jets(path, [labelled_jets(y_true=np.ones(N, np.int8))], provenance={})
    assert reason_of(create_from_jets, tmp_path / "c", path, seed=1) == "one-class"
    assert not (tmp_path / "c").exists()


def test_a_jet_file_that_is_missing_or_none_is_refused_in_its_own_words(tmp_path):
    (tmp_path / "page.h5").write_text("<html>404</html>")
    for name, words in (("absent.h5", "is not there"), ("page.h5", "web page")):
        with pytest.raises(CreationError, match=words) as refused:
            create_from_jets(tmp_path / "c", tmp_path / name, seed=1)
        assert refused.value.reason == "jets"
    assert not (tmp_path / "c").exists()


# --- from labels -----------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["?", "i1", "u1", "<i8", ">i4", "f2", "f8"])
def test_labels_of_any_number_type_are_taken_in_their_order(tmp_path, dtype):
    challenge, leaks = create_from_labels(
        tmp_path / "c", labels_file(tmp_path, EIGHT.astype(dtype))
    )
    np.testing.assert_array_equal(challenge.truth.labels, EIGHT)
    assert challenge == Challenge(tmp_path / "c", "c", 8)
    assert leaks == []
    assert not (tmp_path / "c" / TEST_JETS).exists()


@pytest.mark.parametrize(
    ("labels", "reason"),
    [
        (np.array([0, 1, 2, 1]), "labels"),
        (np.array([0, 1, np.nan, 1]), "labels"),
        (np.array([-1, 1, -1, 1]), "labels"),
        (np.array([1, 1, 1, 1]), "one-class"),
        (np.array([0, 1, 1, 1]), "one-class"),
        (np.zeros(0), "one-class"),
        (np.zeros((4, 1)), "shape"),
        (np.array(["0", "1"]), "dtype"),
        (np.array([0, 1, None], dtype=object), "dtype"),
    ],
)
def test_bad_labels_make_no_challenge(tmp_path, labels, reason):
    path = labels_file(tmp_path, labels)
    assert reason_of(create_from_labels, tmp_path / "c", path) == reason
    assert not (tmp_path / "c").exists()


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        (EIGHT[:, None], "save labels.ravel()"),
        (np.stack([EIGHT, 1 - EIGHT], axis=1), "save one column, such as labels[:, 1]"),
        (EIGHT.astype("longdouble"), "convert with labels.astype(np.int8)"),
        (EIGHT.astype(object), "np.asarray(list(labels), dtype=np.int8)"),
        (EIGHT.astype([("y", "i1")]), "save one field, such as labels['label']"),
        (b"", "save the labels again"),
        (b"0\n1\n1\n", "then np.save them"),
        (b"\x89HDF\r\n\x1a\n", "read the labels from it"),
        (b"\x80\x04.", "np.save the labels as one array"),
        (b"PK\3\4" + bytes(22) + b"\x0b\0\0\0config.json", "save the labels with np.save"),
        (b"PK\3\4" + bytes(22) + b"\x0a\0\0\0x/data.pkl", "labels.numpy()"),
    ],
)
def test_a_file_of_labels_is_told_about_labels(tmp_path, labels, words):
    path = tmp_path / "labels.npy"
    if isinstance(labels, bytes):
        path.write_bytes(labels)
    else:
        np.save(path, labels)
    with pytest.raises(CreationError) as refused:
        create_from_labels(tmp_path / "c", path)
    assert words in refused.value.sentence
    assert "score" not in refused.value.sentence


def test_a_missing_label_file_is_said_to_be_missing(tmp_path):
    with pytest.raises(CreationError, match="No such file") as refused:
        create_from_labels(tmp_path / "c", tmp_path / "absent.npy")
    assert refused.value.reason == "unreadable"


# --- rules, split and leaks -------------------------------------------------------------------


def created(tmp_path, labels, *, name="c", seed=None, **plan):
    return create_from_labels(
        tmp_path / name, labels_file(tmp_path, labels), seed=seed, plan=Plan(**plan)
    )


MANY = np.random.default_rng(3).permutation(np.arange(1000) % 2)


@pytest.mark.parametrize("fraction", [0.3, 0.5, 0.8])
def test_each_class_has_the_same_share_in_the_public_split(tmp_path, fraction):
    challenge, _ = created(tmp_path, MANY, public_fraction=fraction)
    truth = challenge.truth
    for label in (0, 1):
        assert truth.is_public[truth.labels == label].sum() == round(500 * fraction)
    np.testing.assert_array_equal(truth.is_private, ~truth.is_public)


def test_the_split_follows_from_the_seed_and_is_drawn_without_one(tmp_path):
    splits = [
        created(tmp_path, MANY, name=name, seed=seed)[0].truth.is_public.tolist()
        for name, seed in (("a", 1), ("b", 1), ("c", 2), ("d", None), ("e", None))
    ]
    assert splits[0] == splits[1]
    assert len({tuple(each) for each in splits}) == 4


def test_a_public_fraction_of_one_makes_no_split(tmp_path):
    truth = created(tmp_path, EIGHT, public_fraction=1.0)[0].truth
    assert truth.is_public.all()
    assert truth.is_private.all()


@pytest.mark.parametrize(
    ("labels", "fraction"), [(EIGHT, 0.1), (EIGHT, 0.9), (EIGHT[:6], 0.5), (MANY, 0), (MANY, 1.1)]
)
def test_a_split_without_two_jets_of_each_class_is_refused(tmp_path, labels, fraction):
    plan = Plan(public_fraction=fraction)
    path = labels_file(tmp_path, labels)
    assert reason_of(create_from_labels, tmp_path / "c", path, plan=plan) == "public-fraction"
    assert not (tmp_path / "c").exists()


def test_the_rules_are_read_back_as_they_were_given(tmp_path):
    rules = Rules(NOON, NOON + 7 * DAY, per_day=3, refusals_per_day=9, networks=2)
    challenge, _ = created(tmp_path, EIGHT, rules=rules)
    assert challenge.rules == Challenge.open(tmp_path / "c").rules == rules


@pytest.mark.parametrize(
    "closes", ["2026-04-01T12:00:00", "2026-04-01T12:00:00Z", "2026-04-01T14:00:00+02:00"]
)
def test_a_time_that_the_instructor_writes_into_the_settings_is_utc_or_has_a_zone(
    tmp_path, monkeypatch, closes
):
    created(tmp_path, EIGHT)
    settings = tmp_path / "c" / SETTINGS
    settings.write_text(settings.read_text() + f"closes = {closes}\n")
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    try:
        assert Challenge.open(tmp_path / "c").rules.closes == NOON
    finally:
        monkeypatch.undo()
        time.tzset()


def test_a_challenge_that_closes_before_it_opens_is_refused(tmp_path):
    plan = Plan(rules=Rules(opens=NOON, closes=NOON))
    path = labels_file(tmp_path, EIGHT)
    with pytest.raises(CreationError, match=r"at 2026-04-01 12:00:00 UTC; got .* UTC\.") as refused:
        create_from_labels(tmp_path / "c", path, plan=plan)
    assert refused.value.reason == "closes"


def test_labels_in_an_order_that_tells_them_are_refused_unless_accepted(tmp_path):
    path = labels_file(tmp_path, np.sort(MANY))
    assert reason_of(create_from_labels, tmp_path / "c", path) == "leak-row-order"
    assert not (tmp_path / "c").exists()
    _, leaks = created(tmp_path, np.sort(MANY), accept_leaks=True)
    assert "row-order" in [leak.reason for leak in leaks]


def test_jets_that_students_have_with_labels_are_refused(tmp_path, jets):
    other = tmp_path / "train.h5"
    write_jets(other, [labelled_jets(1), labelled_jets(0)[:5]], provenance={})
    plan = Plan(training=other)
    refused = reason_of(create_from_jets, tmp_path / "c", jets, seed=1, plan=plan)
    assert refused == "leak-training-jets"


@pytest.mark.parametrize(("seed", "is_refused"), [(1, True), (2**32 - 1, True), (2**32, False)])
def test_jets_of_a_seed_that_can_be_guessed_are_refused_unless_accepted(tmp_path, seed, is_refused):
    path = tmp_path / "test.h5"
    write_jets(path, [labelled_jets()], provenance={"seed": seed})
    if is_refused:
        assert reason_of(create_from_jets, tmp_path / "c", path, seed=1) == "leak-seed"
        assert not (tmp_path / "c").exists()
    plan = Plan(accept_leaks=is_refused)
    _, leaks = create_from_jets(tmp_path / "c", path, seed=1, plan=plan)
    assert [leak.reason for leak in leaks] == ["seed"] * is_refused


def test_a_public_file_makes_a_challenge_for_practice_only(tmp_path, monkeypatch):
    table, path = labelled_jets(), tmp_path / "public.h5"
    write_public_file(path, table)
    monkeypatch.setitem(SAMPLES["top_tagging"].n_jets, "test", len(table))
    assert reason_of(create_from_jets, tmp_path / "c", path, seed=1) == "leak-public"
    _, leaks = create_from_jets(tmp_path / "c", path, seed=1, plan=Plan(accept_leaks=True))
    assert [leak.reason for leak in leaks] == ["public"]
    with JetFile(tmp_path / "c" / TEST_JETS) as file:
        found = {jet.tobytes() for jet in file.read().jets}
    assert found == {jet.tobytes() for jet in table.jets}


@pytest.mark.parametrize("order", [np.sort(MANY), np.repeat(MANY, 10)])
def test_labels_of_a_public_file_are_told_what_to_do(tmp_path, order):
    path = labels_file(tmp_path, order)
    with pytest.raises(CreationError, match=r"The public files are stored like that.* --jets"):
        create_from_labels(tmp_path / "c", path)


@pytest.mark.parametrize("sample", ["top_tagging", "hbb"])
def test_jets_of_the_small_samples_are_refused_whatever_is_given(tmp_path, sample):
    with JetFile(small_sample(sample)) as file:
        known = file.read(0, 5).jets
    table = labelled_jets()
    table.jets[:5, :, :] = 0
    table.jets[:5, : known.shape[1]] = known
    write_jets(tmp_path / "test.h5", [table], provenance={})
    refused = reason_of(create_from_jets, tmp_path / "c", tmp_path / "test.h5", seed=1)
    assert refused == "leak-training-jets"


def test_a_source_among_the_jets_of_this_machine_is_no_leak_of_itself(tmp_path, jets, monkeypatch):
    monkeypatch.setenv("JET_DATA", str(tmp_path / "data"))
    source = tmp_path / "data" / "top_tagging" / "test.h5"
    source.parent.mkdir(parents=True)
    jets.rename(source)
    create_from_jets(tmp_path / "c", source, seed=1)


@pytest.mark.parametrize("split", ["train", "val", "test"])
def test_jets_that_this_machine_has_for_training_are_refused(tmp_path, jets, monkeypatch, split):
    monkeypatch.setenv("JET_DATA", str(tmp_path / "data"))
    local = tmp_path / "data" / "top_tagging" / f"{split}.h5"
    local.parent.mkdir(parents=True)
    write_jets(local, [labelled_jets()[7:9]], provenance={})
    assert reason_of(create_from_jets, tmp_path / "c", jets, seed=1) == "leak-training-jets"


@pytest.mark.parametrize(("mode", "is_exposed"), [(0o644, True), (0o640, True), (0o600, False)])
def test_a_source_that_others_can_read_is_told_in_one_line(
    tmp_path, jets, capsys, mode, is_exposed
):
    jets.chmod(mode)
    assert main(["create", str(tmp_path / "c"), "--jets", str(jets), "--seed", "7"]) == 0
    told = capsys.readouterr().err.splitlines()
    assert len(told) == is_exposed
    assert all("holds the answers" in line and "chmod 600" in line for line in told)


def test_pt_and_mass_of_the_jets_are_kept_in_the_order_of_the_public_file(tmp_path, jets):
    challenge, _ = create_from_jets(tmp_path / "c", jets, seed=7)
    with JetFile(tmp_path / "c" / TEST_JETS) as file:
        public = file.read().jets
    np.testing.assert_array_equal(challenge.columns()["mass"], jet_mass(public))
    np.testing.assert_array_equal(challenge.columns()["pt"], jet_pt(public))


def test_damaged_columns_are_said_to_be_damaged(tmp_path, jets):
    challenge, _ = create_from_jets(tmp_path / "c", jets, seed=7)
    (tmp_path / "c" / COLUMNS).write_bytes(b"")
    with pytest.raises(ChallengeError, match="is damaged"):
        challenge.columns()
