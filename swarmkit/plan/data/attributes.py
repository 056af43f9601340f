"""What a volume's copy keeps beside its files' content, owners and modes, by the tars of its hosts."""

from __future__ import annotations

NOT_KEPT = "its tar keeps no ACLs and extended attributes"
"""What a script says on stderr of a host whose tar is not GNU's; busybox's, for one."""
# A program's capabilities are such an attribute. Without an --xattrs-include all but user.* would be left out.
KEEPING = f"""
set -f
keep='-S --acls --xattrs --xattrs-include=*'
tar $keep --version </dev/null >/dev/null 2>&1 || {{ keep=''; echo '{NOT_KEPT}' >&2; }}
"""
"""Begins a script: $keep are options of tar for both ways."""


def not_kept(said: str) -> str:
    """Return what a step's note says of a host that *said* so, after what it says else."""
    return f"; {NOT_KEPT}" if NOT_KEPT in said else ""
