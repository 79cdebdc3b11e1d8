"""PowerPoint files: what stands on a slide, where it goes, and the file. `attnviz.export.slides` is the way in."""
