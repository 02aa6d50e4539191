# Sourced by quickstart and test: installs what the project needs and builds it. Repeats cheaply.
# --no-apt: install no Debian packages.
set -euo pipefail

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
cd "$root"

if ! command -v node >/dev/null; then
  echo "Node.js was not found. coldstart needs Node.js 20.15 or later: install it (https://nodejs.org, or your system's packages) and run this again." >&2
  exit 1
fi
# asked of node itself, in words that any version of it understands
if ! node -e 'var need = require("./package.json").engines.node.match(/\d+/g), have = process.versions.node.split("."); process.exit(have[0] * 1000 + +have[1] < need[0] * 1000 + +need[1] ? 1 : 0)'; then
  echo "Node.js $(node --version) is too old. coldstart needs $(node -p 'require("./package.json").engines.node'): install a newer one (https://nodejs.org, or your system's packages) and run this again." >&2
  exit 1
fi

# npm ci only when the lock file changed since the last install
stamp="node_modules/.coldstart-lock"
if ! cmp -s package-lock.json "$stamp"; then
  echo "npm's packages ..."
  npm ci --ignore-scripts --prefer-offline --no-progress --loglevel=error
  cp package-lock.json "$stamp"
fi

echo "build ..."
npm run --silent build
source scripts/setup-native.sh
