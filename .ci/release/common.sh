# shellcheck shell=bash
# What the scripts of a release share.

say() { printf -- '--- %s\n' "$*" >&2; }

fail() {
  printf 'error: %s\n' "$*" >&2
  exit 1
}

# The version that the manifest says.
manifest_version() { sed -n '/^\[workspace.package\]/,/^\[/s/^version = "\(.*\)"$/\1/p' Cargo.toml; }

# The tag that follows the newest release of a major version: `1.4.2` is what `v1` means.
major_tag() { printf 'v%s\n' "${1%%.*}"; }
