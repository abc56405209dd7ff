"""The other end: what a consumer does with what a station sends."""
