"""Does it matter, and can the map be trusted? Computed on request: every test runs the network many times."""

import hashlib
import time
from collections.abc import Callable, Hashable, Sequence
from dataclasses import replace
from typing import TypeVar

import numpy as np
import streamlit as st

from attnviz import comparing
from attnviz.errors import AttnvizError
from attnviz.export import TrustFigure, WhatIfFigure
from attnviz.export.evidence_figures import TrustPart
from attnviz.faithfulness import Trust, WhatIf, trust, what_if
from attnviz.maps import MapMethod, ModelMethod
from attnviz.regions import Region
from attnviz.render.trust_chart import randomisation_chart, randomisation_chart_alt, removal_chart, removal_chart_alt
from attnviz.render.whatif_chart import what_if_chart, what_if_chart_alt, what_if_rows
from dashboard import asking, service
from dashboard.figure_toolbar import toolbar
from dashboard.kept import Store
from dashboard.service import Answers, Reading
from dashboard.sidebar import Entry
from dashboard.state import Selection
from dashboard.waiting import time_left
from dashboard.words import plain

CONTROLS = 20
ORDERS = 20
DRAWS = 3
KEPT = 40
"""Results kept for all sessions, the latest used."""

_NETWORK_KEYS = {"what_if": "what_if_of", "trust": "trust_of"}

Result = TypeVar("Result")
Compute = Callable[[Callable[[int, int], object]], Result]
"""Makes a result and tells a callback how far it is."""


@st.cache_resource(show_spinner=False)
def store() -> Store[object]:
    """One for all sessions: a key holds hashes, and no picture can be had without knowing its own."""
    return Store(KEPT)


def draw_what_if(entry: Entry, selection: Selection, answers: Answers, regions: Sequence[Region]) -> None:
    """Draw what becomes of a network's answer without its gates, its heads, and each region."""
    st.markdown(
        "Turns gates and heads off, hides each region from the attention, and blurs or fills it in the picture. "
        "Each is held against the same done to random regions of the same size and shape."
    )
    if not regions:
        st.info("Without a region, only gates and heads are tried. Draw a box around the object to try it as well.")
    reading = _chosen("what_if", answers)
    method = _method(entry, selection, reading, regions)
    target = service.class_index(reading.name, selection.target)
    key = ("what_if", entry.picture.sha256, reading.name, tuple(map(_digest, regions)), repr(method), target, CONTROLS)
    table = _on_request(
        key,
        f"Try it on {reading.title}",
        lambda tell: what_if(
            service.copied(reading.name),
            entry.picture,
            regions,
            target=target,
            method=method if regions else None,
            controls=CONTROLS,
            progress=tell,
        ),
    )
    if isinstance(table, WhatIf):
        _show_what_if(entry, reading, table)


def draw_trust(entry: Entry, selection: Selection, answers: Answers, regions: Sequence[Region]) -> None:
    """Draw the tests of one network's map."""
    st.markdown(
        "Puts the map that is shown above to five tests: is it proven, does it speak about its class, does the answer "
        "hang on the cells that it marks, and does it notice when the network forgets what it learned?"
    )
    reading = _chosen("trust", answers)
    method = _method(entry, selection, reading, regions)
    target = service.class_index(reading.name, selection.target)
    key = ("trust", entry.picture.sha256, reading.name, repr(method), target, ORDERS, DRAWS)
    found = _on_request(
        key,
        f"Test the map of {reading.title}",
        lambda tell: trust(
            service.copied(reading.name),
            entry.picture,
            method,
            target=target,
            orders=ORDERS,
            repeats=DRAWS,
            progress=tell,
        ),
    )
    if isinstance(found, Trust):
        _show_trust(entry, reading, found)


def _chosen(panel: str, answers: Answers) -> Reading:
    readings = {reading.title: reading for reading in answers.readings}
    title = st.selectbox("Network", list(readings), key=_NETWORK_KEYS[panel], width=320)
    return readings[title]


def _on_request(key: Hashable, label: str, compute: Compute[Result]) -> Result | None:
    """The result if there is one, else a button that makes it. Any click while it is made stops it."""
    kept = store().get(key)
    if kept is not None:
        return kept  # type: ignore[return-value]
    button, bar = st.empty(), st.empty()
    if not button.button(label, type="primary", key=f"go_{hash(key)}"):
        return None
    button.button("Stop", key=f"stop_{hash(key)}")  # a click runs the page again, and that ends the computation
    began = time.monotonic()

    def tell(done: int, total: int) -> None:
        share = min(1.0, done / total)
        bar.progress(share, f"{done} of {total} steps{time_left(time.monotonic() - began, share)}")

    try:
        result = compute(tell)
    except AttnvizError as error:
        st.error(plain(str(error)))
        return None
    finally:
        button.empty()
        bar.empty()
    store().keep(key, result)
    return result


def _method(entry: Entry, selection: Selection, reading: Reading, regions: Sequence[Region]) -> MapMethod | ModelMethod:
    """The method of the map that the page shows; which class it speaks about is told to the test itself."""
    choice = replace(asking.choice_of(reading.name, selection, entry, regions[0] if regions else None), target=None)
    trace = service.trace(entry.picture, reading.name)
    return comparing.method_of(choice, trace, service.network(reading.name).loaded.card)


def _digest(region: Region) -> tuple[str, str]:
    return region.name, hashlib.sha256(np.packbits(region.mask_hw).tobytes()).hexdigest()


def _show_what_if(entry: Entry, reading: Reading, table: WhatIf) -> None:
    if len(table.rows) > 1:
        st.plotly_chart(what_if_chart(table), config={"displayModeBar": False}, alt=what_if_chart_alt(table))
        weights = service.network(reading.name).loaded.card.sha256
        figure = WhatIfFigure(picture=entry.picture, table=table, weights=weights)
        toolbar("what_if", f"What if, {reading.title}", lambda: figure)
    rows = [{plain(column): plain(cell) for column, cell in row.items()} for row in what_if_rows(table)]
    st.table(rows, hide_index=True, alt=f"What becomes of {table.target_name} in {table.title}")
    controls = [row.control for row in table.rows if row.control is not None]
    notes = [
        f"Random regions: {'; '.join(dict.fromkeys(control.rule for control in controls))}. p is the share of them, "
        "the region itself counted in, that change the probability at least as much; it is not corrected for the "
        "number of rows."
    ] * bool(controls)
    notes.append(
        "A changed picture or network is unlike anything in training, so the answer may change for that reason alone: "
        "compare with the random regions, which are as unlike."
    )
    notes += [f"Left out: {what}. {why}" for what, why in table.left_out.items()]
    for note in notes:
        st.caption(plain(note))


def _show_trust(entry: Entry, reading: Reading, found: Trust) -> None:
    weights = service.network(reading.name).loaded.card.sha256

    def part(name: TrustPart) -> Callable[[], TrustFigure]:
        return lambda: TrustFigure(picture=entry.picture, found=found, part=name, weights=weights)

    st.plotly_chart(removal_chart(found), config={"displayModeBar": False}, alt=removal_chart_alt(found))
    toolbar("trust_removal", f"Deletion and insertion, {reading.title}", part("removal"))
    st.plotly_chart(randomisation_chart(found), config={"displayModeBar": False}, alt=randomisation_chart_alt(found))
    toolbar("trust_random", f"Random weights, {reading.title}", part("randomisation"))
    for name, verdict, misleads in found.tests:
        st.markdown(f"**{name}.** {plain(verdict)}")
        st.caption(plain(f"Misleads when {misleads}"))
    toolbar("trust_verdicts", f"Tests of the map of {reading.title}", part("verdicts"))
    st.caption(
        plain(
            f"Deletion covers cells with {found.deletion.substitute}, insertion uncovers them in "
            f"{found.insertion.substitute}. Map: {found.attention_map.method}."
        )
    )
