"""Tests of what is told of bodies."""
import encodings
import unittest

from odigos_payloads import CHARSETS, Body, Side


def told(data, charset):
    body = Body(Side({}), f"text/plain; charset={charset}", None, None)
    body.add(data)
    return body.text()


class BodyTests(unittest.TestCase):
    def test_bodies_are_read_by_their_charset(self):
        for charset in sorted(CHARSETS):
            with self.subTest(charset):
                self.assertEqual(told("price".encode(charset), charset), "price")
        for data, charset, text in ((b"\xe9", "ISO-8859-1", "\xe9"), (b"\x80", '"windows-1252"', "\u20ac"),
                                    ("\xe9".encode(), "", "\xe9"), (b"\xe9 ", "UTF-8", "\ufffd ")):
            with self.subTest(charset):
                self.assertEqual(told(data, charset), text)

    def test_names_that_nobody_knows_are_not_kept(self):
        told(b"price", "utf-8")
        known = set(encodings._cache)
        for name in ("punycode", "idna", "rot13", "zlib", "unicode_escape", *(f"x-{number}" for number in range(100))):
            self.assertEqual(told(b"price", name), "price")
        self.assertEqual(set(encodings._cache), known)


if __name__ == "__main__":
    unittest.main()
