"""Packs a release for stations: an archive for a PC without internet, and a Debian package."""
