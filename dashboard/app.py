"""Entry point: `streamlit run dashboard/app.py`."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))  # `streamlit run` adds dashboard/, not the repository

import streamlit as st

from attnviz.errors import AttnvizError
from dashboard import address, session_opening, session_panel, sidebar, warming
from dashboard.words import plain

HERE = Path(__file__).resolve().parent

st.set_page_config(
    page_title="attnviz",
    page_icon=str(HERE / "assets" / "icon.png"),  # a named icon would be fetched from a foreign host
    layout="wide",
)
st.html(HERE / "assets" / "page.css")
compare = st.Page("views/compare.py", title="Compare", url_path="first", default=True)  # its address has no name
named = st.Page(lambda: None, title="Compare", url_path="compare", visibility="hidden")
focus = st.Page("views/focus.py", title="Dog vs grass", url_path="focus")
layers = st.Page("views/layers.py", title="Layers", url_path="layers")
attention = st.Page("views/self_attention.py", title="Self-attention", url_path="attention")
learn = st.Page("views/learn.py", title="Learn", url_path="learn")
networks = st.Page("views/networks.py", title="Networks", url_path="networks")
export = st.Page("views/export.py", title="Export", url_path="export")
page = st.navigation([compare, focus, layers, attention, learn, networks, export, named], position="top")
try:
    if page == named:
        st.switch_page(compare, query_params={key: st.query_params.get_all(key) for key in st.query_params})
    session_opening.open_given()
    address.read()
    sidebar.render()
    session_panel.render()
    page.run()
    address.write()
except AttnvizError as error:  # such as missing weights: every view needs them
    st.error(plain(str(error)))
warming.page_is_drawn()
