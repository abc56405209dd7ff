"""A user and what the modes of files let him do, also when somebody else asks."""

from __future__ import annotations

import grp
import os
import pwd
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

READ, WRITE, SEARCH = 4, 2, 1
"""Rights as in the mode of a file; several are added up."""


@dataclass(frozen=True, slots=True)
class Person:
    """A user by number, with all of his groups. Lists of rights beyond the mode (ACLs) are not looked at."""

    name: str
    uid: int
    gids: frozenset[int]

    @classmethod
    def named(cls, name: str, more_groups: Iterable[str] = ()) -> Self:
        """The user *name*, who is also given *more_groups*; without any right where there is no such user."""
        more = {gid for group in more_groups if (gid := _group(group)) is not None}
        try:
            user = pwd.getpwnam(name)
        except KeyError:
            return cls(name, -1, frozenset(more))
        return cls(name, user.pw_uid, frozenset({*os.getgrouplist(name, user.pw_gid), *more}))

    @property
    def exists(self) -> bool:
        """Whether the system knows this user."""
        return self.uid >= 0

    def is_in(self, group: str) -> bool:
        """Whether he is a member of *group*."""
        return _group(group) in self.gids

    def may(self, right: int, path: Path) -> bool:
        """Whether he has *right* on *path*, and may get there; raises OSError when the asking user may not look."""
        found = path.stat()
        if self.uid == 0:
            return True
        return self._has(right, found) and all(self._has(SEARCH, folder.stat()) for folder in path.parents)

    def _has(self, right: int, found: os.stat_result) -> bool:
        mode = stat.S_IMODE(found.st_mode)
        if found.st_uid == self.uid:
            mode >>= 6
        elif found.st_gid in self.gids:
            mode >>= 3
        return mode & right == right


def myself() -> Person:
    """Who asks."""
    try:
        name = pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        name = str(os.geteuid())
    return Person(name, os.geteuid(), frozenset({os.getegid(), *os.getgroups()}))


def group_name(gid: int) -> str:
    """The name of a group, or its number."""
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)


def _group(group: str) -> int | None:
    try:
        return grp.getgrnam(group).gr_gid
    except KeyError:
        return None
