"""Checks signatures of AWS requests as a service would: AWS Signature Version 4, from its documentation."""

import hashlib
import hmac
import re
import urllib.parse

_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d{8})/([^/]+)/([^/]+)/aws4_request, ?"
    r"SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})$")


def _sign(key, text):
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def _quote(text):
    return urllib.parse.quote(text, safe="-_.~")


def problem(request, secrets, region, service):
    """What is wrong with the signature of a request as hosts.HttpsHosts keeps it, or None. `secrets` is
    {access key: secret}."""
    headers = {}
    for key, value in request["headers"]:
        if key in headers:
            return f"two headers {key}"
        headers[key] = value
    found = _AUTHORIZATION.match(headers.get("authorization", ""))
    if not found:
        return f"no signature in {headers.get('authorization')!r}"
    access_key, date, signed_region, signed_service, names, signature = found.groups()
    if access_key not in secrets:
        return f"no such key {access_key}"
    if (signed_region, signed_service) != (region, service):
        return f"signed for {signed_region}/{signed_service}"
    names = names.split(";")
    for needed in ("host", "x-amz-date"):
        if needed not in names:
            return f"{needed} is not signed"
    digest = hashlib.sha256(request["body"].encode()).hexdigest()
    if headers.get("x-amz-content-sha256", digest) != digest:
        return "x-amz-content-sha256 is of another body"
    path, _, query = request["path"].partition("?")
    # Every service but S3 takes the path as it was sent, encoded once more.
    canonical_path = "/".join(_quote(part) for part in path.split("/"))
    parameters = sorted(urllib.parse.parse_qsl(query, keep_blank_values=True))
    canonical = "\n".join([
        request["method"], canonical_path, "&".join(f"{_quote(key)}={_quote(value)}" for key, value in parameters),
        *(f"{name}:{' '.join(headers[name].split())}" for name in names), "", ";".join(names), digest])
    scope = f"{date}/{region}/{service}/aws4_request"
    text = "\n".join(["AWS4-HMAC-SHA256", headers["x-amz-date"], scope, hashlib.sha256(canonical.encode()).hexdigest()])
    key = f"AWS4{secrets[access_key]}".encode()
    for part in (date, region, service, "aws4_request"):
        key = _sign(key, part)
    if not hmac.compare_digest(_sign(key, text).hex(), signature):
        return f"the signature is not of\n{canonical}"
    return None
