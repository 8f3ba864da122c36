# shellcheck shell=bash
# A Debian 12 of the least size, made by debootstrap from this machine's sources of it. $BASES is where it is kept.

readonly BASES="$CACHE_DIR/images"

# debian_sources FORMAT: this machine's sources of Debian 12, one to a line.
debian_sources() {
  apt-get indextargets --format "$1" 'Created-By: Packages' 'Component: main' |
    grep -E '(^| )bookworm(-updates|-security)?( |$)' | sort -u
}

# make_base FILE: a Debian 12 of the least size with this machine's sources of it, security updates included.
make_base() {
  local root="$1.root" mirror
  rm -rf "$root"
  # shellcheck disable=SC2016  # apt-get expands it, not the shell
  mirror="$(debian_sources '$(CODENAME) $(REPO_URI)' | awk '$1 == "bookworm" {print $2; exit}')"
  [[ -n $mirror ]] || die "no Debian 12 archive among this machine's apt sources"
  run_logged "Making a Debian 12" "$CACHE_DIR/logs/debootstrap.log" \
    debootstrap --variant=minbase --include=ca-certificates bookworm "$root" "$mirror"
  # shellcheck disable=SC2016
  debian_sources 'deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $(REPO_URI) $(CODENAME) main' \
    >"$root/etc/apt/sources.list"
  rm -rf "$root"/var/cache/apt/archives/*.deb "$root"/var/lib/apt/lists/*
  tar -C "$root" -cf "$1.new" .
  mv "$1.new" "$1"
  rm -rf "$root"
}

# debian_base: prints the path of the archive, and makes it first where it is missing.
debian_base() {
  local archive="$BASES/bookworm.tar"
  mkdir -p "$BASES"
  [[ -e $archive ]] || make_base "$archive"
  echo "$archive"
}

# add_packages FILE PACKAGE...: a Debian of debian_base with these packages of the same sources.
add_packages() {
  local root="$1.root" file="$1" base
  shift
  base="$(debian_base)"
  rm -rf "$root"
  mkdir "$root"
  tar -C "$root" -xf "$base"
  cp /etc/resolv.conf "$root/etc/resolv.conf"
  # No program of a package starts here.
  printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
  chmod 755 "$root/usr/sbin/policy-rc.d"
  # shellcheck disable=SC2016  # it is the inner shell that expands it
  run_logged "Making a Debian 12 with $*" "$CACHE_DIR/logs/add-packages.log" \
    chroot "$root" env DEBIAN_FRONTEND=noninteractive bash -c \
    'apt-get -q update && apt-get -q install -y --no-install-recommends "$@"' bash "$@"
  rm -rf "$root"/var/cache/apt/archives/*.deb "$root"/var/lib/apt/lists/* "$root/usr/sbin/policy-rc.d"
  rm -rf "$root"/usr/share/doc/*
  : >"$root/etc/resolv.conf"
  tar -C "$root" -cf "$file.new" .
  mv "$file.new" "$file"
  rm -rf "$root"
}

# debian_with PACKAGE...: prints the path of the archive of a Debian with these packages, and makes it where it is
# missing.
debian_with() {
  local archive
  archive="$BASES/bookworm-$(sha256sum <<<"$*" | cut -c 1-12).tar"
  mkdir -p "$BASES"
  [[ -e $archive ]] || add_packages "$archive" "$@"
  echo "$archive"
}
