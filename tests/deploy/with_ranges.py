"""Starts ministack, with one thing mended: GetObject with a versionId answers a Range with that range, as S3 does."""

import sys

from ministack.app import main
from ministack.services import s3

plain_get = s3._get_object


def get_object(bucket, key, headers, query_params=None):
    status, answer, body = plain_get(bucket, key, headers, query_params)
    wanted = headers.get("range", "")
    if status != 200 or not wanted or not s3._qp(query_params or {}, "versionId", ""):
        return status, answer, body
    part = s3._parse_range(wanted, len(body))
    if part is None:
        refusal = {"Content-Type": "application/xml", "Content-Range": f"bytes */{len(body)}"}
        return 416, refusal, s3._xml_body(s3._range_error_xml(bucket, key))
    first, last = part
    answer = {name: value for name, value in answer.items() if not name.lower().startswith("x-amz-checksum")}
    answer["Content-Range"] = f"bytes {first}-{last}/{len(body)}"
    answer["Content-Length"] = str(last - first + 1)
    return 206, answer, body[first:last + 1]


s3._get_object = get_object
sys.exit(main())
