# shellcheck shell=bash
# The image, its base, and their sizes.

base="$(sed -n 's/^FROM \(.*\) AS builder$/\1/p' Dockerfile)"
stand_in=port-gitops-stand-in:bookworm

# The files that a checkout has, so that nothing else of the folder matters.
copy_workspace() {
  workspace="$scratch/workspace"
  mkdir -p "$workspace"
  git ls-files -z --cached --others --exclude-standard |
    tar --create --null --files-from - --ignore-failed-read 2>/dev/null |
    tar --extract --directory "$workspace"
  # act wants to know the revision that it runs at.
  git -C "$workspace" init --quiet
  git -C "$workspace" -c user.name=test -c user.email=test@localhost \
    commit --quiet --allow-empty --message "The workspace"
}

have_base() {
  if docker image inspect "$base" >/dev/null 2>&1; then return; fi
  say "Pulling $base"
  if timeout 600 docker pull --quiet "$base" 2>/dev/null; then return; fi
  say "It cannot be pulled; an image like it stands in"
  docker image inspect "$stand_in" >/dev/null 2>&1 || make_stand_in
  # The name is lent for this run only, lest somebody take it for the real image later.
  docker tag "$stand_in" "$base"
  tags+=("$base")
}

# Debian with gcc, and with Rust where the real image has it. Its certificates are this machine's,
# so that crates arrive here through whatever they arrive through outside.
make_stand_in() {
  can_install || skip "$base cannot be pulled, and making one like it takes root and apt-get."
  command -v rustup >/dev/null || skip "$base cannot be pulled, and making one like it takes rustup."
  have_commands debootstrap
  local files="$scratch/stand-in" toolchain
  toolchain="$(sed -n 's/^channel = "\(.*\)"$/\1/p' rust-toolchain.toml)"
  say "Making it (Debian bookworm, Rust $toolchain)"
  debootstrap --variant=minbase --include=ca-certificates,gcc,libc6-dev \
    bookworm "$files" >"$scratch/debootstrap.log" 2>&1 ||
    skip "debootstrap fails: $(tail -n 1 "$scratch/debootstrap.log")"
  RUSTUP_HOME="$files/usr/local/rustup" rustup --quiet toolchain install "$toolchain" \
    --profile minimal --target "$(uname -m)-unknown-linux-musl" --no-self-update >/dev/null ||
    skip "rustup cannot install Rust $toolchain, see above."
  RUSTUP_HOME="$files/usr/local/rustup" rustup --quiet default "$toolchain" >/dev/null
  mkdir -p "$files/usr/local/cargo/bin"
  cp --no-dereference "$(dirname "$(command -v rustup)")"/{rustup,rustc,cargo} "$files/usr/local/cargo/bin/"
  cp --dereference /etc/ssl/certs/ca-certificates.crt "$files/etc/ssl/certs/"
  tar --directory "$files" --create . | docker import \
    --change 'ENV RUSTUP_HOME=/usr/local/rustup CARGO_HOME=/usr/local/cargo' \
    --change 'ENV PATH=/usr/local/cargo/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' \
    - "$stand_in" >/dev/null
  rm -rf "$files"
}

# act lets the engine pack the workspace. The builder finds its layers by all that a pack says of
# files, so with a pack of our own act would build everything again.
pack_workspace() {
  local container
  container="$(docker create --volume "$workspace:/workspace:ro" "$base" true)"
  docker cp "$container:/workspace/." -
  docker rm "$container" >/dev/null
}

build_image() {
  have_base
  say "Building $image (minutes, the first time)"
  SECONDS=0
  pack_workspace | docker build --network host --tag "$image" - >"$scratch/build.log" 2>&1 || {
    tail -n 40 "$scratch/build.log" >&2
    fail "the image does not build"
  }
  say "Built in $SECONDS s"
}

# GitHub's users build or pull the image at every run, so its size is their time.
check_size() {
  local size compressed
  size="$(docker image inspect "$image" --format '{{.Size}}')"
  compressed="$(docker save "$image" | gzip -9 | wc -c)"
  say "Image: $size bytes; docker save | gzip -9: $compressed bytes"
  ((size <= 10200000)) || fail "the image is over 10.2 MB"
  ((compressed <= 4700000)) || fail "the image is over 4.7 MB compressed"
}
