# shellcheck shell=bash
# Runs the parts of `test` and counts. A check is one test; a suite writes a JUnit report, whose tests are counted.

PASSED=0 FAILED=0
FAULTS=() SUITES=()
REPORTS=$PWD/artifacts/reports
REPORT=$REPORTS/suite.xml

fault() { FAILED=$((FAILED + $2)) && FAULTS+=("$1"); }

# check NAME COMMAND...
check() {
    if "${@:2}"; then PASSED=$((PASSED + 1)); else fault "$1" 1; fi
}

# silent COMMAND...: fails also when the command says something, as a compiler does of what it only warns of.
silent() {
    local said status=0
    said=$("$@" 2>&1) || status=$?
    [[ -z $said ]] || printf '%s\n' "$said" >&2
    [[ $status -eq 0 && -z $said ]]
}

# suite NAME COMMAND...: the command writes $REPORT.
suite() {
    local name=$1 status=0 passed failed skipped
    SUITES+=("$name")
    mkdir -p "$REPORTS"
    rm -f "$REPORT" "$REPORTS/$name.xml"
    "${@:2}" || status=$?
    read -r passed failed skipped < <(python3 scripts/count-tests "$REPORT")
    [[ ! -f $REPORT ]] || mv "$REPORT" "$REPORTS/$name.xml"
    PASSED=$((PASSED + passed))
    if [[ $failed -gt 0 ]]; then
        fault "$name: $failed failed" "$failed"
    elif [[ $status -ne 0 ]]; then
        fault "$name: ended with status $status" 1
    elif [[ $passed -eq 0 ]]; then
        fault "$name: ran no test" 1
    fi
    # What cannot be tested here is told apart from what is broken, except where everything must be tested.
    if [[ $skipped -gt 0 ]]; then
        say "$name: $skipped skipped"
        [[ ${CI:-} != true ]] || fault "$name: $skipped skipped" "$skipped"
    fi
}

# nextest NAME FILTER: .config/nextest.toml has the report written to target/nextest. The whole workspace is built whatever
# the filter, since another choice of packages chooses other features, and with them another build of what they share.
nextest() {
    local report=$PWD/target/nextest/default/junit.xml
    rm -f "$report"
    with_report() {
        local status=0
        cargo nextest run --locked --workspace --filterset "$1" || status=$?
        [[ ! -f $report ]] || cp "$report" "$REPORT"
        return "$status"
    }
    suite "$1" with_report "$2"
}

ensure_nextest() {
    cargo nextest --version > /dev/null 2>&1 && return
    say "Installing cargo-nextest"
    cargo install --locked --quiet cargo-nextest || die "cargo-nextest cannot be installed" "cargo install --locked cargo-nextest"
}

# The server and a static guest agent, of the one build that all parts share.
binaries() { build_binaries debug; }

# The Rust SDK as a client, which a test would have to wait for.
rust_client() {
    cargo build --quiet --locked --manifest-path tests/conformance/rust/Cargo.toml --target-dir target/conformance >&2 ||
        die "the Rust SDK's test client cannot be built"
}

python_modules() {
    local stamp=.venv/.from wanted
    wanted=$(sha256sum < tests/conformance/requirements.txt)
    [[ -f $stamp && $(< $stamp) == "$wanted" ]] && return
    say "Installing Python's test clients"
    python3 -m venv .venv
    .venv/bin/pip install --quiet --disable-pip-version-check --requirement tests/conformance/requirements.txt ||
        die "Python's test clients cannot be installed" "check the network and pip's configuration"
    echo "$wanted" > "$stamp"
}

# node_modules FOLDER
node_modules() {
    local stamp=$1/node_modules/.from wanted
    wanted=$(sha256sum < "$1/package-lock.json")
    [[ -f $stamp && $(< "$stamp") == "$wanted" ]] && return
    say "Installing the modules of $1"
    npm --prefix "$1" ci --no-audit --no-fund --loglevel=error >&2 ||
        die "the modules of $1 cannot be installed" "check the network and npm's configuration"
    echo "$wanted" > "$stamp"
}

# Prints what failed and why, and the sum; ends with it.
finish() {
    local line
    for line in "${SUITES[@]}"; do
        [[ ! -f $REPORTS/$line.xml ]] || python3 scripts/count-tests --failures "$REPORTS/$line.xml"
    done
    for line in "${FAULTS[@]}"; do printf 'failed: %s\n' "$line"; done
    printf '%s passed, %s failed\n' "$PASSED" "$FAILED"
    [[ $FAILED -eq 0 && $PASSED -gt 0 ]] || exit 1
    exit 0
}
