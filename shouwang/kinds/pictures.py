"""Where a picture stops being good: the limits of the picture check, as a camera's kind file gives them."""

from __future__ import annotations

import msgspec


class PictureLimits(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """Grey levels run from 0 to 255, shares and likenesses from 0 to 1; a contrast is a natural logarithm against that
    of the reference. What is measured, and why so, stands in `docs/picture-health.md`."""

    # black: nothing is bright, noise left out, and nothing stands out
    black_lit_below: float
    black_structure_below: float
    # frozen: hardly a block differs from a look before, the writing at the rim left out
    frozen_block_step: float
    frozen_changed_below: float
    frozen_hidden_above: float
    frozen_hidden_changed_below: float
    rim_rows: int
    rim_writing_rows: int
    rim_writing_share: float
    # which tiles tell anything
    tile_structure_above: float
    tile_contrast_above: float
    tile_dazzled_below: float
    tiles_needed: int
    # when a tile shows what the reference shows
    tile_same_above: float
    # glare: a lamp shines into the lens
    glare_bright_above: float
    # blurred: the same view with soft edges
    blurred_sharpness_below: float
    blurred_sharpness_below_in_glare: float
    blurred_kept_below: float
    blurred_kept_below_in_glare: float
    blurred_contrast_below: float
    blurred_contrast_above: float
    blurred_plain_above: float
    blurred_plain_alone_above: float
    blurred_shapes_alone_above: float
    blurred_likeness_above: float
    blurred_without_reference_below: float
    # occluded: the view is gone; where nothing of it stands any more, its tiles are empty or are others
    occluded_gone_above: float
    occluded_gone_above_in_glare: float
    emptied_contrast_below: float
    occluded_emptied_above: float
    occluded_same_below: float
    occluded_without_reference_below: float
    # turned: another view
    turned_there_below: float
    turned_kept_below: float
    turned_contrast_above: float
    turned_structure_above: float
    turned_sharpness_above: float
    turned_sharpness_by_emptied: float
    # a camera looks at night as long as its picture has no colour
    night_chroma_below: float
    # so many looks in a row say the same before it is said
    confirm_looks: int
    # how far a good look moves the reference, at most once an hour
    reference_hourly_share: float
