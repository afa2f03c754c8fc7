"""Tests of what is left of queries without their values."""
import unittest

from odigos_queries import without_values

CASES = [
    (None, "select * from a where b = 'x' and c = 5", "select * from a where b = ? and c = ?"),
    (None, "insert into a values ('it''s', -1.5e3, 0xFF, null)", "insert into a values (?, ?, ?, null)"),
    (None, 'select "name1", t1.c2 from "orders" where d = :1 and e = ?', 'select "name1", t1.c2 from "orders" where d = :1 and e = ?'),
    (None, "select 'the end is miss", "select ?"),
    ("sqlite", "select * from a where b = 'C:\\' and c = 'secret'", "select * from a where b = ? and c = ?"),
    ("postgresql", "select * from a where b = 'C:\\' and c = 'secret' and d = $1", "select * from a where b = ? and c = ? and d = $1"),
    ("postgresql", "select E'it\\'s secret', 'too'", "select ?, ?"),
    ("postgresql", "select $$it's secret$$, $body$too $$ and '$body$, 'b'", "select ?, ?, ?"),
    ("postgresql", "select $$the end is missing", "select ?"),
    ("postgresql", 'select "Name" from "T2"', 'select "Name" from "T2"'),
    ("mysql", "select * from a where b = 'it\\'s' and c = 'secret'", "select * from a where b = ? and c = ?"),
    ("mysql", 'select * from `a1` where b = "it\\"s secret" and c = "x""y"', "select * from `a1` where b = ? and c = ?"),
]


class QueryTests(unittest.TestCase):
    def test_values_are_taken_out(self):
        for system, text, left in CASES:
            with self.subTest(text, system=system):
                self.assertEqual(without_values(text, system), left)
