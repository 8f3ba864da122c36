# shellcheck shell=bash
# Certificates for local use, with the openssl command: ECDSA P-256 throughout.

# pki_request OUT SUBJECT DAYS EXTENSION... [-- OPENSSL_OPTION...]: makes OUT.key and OUT.crt.
pki_request() {
  local out="$1" subject="$2" days="$3" options=() extension
  shift 3
  while (($# > 0)) && [[ $1 != -- ]]; do
    extension="$1"
    options+=(-addext "$extension")
    shift
  done
  (($# > 0)) && shift
  # The configuration is given here so that nothing of this machine's openssl.cnf finds its way in.
  (
    umask 077
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -sha256 -nodes -batch -days "$days" \
      -config <(printf '[req]\ndistinguished_name=dn\nstring_mask=utf8only\n[dn]\n') \
      -subj "$subject" "${options[@]}" "$@" -keyout "$out.key" -out "$out.crt" 2>"$out.log"
  ) || {
    cat "$out.log" >&2
    return 1
  }
  rm -f "$out.log"
}

# pki_authority OUT NAME
pki_authority() {
  pki_request "$1" "/CN=$2" 3650 basicConstraints=critical,CA:TRUE \
    keyUsage=critical,digitalSignature,keyCertSign,cRLSign subjectKeyIdentifier=hash
}

# pki_key OUT: a key pair on its own, in OUT.key and OUT.pub.
pki_key() {
  (umask 077 && openssl genpkey -quiet -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1.key")
  openssl pkey -in "$1.key" -pubout -out "$1.pub"
}

# pki_server AUTHORITY OUT NAME...: a serving certificate for host names and IP addresses.
pki_server() {
  local authority="$1" out="$2" names='' name
  shift 2
  for name in "$@"; do
    if [[ $name =~ ^[0-9.]+$ || $name == *:* ]]; then
      names+=",IP:$name"
    else
      names+=",DNS:$name"
    fi
  done
  pki_request "$out" "/CN=$(pki_escape "$1")" 365 "subjectAltName=${names#,}" basicConstraints=critical,CA:FALSE \
    keyUsage=critical,digitalSignature extendedKeyUsage=serverAuth \
    -- -CA "$authority.crt" -CAkey "$authority.key"
}

# pki_client AUTHORITY OUT USER GROUP...: a client certificate as the API server reads it.
pki_client() {
  local authority="$1" out="$2" subject group
  subject="/CN=$(pki_escape "$3")"
  shift 3
  for group in "$@"; do
    subject="/O=$(pki_escape "$group")$subject"
  done
  pki_request "$out" "$subject" 365 basicConstraints=critical,CA:FALSE keyUsage=critical,digitalSignature \
    extendedKeyUsage=clientAuth -- -CA "$authority.crt" -CAkey "$authority.key"
}

# pki_escape VALUE: for a part of an openssl -subj.
pki_escape() {
  local value="${1//\\/\\\\}"
  value="${value//\//\\/}"
  echo "${value//+/\\+}"
}
