"""The published tables beside our counts."""

from pathlib import Path

import streamlit as st

from attnviz import tables
from attnviz.errors import AssetError
from attnviz.tables import Row
from dashboard.learn.lesson import NETWORKS, Lesson, Paper, attempt, fitting, own_picture, step
from dashboard.sidebar import Entry
from dashboard.words import plain

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "tables.md"
DIGITS, NEAR, OPEN, NONE, MISSING = (
    "digits agree",
    "within tolerance",
    "not reproducible",
    "nothing printed",
    "not counted",
)
MARKS = {DIGITS: "✓", NEAR: "≈", OPEN: "✗", NONE: "–", MISSING: "–"}


def draw(entry: Entry) -> None:
    """The steps."""
    step("Every figure, counted again")
    attempt(_table)
    attempt(_count)
    own_picture(NETWORKS, "Parameters and costs of the bundled networks")


def _table() -> None:
    document = _document(DOCUMENT.stat().st_mtime_ns if DOCUMENT.is_file() else 0)
    title = st.selectbox("Table", list(document), key=fitting("tables_table", document), persist_state="session")
    lines, note = document[title]
    shown = [
        {
            "": MARKS[verdict(line["verdict"])],
            "Network": plain(line["network"]),
            "Parameters": line["parameters"],
            "M, ours": line["M"],
            "M, printed": line["printed M"],
            "G, ours": line["G"],
            "G, printed": line["printed G"],
        }
        for line in lines
    ]
    tally = {kind: sum(verdict(line["verdict"]) == kind for line in lines) for kind in MARKS}
    said = "; ".join(f"{MARKS[kind]} **{count}** of {len(lines)}: {kind}" for kind, count in tally.items() if count)
    st.markdown(f"{said}.")
    st.table(shown, hide_index=True, alt=title)
    reasons: dict[str, list[str]] = {}
    for line in lines:
        if reason := why(line["verdict"]):
            reasons.setdefault(reason, []).append(line["network"])
    st.markdown("\n".join(f"- {plain(', '.join(networks))}: {plain(reason)}" for reason, networks in reasons.items()))
    st.caption(plain(note))


def verdict(words: str) -> str:
    """Which of the kinds a verdict of the document is."""
    if words == "agrees":
        return DIGITS
    if words == "agrees within tolerance":
        return NEAR
    if words == "none printed":
        return NONE
    return MISSING if words.startswith("not counted") else OPEN


def why(words: str) -> str:
    """What stands below the table: which figures are not reproduced, and the reason; empty where there is none."""
    return words if verdict(words) in (OPEN, MISSING) else ""


Line = dict[str, str]


@st.cache_resource(max_entries=2, show_spinner=False)
def _document(changed: int) -> dict[str, tuple[list[Line], str]]:
    """The tables of docs/tables.md, which the tests count again: title to lines and note.

    Raises:
        AssetError: the file is missing.
    """
    if not DOCUMENT.is_file():
        raise AssetError("docs/tables.md must be there; got no such file. Write it with `python -m attnviz tables`.")
    found: dict[str, tuple[list[Line], str]] = {}
    for part in DOCUMENT.read_text("utf-8").split("\n## ")[1:]:
        title, *rest = part.splitlines()
        cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in rest if line.startswith("|")]
        head = ["network", "parameters", "M", "printed M", "G", "printed G", "verdict"]
        lines = [dict(zip(head, line, strict=True)) for line in cells[2:]]
        if lines:
            found[title] = (lines, " ".join(line for line in rest if line and not line.startswith("|")))
    return found


def _count() -> None:
    rows = {f"{row.network} ({row.table.partition(':')[0]})": row for row in tables.rows()}
    left, right = st.columns([3, 1], vertical_alignment="bottom")
    name = left.selectbox(
        "Count one of them now",
        list(rows),
        key=fitting("tables_row", rows),
        persist_state="session",
        help="The network is built without memory, and its parameters and products are counted.",
    )
    if not right.button("Count", key="tables_count"):
        return
    with st.spinner(f"Counting {name}: a few seconds"):
        found = _computed(name, rows[name])
    cost = found.cost
    if cost is None:
        st.info(f"{rows[name].library} is not installed, so this network cannot be built here.")
        return
    st.success(
        plain(f"{name}: {cost.parameters:,} parameters, {cost.multiply_adds / 1e9:.4f} billion multiply-adds. ")
        + plain(" ".join(found.wrong) or "The claim above holds.")
    )


@st.cache_resource(max_entries=100, show_spinner=False)
def _computed(name: str, _row: Row) -> tables.Computed:
    return _row.computed()


LESSON = Lesson(
    name="Tables",
    title="The published tables, counted again",
    idea="Parameters and costs follow from a definition, so anyone can count them, and a table can be wrong.",
    formulas=(
        r"\mathrm{parameters}_{conv} = k^2\,c_{in}\,c_{out}\,(+\,c_{out})",
        r"\mathrm{multiply\text{-}adds}_{conv} = k^2\,c_{in}\,c_{out}\,h\,w",
    ),
    symbols="$k$ is the side of the kernel, $h \\times w$ the output's grid. FLOPs in CBAM's, ViT's and Swin's tables "
    "are multiply-adds; in AANet's they are additions and multiplications, twice as many.",
    papers=(
        Paper("Woo et al. 2018 (SE, CBAM)", "1807.06521", "Tables 1, 3 and 4"),
        Paper("Bello et al. 2019 (AANet)", "1904.09925"),
        Paper("Liu et al. 2021 (ViT, Swin)", "2103.14030", "Table 1"),
    ),
    notice=(
        "CBAM's Table 1 prints 25.92 M for a network that its Table 4 prints as 28.09 M. 25.92 M is ResNet-50 + BAM.",
        "The GFLOPs of CBAM's Table 4 need the stride in the first 1 × 1 convolution; its code has it in the 3 × 3.",
        "Parameters say nothing about what a network looks at: all orders of CBAM's gates cost the same.",
    ),
    question="SE adds about 2.5 M parameters to ResNet-50, and almost no multiply-adds. Why?",
    answer="Its two matrices have 2 c² / r weights, and the last stage has 2,048 channels. But each is used once for "
    "the whole picture, not at every place.",
    draw=draw,
)
