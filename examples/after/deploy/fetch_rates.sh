#!/bin/sh
set -eu
curl --fail --silent --max-time 30 --output rates.json https://rates.example.org/latest.json
