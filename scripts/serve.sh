# shellcheck shell=bash
# Starts, finds and ends the server. Uses LISTEN, STATE, PORTHOLE, SERVER_OPTIONS and JSON of `run`.
REGION=us-east-2 HEALTH_LIMIT_S=30

listen_host() { local host=${LISTEN%:*} && host=${host#[} && echo "${host%]}"; }

# Where clients of this machine reach the server: an address that means "all of them" is not one to connect to.
reachable_host() { case $(listen_host) in 0.0.0.0) echo 127.0.0.1 ;; ::) echo ::1 ;; *) listen_host ;; esac }

endpoint() { local host && host=$(reachable_host) && if [[ $host == *:* ]]; then host="[$host]"; fi && echo "http://$host:${LISTEN##*:}"; }

# Asks for the server's health, without a program that may not be installed.
is_healthy() {
    local status
    status=$(
        exec 2> /dev/null 3<> "/dev/tcp/$(reachable_host)/${LISTEN##*:}" || exit 1
        printf 'GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n' >&3
        timeout 5 head -n 1 <&3
    ) || return 1
    [[ $status == *" 200 "* ]]
}

# Whether the server of this state folder runs.
is_ours() {
    local pid
    pid=$(as_root cat "$STATE/porthole.pid" 2> /dev/null) && [[ $pid =~ ^[0-9]+$ && $(as_root readlink "/proc/$pid/exe") == *porthole* ]]
}

check_port() {
    if (exec 2> /dev/null 3<> "/dev/tcp/$(reachable_host)/${LISTEN##*:}"); then
        die "another program listens on $LISTEN" "choose another port with --listen ADDR:PORT"
    fi
}

down() {
    [[ -x $PORTHOLE ]] || die "there is nothing to end: Porthole was not built here" "./run"
    as_root "$PORTHOLE" down "${SERVER_OPTIONS[@]}" ${PURGE:+--purge} || die "not everything could be ended" "run it again; the reason is above"
}

serve_command() {
    SERVE=("$PORTHOLE" serve "${SERVER_OPTIONS[@]}" --listen "$LISTEN"
        --recipes-dir "$PWD/images" --guest-binary "$PWD/target/release/porthole-guest")
}

# wait_healthy PID: until the server answers, or has ended.
wait_healthy() {
    local end=$((SECONDS + HEALTH_LIMIT_S))
    until is_healthy; do
        [[ -d /proc/$1 && $SECONDS -lt $end ]] || return 1
        sleep 0.05
    done
}

start_detached() {
    local pid log=$STATE/porthole.log
    as_root sh -c 'umask 077; : >> "$1"' sh "$log"
    serve_command
    # A session of its own: the end of this terminal is not the server's.
    pid=$(as_root setsid --fork sh -c 'echo $$; log=$1; shift; exec "$@" >> "$log" 2>&1 < /dev/null' sh "$log" "${SERVE[@]}")
    wait_healthy "$pid" || die "the server has not become healthy" "read $log"
}

start_attached() {
    local server status=0
    serve_command
    as_root "${SERVE[@]}" &
    server=$!
    wait_healthy "$server" || { wait "$server" || true; die "the server has ended" "the reason is above"; }
    print_result
    # Ctrl-C reaches the server by itself; what is sent to this script alone is passed on.
    trap : INT
    trap 'kill "$server"' TERM
    while [[ -d /proc/$server ]]; do
        status=0
        wait "$server" || status=$?
    done
    exit "$status"
}

print_result() {
    local key link
    key=$(as_root cat "$STATE/demo-key.json")
    link=$(sign_in_link)
    if [[ -n $JSON ]]; then
        sed "s|^{|{\"endpoint\":\"$(endpoint)\",\"region\":\"$REGION\",\"signInUrl\":\"$link\",|; s|}\$|,\"stateDir\":\"$STATE\"}|" <<< "$key"
        return
    fi
    value() { sed "s/.*\"$1\":\"\([^\"]*\)\".*/\1/" <<< "$key"; }
    cat << END

Porthole is ready: $(endpoint)
${link:+In a browser, within a day, once: $link
}Access key of account demo (kept in $STATE/demo-key.json):
  $(value accessKeyId)  $(value secretAccessKey)

The main job, to paste (the aws command line from PyPI: pip install awscli):
  export AWS_ENDPOINT_URL=$(endpoint) AWS_DEFAULT_REGION=$REGION
  export AWS_ACCESS_KEY_ID=$(value accessKeyId) AWS_SECRET_ACCESS_KEY=$(value secretAccessKey)
  aws lightsail create-instances --instance-names lab-1 --availability-zone ${REGION}a --blueprint-id jupyterlab --bundle-id medium_3_0
  aws lightsail get-instance-state --instance-name lab-1
  aws lightsail start-gui-session --resource-name lab-1
  aws lightsail create-gui-session-access-details --resource-name lab-1
Open the urls in a browser; then:
  aws lightsail stop-gui-session --resource-name lab-1
  aws lightsail delete-instance --instance-name lab-1

$([[ -n $DETACH ]] && echo "End it with ./run --down" || echo "Ctrl-C ends the server; instances keep running until ./run --down")
END
}
