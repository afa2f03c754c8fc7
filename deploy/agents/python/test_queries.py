"""Tests of what is left of queries without their values."""
import itertools
import random
import unittest

from odigos_queries import MOST, READINGS, without_values

CASES = [
    (None, "select * from a where b = 'x' and c = 5", "select * from a where b = ? and c = ?"),
    (None, "insert into a values ('it''s', -1.5e3, 0xFF, .5, null)", "insert into a values (?, ?, ?, ?, null)"),
    (None, "select t1.c2 from `orders` as [the orders] where d = :1 and e = ?",
     "select t1.c2 from `orders` as [the orders] where d = :? and e = ?"),
    (None, "select the_end /* isn't */ is -- 'missing\n, 'too", "select the_end   is \n, ?"),
    (None, "select * from a where b = 'O\\'Brien' and c = 'secret'", "select * from a where b = ?"),
    ("bigquery", 'select * from a where b = "secret" and c = 5', "select * from a where b = ? and c = ?"),
    ("bigquery", "select * from a where b = '''it's secret'''", "select * from a where b = ?"),
    ("bigquery", "select ['a', 'b'], [1, 2] # don't", "select ?, ? ?"),
    ("snowflake", "select $$it's secret$$", "select ?"),
    ("snowflake", "select 1 // don't\nwhere b = 'secret'", "select ? ?"),
    ("elasticsearch", '{"query": {"name": "secret", "age":5}}', "{?: {?: ?, ?:?}}"),
    ("sqlite", "select * from a where b = 'C:\\' and c = 'secret'", "select * from a where b = ? and c = ?"),
    ("sqlite", "select \"a\".\"b\", a1.\"c\" from \"a\" as \"d\" where e = \"secret\"",
     'select "a"."b", a1."c" from "a" as "d" where e = ?'),
    ("sqlite", "select [it's], `it's` where a = 'b' and c = ?1 and d = :d2", "select [it's], `it's` where a = ? and c = ?1 and d = :d2"),
    ("postgresql", "select * from a where b = 'C:\\Users' and c = 'secret' and d = $1", "select * from a where b = ? and c = ? and d = $1"),
    ("postgresql", "select * from a where b = 'C:\\' and c = 'secret'", "select * from a where b = ?"),
    ("postgresql", "select * from a -- don't cache\nwhere b = 'secret' and c = '1234'", "select * from a \nwhere b = ? and c = ?"),
    ("postgresql", "select /* don't /* 'nest' */ it's */ 'secret', 'b'", "select   ?, ?"),
    ("postgresql", "select \"o'clock\" from a where b = 'secret'", "select \"o'clock\" from a where b = ?"),
    ("postgresql", "select E'it\\'s secret', 'too'", "select ?, ?"),
    ("postgresql", "select $$it's secret$$, $body$too $$ and '$body$, 'b'", "select ?, ?, ?"),
    ("postgresql", "select $$the end is missing", "select ?"),
    ("postgresql", 'select "Name" from "T2" where a #> \'{b}\' is null', 'select "Name" from "T2" where a #> ? is null'),
    ("mysql", "select * from a where b = 'it''s\\n' and c = 'secret'", "select * from a where b = ? and c = ?"),
    ("mysql", "select * from a where b = 'it\\'s' and c = 'secret'", "select * from a where b = ?"),
    ("mysql", "select * from `a1` where b = \"it's secret\" and c = \"x\"\"y\"", "select * from `a1` where b = ? and c = ?"),
    ("mysql", "select `o'clock` # don't\nfrom a where b = 'secret' and c = 5--3", "select `o'clock` \nfrom a where b = ? and c = ?-?"),
    ("mysql", "select /*!40001 sql_no_cache */ a /*! '*/', 'secret' */", "select   a ?"),
    ("mssql", "select [o'clock], \"a\".\"b\" from #c1 where d = N'secret' and e = \"secret\" and f = $5.20 and g = @1",
     "select [o'clock], \"a\".\"b\" from #c1 where d = N? and e = ? and f = $? and g = @1"),
    ("oracle", "select q'[it's secret]', nq'!it's!', \"o'clock\" from a where b = 'secret' and c = :1",
     "select ?, ?, \"o'clock\" from a where b = ? and c = :1"),
]
PIECES = ("'", "'", "''", '"', '"', '""', "`", "[", "]", "\\", "\\", "--", "-- ", "#", "//", "/*", "*/", "/*!", "\n", "\r", "$$", "$t$",
          " E'", " q'[", "]'", "'''", '"""', " = ", ", ", " ")


def values(text, backslash=False, double="name", backtick=False, brackets="", dashes="always", hashes=False,
           slashes=False, nested=False, dollars=False, e=False, q=False, triple=False, carried_out=False, cr=False):
    """Where the values are, and what is commented out, in one reading of a text: [(from, to)]. Slow and simple."""
    at, found = 0, []

    def end_of_text(begin, quote, escapes, doubles):
        at = begin
        while at < len(text) and not text.startswith(quote, at):
            at += 2 if escapes and text[at] == "\\" else 1
        if doubles and text.startswith(quote * 2, at):
            return end_of_text(at + 2, quote, escapes, doubles)
        return at + len(quote)

    def end_of_comment(begin):
        depth, at = 1, begin
        while at < len(text):
            if text.startswith("*/", at):
                depth -= 1
                at += 2
                if depth == 0:
                    return at
            elif nested and text.startswith("/*", at):
                depth += 1
                at += 2
            else:
                at += 1
        return at

    while at < len(text):
        here = text[at]
        begins_word = at == 0 or not (text[at - 1].isalnum() or text[at - 1] in "_$")
        begin = at
        if triple and here in "'\"" and text.startswith(here * 3, at):
            at = end_of_text(at + 3, here * 3, True, False)
        elif here == "'":
            at = end_of_text(at + 1, "'", backslash, not triple)
        elif here == '"' and double == "text":
            at = end_of_text(at + 1, '"', backslash, not triple)
        elif here == '"' or here == "`" and backtick:
            at = end_of_text(at + 1, here, False, True)
            continue
        elif here == "[" and brackets:
            at = end_of_text(at + 1, "]", False, brackets == "doubled")
            continue
        elif e and begins_word and text.startswith("E'", at):
            at = end_of_text(at + 2, "'", True, True)
        elif q and begins_word and text.startswith("q'[", at):
            at = end_of_text(at + 3, "]'", False, False)
        elif dollars and begins_word and text.startswith(("$$", "$t$"), at):
            quote = "$$" if text.startswith("$$", at) else "$t$"
            at = end_of_text(at + len(quote), quote, False, False)
        elif text.startswith("/*", at) and not (carried_out and text.startswith("/*!", at)):
            at = end_of_comment(at + 2)
        elif (text.startswith("--", at) and (dashes == "always" or not text[at + 2:at + 3].strip())
              or hashes and here == "#" or slashes and text.startswith("//", at)):
            ends = [text.find(end, at) for end in ("\n\r" if cr else "\n")]
            at = min([end for end in ends if end >= 0], default=len(text))
        else:
            at += 1
            continue
        found.append((begin, at))
    return found


def every(**choices):
    return [dict(zip(choices, chosen)) for chosen in itertools.product(*choices.values())]


BOTH = (False, True)
# The readings of each database by its settings; an unknown one can be any of them, or of others.
READ = {
    "mysql": every(backslash=BOTH, double=("text", "name"), carried_out=BOTH, backtick=[True], dashes=["spaced"], hashes=[True]),
    "postgresql": every(backslash=BOTH, e=[True], dollars=[True], nested=[True], cr=[True]),
    "sqlite": every(double=("text", "name"), backtick=[True], brackets=["plain"]),
    "mssql": every(double=("text", "name"), brackets=["doubled"], nested=[True], cr=BOTH),
    "oracle": every(q=[True]),
}
READ[None] = [reading for readings in READ.values() for reading in readings] + [
    dict(backslash=True, double="text", triple=True, backtick=True, hashes=True),  # BigQuery
    dict(backslash=True, dollars=True, slashes=True),  # Snowflake
    dict(backslash=True, double="text", backtick=True),  # Spark
    dict(backslash=True, backtick=True, hashes=True),  # ClickHouse
]


class QueryTests(unittest.TestCase):
    def test_values_are_taken_out(self):
        for system, text, left in CASES:
            with self.subTest(text, system=system):
                self.assertEqual(without_values(text, system), left)

    def test_what_is_a_value_in_any_reading_is_not_left(self):
        chance = random.Random(20)
        for system, readings in READ.items():
            left = 0
            for _ in range(4000):
                words = [f"w{number}w" for number in range(chance.randint(1, 12))]
                text = "".join(chance.choice(PIECES) * chance.randint(0, 1) + " " * chance.randint(0, 1) + word
                               + chance.choice(PIECES) for word in words)
                shown = without_values(text, system)
                hidden = [span for reading in readings for span in values(text, **reading)]
                for word in words:
                    at = text.index(word)
                    if any(begin <= at < end for begin, end in hidden):
                        self.assertNotIn(word, shown, (system, text, shown))
                    left += word in shown
            self.assertGreater(left, 1000, "else it would leave nothing")

    def test_a_long_query_is_read_in_one_go(self):
        for system, piece in itertools.product((None, *READINGS), ("'", '"', "/*", "/* /* */", "$a$", "[", "a.", "-- \r", "''", "\\'", "x ")):
            self.assertIsNotNone(without_values("'a' " + piece * (MOST // len(piece)), system))


if __name__ == "__main__":
    unittest.main()
