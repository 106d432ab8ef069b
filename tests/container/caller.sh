# shellcheck shell=bash
# The organisation's template in a repository of its own, which calls the reusable workflow.

# What GitHub makes of the template when somebody takes it, with the sandboxes' addresses and a job
# that looks at the outputs: `make_caller EXTRA_INPUT`
make_caller() {
  caller="$scratch/caller"
  rm -rf "$caller"
  mkdir -p "$caller/.github/workflows"
  git -C "$caller" init --quiet
  sed -e "s/\$default-branch/main/" workflow-templates/port-gitops.yml >"$caller/.github/workflows/port.yml"
  cat >>"$caller/.github/workflows/port.yml" <<YAML
    with:
      base-url: $(world .port.url)
      github-api-url: $(world .github.url)
      $1
  after:
    needs: port
    if: always()
    runs-on: ubuntu-latest
    steps:
      - env:
          OUTCOME: \${{ needs.port.outputs.outcome }}
          CREATED: \${{ needs.port.outputs.created }}
          VERSION: \${{ fromJSON(needs.port.outputs.report).version }}
        run: echo "the caller sees outcome=\$OUTCOME created=\$CREATED report=v\$VERSION"
YAML
  git -C "$caller" add --all
  git -C "$caller" -c user.name=test -c user.email=test@localhost commit --quiet --message "Take the template"
}

# act does not know `queue` in a concurrency group.
without_queue() { sed '/^ *queue: max/d'; }

# The same with the action as a step, as docs/setup.md shows it.
make_caller_of_step() {
  {
    printf 'name: Port\non: push\n'
    awk '/^```yaml$/ { inside = 1; block = ""; next }
      /^```$/ { if (inside && block ~ /concurrency:/) { printf "%s", block; exit } inside = 0 }
      inside { block = block $0 "\n" }' docs/setup.md | without_queue
    printf '          %s: %s\n' base-url "$(world .port.url)" github-api-url "$(world .github.url)"
  } >"$caller/.github/workflows/port.yml"
  grep --quiet 'uses: OWNER/port-gitops@v1' "$caller/.github/workflows/port.yml" || fail "docs/setup.md shows no step"
}

# The repository that is called, as a release has it. act does not know \$/, which leads to the image
# that action.yml names.
make_called() {
  called="$scratch/called"
  mkdir -p "$called/.github/workflows"
  sed "s|  image: Dockerfile|  image: docker://$image|" action.yml >"$called/action.yml"
  sed "s|uses: \$/\.|uses: docker://$image|" .github/workflows/sync.yml | without_queue >"$called/.github/workflows/sync.yml"
  grep --quiet "docker://$image" "$called/.github/workflows/sync.yml" || fail "sync.yml does not start the action"
  git -C "$called" init --quiet
  git -C "$called" add --all
  git -C "$called" -c user.name=test -c user.email=test@localhost commit --quiet --message "Release"
}

# `run_caller EVENT [ACT'S ARGUMENTS]`
run_caller() {
  local event="$1"
  shift
  log="$scratch/caller.log"
  env --chdir "$caller" "$act" "$event" \
    --workflows .github/workflows/port.yml --eventpath "$(world .event)" --rm \
    --local-repository "OWNER/port-gitops@v1=$called" \
    --platform "ubuntu-latest=$base" --pull=false \
    --env "GITHUB_REPOSITORY=$(world .github.repository)" \
    --secret "GITHUB_TOKEN=$(world .github.token)" "$@" \
    >"$log" 2>&1
}

check_template() {
  say "The template, which calls the reusable workflow"
  local text=$'identifier: search\nblueprint: microservice\ntitle: Search\n'
  local secrets=(--secret "PORT_CLIENT_ID=$(world .port.clientId)"
    --secret "PORT_CLIENT_SECRET=$(world .port.clientSecret)")
  make_called
  make_caller 'merge: true'

  say "… on a push, the first of this workflow"
  # The workflow itself is no entity file, whatever its name.
  push .github/workflows/port.yml "$(cat "$caller/.github/workflows/port.yml")"
  run_caller push "${secrets[@]}" || { cat "$log" >&2; fail "the workflow fails"; }
  expect_log "the caller sees outcome=success"
  has_entity microservice notification-microservice || fail "what was there before did not arrive"

  say "… on a pull request, with and without secrets"
  pull_request search/port.yml "$text"
  for secrets_given in yes no; do
    control DELETE port/requests
    if [[ "$secrets_given" == yes ]]; then run_caller pull_request "${secrets[@]}"; else run_caller pull_request; fi ||
      { cat "$log" >&2; fail "the planning workflow fails"; }
    expect_log "the caller sees outcome=success created=1 report=v1"
    if has_entity microservice search; then fail "a plan wrote"; fi
  done
  [[ "$(control GET port/requests)" == "[]" ]] || fail "Port was asked without credentials"
  pull_request search/port.yml $'identifier: search engine\nblueprint: microservice\n'
  if run_caller pull_request; then fail "a mistake passes"; fi
  expect_log "::error file=search/port.yml,line=1"
  # After a failure act starts no further job, whatever its condition says.
  expect_log "::set-output:: outcome=failure"

  say "… on a push, as a plan and as it is"
  push search/port.yml "$text"
  make_caller 'mode: plan'
  run_caller push "${secrets[@]}" || { cat "$log" >&2; fail "the planning workflow fails"; }
  if has_entity microservice search; then fail "a plan wrote"; fi
  make_caller 'merge: true'
  run_caller push "${secrets[@]}" || { cat "$log" >&2; fail "the workflow fails"; }
  expect_log "the caller sees outcome=success created=1 report=v1"
  has_entity microservice search || fail "the entity did not arrive"

  say "… when somebody starts it: everything is compared with Port"
  run_caller workflow_dispatch "${secrets[@]}" --env GITHUB_REF=refs/heads/main \
    --env "GITHUB_SHA=$(jq -r .after "$(world .event)")" || { cat "$log" >&2; fail "the full sync fails"; }
  expect_log "the caller sees outcome=success created=0 report=v1"
  expect_log "::set-output:: updated=0"
  [[ "$(control GET port/requests | jq 'map(select(.method == "POST" and (.path | endswith("/search")))) | length')" -gt 0 ]] ||
    fail "Port was not asked"

  say "… and the action as a step"
  push letters/port.yml $'identifier: letters\nblueprint: microservice\n'
  make_caller_of_step
  run_caller push "${secrets[@]}" || { cat "$log" >&2; fail "the step fails"; }
  expect_log "::set-output:: outcome=success"
  has_entity microservice letters || fail "the entity did not arrive"
  if grep --quiet --fixed-strings "$(world .port.clientSecret)" "$log"; then fail "the log shows the secret"; fi
}
