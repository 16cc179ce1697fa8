"""From what was measured of a look to a word for it: ok, black, frozen, blurred, occluded or turned."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from edge.picture.likeness import kept_share, likeness_behind_blur, soft, tile_likeness, what_is_left
from edge.picture.measuring import DAZZLING, Grey, Measured
from edge.picture.reference import Reference
from edge.picture.rim import changed_share
from shouwang.kinds.pictures import PictureLimits


class Picture(StrEnum):
    """The values of the field `picture`."""

    OK = "ok"
    BLACK = "black"
    FROZEN = "frozen"
    BLURRED = "blurred"
    OCCLUDED = "occluded"
    TURNED = "turned"


_BRIGHTEST_PERCENT = 2.33  # deviations: so far noise alone lifts the brightest percent
_STANDING_WEIGHT = 2.0


@dataclass(frozen=True, slots=True)
class Said:
    """What one look says by itself, and the figures that it says it by, for people who ask why."""

    picture: Picture
    figures: dict[str, float]


def judge(look: Measured, reference: Reference | None, before: Sequence[Grey], limits: PictureLimits) -> Said:
    """What a look shows. `before`: blocks of the first frames of the looks before it, a minute or more ago."""
    figures = weigh(look, reference, before, limits)
    return Said(word_for(figures, limits), figures)


def weigh(
    look: Measured, reference: Reference | None, before: Sequence[Grey], limits: PictureLimits
) -> dict[str, float]:
    """The figures that a word is found by. Those that need a reference, looks before, or enough of a view are left out
    where there is none."""
    figures = {
        "bright": look.bright,
        "lit": look.bright - _BRIGHTEST_PERCENT * look.noise,
        "structure": float(np.percentile(look.structure, 90)),
        "noise": look.noise,
        "chroma": look.chroma,
    }
    if before:
        figures["changed"] = min(changed_share(look.first, each, limits) for each in before)
    tiles = _telling(look, reference, limits)
    figures["tiles"] = float(tiles.sum())
    if reference is None:
        edges = look.contrast > limits.tile_contrast_above
        figures["edges"] = float(edges.mean())
        if edges.sum() >= limits.tiles_needed:
            figures["own_sharpness"] = float(np.median(look.sharpness[edges]))
    elif tiles.sum() >= limits.tiles_needed:
        figures |= _against(look, reference, tiles, limits)
    return figures


def word_for(figures: Mapping[str, float], limits: PictureLimits) -> Picture:
    """What figures of `weigh` mean. The gravest comes first: black and frozen are said before anything else."""
    if figures["lit"] < limits.black_lit_below and figures["structure"] < limits.black_structure_below:
        return Picture.BLACK
    if _is_frozen(figures, limits):
        return Picture.FROZEN
    if "edges" in figures:
        return _by_itself(figures, limits)
    if "same" not in figures:  # dazzled, or a view without anything in it
        return Picture.OK
    if _is_blurred(figures, limits):
        return Picture.BLURRED
    if _is_turned(figures, limits):
        return Picture.TURNED
    return Picture.OCCLUDED if _is_occluded(figures, limits) else Picture.OK


def _telling(look: Measured, reference: Reference | None, limits: PictureLimits) -> NDArray[np.bool_]:
    of = look if reference is None else reference
    telling: NDArray[np.bool_] = (of.structure > limits.tile_structure_above) & (
        look.dazzled < limits.tile_dazzled_below
    )
    return telling


def _by_itself(figures: Mapping[str, float], limits: PictureLimits) -> Picture:
    """Without a reference only what no camera should ever show."""
    if figures["edges"] < limits.occluded_without_reference_below:
        return Picture.OCCLUDED
    if figures.get("own_sharpness", 1.0) < limits.blurred_without_reference_below:
        return Picture.BLURRED
    return Picture.OK


def _against(look: Measured, reference: Reference, tiles: NDArray[np.bool_], limits: PictureLimits) -> dict[str, float]:
    # Fine structure alone is compared: the light of the day, a shadow's edge and the glare of lamps are not in it.
    fine, fine_reference = (each - soft(each) for each in (look.blocks, reference.blocks))
    same = tile_likeness(fine, fine_reference) >= limits.tile_same_above
    plain = tile_likeness(look.blocks, reference.blocks) >= limits.tile_same_above
    gain = float(np.median(look.blocks[6:-6] / np.maximum(reference.blocks[6:-6], 1)))
    contrast = np.log((look.contrast + 0.3) / (reference.contrast * gain + 0.3))
    figures = {
        "same": float(same[tiles].mean()),
        "plain": float(plain[tiles].mean()),
        "kept": kept_share(*(each - soft(each, 1) for each in (look.blocks, reference.blocks))),
        "emptied": float((~same & (contrast < limits.emptied_contrast_below))[tiles].mean()),
        "contrast": float(np.median(contrast[tiles])),
        "likeness": likeness_behind_blur(look.blocks, reference.blocks),
    }
    left = what_is_left(fine, fine_reference, look.blocks < DAZZLING, look.block_noise)
    if left is not None:
        figures |= {"gone": left.gone, "standing": left.standing}
    edges = tiles & (reference.contrast > limits.tile_contrast_above) & (look.contrast > limits.tile_contrast_above / 2)
    if edges.sum() >= limits.tiles_needed:
        ratio = look.sharpness[edges] / np.maximum(reference.sharpness[edges], 1e-3)
        figures["sharpness"] = float(np.median(ratio))
    return figures


def _is_frozen(figures: Mapping[str, float], limits: PictureLimits) -> bool:
    """Hardly a block has moved. What is close before the lens may be as still through an encoder, which then leaves no
    noise: where most of the view is gone, only what stands quite still is frozen."""
    changed = figures.get("changed", 1.0)
    hidden = figures.get("gone", figures.get("emptied", 0.0)) > limits.frozen_hidden_above
    return changed < (limits.frozen_hidden_changed_below if hidden else limits.frozen_changed_below)


def _is_blurred(figures: Mapping[str, float], limits: PictureLimits) -> bool:
    """The view is that of the reference, with less contrast, and nothing of it stands as sharp as it was: its edges are
    soft; or, where noise hides that, its coarse shapes are there and its fine ones are not. The halo of a lamp that
    shines into the lens is soft, too: there more is asked."""
    glare = figures["bright"] >= limits.glare_bright_above
    if figures["kept"] >= (limits.blurred_kept_below_in_glare if glare else limits.blurred_kept_below):
        return False
    if not limits.blurred_contrast_above < figures["contrast"] <= limits.blurred_contrast_below:
        return False
    plain, alike = figures["plain"], figures["likeness"] > limits.blurred_likeness_above
    soft_below = limits.blurred_sharpness_below_in_glare if glare else limits.blurred_sharpness_below
    if figures.get("sharpness", 1.0) < soft_below and (alike or plain > limits.blurred_plain_above):
        return True
    if glare:
        return False
    shapes_alone = plain - figures["same"] > limits.blurred_shapes_alone_above
    return plain > limits.blurred_plain_alone_above or (shapes_alone and alike)


def _is_turned(figures: Mapping[str, float], limits: PictureLimits) -> bool:
    """Hardly anything is where it was, and there is as much to see as before, as sharp as before. Between blots of
    paint, and beside a hand, some of the view still stands."""
    there = figures["same"] + _STANDING_WEIGHT * figures.get("standing", 0.0)
    return (
        there < limits.turned_there_below
        and figures["kept"] < limits.turned_kept_below
        and figures["contrast"] > limits.turned_contrast_above
        and figures["structure"] > limits.turned_structure_above
        and figures.get("sharpness", 0.0)
        > limits.turned_sharpness_above + limits.turned_sharpness_by_emptied * figures["emptied"]
    )


def _is_occluded(figures: Mapping[str, float], limits: PictureLimits) -> bool:
    """Much of the view is gone. Who passes by, and the glare of lamps, take little of it away. Where hardly anything of
    it stands there is nothing to measure by: then that its tiles are empty, or are others, is enough."""
    if "gone" not in figures:
        return figures["emptied"] > limits.occluded_emptied_above or figures["same"] < limits.occluded_same_below
    if figures["bright"] >= limits.glare_bright_above:
        return figures["gone"] > limits.occluded_gone_above_in_glare
    return figures["gone"] > limits.occluded_gone_above
