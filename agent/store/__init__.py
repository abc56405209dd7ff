"""The log: every reading is stored here, synced and chained, before anything else happens with it."""
