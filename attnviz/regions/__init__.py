"""Named regions of a picture, such as "dog" and "grass": drawn, cut out, read from a mask file, combined, and saved.

A pixel belongs to a box or a polygon when its centre lies inside; pixel i has its centre at i + 0.5.
"""

from attnviz.regions.grab_cut import grabcut
from attnviz.regions.growing import grown
from attnviz.regions.label_file import regions_from_label_file
from attnviz.regions.naming import unique_name, uniquely_named
from attnviz.regions.region import Region
from attnviz.regions.saving import load_regions, region_file, save_regions
from attnviz.regions.told_box import told_box, told_numbers

__all__ = [
    "Region",
    "grabcut",
    "grown",
    "load_regions",
    "region_file",
    "regions_from_label_file",
    "save_regions",
    "told_box",
    "told_numbers",
    "unique_name",
    "uniquely_named",
]
