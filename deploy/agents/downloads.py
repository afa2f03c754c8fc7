"""Fetching files whose checksum is known, from their own address or a mirror."""
import hashlib
import os
import shutil
import urllib.error
import urllib.parse
import urllib.request

TIMEOUT = 20  # seconds without a byte


class Missing(Exception):
    """Why something cannot be laid out, as part of a sentence."""


class Checksums:
    """The file of checksums: name to hexadecimal SHA-256."""

    def __init__(self, path):
        self.known = {}
        if os.path.exists(path):
            with open(path) as file:
                for line in file:
                    if not line.startswith("#") and line.strip():
                        digest, name = line.split(None, 1)
                        self.known[name.strip()] = digest.lower()


class Fetcher:
    """Fetches files whose checksum is known, from the first address that has the right one."""

    def __init__(self, cache, mirror=None):
        self.cache = cache
        self.mirror = mirror
        self.unreachable = {}
        os.makedirs(cache, exist_ok=True)

    def address(self, url):
        if not self.mirror:
            return url
        parts = urllib.parse.urlsplit(url)
        base = self.mirror if "://" in self.mirror else "file://" + os.path.abspath(self.mirror)
        return f"{base.rstrip('/')}/{parts.netloc}{parts.path}"

    def get(self, urls, algorithm, digest):
        """The path of a file with that digest (bytes)."""
        path = os.path.join(self.cache, f"{algorithm}-{digest.hex()[:64]}")
        if os.path.exists(path) and self.digest_of(path, algorithm) == digest:
            return path
        failures = []
        for url in urls:
            try:
                self.download(url, path + ".new")
                found = self.digest_of(path + ".new", algorithm)
                if found == digest:
                    os.replace(path + ".new", path)
                    return path
                failures.append(f"{url}: its {algorithm} is {found.hex()} and not {digest.hex()}")
            except Missing as failure:
                failures.append(str(failure))
            finally:
                if os.path.exists(path + ".new"):
                    os.remove(path + ".new")
        raise Missing("; ".join(dict.fromkeys(failures)) or "it has no address")

    def download(self, url, path):
        address = self.address(url)
        place = urllib.parse.urlsplit(address)
        host = place.netloc or place.path
        if host in self.unreachable:
            raise Missing(self.unreachable[host])
        try:
            with urllib.request.urlopen(address, timeout=TIMEOUT) as answer, open(path, "wb") as file:
                length = answer.headers.get("Content-Length")
                shutil.copyfileobj(answer, file, 1 << 20)
                if length is not None and file.tell() != int(length):
                    raise Missing(f"{url} was cut off after {file.tell()} of {length} bytes")
        except urllib.error.HTTPError as error:
            raise Missing(f"{url} answers {error.code} {error.reason}") from error
        except (OSError, ValueError) as error:
            # what has no address or no connection will have none for the next file
            reason = getattr(error, "reason", error)
            if place.scheme != "file":
                text = self.unreachable[host] = f"{host} could not be reached ({reason})"
            else:
                text = f"{place.path} could not be read ({reason})"
            raise Missing(text) from error

    @staticmethod
    def digest_of(path, algorithm):
        with open(path, "rb") as file:
            return hashlib.file_digest(file, algorithm).digest()
