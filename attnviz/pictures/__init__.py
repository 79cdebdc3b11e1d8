"""From a file to a picture, and from a picture to what a network sees."""

from attnviz.pictures.preprocessing import ModelInput as ModelInput
from attnviz.pictures.preprocessing import Preprocessing as Preprocessing
from attnviz.pictures.preprocessing import preprocess as preprocess
from attnviz.pictures.preprocessing import seen_rgb as seen_rgb
from attnviz.pictures.reading import MAX_BYTES as MAX_BYTES
from attnviz.pictures.reading import MAX_PIXELS as MAX_PIXELS
from attnviz.pictures.reading import Picture as Picture
from attnviz.pictures.reading import PictureFile as PictureFile
from attnviz.pictures.reading import open_picture as open_picture
from attnviz.pictures.samples import SamplePicture as SamplePicture
from attnviz.pictures.samples import sample_pictures as sample_pictures
