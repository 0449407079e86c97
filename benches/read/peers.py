"""The peers of the reading benchmark: one job a process, its findings as JSON on the last line."""

import json
import sys


def duckdb_connection():
    import duckdb

    connection = duckdb.connect()
    connection.execute("SET threads = 1")
    return connection


def duckdb_csv(path):
    query = (
        "SELECT count(DISTINCT TRY_CAST(contactid AS UUID)), count(*) "
        f"FROM read_csv('{path}', all_varchar = true, header = true, quote = '\"', escape = '\"')"
    )
    return duckdb_connection().execute(query).fetchone()[0]


def duckdb_parquet(path):
    query = f"SELECT count(DISTINCT TRY_CAST(contactid AS UUID)), count(*) FROM read_parquet('{path}')"
    return duckdb_connection().execute(query).fetchone()[0]


def polars_csv(path):
    import polars

    ids = polars.scan_csv(path, infer_schema=False).select(
        polars.col("contactid").str.strip_chars("{} ").str.replace_all("-", "", literal=True).str.to_lowercase()
    )
    valid = ids.filter(polars.col("contactid").str.len_bytes() == 32)
    return valid.select(polars.col("contactid").n_unique()).collect().item()


def python_csv(path):
    import csv
    import uuid

    ids = set()
    with open(path, newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            try:
                ids.add(uuid.UUID(row["contactid"]))
            except ValueError:
                pass
    return len(ids)


def make(csv, folder):
    """Writes the CSV's rows as Parquet, once with ids as text, once as 16 bytes; Snappy, as most warehouses do."""
    import pyarrow
    import pyarrow.parquet

    source = f"read_csv('{csv}', all_varchar = true, header = true, quote = '\"', escape = '\"')"
    connection = duckdb_connection()
    # By way of a table: a cast right above read_csv is pushed into the reader, which then fails on the invalid ids.
    connection.execute(f"CREATE TEMP TABLE result AS SELECT * FROM {source}")
    connection.execute(f"COPY result TO '{folder}/text.parquet' (FORMAT parquet)")
    connection.execute(
        "COPY (SELECT * REPLACE (TRY_CAST(contactid AS UUID) AS contactid) FROM result) "
        f"TO '{folder}/part' (FORMAT parquet)"
    )
    column = pyarrow.parquet.ParquetFile(f"{folder}/part").schema.column(2)
    assert (column.physical_type, column.length) == ("FIXED_LEN_BYTE_ARRAY", 16), column
    import os

    os.rename(f"{folder}/part", f"{folder}/binary.parquet")
    return 0


JOBS = {
    "duckdb-csv": duckdb_csv,
    "duckdb-parquet": duckdb_parquet,
    "polars-csv": polars_csv,
    "python-csv": python_csv,
    "make": make,
}

def peak_kib():
    """The largest resident size; not getrusage's, which begins with that of the process that started this one."""
    with open("/proc/self/status", encoding="ascii") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))


if __name__ == "__main__":
    distinct = JOBS[sys.argv[1]](*sys.argv[2:])
    print(json.dumps({"distinct": distinct, "peak_kib": peak_kib()}))
