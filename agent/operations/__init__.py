"""What people and the station tell each other: alarms with a life, maintenance, notes."""
