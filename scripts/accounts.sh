# shellcheck shell=bash
# Makes who uses a new site. Uses STATE, PORTHOLE and SERVER_OPTIONS of `run`, and the address of serve.sh.

# Makes account and key on first start. The key's file is the only place its secret is kept.
ensure_account() {
    local file=$STATE/demo-key.json
    if as_root test -s "$file"; then return; fi
    as_root mkdir -p "$STATE"
    as_root "$PORTHOLE" account list "${SERVER_OPTIONS[@]}" --json | grep -q '"name":"demo"' ||
        as_root "$PORTHOLE" account create demo "${SERVER_OPTIONS[@]}" --json > /dev/null
    as_root "$PORTHOLE" key create --account demo "${SERVER_OPTIONS[@]}" --json |
        as_root sh -c 'umask 077 && cat > "$1.new" && test -s "$1.new" && mv "$1.new" "$1"' sh "$file" ||
        die "the first account cannot be made" "the reason is above"
}

# A link that signs the first person in once; makes them where there are no people yet.
sign_in_link() {
    local people
    people=$(as_root "$PORTHOLE" person list "${SERVER_OPTIONS[@]}" --json)
    if [[ $people == "[]" ]]; then
        people=$(as_root "$PORTHOLE" person create demo --account demo --role operator "${SERVER_OPTIONS[@]}" --json)
    fi
    if [[ $people == *'"name":"demo"'* ]]; then
        as_root "$PORTHOLE" person link demo "${SERVER_OPTIONS[@]}" --url "$(endpoint)" || true
    fi
}
