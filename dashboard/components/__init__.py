"""Browser components of the dashboard: plain JavaScript, no build step, no further package."""
