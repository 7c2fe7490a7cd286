# shellcheck shell=bash
# A PostgreSQL server for the tests alone: own folder, own socket, no port, ended with them.

start_postgres() {
    local programs owner
    programs=$(find /usr/lib/postgresql -maxdepth 2 -name bin | sort --version-sort | tail -n 1)
    [[ -x $programs/initdb ]] || die "PostgreSQL's server is missing" "apt-get install postgresql"
    POSTGRES=$(mktemp --directory /tmp/porthole-postgres.XXXXXX)
    trap stop_postgres EXIT
    # It refuses to run as root.
    owner=()
    if [[ $EUID -eq 0 ]]; then
        chown postgres: "$POSTGRES"
        owner=(setpriv --reuid=postgres --regid=postgres --clear-groups)
    fi
    "${owner[@]}" "$programs/initdb" --pgdata "$POSTGRES/data" --username porthole --auth trust --no-sync > "$POSTGRES.log" 2>&1 ||
        die "PostgreSQL's folder cannot be made" "read $POSTGRES.log"
    "${owner[@]}" "$programs/postgres" -D "$POSTGRES/data" -k "$POSTGRES" -c listen_addresses= -c max_connections=400 -c fsync=off \
        >> "$POSTGRES.log" 2>&1 &
    POSTGRES_PID=$!
    local end=$((SECONDS + 30))
    until [[ -S $POSTGRES/.s.PGSQL.5432 ]] && "$programs/pg_isready" --quiet --host "$POSTGRES" --username porthole; do
        [[ -d /proc/$POSTGRES_PID && $SECONDS -lt $end ]] || die "PostgreSQL does not start" "read $POSTGRES.log"
        sleep 0.1
    done
    export PORTHOLE_TEST_POSTGRES="postgres://porthole@localhost/postgres?host=$POSTGRES"
}

stop_postgres() {
    [[ -n ${POSTGRES:-} ]] || return 0
    if [[ -n ${POSTGRES_PID:-} ]]; then
        kill -INT "$POSTGRES_PID" 2> /dev/null || true
        wait "$POSTGRES_PID" 2> /dev/null || true
    fi
    rm -rf "$POSTGRES" "$POSTGRES.log"
    unset POSTGRES POSTGRES_PID PORTHOLE_TEST_POSTGRES
}
