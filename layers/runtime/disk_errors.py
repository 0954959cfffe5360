"""A disk of ours that takes no more: nothing is wrong with us, and the user can mend it."""

from __future__ import annotations

import errno

from hashes.errors import LayersError


class DiskFault(LayersError):
    """What we have to keep beside the images could not be written."""


def disk_fault(error: BaseException) -> DiskFault | None:
    """The error to show in place of ``error``; None when that is no trouble of a disk."""
    if not isinstance(error, OSError):
        return None
    where = f": {error.filename}" if isinstance(error.filename, str) else ""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return DiskFault(
            f"no space left on the disk of this checkout{where}",
            hint="make room, then run again; .layers may be deleted, that costs time only",
        )
    if error.errno == errno.EROFS:
        return DiskFault(
            f"this checkout cannot be written to{where}",
            hint=".layers must be writable: it holds locks and logs while images are made",
        )
    return None
