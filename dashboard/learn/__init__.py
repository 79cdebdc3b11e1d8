"""The lessons of the page Learn, one file each."""
