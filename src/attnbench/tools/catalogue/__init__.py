"""The modules of this package, listed for a terminal and compared with those of public libraries on a page."""
