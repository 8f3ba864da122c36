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
