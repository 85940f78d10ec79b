#!/bin/sh
set -eu
curl -fsSL https://example.org/tool.tar.gz | tar xz
wget --timeout=30 -q https://example.org/data.tar.gz
until pg_isready --host db; do
    sleep 1
done
curl --max-time 10 --retry 3 -X POST -d @release.json https://example.org/releases
PYTHONOPTIMIZE=1 exec python3 -OO -m shop
