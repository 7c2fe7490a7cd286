#!/bin/bash
# Makes the README's pictures of the console anew, from the test that goes its way: scripts/pictures.sh, as root.
set -euo pipefail
cd "$(dirname "$0")/.."
(cd tests/e2e && node --test --test-name-pattern="four clicks" console.test.mjs)
for picture in sign-in create computer jupyterlab; do
    cp artifacts/e2e/console-story-?-"$picture".png "docs/console-$picture.png"
done
