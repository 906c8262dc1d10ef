#!/usr/bin/env bash
# Lists, fetches and generates the jets of the course: ./data_download.sh --help
set -euo pipefail
here="$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)"
python="$here/.venv/bin/python"
[ -x "$python" ] || python=python3
export PYTHONPATH="$here${PYTHONPATH:+:$PYTHONPATH}"  # works from any folder, installed or not
if ! "$python" -c 'import importlib.util as u, sys; sys.exit(not all(map(u.find_spec, ("pandas", "tables", "pooch", "rich"))))'; then
    echo "The course's packages are not installed for $python; install with: pip install -c constraints.txt -e ." >&2
    exit 1
fi
exec "$python" -m course_utils "$@"
