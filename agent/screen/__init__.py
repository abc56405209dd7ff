"""The full-screen view of a station: pages of plain lines, made of the snapshot and the log, drawn by textual.

A page is a list of lines, made by a pure function; one widget draws them and redraws
only those that changed. So a screen that nobody touches costs almost nothing, and
every page can be read in a test.
"""
