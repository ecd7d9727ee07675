"""Texts and names written into SQL: the one place that quotes them.

Values from outside are bound as parameters instead. Quoting is for what SQL cannot bind: views, `attach`, `copy … to`,
names, and constants of the code.
"""

import os


def sql_text(value: str | os.PathLike[str]) -> str:
    r"""Return a text or path as a literal for DuckDB, where a backslash and a line end are ordinary characters.

    >>> sql_text("l'été")
    "'l''été'"
    >>> print(sql_text(r"a\b"))
    'a\b'
    """
    return "'" + os.fspath(value).replace("'", "''") + "'"


def sql_value(value: str | int | None) -> str:
    """Return a value as a literal for DuckDB.

    >>> sql_value("2021-02"), sql_value(499), sql_value(True), sql_value(None)
    ("'2021-02'", '499', 'true', 'null')
    """
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int) else sql_text(value)


def sql_name(name: str) -> str:
    r"""Return the name of a schema, table or column, quoted for DuckDB.

    >>> sql_name("a \"b") == "\"a \"\"b\""
    True
    """
    return '"' + name.replace('"', '""') + '"'


def spark_text(value: str | os.PathLike[str]) -> str:
    r"""Return a text or path as a literal for Spark, where a backslash begins an escape.

    >>> print(spark_text(r"l'a\b"))
    'l\'a\\b'
    """
    return "'" + os.fspath(value).replace("\\", "\\\\").replace("'", "\\'") + "'"
