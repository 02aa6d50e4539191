# Sourced by quickstart and test: installs what the project needs and builds it. Repeats cheaply.
# --no-apt: install no Debian packages.
set -euo pipefail

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
cd "$root"

if ! command -v node >/dev/null; then
  echo "Node.js was not found. coldstart needs Node.js 20 or later." >&2
  exit 1
fi

# npm ci only when the lock file changed since the last install
stamp="node_modules/.coldstart-lock"
if ! cmp -s package-lock.json "$stamp"; then
  npm ci --prefer-offline --no-progress --loglevel=error
  cp package-lock.json "$stamp"
fi

source scripts/setup-native.sh
npm run --silent build
