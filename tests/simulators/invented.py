"""An instrument that nobody makes."""

from __future__ import annotations

ABOUT = {
    "model": "A",
    "maker": "Acme",
    "kind": "test",
    "manual": "none",
    "source": "none",
    "confidence": "unverified",
}
"""The words that every profile has to have."""
