#!/bin/sh
# Verify a release without the project that made it: sh verify_release.sh <folder> <certificate.pem>
#
# The list of checksums is signed with the certificate's key, every file has its checksum, none is missing, and none
# lies there that is not on the list. Exit status: 0 verified, 1 not, 2 could not be tried.
#
# Get this script and the certificate from the publisher, by another way than the release: whoever can change the one
# can change the other. Needs openssl 3 and sha256sum (or shasum).

set -eu
LC_ALL=C
export LC_ALL

LIST=SHA256SUMS
SIGNATURE=SHA256SUMS.sig

fail() {
    printf 'verify_release: %s; %s\n' "$1" "$2" >&2
    exit "${3:-1}"
}

[ $# -eq 2 ] || fail "found $# arguments" "write: sh verify_release.sh <folder> <certificate.pem>" 2
folder=$1
certificate=$2
[ -d "$folder" ] || fail "$folder: no such folder" "name the release's folder" 2
[ -r "$certificate" ] || fail "$certificate: cannot be read" "name the publisher's certificate" 2
openssl pkeyutl -help 2>&1 | grep -q -e -rawin || fail "no openssl with pkeyutl -rawin" "install OpenSSL 3" 2
openssl x509 -in "$certificate" -noout 2>/dev/null || fail "$certificate: no certificate in PEM" "get it again" 2
if command -v sha256sum >/dev/null; then check="sha256sum"; else check="shasum -a 256"; fi
$check </dev/null >/dev/null 2>&1 || fail "no sha256sum and no shasum" "install one" 2

again="do not use the release, and ask the publisher"
for file in "$LIST" "$SIGNATURE"; do
    [ -f "$folder/$file" ] || fail "$file: missing, so the release is not signed" "$again"
done

# copies, so that the list that is used is the list that was verified
copies=$(mktemp -d)
trap 'rm -rf "$copies"' EXIT
cp "$folder/$LIST" "$folder/$SIGNATURE" "$copies/"

openssl pkeyutl -verify -certin -inkey "$certificate" -rawin -in "$copies/$LIST" -sigfile "$copies/$SIGNATURE" \
    >/dev/null 2>&1 || fail "$LIST: not signed with the key of this certificate, or changed" "$again"

if grep -qvE '^[0-9a-f]{64}  [A-Za-z0-9_][A-Za-z0-9_.-]*(/[A-Za-z0-9_][A-Za-z0-9_.-]*)*$' "$copies/$LIST"; then
    fail "$LIST: lines of another form" "$again"
fi
strange=$(cd "$folder" && find . ! -type d ! -type f | head -n 1)
[ -z "$strange" ] || fail "$strange: a link or a device, not a file" "$again"

{
    cut -c 67- "$copies/$LIST"
    printf '%s\n' "$LIST" "$SIGNATURE"
} | sort >"$copies/declared"
(cd "$folder" && find . -type f) | sed 's|^\./||' | sort >"$copies/there"
undeclared=$(comm -13 "$copies/declared" "$copies/there" | head -n 1)
[ -z "$undeclared" ] || fail "$undeclared: not on the list" "$again"
missing=$(comm -23 "$copies/declared" "$copies/there" | head -n 1)
[ -z "$missing" ] || fail "$missing: on the list, but missing" "$again"

changed=$(cd "$folder" && $check -c "$copies/$LIST" 2>/dev/null | grep -v ': OK$' | head -n 1) || true
[ -z "$changed" ] || fail "$changed" "$again"

number=$(wc -l <"$copies/$LIST")
print=$(openssl x509 -in "$certificate" -noout -fingerprint -sha256 | cut -d = -f 2)
echo "verified: $((number)) files, none undeclared, signed with the key of the certificate $print"
