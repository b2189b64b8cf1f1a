#!/bin/sh
# SPDX-License-Identifier: AGPL-3.0-or-later
#
# Sends published recordings of this BigBlueButton machine to meetcoop, part by part; goes on where it broke off. Needs sh, tar, openssl
# and curl, which every such machine has. Settings are in /etc/meetcoop-upload.conf:
#
#   MEETCOOP_URL=https://meet.example        the platform
#   MEETCOOP_SERVER=srv_...                  this machine there: meetcoop server list
#   MEETCOOP_SECRET=...                      its secret: bbb-conf --secret. Default: read from bbb-web.properties
#   MEETCOOP_CHUNK_BYTES=67108864            of one request
#   MEETCOOP_DELETE=no                       yes: remove the files here once they are there
#
# Usage: meetcoop_upload.sh RECORD [FORMAT]       without FORMAT every published one
#        meetcoop_upload.sh --all                 every recording there is; what is there already costs one request
#
# Exit status: 0 done, 1 try again later, 2 useless to try again.
set -u
umask 077

CONF=${MEETCOOP_UPLOAD_CONF:-/etc/meetcoop-upload.conf}
[ -r "$CONF" ] && . "$CONF"
PUBLISHED=${MEETCOOP_PUBLISHED:-/var/bigbluebutton/published}
CHUNK=${MEETCOOP_CHUNK_BYTES:-67108864}
if [ -z "${MEETCOOP_SECRET:-}" ]; then
  for f in /etc/bigbluebutton/bbb-web.properties /usr/share/bbb-web/WEB-INF/classes/bigbluebutton.properties; do
    [ -r "$f" ] && MEETCOOP_SECRET=$(sed -n 's/^securitySalt=//p' "$f" | tail -n 1)
    [ -n "${MEETCOOP_SECRET:-}" ] && break
  done
fi
: "${MEETCOOP_URL:?is not set in $CONF}" "${MEETCOOP_SERVER:?is not set in $CONF}" "${MEETCOOP_SECRET:?is not set in $CONF}"
MEETCOOP_URL=${MEETCOOP_URL%/}

say() { echo "meetcoop_upload: $*" >&2; }

# request METHOD PATH DIGEST [curl arguments]: prints the answer, then the status on a line of its own.
request() {
  method=$1 path=$2 digest=$3
  shift 3
  now=$(date +%s)
  # The secret goes in by the environment of one process, never on a command line that others can read.
  signature=$(printf '%s\n%s\n%s\n%s\n' "$method" "$path" "$now" "$digest" | hmac)
  curl --silent --show-error --max-time 1800 --request "$method" --write-out '\n%{http_code}' \
    --header "X-Meetcoop-Time: $now" --header "X-Meetcoop-Digest: $digest" --header "X-Meetcoop-Signature: $signature" "$@" "$MEETCOOP_URL$path"
}

# hmac reads a text and prints its HMAC-SHA256 with the secret. openssl takes keys from its command line only, so it is
# made of two hashes (RFC 2104).
hmac() {
  key=$(printf '%s' "$MEETCOOP_SECRET" | od -An -v -tx1 | tr -d ' \n')
  if [ ${#key} -gt 128 ]; then
    key=$(printf '%s' "$MEETCOOP_SECRET" | openssl dgst -sha256 -r | cut -d ' ' -f 1)
  fi
  inner=$( { pad "$key" 54; cat; } | openssl dgst -sha256 -r | cut -d ' ' -f 1)
  { pad "$key" 92; bytes "$inner"; } | openssl dgst -sha256 -r | cut -d ' ' -f 1
}

# pad prints 64 bytes: the key in hexadecimal digits, filled up with zeros, each XOR a number.
pad() {
  rest=$1 n=0 out=
  while [ $n -lt 64 ]; do
    byte=00
    if [ -n "$rest" ]; then
      tail=${rest#??} byte=${rest%"$tail"} rest=$tail
    fi
    out=$out$(printf '\\%03o' $(( 0x$byte ^ $2 )))
    n=$((n + 1))
  done
  printf "$out"
}

# bytes prints what hexadecimal digits stand for.
bytes() {
  rest=$1 out=
  while [ -n "$rest" ]; do
    tail=${rest#??}
    out=$out$(printf '\\%03o' $(( 0x${rest%"$tail"} )))
    rest=$tail
  done
  printf "$out"
}

offset_of() { sed -n 's/.*"offset":\([0-9]*\).*/\1/p'; }

send() {
  record=$1 format=$2
  dir=$PUBLISHED/$format/$record
  [ -f "$dir/metadata.xml" ] || { say "$format of $record is not published"; return 2; }
  archive=$(mktemp "${TMPDIR:-/var/tmp}/meetcoop-XXXXXX") || return 1
  # The same files give the same archive, so that what was sent before is known again.
  if ! tar --create --file "$archive" --sort=name --owner=0 --group=0 --numeric-owner --directory "$PUBLISHED" "$format/$record"; then
    rm -f "$archive"
    return 1
  fi
  digest=$(openssl dgst -sha256 -r "$archive" | cut -d ' ' -f 1)
  size=$(wc -c <"$archive" | tr -d ' ')
  path=/bbb/-/upload/$MEETCOOP_SERVER/$record/$format
  deliver
  result=$?
  rm -f "$archive" "$archive.part"
  if [ $result -eq 0 ] && [ "${MEETCOOP_DELETE:-no}" = yes ]; then
    rm -rf "$dir"
  fi
  return $result
}

# deliver sends the archive from where it is, and gives up after ten requests in a row that brought nothing.
deliver() {
  tries=0 last=none
  answer=$(request GET "$path" "$digest") || answer='
000'
  while :; do
    status=$(printf '%s' "$answer" | tail -n 1)
    case $answer in *'"done":true'*) say "$format of $record is there"; return 0 ;; esac
    case $status in
      200 | 409) at=$(printf '%s' "$answer" | offset_of) ;;
      403) say "$format of $record: secret, server or clock is wrong"; return 2 ;;
      404 | 413 | 422) say "$format of $record is refused: $(printf '%s' "$answer" | head -n 1)"; return 2 ;;
      507) say "$format of $record: the platform does not know whose it is, and has no more room for such from here"; return 1 ;;
      *) at= ;;
    esac
    if [ -z "$at" ] || [ "$at" = "$last" ]; then
      tries=$((tries + 1))
      [ $tries -ge 10 ] && { say "$format of $record was not sent, status $status"; return 1; }
      sleep "${MEETCOOP_PAUSE:-10}"
    else
      tries=0
    fi
    if [ -z "$at" ]; then
      answer=$(request GET "$path" "$digest") || answer='
000'
      continue
    fi
    last=$at
    tail -c "+$((at + 1))" "$archive" | head -c "$CHUNK" >"$archive.part"
    length=$(wc -c <"$archive.part" | tr -d ' ')
    [ "$length" -gt 0 ] || { at=0; head -c "$CHUNK" "$archive" >"$archive.part"; length=$(wc -c <"$archive.part" | tr -d ' '); }
    answer=$(request PUT "$path" "$digest" --header 'Expect:' --header 'Content-Type: application/x-tar' \
      --header "Content-Range: bytes $at-$((at + length - 1))/$size" --data-binary "@$archive.part") || answer='
000'
  done
}

worst=0
note() { [ "$1" -gt "$worst" ] && worst=$1; return 0; }

send_all_formats() {
  for d in "$PUBLISHED"/*/"$1"; do
    [ -d "$d" ] || continue
    f=${d%/*}
    send "$1" "${f##*/}"
    note $?
  done
}

case ${1:-} in
  --all)
    for d in "$PUBLISHED"/*/*/; do
      [ -f "$d/metadata.xml" ] || continue
      d=${d%/} f=${d%/*}
      send "${d##*/}" "${f##*/}"
      note $?
    done
    ;;
  '' | -*) say "usage: $0 RECORD [FORMAT] | --all"; exit 2 ;;
  *) if [ -n "${2:-}" ]; then send "$1" "$2"; note $?; else send_all_formats "$1"; fi ;;
esac
exit $worst
