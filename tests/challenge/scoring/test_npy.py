"""What is accepted as a file of scores, what is refused, and at what cost in memory."""

import io
import os
import pickle
import struct
import time
import tracemalloc
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from challenge.errors import SubmissionError
from challenge.scoring.npy import LONGEST_HEADER, read_file, read_scores

N = 1000
ONE_SCORE = "'descr': '<f8', 'fortran_order': False, 'shape': "


def npy(array) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def raw(header: str | bytes, body: bytes = bytes(8 * N), version: int = 1) -> bytes:
    """A .npy file with any header; true in its length."""
    header = header.encode() if isinstance(header, str) else header
    length = struct.pack("<H" if version == 1 else "<I", len(header))
    return b"\x93NUMPY" + bytes([version, 0]) + length + header + body


def with_header(*, descr="'<f8'", order="False", shape=f"({N},)") -> bytes:
    return raw(f"{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, }}\n")


def archive(content: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("scores.npy", content)
    return file.getvalue()


GOOD = npy(np.linspace(0, 1, N))

REFUSED = {
    "an object array": (npy(np.array([None] * N, dtype=object)), "dtype"),
    "a raw pickle": (pickle.dumps([0.5] * N), "not-npy"),
    "a structured array": (npy(np.zeros(N, dtype=[("score", "<f8")])), "dtype"),
    "an npz archive": (archive(GOOD), "npz"),
    "a zip bomb": (archive(bytes(20_000_000)), "npz"),
    "10^12 values": (with_header(shape="(1000000000000,)"), "shape"),
    "2^66 values": (with_header(shape="(8589934592, 8589934592)"), "shape"),
    "a digit string": (with_header(shape="(" + "9" * 300 + ",)"), "shape"),
    "minus one value": (with_header(shape="(-1,)"), "shape"),
    "a true length": (with_header(shape="(True,)"), "shape"),
    "no value": (npy(np.zeros(0)), "shape"),
    "a scalar": (npy(np.float64(1)), "shape"),
    "a column": (npy(np.zeros((N, 1))), "shape"),
    "a row": (npy(np.zeros((1, N))), "shape"),
    "two columns": (npy(np.zeros((N, 2))), "shape"),
    "64 dimensions": (npy(np.zeros((1,) * 64)), "shape"),
    "one value too many": (npy(np.zeros(N + 1)), "shape"),
    "void of no size": (with_header(descr="'|V0'", shape="(1000000000,)"), "dtype"),
    "endless text": (with_header(descr="'<U500000000'"), "dtype"),
    "dates": (npy(np.zeros(N, dtype="<M8[s]")), "dtype"),
    "complex numbers": (npy(np.zeros(N, dtype=np.complex128)), "dtype"),
    "booleans": (npy(np.zeros(N, dtype=bool)), "dtype"),
    "integers": (npy(np.zeros(N, dtype=np.int64)), "dtype"),
    "long doubles": (with_header(descr="'<f16'"), "dtype"),
    "native byte order": (with_header(descr="'=f8'"), "dtype"),
    "no byte order": (with_header(descr="'|f8'"), "dtype"),
    "a 2 GB header": (b"\x93NUMPY\x02\x00" + struct.pack("<I", 2**31 - 1) + b"{", "header"),
    "a 50 MB header": (raw(b" " * 50_000_000, version=2), "header"),
    "a sound header with much padding": (raw(f"{{{ONE_SCORE}({N},), }}" + " " * 600), "header"),
    "dashes": (raw("-" * 9900 + "1"), "header"),
    "a few dashes": (raw("-" * 400 + "1"), "header"),
    "brackets": (raw("[" * 4990 + "]" * 4990), "header"),
    "a few brackets": (raw("[" * 250 + "]" * 250), "header"),
    "a power tower": (with_header(shape="(9**9**9,)"), "shape"),
    "a bare power tower": (raw("9**9**9"), "header"),
    "version 9": (b"\x93NUMPY\x09\x00" + GOOD[8:], "version"),
    "version 3": (b"\x93NUMPY\x03\x00" + GOOD[8:], "version"),
    "an empty file": (b"", "empty"),
    "four bytes": (GOOD[:4], "not-npy"),
    "the magic alone": (GOOD[:10], "not-npy"),
    "a header cut short": (GOOD[:60], "header"),
    "trailing bytes": (GOOD + b"\0", "file-size"),
    "one byte less": (GOOD[:-1], "file-size"),
    "no body": (raw(f"{{{ONE_SCORE}({N},), }}\n", b""), "file-size"),
    "duplicate keys": (raw(f"{{'descr': '<f8', {ONE_SCORE}({N},), }}\n"), "header"),
    "a duplicate last key": (raw(f"{{{ONE_SCORE}({N},), 'shape': ({N},), }}\n"), "header"),
    "a missing key": (raw(f"{{'descr': '<f8', 'shape': ({N},), }}\n"), "header"),
    "CRLF": (raw(f"{{{ONE_SCORE}({N},), }}\r\n"), "header"),
    "code": (raw("__import__('os').abort()"), "header"),
    "letters that are not ASCII": (with_header(descr="'<f8é'"), "header"),
    "a length in other digits": (with_header(shape="(١٠٠٠,)"), "header"),
    "a spreadsheet": (b"jet,score\n" + b"1,0.5\n" * N, "not-npy"),
    "NaN": (npy(np.where(np.arange(N) == 7, np.nan, 0.5)), "not-finite"),
    "infinity": (npy(np.where(np.arange(N) == 7, np.inf, 0.5)), "not-finite"),
    "minus infinity in half precision": (npy(np.full(N, -np.inf, np.float16)), "not-finite"),
}

ACCEPTED = {
    "float16": np.linspace(0, 1, N).astype(np.float16),
    "float32": np.linspace(0, 1, N).astype(np.float32),
    "big-endian float32": np.linspace(0, 1, N).astype(">f4"),
    "big-endian float16": np.linspace(0, 1, N).astype(">f2"),
    "big-endian float64": np.linspace(0, 1, N).astype(">f8"),
    "one value": np.full(N, 0.5),
    "two values": np.arange(N) % 2 * 1.0,
    "both zeros": np.where(np.arange(N) % 2, 0.0, -0.0),
    "subnormals": np.arange(N) * 5e-324,
    "the largest floats": np.where(np.arange(N) % 2, 1.7e308, -1.7e308),
    "logits": np.linspace(-30, 30, N),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_file_that_is_no_vector_of_scores_is_refused_for_its_reason(name):
    data, reason = REFUSED[name]
    with pytest.raises(SubmissionError) as refused:
        read_scores(data, N)
    assert refused.value.reason == reason
    sentence = refused.value.sentence
    assert sentence.endswith(".")
    assert "\n" not in sentence
    assert len(sentence) < 300


@pytest.mark.parametrize("name", REFUSED)
def test_refusing_a_file_allocates_less_than_twice_its_size(name):
    data, _ = REFUSED[name]
    tracemalloc.start()
    try:
        with pytest.raises(SubmissionError):
            read_scores(data, N)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 2 * len(data) + 50_000


@pytest.mark.parametrize("name", REFUSED)
def test_refusing_a_file_takes_less_than_50_ms(name):
    data, _ = REFUSED[name]

    def seconds():
        start = time.process_time()
        with pytest.raises(SubmissionError):
            read_scores(data, N)
        return time.process_time() - start

    assert min(seconds() for _ in range(3)) < 0.05


@pytest.mark.parametrize("name", ACCEPTED)
def test_any_finite_numbers_are_accepted_and_come_back_exactly(name):
    values = ACCEPTED[name]
    scores = read_scores(npy(values), N)
    assert scores.dtype == np.float64
    np.testing.assert_array_equal(scores, values.astype(np.float64))
    np.testing.assert_array_equal(np.signbit(scores), np.signbit(values))


@pytest.mark.parametrize("version", [(1, 0), (2, 0)])
def test_both_versions_of_the_format_are_read(version):
    file = io.BytesIO()
    np.lib.format.write_array(file, np.arange(3.0), version=version)
    np.testing.assert_array_equal(read_scores(file.getvalue(), 3), np.arange(3.0))


def test_fortran_order_means_nothing_for_a_vector():
    data = with_header(order="True")
    np.testing.assert_array_equal(read_scores(data, N), np.zeros(N))


def test_the_advice_fits_the_shape():
    for shape, advice in (((N, 1), "ravel"), ((N, 2), r"scores\[:, 1\]"), ((7,), "each jet")):
        with pytest.raises(SubmissionError, match=advice):
            read_scores(npy(np.zeros(shape)), N)


def reason_of(data):
    with pytest.raises(SubmissionError) as refused:
        read_scores(data, N)
    return refused.value.reason


def test_the_longest_header_is_read_and_one_byte_more_is_not():
    def padded(length):
        header = f"{{{ONE_SCORE}({N},), }}"
        return raw(header + " " * (length - len(header) - 1) + "\n")

    for length in (64, LONGEST_HEADER - 1, LONGEST_HEADER):
        np.testing.assert_array_equal(read_scores(padded(length), N), np.zeros(N))
    assert reason_of(padded(LONGEST_HEADER + 1)) == "header"


def test_a_file_too_short_for_a_header_is_none_and_a_longer_one_has_a_bad_one():
    assert {reason_of(GOOD[:length]) for length in range(1, 12)} == {"not-npy"}
    assert {reason_of(GOOD[:length]) for length in (12, 60, 127)} == {"header"}


@pytest.mark.parametrize(
    ("descr", "shown"),
    [
        ("[" + "a" * 38 + "]", "[" + "a" * 38 + "]"),
        ("[" + "a" * 39 + "]", "[" + "a" * 36 + "..."),
    ],
)
def test_a_stranger_is_quoted_up_to_40_characters(descr, shown):
    with pytest.raises(SubmissionError) as refused:
        read_scores(with_header(descr=descr), N)
    assert f"got {shown}: save one field" in refused.value.sentence


def test_refusals_tell_what_was_expected_and_what_came():
    with pytest.raises(SubmissionError, match=r"shape \(1000,\); got \(7,\)"):
        read_scores(npy(np.zeros(7)), N)
    with pytest.raises(SubmissionError, match="at most 512 bytes inside the file; got 600"):
        read_scores(raw(b" " * 600), N)


def test_a_file_of_the_wrong_size_is_told_both_sizes():
    with pytest.raises(SubmissionError, match="Expected 8128 bytes for 1000 values; got 8129,"):
        read_scores(GOOD + b"\0", N)
    with pytest.raises(SubmissionError, match="2 of 3 are NaN or infinite, the first for jet 1"):
        read_scores(npy(np.array([0.5, np.nan, np.inf])), 3)


def test_a_refusal_quotes_no_control_characters():
    with pytest.raises(SubmissionError) as refused:
        read_scores(with_header(descr="'\x1b[31m<f8'"), N)
    assert refused.value.sentence.isprintable()


@settings(max_examples=300)
@given(st.binary(max_size=200))
def test_random_bytes_are_refused_and_nothing_else_happens(data):
    for attempt in (data, GOOD[:8] + data, GOOD[:10] + data):
        with pytest.raises(SubmissionError):
            read_scores(attempt, N)


@settings(max_examples=700)
@given(st.data())
def test_a_file_with_changed_bytes_is_read_as_numpy_reads_it_or_refused(data):
    mutated = bytearray(npy(np.linspace(0, 1, 20)))
    for _ in range(data.draw(st.integers(1, 4))):
        mutated[data.draw(st.integers(0, 130))] = data.draw(st.integers(0, 255))
    try:
        scores = read_scores(bytes(mutated), 20)
    except SubmissionError:
        return
    np.testing.assert_array_equal(scores, np.load(io.BytesIO(bytes(mutated)), allow_pickle=False))


# --- a long fuzz -----------------------------------------------------------------------------

# CHALLENGE_FUZZ=100000 for the long run.
N_FUZZED = int(os.environ.get("CHALLENGE_FUZZ", "1000"))
PIECES = [
    *(b"'descr'", b"'shape'", b"'fortran_order'", b"'<f8'", b"'>f4'", b"'|O'", b"'|V0'", b"'<U9'"),
    *(
        b"True",
        b"False",
        b"None",
        b"{",
        b"}",
        b"(",
        b")",
        b"[",
        b"]",
        b",",
        b":",
        b"'",
        b'"',
        b"\\",
    ),
    *(b"20", b"-1", b"0", b"9**9", b"1e9", b"2147483648", b"18446744073709551616", b"\n", b"\r\n"),
    *(b"\0", b"\x93NUMPY", b"PK\x03\x04", b"\xff\xfe", b" " * 40, b"(" * 40, b"lambda:0", b"#"),
]
SEEDS = [
    npy(np.linspace(0, 1, 20)),
    npy(np.linspace(0, 1, 20).astype(">f4")),
    npy(np.linspace(0, 1, 20).astype(np.float16)),
    npy(np.zeros((20, 1))),
    npy(np.asfortranarray(np.zeros((4, 5)))),
    npy(np.zeros(20, dtype=[("a", "<f8"), ("b", "<i4")])),
    npy(np.array([None] * 20, dtype=object)),
    archive(npy(np.zeros(20))),
]


def damaged(rng: np.random.Generator) -> bytes:
    """A real file with one to six faults of all kinds."""
    data = bytearray(SEEDS[rng.integers(len(SEEDS))])
    for _ in range(rng.integers(1, 7)):
        at = int(rng.integers(0, min(len(data), 140) + 1))
        match rng.integers(6):
            case 0:
                data[at : at + 1] = rng.bytes(1)
            case 1:
                data[at:at] = PIECES[rng.integers(len(PIECES))]
            case 2:
                piece = PIECES[rng.integers(len(PIECES))]
                data[at : at + len(piece)] = piece
            case 3:
                del data[at : at + int(rng.integers(1, 30))]
            case 4:
                data = data[: int(rng.integers(0, len(data) + 1))]
            case 5:  # a header length that fits the header again, or claims anything
                length = data.find(b"\n") - 9 if rng.random() < 0.7 else rng.integers(2**16)
                data[8:10] = int(max(length, 0) & 0xFFFF).to_bytes(2, "little")
    return bytes(data)


def test_damaged_files_are_read_as_numpy_reads_them_or_refused_and_none_takes_long():
    rng = np.random.default_rng(20260603)
    accepted, sentences, slowest = [], set(), 0.0
    for _ in range(N_FUZZED):
        data = damaged(rng)
        start = time.process_time()
        try:
            accepted.append((data, read_scores(data, 20)))
        except SubmissionError as refusal:
            sentences.add(refusal.sentence)
        slowest = max(slowest, time.process_time() - start)
    assert slowest < 1
    assert all(map(str.isprintable, sentences))
    assert accepted  # faults in the body leave a file readable
    for data, scores in accepted:
        np.testing.assert_array_equal(scores, np.load(io.BytesIO(data), allow_pickle=False))


# --- files on disk ---------------------------------------------------------------------------


def test_a_file_is_read_whole(tmp_path):
    path = tmp_path / "scores.npy"
    path.write_bytes(GOOD)
    assert read_file(path, N) == GOOD


def test_the_largest_submission_there_can_be_is_read_from_disk(tmp_path):
    header = f"{{{ONE_SCORE}({N},), }}"
    largest = raw(header.ljust(LONGEST_HEADER - 1) + "\n", version=2)
    (tmp_path / "largest.npy").write_bytes(largest)
    assert len(read_scores(read_file(tmp_path / "largest.npy", N), N)) == N
    (tmp_path / "larger.npy").write_bytes(largest + b"\0")
    with pytest.raises(SubmissionError, match="the file is larger"):
        read_file(tmp_path / "larger.npy", N)


def test_a_file_larger_than_any_submission_is_refused_without_reading_it(tmp_path):
    path = tmp_path / "huge.npy"
    with path.open("wb") as file:
        file.write(GOOD)
        file.truncate(10**12)  # sparse: it takes no room
    tracemalloc.start()
    try:
        with pytest.raises(SubmissionError, match="the file is larger") as refused:
            read_file(path, N)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert refused.value.reason == "file-size"
    assert peak < 4 * (8 * N + LONGEST_HEADER) + 50_000


TOO_LARGE = {
    "two columns": (npy(np.zeros((N, 2))), "shape", r"scores\[:, 1\]"),
    "two rows": (npy(np.zeros((2, N))), "shape", r"scores\[1\]"),
    "all jets and more": (npy(np.zeros(3 * N)), "shape", r"shape \(1000,\); got \(3000,\)"),
    "objects": (npy(np.linspace(0, 1, N).astype(object)), "dtype", "one array of numbers"),
    "fields": (npy(np.zeros(N, "<f8,<f8")), "dtype", "one field"),
    "texts": (npy(np.full(N, "0.123456")), "dtype", "astype"),
    "long doubles": (npy(np.zeros(N, ">f16")), "dtype", "astype"),
    "complex numbers": (npy(np.zeros(N, np.complex128)), "dtype", "astype"),
    "a table of text": (b"jet,score\n" + b"1,0.123456789\n" * N, "not-npy", "CSV: .*np.loadtxt"),
    "PowerShell's text": ("0.123456789\r\n".encode("utf-16") * N, "not-npy", "CSV: .*np.loadtxt"),
    "a web page": (b"<!doctype html>" + b" " * 9 * N, "not-npy", "web page"),
    "JSON": (b"[" + b"0.123456789, " * N, "not-npy", "text"),
    "a pickle": (pickle.dumps(np.arange(2.0 * N)), "not-npy", "pickle"),
    "HDF5": (b"\x89HDF\r\n\x1a\n" + bytes(9 * N), "not-npy", "HDF5"),
    "a compressed array": (b"\x1f\x8b" + bytes(9 * N), "not-npy", "unpack"),
    "zeros": (bytes(9 * N), "not-npy", "np.save"),
    "an npz archive": (archive(np.random.default_rng(1).bytes(9 * N)), "npz", "np.savez"),
}


@pytest.mark.parametrize("name", TOO_LARGE)
def test_a_file_that_is_too_large_is_refused_for_what_makes_it_so(name, tmp_path):
    """Its size alone would tell a student nothing."""
    data, reason, advice = TOO_LARGE[name]
    assert len(data) > 8 * N + LONGEST_HEADER + 12
    (tmp_path / "large.npy").write_bytes(data)
    with pytest.raises(SubmissionError, match=advice) as refused:
        read_file(tmp_path / "large.npy", N)
    assert refused.value.reason == reason
    assert "larger" not in refused.value.sentence


@pytest.mark.parametrize(
    ("member", "words"),
    [
        ("best/data.pkl", "torch.save"),
        ("metadata.json", "Keras model"),
        ("[Content_Types].xml", "spreadsheet"),
        ("scores.npy", "np.savez"),
    ],
)
def test_an_archive_is_recognised_by_its_first_member(member, words):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as packed:
        packed.writestr(member, b"0.5")
    with pytest.raises(SubmissionError, match=words) as refused:
        read_scores(file.getvalue(), N)
    assert refused.value.reason == "npz"


def test_a_missing_file_and_a_folder_are_unreadable(tmp_path):
    for path in (tmp_path / "absent.npy", tmp_path):
        with pytest.raises(SubmissionError) as refused:
            read_file(path, N)
        assert refused.value.reason == "unreadable"
