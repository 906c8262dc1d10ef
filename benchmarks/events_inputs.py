"""What ``events_trainings.py`` reads: variables, pictures, features of a backbone."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from course_utils import kinematics, networks
from course_utils.images import COLOURS, event_images
from course_utils.samples import EventTable, Kind
from course_utils.training import seed_everything, tracked

N_PIXELS = 64
BACKBONE = "efficientnet_lite0"
N_THAWED = 2  # stages at the end
PALETTE = np.array(COLOURS) / 255
PT_EDGES = np.r_[0:201:20, 250:501:50]  # of the sizes of circles


def event_variables(
    pt: NDArray[np.float64], phi: NDArray[np.float64], kinds: NDArray[np.int8]
) -> NDArray[np.float64]:
    """Missing energy, lepton, mT, cosine between them, jets, b jets, HT, hardest jet."""
    is_jet = np.isin(kinds, (Kind.JET, Kind.B_JET))
    pair = kinds == Kind.MISSING_ENERGY, kinds == Kind.LEPTON
    met, lepton = (np.where(each, pt, 0).sum(axis=1) for each in pair)
    phi_met, phi_lepton = (np.where(each, phi, 0).sum(axis=1) for each in pair)
    mass = kinematics.transverse_mass(lepton, phi_lepton, met, phi_met)
    jets, n_b = np.where(is_jet, pt, 0), (kinds == Kind.B_JET).sum(axis=1)
    numbers = [met, lepton, mass, np.cos(phi_met - phi_lepton), is_jet.sum(axis=1), n_b]
    return np.column_stack([*numbers, jets.sum(axis=1), jets.max(axis=1)])


def as_drawn(pt: NDArray[np.float64]) -> NDArray[np.float64]:
    """The lower edge of the bin of pT that a circle shows."""
    return np.where(pt > 0, PT_EDGES[np.searchsorted(PT_EDGES, pt, side="right") - 1], 0)


@dataclass(frozen=True)
class Events:
    """Events as every model of the trainings reads them; what is slow is made when first asked for.

    Attributes
    ----------
    table : EventTable
    seed : int
        Of the random weights.
    """

    table: EventTable
    seed: int = 1

    @property
    def y_true(self) -> NDArray[np.intp]:
        return self.table.y_true.astype(int)

    @cached_property
    def exact(self) -> NDArray[np.float64]:
        momenta = self.table.momenta
        return event_variables(kinematics.pt(momenta), kinematics.phi(momenta), self.table.kinds)

    @cached_property
    def circles(self) -> NDArray[np.float64]:
        momenta = self.table.momenta
        pt = as_drawn(kinematics.pt(momenta))
        return event_variables(pt, kinematics.phi(momenta), self.table.kinds)

    @cached_property
    def pictures(self) -> NDArray[np.uint8]:
        return event_images(self.table.momenta, self.table.kinds, n_pixels=N_PIXELS)

    @cached_property
    def counts(self) -> NDArray[np.float64]:
        shares = [(self.pictures == kind).mean(axis=(1, 2)) for kind in (1, 2, 3, 4)]
        return np.stack(shares, axis=1)

    @cached_property
    def photographs(self) -> tuple[torch.Tensor, NDArray[np.float32]]:
        """Maps in front of the stages that are thawed, and averages of the last maps."""
        return self._seen_by(networks.backbone(BACKBONE), "photographs")

    @cached_property
    def random_weights(self) -> tuple[torch.Tensor, NDArray[np.float32]]:
        seed_everything(self.seed)
        control = networks.backbone(BACKBONE, pretrained=False)
        chain = nn.Sequential(self._colours(control), *control.stages)
        first = torch.from_numpy(self.pictures[:512])
        networks.batch_statistics(chain, first.split(64))
        return self._seen_by(control, "random weights")

    @staticmethod
    def _colours(backbone: networks.Backbone) -> nn.Module:
        return networks.Colours(PALETTE, mean=backbone.mean, std=backbone.std)

    def _seen_by(
        self, backbone: networks.Backbone, label: str
    ) -> tuple[torch.Tensor, NDArray[np.float32]]:
        body = nn.Sequential(self._colours(backbone), *backbone.stages[:-N_THAWED])
        batches = torch.from_numpy(self.pictures).split(250)
        with torch.no_grad():
            maps = [body(batch) for batch in tracked(batches, label=label)]
            means = [backbone.stages[-N_THAWED:](each).mean(dim=(2, 3)) for each in maps]
        return torch.cat(maps), torch.cat(means).numpy()


def joined(*tables: EventTable) -> EventTable:
    """Some events behind one another."""
    return EventTable(
        *(
            np.concatenate([getattr(table, name) for table in tables])
            for name in ("momenta", "kinds", "y_true")
        )
    )
