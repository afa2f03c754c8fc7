"""Unpacking archives: only plain files, and none that would lead out of its place."""
import io
import os
import posixpath
import tarfile
import zipfile

from downloads import Missing


def inside(path):
    """A path of an archive, refused where it would lead out of it."""
    clean = posixpath.normpath(path.replace("\\", "/"))
    if clean.startswith(("/", "..")) or clean == ".." or "/../" in f"/{clean}/":
        raise Missing(f"the archive has a path that leads out of it: {path}")
    return clean


def write(path, data, mode=0o644):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(data)
    os.chmod(path, 0o755 if mode & 0o111 else 0o644)


def unzip(path, target, rename):
    try:
        with zipfile.ZipFile(path) as archive:
            for entry in archive.infolist():
                if entry.is_dir():
                    continue
                first, _, rest = inside(entry.filename).partition("/")
                name = f"{rename.get(first, first)}/{rest}" if rest else first
                write(os.path.join(target, name), archive.read(entry), entry.external_attr >> 16)
    except (zipfile.BadZipFile, EOFError) as error:
        raise Missing(f"its archive cannot be read ({error})") from error


def untar(data, target, strip=0, without=()):
    """Files of a tar archive (a path or bytes); links and devices are left out, and names that end in one of `without`."""
    try:
        source = {"fileobj": io.BytesIO(data)} if isinstance(data, bytes) else {"name": data}
        with tarfile.open(mode="r:*", **source) as archive:
            for entry in archive:
                if entry.isfile() and not entry.name.endswith(tuple(without)):
                    parts = inside(entry.name).split("/")[strip:]
                    if parts:
                        write(os.path.join(target, *parts), archive.extractfile(entry).read(), entry.mode)
    except (tarfile.TarError, EOFError, OSError) as error:
        raise Missing(f"its archive cannot be read ({error})") from error
