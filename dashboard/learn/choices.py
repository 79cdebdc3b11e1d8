"""What a person can choose in the lessons, and how a session file's values of it are checked."""

from dashboard.checks import Choice, flag, text, whole

_PLACE = whole(1, 10_000)

LESSON_CHOICES: tuple[Choice, ...] = (
    Choice("se_reduction", whole(1, 64)),
    Choice("se_layer", text(200)),
    Choice("cbam_layer", text(200)),
    Choice("cbam_channel_", whole(0, 100_000), family=True),
    Choice("cbam_row_", _PLACE, family=True),
    Choice("cbam_column_", _PLACE, family=True),
    Choice("tea_start", text(60)),
    Choice("tea_scaled", flag()),
    Choice("aa_rows", _PLACE),
    Choice("aa_columns", _PLACE),
    Choice("aa_row_", _PLACE, family=True),
    Choice("aa_column_", _PLACE, family=True),
    Choice("aa_layer", text(200)),
    Choice("aa_head", _PLACE),
    Choice("aa_real_row_", _PLACE, family=True),
    Choice("aa_real_column_", _PLACE, family=True),
    Choice("swin_rows", _PLACE),
    Choice("swin_columns", _PLACE),
    Choice("swin_window", _PLACE),
    Choice("swin_shift_", whole(0, 10_000), family=True),
    Choice("swin_row_", _PLACE, family=True),
    Choice("swin_column_", _PLACE, family=True),
    Choice("swin_layer", text(60)),
    Choice("swin_masked", flag()),
    Choice("swin_layers", text(400)),
    Choice("swin_real_row_", _PLACE, family=True),
    Choice("swin_real_column_", _PLACE, family=True),
    Choice("vit_height", _PLACE),
    Choice("vit_width", _PLACE),
    Choice("vit_patch", _PLACE),
    Choice("vit_prefix", text(60)),
    Choice("vit_chosen_", _PLACE, family=True),
    Choice("vit_row", _PLACE),
    Choice("vit_column", _PLACE),
    Choice("tables_table", text(200)),
    Choice("tables_row", text(200)),
)
"""Every control of a lesson: a new one needs a line here, `persist_state="session"` and `lesson.fitting`.

The tables that are edited are kept by `editor`. No table's key may begin as a family of this list does.
"""
