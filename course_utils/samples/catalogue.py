"""Every sample of the course, described once: what it is and where it is fetched from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from course_utils.jetfile import TRUTH_LABELS

__all__ = ["SAMPLES", "SPLITS", "Sample"]

SPLITS: Final = ("train", "val", "test")


@dataclass(frozen=True)
class Sample:
    """What there is to know about a sample before any of it is on this machine.

    Examples
    --------
    >>> SAMPLES["top_tagging"].n_jets["train"]
    1211000
    """

    name: str
    title: str
    reference: str
    doi: str
    licence: str
    n_jets: Mapping[str, int]  # of the public files, by split
    public_gigabytes: float
    jets_per_signal: int = 2  # when generated: one jet in so many comes from the signal process
    labels: tuple[str, ...] = ()  # the sum of these columns is 1 in a row that is a jet to use


SAMPLES: Final[Mapping[str, Sample]] = {
    sample.name: sample
    for sample in (
        Sample(
            name="top_tagging",
            title="Top Quark Tagging Reference Dataset: boosted tops and QCD jets, pp 14 TeV",
            reference="Kasieczka, Plehn, Thompson, Russell; arXiv:1902.09914",
            doi="10.5281/zenodo.2603256",
            licence="CC-BY-4.0",
            n_jets={"train": 1_211_000, "val": 403_000, "test": 404_000},
            public_gigabytes=1.6,
        ),
        Sample(
            name="hbb",
            title="Boosted H->bb and QCD jets, pp 13 TeV, as in the CMS Open Data record 12102",
            reference="Duarte (CMS); CERN Open Data Portal, HiggsToBBNtupleProducerTool",
            doi="10.7483/OPENDATA.CMS.JGJX.MS7Q",
            licence="CC0-1.0",
            n_jets={},  # as many as the files that are fetched hold
            public_gigabytes=245,
            jets_per_signal=4,
            labels=TRUTH_LABELS,
        ),
    )
}
