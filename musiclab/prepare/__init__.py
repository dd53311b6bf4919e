"""From a data set to a store: decode every clip, compute its features, and say what could not be read.

==========  ===========================================================================================
preparing   :func:`prepare`, the whole of it, and :class:`Report`
extraction  one clip at a time, on one core, on all, or on a cluster
parts       what is finished is kept in parts, and the parts become the store: a stop costs little
opening     :func:`open_data`: the store that a data set, a source or a path stands for
==========  ===========================================================================================
"""

from musiclab.prepare.extraction import extract
from musiclab.prepare.opening import cached_store, open_data
from musiclab.prepare.preparing import Report, prepare

__all__ = ["Report", "cached_store", "extract", "open_data", "prepare"]
