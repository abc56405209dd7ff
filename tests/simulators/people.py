"""People with and without the groups of a station: another user where we are root, ourselves where we are not."""

from __future__ import annotations

import grp
import os
import subprocess

from tests.simulators.agent_process import AgentProcess

NOBODY = 65534
ROOT = os.geteuid() == 0
MEMBER = NOBODY if ROOT else os.geteuid()
"""The user of :func:`as_member`."""

AS_ANOTHER = """
import os, types, agent.control.server
agent.control.server.os = types.SimpleNamespace(**vars(os) | {"geteuid": lambda: 4242})
"""
TAKES_MEMBERS_FOR_OTHERS = "" if ROOT else AS_ANOTHER
"""A prelude: the daemon's own user may always act, and who is not root can ask as that one only."""


def some_group() -> grp.struct_group:
    """A group that files can be given to: any for root, one of his own for anybody else."""
    if ROOT:
        return next(one for one in grp.getgrall() if one.gr_gid not in (0, NOBODY))
    return grp.getgrgid(os.getegid())


def other_group(group: grp.struct_group) -> grp.struct_group:
    """A group that a member of *group* is not in."""
    return next(one for one in grp.getgrall() if one.gr_gid not in (0, NOBODY, group.gr_gid, *os.getgroups()))


def as_member(agent: AgentProcess, group: grp.struct_group, *line: str) -> subprocess.CompletedProcess[str]:
    """Run a command as a user who is in *group*: root as another one, anybody else as himself."""
    return agent.command_as(NOBODY, [group.gr_gid], *line) if ROOT else agent.command(*line)
