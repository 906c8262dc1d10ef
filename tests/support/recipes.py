"""Samples whose units of production are so small that tests can make them."""

from __future__ import annotations

from dataclasses import replace

from course_utils.samples import SAMPLES, Sample


def with_units(name: str, *unit_jets: int) -> Sample:
    """The sample with so many jets of each process in a unit."""
    sample = SAMPLES[name]
    return replace(sample, recipe=replace(sample.recipe, unit_jets=unit_jets))
