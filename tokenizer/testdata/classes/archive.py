"""The archive that has the folders: folders.zip."""

import contextlib
import pathlib
import tempfile
import zipfile

ARCHIVE = pathlib.Path(__file__).parent / "folders.zip"


@contextlib.contextmanager
def folders(change: bool):
    """A copy of the folders to work in. If change is set the archive is written again; the same files give the same bytes."""
    with tempfile.TemporaryDirectory() as d:
        if ARCHIVE.exists():
            with zipfile.ZipFile(ARCHIVE) as z:
                z.extractall(d)
        yield d
        if change:
            with zipfile.ZipFile(ARCHIVE, "w") as z:
                for path in sorted(pathlib.Path(d).glob("*/*")):
                    z.writestr(zipfile.ZipInfo(path.relative_to(d).as_posix()), path.read_bytes(), zipfile.ZIP_DEFLATED, 9)
