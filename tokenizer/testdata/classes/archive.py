"""The archive that has the folders: folders.zip.gz. Its files are stored as they are, those of a name one after the other,
and compressed together: most of them are alike."""

import contextlib
import gzip
import io
import pathlib
import tempfile
import zipfile

ARCHIVE = pathlib.Path(__file__).parent / "folders.zip.gz"


@contextlib.contextmanager
def folders(change: bool):
    """A copy of the folders to work in. If change is set the archive is written again; the same files give the same bytes."""
    with tempfile.TemporaryDirectory() as d:
        if ARCHIVE.exists():
            with gzip.open(ARCHIVE) as f, zipfile.ZipFile(f) as z:
                z.extractall(d)
        yield d
        if change:
            data = io.BytesIO()
            with zipfile.ZipFile(data, "w") as z:
                for path in sorted(pathlib.Path(d).glob("*/*"), key=lambda p: (p.name, p.stat().st_size, p)):
                    z.writestr(zipfile.ZipInfo(path.relative_to(d).as_posix()), path.read_bytes(), zipfile.ZIP_STORED)
            ARCHIVE.write_bytes(gzip.compress(data.getvalue(), 9, mtime=0))
