# shellcheck shell=bash
# What must hold of the container.

mkdir -p "$scratch/file_commands" "$scratch/plain"

# Starts the image with what GitHub's runner gives to a step; $step is the container.
start_step() {
  : >"$scratch/file_commands/output"
  step="$(docker run --detach --workdir /github/workspace \
    --env "INPUT_CLIENT-ID=$(world .port.clientId)" \
    --env "INPUT_CLIENT-SECRET=$(world .port.clientSecret)" \
    --env "INPUT_BASE-URL=$(world .port.url)" \
    --env "INPUT_GITHUB-TOKEN=$(world .github.token)" \
    --env "INPUT_REPORT-FILE=report.json" \
    --env "GITHUB_API_URL=$(world .github.url)" \
    --env "GITHUB_REPOSITORY=$(world .github.repository)" \
    --env GITHUB_EVENT_NAME=push \
    --env GITHUB_EVENT_PATH=/github/workflow/event.json \
    --env GITHUB_OUTPUT=/github/file_commands/output \
    --env GITHUB_WORKSPACE=/github/workspace \
    --volume "$(world .event):/github/workflow/event.json:ro" \
    --volume "$scratch/file_commands:/github/file_commands" \
    --volume "$scratch/plain:/github/workspace" \
    "$image")"
  containers+=("$step")
}

# What the kernel sees of starts and of what is sent, where perf may ask it: `watch_kernel begin|end`.
watch_kernel() {
  local data="$scratch/perf.data"
  case "$1" in
    begin)
      perf record --quiet --all-cpus --output "$data" --event sched:sched_process_exec \
        --event syscalls:sys_enter_writev --event syscalls:sys_enter_sendto >/dev/null 2>&1 &
      watcher=$!
      # It is ready when it has begun to write.
      for _ in {1..30}; do
        [[ ! -s "$data" ]] || return 0
        kill -0 "$watcher" 2>/dev/null || break
        sleep 0.1
      done
      watcher=
      ;;
    end)
      [[ -n "$watcher" ]] || return 0
      kill -INT "$watcher"
      wait "$watcher" || true
      say "From the program's start in its container to what it sends first: $(
        perf script --input "$data" --fields comm,pid,time,event,trace 2>/dev/null | awk '
          { sub(":", "", $3) }
          /filename=\/port-gitops / { started[$2] = $3 }
          $1 == "port-gitops" && /sys_enter/ && $2 in started {
            printf "%.1f ", ($3 - started[$2]) * 1000
            delete started[$2]
          }'
      )ms"
      ;;
  esac
}

check_first_request() {
  local since_run=() since_start=() asked started first watcher=
  watch_kernel begin
  for _ in {1..5}; do
    control DELETE github/requests
    asked="$(date +%s%3N)"
    start_step
    [[ "$(docker wait "$step")" == 0 ]] || fail "$(docker logs "$step")"
    started="$(date --date "$(docker inspect "$step" --format '{{.State.StartedAt}}')" +%s%3N)"
    first="$(control GET github/requests | jq '[.[].at] | min')"
    since_run+=("$((first - asked))")
    since_start+=("$((first - started))")
  done
  watch_kernel end
  say "To the first request from docker run: ${since_run[*]} ms"
  # The engine notes the start a few milliseconds late, so this can be below zero.
  say "To the first request from the container's StartedAt: ${since_start[*]} ms"
  has_entity microservice notification-microservice || fail "the entity did not arrive"
}

# Runs the workflow on the push before now, in the background: $workflow is its process, $log its log.
start_workflow() {
  log="$scratch/act.log"
  env --chdir "$workspace" "$act" push \
    --workflows "$here/workflow.yml" --eventpath "$(world .event)" --bind --rm \
    --platform "ubuntu-latest=$base" --pull=false \
    --env "GITHUB_REPOSITORY=$(world .github.repository)" \
    --secret "GITHUB_TOKEN=$(world .github.token)" \
    --secret "PORT_CLIENT_ID=$(world .port.clientId)" \
    --secret "PORT_CLIENT_SECRET=$(world .port.clientSecret)" \
    --var "PORT_URL=$(world .port.url)" --var "GITHUB_URL=$(world .github.url)" \
    >"$log" 2>&1 &
  workflow=$!
}

workflow_succeeds() { wait "$workflow"; }

# The log of act must hold a text.
expect_log() {
  grep --quiet --fixed-strings -- "$1" "$log" || {
    cat "$log" >&2
    fail "act's log does not say: $1"
  }
}

# The report in the workspace must fit a filter of jq: `expect_report FILE FILTER`
expect_report() {
  jq -e "$2" "$1" >/dev/null || fail "the report is not so: $2: $(cat "$1")"
}

check_push() {
  say "A workflow's step on a push"
  push shop/port.yml $'identifier: shop\nblueprint: microservice\ntitle: Shop\n'
  start_workflow
  workflow_succeeds || { cat "$log" >&2; fail "the workflow fails"; }
  has_entity microservice shop || fail "the entity did not arrive"
  expect_log "next step sees step=success outcome=success created=1 invalid=0 report=v1"
  expect_log "Summary - ## Port catalog: 1 created"
  expect_report "$workspace/out/report.json" '.outcome == "success" and .counts.created == 1'
  if grep --quiet --fixed-strings "$(world .port.clientSecret)" "$log"; then fail "the log shows the secret"; fi
}

check_mistake() {
  say "A push with a mistake beside an entity that is well"
  push mail/port.yml $'- identifier: mail service\n  blueprint: microservice\n- identifier: mail\n  blueprint: microservice\n'
  start_workflow
  if workflow_succeeds; then fail "the workflow succeeds with an invalid entity"; fi
  has_entity microservice mail || fail "one mistake keeps other entities away"
  expect_log "❗  ::error file=mail/port.yml,line=1"
  expect_log "next step sees step=failure outcome=failure created=1 invalid=1 report=v1"
  expect_log "Summary - ## Port catalog: 1 created, 1 problem to fix"
}

# Pushes a domain and a service that needs it, and lets Port keep the service waiting: whoever is
# stopped then has written one, does not know of the other, and never sent the third.
push_halfway() {
  push "$1/port.yml" "$(printf -- '- {identifier: %s, blueprint: %s, relations: {%s}}\n' \
    "$1-domain" domain '' \
    "$1-service" microservice "domain: $1-domain" \
    "$1-user" microservice "dependsOn: [$1-service]")"
  control DELETE port/requests
  control POST port/faults '{"method": "POST", "path": "*/microservice/entities", "with": "hang"}'
}

# `expect_halfway NAME REPORT`
expect_halfway() {
  local states
  states="$(jq -cS --arg name "$1-" \
    '[.entities[] | select(.identifier // "" | startswith($name)) | {(.identifier): .state}] | add' "$2")"
  expect_report "$2" '.outcome == "cancelled"'
  [[ "$states" == "{\"$1-domain\":\"created\",\"$1-service\":\"unknown\",\"$1-user\":\"not-written\"}" ]] ||
    fail "the report is not true: $states"
  has_entity domain "$1-domain" || fail "what the report calls created is not there"
}

# The next run takes up what one left half-way: `catch_up NAME`
catch_up() {
  control DELETE port/faults
  start_step
  [[ "$(docker wait "$step")" == 0 ]] || fail "the next run fails: $(docker logs "$step")"
  has_entity microservice "$1-service" || fail "the entity that got no answer is not there"
  has_entity microservice "$1-user" || fail "the entity that was not sent is not there"
}

check_cancelled_workflow() {
  say "A workflow that is cancelled half-way"
  local container started
  push_halfway act
  start_workflow
  wait_for_port '.fault == "hang"'
  container="$(docker ps --latest --quiet)"
  started="$(date +%s%3N)"
  docker kill --signal TERM "$container" >/dev/null
  if workflow_succeeds; then fail "the workflow succeeds though it was cancelled"; fi
  say "It ended after $(($(date +%s%3N) - started)) ms"
  # The mistake of the push before is still there.
  expect_log "next step sees step=failure outcome=cancelled created=1 invalid=1 report=v1"
  expect_log "Summary - ## Port catalog: cancelled; 1 created"
  expect_halfway act "$workspace/out/report.json"
  catch_up act
}

# GitHub's runner sends SIGINT, SIGTERM 7.5 seconds later, and kills after 2.5 more:
# `check_signal SIGNAL STATUS`. The program is process 1, for which nothing is done by default.
check_signal() {
  say "SIG$1 to the container"
  local started status elapsed
  push_halfway "${1,,}"
  start_step
  wait_for_port '.fault == "hang"'
  started="$(date +%s%3N)"
  docker kill --signal "$1" "$step" >/dev/null
  status="$(docker wait "$step")"
  elapsed=$(($(date +%s%3N) - started))
  say "It ended after $elapsed ms with status $status"
  [[ "$status" == "$2" ]] || fail "the status is not $2"
  ((elapsed < 7500)) || fail "it would have got the second signal"
  grep --quiet '^outcome=cancelled$' "$scratch/file_commands/output" || fail "the outputs say otherwise"
  expect_halfway "${1,,}" "$scratch/plain/report.json"
  catch_up "${1,,}"
}
