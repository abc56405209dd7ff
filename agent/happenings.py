"""What events and audit records are called where people read them; programs go by the constants."""

from __future__ import annotations

from agent.language import say

SENTENCES = {
    "agent_started": "the agent started",
    "agent_stopped": "the agent was stopped",
    "alarm_acknowledged": "somebody has seen the alarm",
    "alarm_cleared": "the alarm is over",
    "alarm_closed": "the alarm was closed with a reason",
    "alarm_raised": "an alarm was raised",
    "archive_pruned": "the oldest days of the archive were deleted",
    "chain_fork": "a record does not follow from the one before it",
    "channels_lost": "some channels give nothing any more",
    "channels_recovered": "these channels are read again",
    "clock_stepped": "the clock was set",
    "condition_began": "the instrument reports a condition",
    "condition_ended": "the condition is over",
    "configuration_applied": "a configuration was applied",
    "configuration_refused": "a configuration was refused",
    "device_lost": "the device gives nothing any more",
    "device_recovered": "the device answers again",
    "dictionary": "what the channels are called from now on",
    "echo_missing": "the broker does not show what was published",
    "epoch_began": "the log began a new epoch",
    "flood_dropped": "too much came in at once, and was passed over",
    "identity_shared": "another client uses the same client id",
    "log_came_home": "records kept in memory came into the log",
    "log_freed": "old records were freed to make room",
    "log_not_closed": "the log was not closed properly",
    "log_put_back": "the log was put back into its place",
    "log_recovered": "the disk takes records again",
    "log_salvaged": "what could be read was taken over from the damaged log",
    "log_set_aside": "a log that cannot be used was set aside",
    "log_volatile": "the disk takes nothing: records are kept in memory",
    "maintenance_ended": "maintenance ended",
    "maintenance_extended": "maintenance goes on until later",
    "maintenance_started": "maintenance began",
    "message_refused": "the broker refused a message",
    "message_too_large": "a message is larger than the broker takes",
    "no_subscriber": "nobody has subscribed to the data",
    "note_added": "somebody left a note",
    "operations_forgotten": "what was open could not be read back",
    "range_parked": "records that the broker refuses were put aside",
    "records_lost": "records were lost",
    "records_renumbered": "records got new numbers in a new epoch",
    "reload_ordered": "somebody had the configuration read again",
    "replay_requested": "a consumer asked for records again",
    "session_taken_over": "another client took over the session",
    "subscriber_found": "somebody has subscribed to the data",
    "subscription_refused": "the broker refused a subscription",
    "uplink_connected": "the uplink is connected",
    "uplink_lost": "the uplink lost its connection",
    "uplink_paused": "the uplink pauses",
    "uplink_resumed": "the uplink goes on",
    "watched_value_changed": "a setting of the instrument changed",
}


def happening(event: str) -> str:
    """Return what the constant *event* says, in the language that was chosen; its own words for one not known here."""
    return say(SENTENCES.get(event, event.replace("_", " ")))
