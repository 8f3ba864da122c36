"""The token services of AWS and Google, with the checks that they make, and whoever issues a gateway's web identity
tokens. Written from the services' documentation."""

import base64
import hashlib
import hmac
import json
import secrets
import time
import urllib.parse

SUBJECT = "system:serviceaccount:team-a:stockade-gateway"


def _encoded(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _decoded(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


class Issuer:
    """Issues web identity tokens as an API server does, and tells services what is wrong with one."""

    def __init__(self):
        self._key = secrets.token_bytes(32)
        self.tokens = []

    def _signature(self, text):
        return _encoded(hmac.new(self._key, text.encode(), hashlib.sha256).digest())

    def token(self, audience, subject=SUBJECT, seconds=3600):
        claims = {"aud": [audience], "sub": subject, "exp": int(time.time()) + seconds, "jti": secrets.token_hex(8)}
        text = ".".join(_encoded(json.dumps(part).encode()) for part in ({"alg": "HS256"}, claims))
        self.tokens.append(f"{text}.{self._signature(text)}")
        return self.tokens[-1]

    def problem(self, token, audience):
        text, _, signature = token.rpartition(".")
        if not hmac.compare_digest(self._signature(text), signature):
            return "the signature is wrong"
        claims = json.loads(_decoded(text.split(".")[1]))
        if audience not in claims["aud"]:
            return f"the token is for {claims['aud']}"
        return "the token has expired" if claims["exp"] <= time.time() else None


class TokenService:
    """What both services have in common: `requests` are the forms that came, `override` is the answer instead of the
    service's own, if it is set, and `issued` are the values that nobody else may see."""

    def __init__(self, issuer, path, lifetime=3600):
        self.issuer, self.lifetime = issuer, lifetime
        self.requests, self.issued = [], []
        self.override = None
        self._path = path

    def __call__(self, request):
        """A service as hosts.HttpsHosts takes it."""
        headers = dict(request["headers"])
        if (request["method"], request["path"]) != ("POST", self._path):
            return 404, {}, "{}"
        if headers.get("content-type") != "application/x-www-form-urlencoded":
            return 415, {}, "{}"
        form = dict(urllib.parse.parse_qsl(request["body"], strict_parsing=True))
        self.requests.append(form)
        status, answer = self.answer(form)
        if self.override:
            return self.override
        return status, {"content-type": "application/json"}, json.dumps(answer)


class AwsTokenService(TokenService):
    """AWS STS. `roles` is {ARN: the subject whom its trust policy names}."""

    def __init__(self, issuer, roles, lifetime=3600):
        super().__init__(issuer, "/", lifetime)
        self._roles = roles
        self.secrets = {}  # access key: secret
        self.sessions = {}  # access key: (session token, role, session name)

    def answer(self, form):
        if (form.get("Action"), form.get("Version")) != ("AssumeRoleWithWebIdentity", "2011-06-15"):
            return self._error(400, "InvalidAction", "no such action")
        name, role, token = form["RoleSessionName"], form["RoleArn"], form["WebIdentityToken"]
        if not 2 <= len(name) <= 64:
            return self._error(400, "ValidationError", "the session name is too long")
        if not 900 <= int(form["DurationSeconds"]) <= 3600:
            return self._error(400, "ValidationError", "the role grants an hour")
        problem = self.issuer.problem(token, "sts.amazonaws.com")
        if problem:
            return self._error(400, "InvalidIdentityToken", f"{problem}: {token}")
        claims = json.loads(_decoded(token.split(".")[1]))
        if self._roles.get(role) != claims["sub"]:
            return self._error(403, "AccessDenied", f"Not authorized to perform sts:{form['Action']}")
        # Two requests may be under way, each in a thread of its own.
        key = f"ASIA{secrets.token_hex(6).upper()}"
        secret, session = secrets.token_urlsafe(30), secrets.token_urlsafe(60)
        self.secrets[key], self.sessions[key] = secret, (session, role, name)
        self.issued += [secret, session]
        given = {"AccessKeyId": key, "SecretAccessKey": secret, "SessionToken": session,
                 "Expiration": time.time() + self.lifetime}
        result = {"AssumeRoleWithWebIdentityResult": {"Credentials": given, "Audience": "sts.amazonaws.com"}}
        return 200, {"AssumeRoleWithWebIdentityResponse": result}

    @staticmethod
    def _error(status, code, message):
        return status, {"Error": {"Type": "Sender", "Code": code, "Message": message}, "RequestId": "1"}


class GoogleTokenService(TokenService):
    """Google's Security Token Service, of one workload identity provider."""

    def __init__(self, issuer, audience, lifetime=3600):
        super().__init__(issuer, "/v1/token", lifetime)
        self._audience = audience

    def answer(self, form):
        wanted = {"grant_type": "urn:ietf:params:oauth:grant-type:token-exchange", "audience": self._audience,
                  "requested_token_type": "urn:ietf:params:oauth:token-type:access_token",
                  "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
                  "scope": "https://www.googleapis.com/auth/cloud-platform"}
        problem = self.issuer.problem(form["subject_token"], self._audience)
        if problem or {key: form.get(key) for key in wanted} != wanted:
            return 400, {"error": "invalid_grant", "error_description": f"{problem}: {form['subject_token']}"}
        self.issued.append(f"ya29.{secrets.token_urlsafe(40)}")
        return 200, {"access_token": self.issued[-1], "token_type": "Bearer", "expires_in": self.lifetime,
                     "issued_token_type": "urn:ietf:params:oauth:token-type:access_token"}
