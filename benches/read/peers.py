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


def duckdb_parquet_text(path):
    query = f"SELECT count(DISTINCT TRY_CAST(contactid AS UUID)), count(*) FROM read_parquet('{path}')"
    return duckdb_connection().execute(query).fetchone()[0]


def duckdb_parquet_bytes(path):
    query = f"SELECT count(DISTINCT contactid), count(*) FROM read_parquet('{path}')"
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
    """Writes the CSV's rows as Parquet, once with ids as text, once as UUIDs of 16 bytes: Snappy, pages of 1 MiB, and no
    dictionary where all values differ, as Spark, Athena and Snowflake do."""
    import os
    import uuid

    import pyarrow
    import pyarrow.csv
    import pyarrow.parquet

    def as_bytes(text):
        try:
            return uuid.UUID(text).bytes if text else None
        except ValueError:
            return None

    with open(csv, encoding="utf-8") as file:
        names = file.readline().strip().split(",")
    result = pyarrow.csv.read_csv(
        csv,
        parse_options=pyarrow.csv.ParseOptions(newlines_in_values=True),
        convert_options=pyarrow.csv.ConvertOptions(
            column_types={name: pyarrow.string() for name in names}, strings_can_be_null=True
        ),
    )
    options = {"compression": "snappy", "use_dictionary": [name for name in names if name != "contactid"]}
    pyarrow.parquet.write_table(result, f"{folder}/text.parquet", **options)
    place = names.index("contactid")
    ids = pyarrow.array((as_bytes(text) for text in result["contactid"].to_pylist()), pyarrow.uuid())
    result = result.set_column(place, "contactid", ids)
    pyarrow.parquet.write_table(result, f"{folder}/part", **options)
    os.rename(f"{folder}/part", f"{folder}/binary.parquet")
    return 0


JOBS = {
    "duckdb-csv": duckdb_csv,
    "duckdb-parquet-text": duckdb_parquet_text,
    "duckdb-parquet-bytes": duckdb_parquet_bytes,
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
