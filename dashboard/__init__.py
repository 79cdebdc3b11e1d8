"""The Streamlit dashboard: choose, call attnviz, show."""
